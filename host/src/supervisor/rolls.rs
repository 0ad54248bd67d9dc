//! Rolls: where a server has processes for its model, what is served changes with them only.
//!
//! A first worker is started beside the set that serves, with what that one published, and with the change. It carries it out
//! in its own process before it serves, and says what came of that; when it is refused, nothing has changed. Else the worker
//! serves, the others of its set start with what it published, and each that is ready has one of the old set retire. The answer
//! is given when the old processes are gone: with the counts of all of them, and with what was unloaded by that.
//!
//! One roll happens at a time. A wish that is equal to the last one that waits joins it: a thousand swaps are two.

use super::Supervisor;
use super::counting::Sum;
use super::event::Reply;
use super::message::{Cause, ToWorker};
use super::process::{Ending, Worker, WorkerId};
use super::retiring::LAST_WORDS_MAX;
use crate::control::{Answer, Counted};
use crate::deployment::{Change, Receipt};
use crate::error::Error;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// So many changes may wait: as many as a host with hundreds of plugins has at once.
const WISHES_MAX: usize = 1024;
/// How long workers may take to say what they answered, at the end of a roll.
const COUNTS_MAX: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Rolls {
    waiting: VecDeque<Wish>,
    current: Option<Roll>,
    /// A first worker that has nothing to do any more, and is ending.
    spent: Option<WorkerId>,
}

struct Wish {
    change: Change,
    replies: Vec<Reply>,
}

/// A change that is carried out.
struct Roll {
    replies: Vec<Reply>,
    first: WorkerId,
    began: Instant,
    /// Of the first worker, once it has changed anything.
    answer: Option<Answer>,
    /// When it served.
    published: Option<Instant>,
    /// The workers that served when it began, or have come to them since.
    old: HashMap<WorkerId, Account>,
    /// What they served, by plugin.
    served: Vec<(String, u64)>,
    /// When the new workers are not waited for any more, and which have not said what they answered.
    counting: Option<(Instant, Vec<WorkerId>)>,
    /// The first worker has ended, and what it said last is waited for: until when, and what is said if nothing comes.
    without_word: Option<(Instant, Error)>,
}

/// What an old worker answered.
#[derive(Default)]
struct Account {
    /// When the roll began.
    before: Vec<Counted>,
    /// When it was told to retire.
    retired: Option<Vec<Counted>>,
    last: Vec<Counted>,
}

impl Rolls {
    /// Whether a change is carried out, until its old processes are gone.
    pub(super) fn is_under_way(&self) -> bool {
        self.current.is_some()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let roll = self.current.as_ref()?;
        let counting = roll.counting.as_ref().map(|(until, _)| *until);
        counting.into_iter().chain(roll.without_word.as_ref().map(|(until, _)| *until)).min()
    }

    pub(super) fn take_all(&mut self) -> Vec<Reply> {
        let waiting = self.waiting.drain(..).flat_map(|wish| wish.replies);
        let current = self.current.take().map(|roll| roll.replies).unwrap_or_default();
        waiting.chain(current).collect()
    }

    /// Puts a wish in the queue.
    fn add(&mut self, change: Change, reply: Reply) {
        let is_full = self.waiting.len() >= WISHES_MAX;
        match self.waiting.back_mut().filter(|last| last.change == change) {
            Some(last) => last.replies.push(reply),
            None if is_full => {
                let error = Error::failed(format!("{WISHES_MAX} changes wait already"));
                reply.send(error.into());
            }
            None => self.waiting.push_back(Wish { change, replies: vec![reply] }),
        }
    }

    /// A worker said what it answered: at the beginning, when it was told to retire, and at its end.
    pub(super) fn counted(&mut self, id: WorkerId, counts: &[Counted], is_retiring: bool) {
        let Some(roll) = &mut self.current else { return };
        if let Some((_, missing)) = &mut roll.counting {
            missing.retain(|missing| *missing != id);
        }
        let Some(account) = roll.old.get_mut(&id) else { return };
        account.last = counts.to_vec();
        match is_retiring {
            true => drop(account.retired.get_or_insert_with(|| counts.to_vec())),
            false => account.before = counts.to_vec(),
        }
    }
}

impl Roll {
    /// What was answered since it began.
    fn sum(&self, new: &[Counted]) -> Sum {
        let mut sum = Sum::of(new);
        self.old.values().for_each(|account| sum.add_since(&account.last, &account.before));
        sum
    }

    /// What was at work on the old workers of a plugin when they were told to retire, and what of that was when they ended.
    fn at_work(&self, plugin: &str) -> (u64, u64) {
        let of = |counts: &[Counted]| Sum::of(counts).plugin(plugin).in_flight;
        let retired =
            self.old.values().filter_map(|account| Some((account.retired.as_ref()?, &account.last)));
        retired.fold((0, 0), |(first, last), (at_first, at_last)| {
            let now_at_first = of(at_first);
            (first.saturating_add(now_at_first), last.saturating_add(of(at_last).min(now_at_first)))
        })
    }
}

impl Supervisor {
    /// Has a new set of workers carry a change out, behind those that wait.
    pub(super) fn roll(&mut self, change: Change, reply: Reply) {
        self.rolls.add(change, reply);
        self.go_on_rolling(Instant::now());
    }

    pub(super) fn go_on_rolling(&mut self, now: Instant) {
        if self.rolls.current.as_ref().is_some_and(|roll| roll.published.is_some()) {
            self.count_or_finish(now);
        }
        let is_due = |roll: &mut Roll| roll.without_word.as_ref().is_some_and(|(until, _)| *until <= now);
        if let Some(mut roll) = self.rolls.current.take_if(is_due)
            && let Some((_, error)) = roll.without_word.take()
        {
            fail(roll, &error);
        }
        let is_free = self.next.is_none() && self.outgoing.is_empty() && self.current.is_serving();
        // Behind the last one: no event may come that would have the next one begin.
        if is_free && self.stopping.is_none() && !self.rolls.is_under_way() {
            self.begin_next_roll();
        }
    }

    fn begin_next_roll(&mut self) {
        let Some(Wish { change, replies }) = self.rolls.waiting.pop_front() else { return };
        match self.spawn(Cause::Roll, Some(change)) {
            Ok(first) => {
                let old = self.current.serving().map(|worker| {
                    let _ = worker.tell(ToWorker::Count);
                    (worker.id, Account::default())
                });
                self.rolls.current = Some(Roll {
                    replies,
                    first: first.id,
                    began: Instant::now(),
                    answer: None,
                    published: None,
                    old: old.collect(),
                    served: self.current.served.generations.numbers(),
                    counting: None,
                    without_word: None,
                });
                self.next = Some(first);
            }
            Err(error) => reply_all(replies, &error.into()),
        }
    }

    /// What became of a change. Where it was refused, or nothing differs, the worker that tried it ends.
    pub(super) fn rolled(&mut self, id: WorkerId, answer: Answer, has_changed: bool) {
        let Some(mut roll) = self.rolls.current.take_if(|roll| roll.first == id) else { return };
        let has_ended = roll.without_word.take();
        if let (0, true, Some((_, error))) = (answer.exit, has_changed, &has_ended) {
            return reply_all(roll.replies, &error.clone().into());
        }
        if answer.exit == 0 && has_changed {
            roll.answer = Some(answer);
            self.rolls.current = Some(roll);
            return;
        }
        if has_ended.is_none() {
            self.rolls.spent = Some(id);
        }
        let timeouts = self.timeouts;
        if let Some(worker) = self.worker(id) {
            let limit = super::stopping::retire_limit(&timeouts);
            worker.deadline = limit.map(|limit| (Instant::now() + limit, "has not ended in time"));
        }
        reply_all(roll.replies, &answer);
    }

    /// The first worker of the new set serves: whoever serves besides is of the old one.
    pub(super) fn rolled_over(&mut self, id: WorkerId) {
        let Some(roll) = self.rolls.current.as_mut().filter(|roll| roll.first == id) else { return };
        roll.published = Some(Instant::now());
        for worker in &self.outgoing {
            roll.old.entry(worker.id).or_default();
        }
    }

    /// The first worker of a roll has ended before it served; whether it was one.
    pub(super) fn roll_failed(&mut self, worker: &Worker, ending: Ending) -> bool {
        if self.rolls.spent.take_if(|spent| *spent == worker.id).is_some() {
            return true;
        }
        let is_first = |roll: &mut Roll| roll.first == worker.id && roll.published.is_none();
        let Some(mut roll) = self.rolls.current.take_if(is_first) else { return false };
        let error =
            Error::failed(format!("worker {}, which was to carry the change out, {ending}", worker.pid));
        let error = error.help("nothing has changed: all that was served before is still served");
        if ending == Ending::Exit(0) && !worker.is_silent {
            // It has said what came of the change, and that is read after its end was seen.
            roll.without_word = Some((Instant::now() + LAST_WORDS_MAX, error));
            self.rolls.current = Some(roll);
        } else {
            fail(roll, &error);
        }
        true
    }

    fn count_or_finish(&mut self, now: Instant) {
        let leaving = self.outgoing.iter().chain(&self.retiring).chain(self.ended.iter().map(|(one, _)| one));
        let leaving: Vec<WorkerId> = leaving.map(|worker| worker.id).collect();
        let Some(roll) = &mut self.rolls.current else { return };
        match &roll.counting {
            _ if roll.old.keys().any(|old| leaving.contains(old)) => {}
            None => {
                let asked = self.current.serving().filter(|worker| worker.tell(ToWorker::Count).is_ok());
                roll.counting = Some((now + COUNTS_MAX, asked.map(|worker| worker.id).collect()));
            }
            Some((until, missing)) if missing.is_empty() || *until <= now => self.finish_roll(now),
            Some(_) => {}
        }
    }

    fn finish_roll(&mut self, now: Instant) {
        let Some(mut roll) = self.rolls.current.take() else { return };
        let answer = roll.answer.take().unwrap_or_else(|| Answer::done("", serde_json::Value::Null));
        let counts: Vec<Counted> =
            self.current.serving().flat_map(|worker| worker.counted.iter().cloned()).collect();
        let (sum, left) = (roll.sum(&counts), self.current.served.generations.numbers());
        let published = roll.published.unwrap_or(now);
        let complete = |mut receipt: Receipt| {
            let (count, (at_first, at_last)) = (sum.plugin(&receipt.plugin), roll.at_work(&receipt.plugin));
            (receipt.requests, receipt.failed) = (count.requests, count.failed);
            (receipt.finished, receipt.cut) = (at_first - at_last, at_last);
            receipt.publish_us = micros(published.duration_since(roll.began));
            receipt.drain_us = micros(now.saturating_duration_since(published));
            let gone = roll.served.iter().filter(|(plugin, _)| *plugin == receipt.plugin);
            let gone = gone.filter(|one| !left.contains(one)).map(|(_, number)| *number);
            let is_pinned = |number: &u64| receipt.pinned.iter().any(|pinned| pinned.generation == *number);
            receipt.unloaded = gone.filter(|number| !is_pinned(number)).collect();
            receipt.is_roll = true;
            tracing::info!("{receipt}");
            receipt
        };
        let answer = Receipt::change_all(answer, complete);
        reply_all(roll.replies, &answer);
    }

    /// Nothing changes any more.
    pub(super) fn refuse_rolls(&mut self) {
        reply_all(self.rolls.take_all(), &Error::failed("the host stops").into());
    }
}

fn fail(roll: Roll, error: &Error) {
    tracing::error!("{error}");
    reply_all(roll.replies, &error.clone().into());
}

fn reply_all(replies: Vec<Reply>, answer: &Answer) {
    replies.into_iter().for_each(|reply| reply.send(answer.clone()));
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
