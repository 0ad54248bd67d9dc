//! How all workers are: each is asked, and what they say is put together.

use super::Supervisor;
use super::event::Reply;
use super::message::ToWorker;
use super::process::WorkerId;
use crate::control::{Answer, Command};
use crate::deployment::rows::{self, Row};
use crate::ledger::Ledger;
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// How long workers may take to say how they are: they are at work, and this is only a question.
const STATUS_MAX: Duration = Duration::from_secs(5);

/// A question that workers were asked.
pub(super) struct StatusOfAll {
    /// The number of the command.
    id: u64,
    pub(super) reply: Reply,
    pub(super) until: Instant,
    /// Who was on its way out when it was asked. A worker whose place is taken before its answer is read is none of them: what
    /// all say is of the moment of the question.
    old: Vec<WorkerId>,
    /// Who has not answered yet.
    missing: Vec<WorkerId>,
    answers: Vec<(WorkerId, Answer)>,
}

/// What a set says of itself.
pub(super) struct OfSet {
    /// For people, besides what the supervisor knows.
    pub(super) text: String,
    pub(super) data: Map<String, Value>,
}

impl Supervisor {
    pub(super) fn ask_status(&mut self, reply: Reply) {
        let id = self.pending.next_number();
        let tell = |id| ToWorker::Execute { id, command: Command::Status };
        let old = self.outgoing.iter().chain(&self.retiring).filter(|_| self.current.shape.rolls);
        let asked = self.current.serving().chain(old.clone());
        let asked = asked.filter(|worker| worker.tell(tell(id)).is_ok());
        let missing: Vec<WorkerId> = asked.map(|worker| worker.id).collect();
        let old = old.map(|worker| worker.id).collect();
        let until = Instant::now() + STATUS_MAX;
        self.pending.statuses.push(StatusOfAll { id, reply, until, old, missing, answers: Vec::new() });
        self.answer_complete_statuses();
    }

    pub(super) fn says_how_it_is(&mut self, worker: WorkerId, id: u64, answer: Answer) {
        if let Some(status) = self.pending.statuses.iter_mut().find(|status| status.id == id) {
            status.missing.retain(|missing| *missing != worker);
            status.answers.push((worker, answer));
        }
        self.answer_complete_statuses();
    }

    pub(super) fn says_nothing(&mut self, worker: WorkerId) {
        for status in &mut self.pending.statuses {
            status.missing.retain(|missing| *missing != worker);
        }
        self.answer_complete_statuses();
    }

    fn answer_complete_statuses(&mut self) {
        self.answer_statuses(|status| status.missing.is_empty());
    }

    pub(super) fn answer_late_statuses(&mut self, now: Instant) {
        self.answer_statuses(|status| status.until <= now);
    }

    fn answer_statuses(&mut self, is_due: impl Fn(&StatusOfAll) -> bool) {
        let due = self.pending.statuses.extract_if(.., |status| is_due(status));
        for StatusOfAll { reply, old, missing, answers, .. } in due.collect::<Vec<_>>() {
            let silent = self.current.serving().filter(|worker| missing.contains(&worker.id));
            let silent: Vec<String> = silent.map(|worker| worker.pid.to_string()).collect();
            reply.send(self.status(&silent, self.of_set(answers, &old)));
        }
    }

    /// What is said of a set: of one worker it is what that one says.
    fn of_set(&self, answers: Vec<(WorkerId, Answer)>, old: &[WorkerId]) -> Option<OfSet> {
        let (current, old): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|(worker, _)| !old.contains(worker));
        let refused = current
            .iter()
            .filter_map(|(_, answer)| answer.data["refused"].as_u64())
            .fold(0, u64::saturating_add);
        let mut current = current.into_iter().map(|(_, answer)| answer);
        let first = current.next()?;
        let mut data = first.data.as_object().cloned().unwrap_or_default();
        if !self.current.shape.rolls {
            return Some(OfSet { text: first.text, data });
        }
        let rows = rows::of(&first.data);
        let rows = current.fold(rows, |rows, answer| rows::add(rows, rows::of(&answer.data)));
        let rows =
            old.into_iter().fold(rows, |rows, (_, answer)| rows::add_old(rows, rows::of(&answer.data)));
        let server = data.get("server").and_then(Value::as_str).unwrap_or_default();
        let text = format!("{}\n{}", rows::heading(server, refused), rows::table(&rows));
        data.insert("refused".to_owned(), json!(refused));
        data.insert("generations".to_owned(), rows.iter().map(Row::json).collect());
        // The process that lives on, from roll to roll.
        data.insert("process".to_owned(), json!(Ledger::now()));
        Some(OfSet { text, data })
    }
}
