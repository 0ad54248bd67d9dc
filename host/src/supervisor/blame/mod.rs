//! Blame: what a worker died of, and whose fault that was; and what follows from it for the plugin.
//!
//! A worker writes down what a signal handler can know (`crash/`), in memory that it shares with us. Here that is put together with
//! the rest of its scoreboard, said in one report, and counted: a library that crashes its worker too often is put in quarantine.

mod counts;
mod finding;
mod heartbeat;
mod oom;
mod report;
mod signal;

pub(super) use heartbeat::{Beats, Heart};

use super::Supervisor;
use super::process::{Ending, Worker, WorkerId};
use crate::clock;
use crate::scoreboard::{GenerationOnBoard, View};
use crate::spec::SupervisorSpec;
use crate::units;
use counts::Counts;
use finding::Finding;
use jiff::Timestamp;
use oom::OomKills;
use report::Report;
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many reports are kept for `host ctl status`.
const REPORTS_MAX: usize = 8;

/// What is known of crashes.
pub(super) struct Blame {
    /// `[supervisor] crashes` within `window`.
    crashes_max: usize,
    window: Duration,
    counts: Counts,
    oom: OomKills,
    reports: VecDeque<Report>,
    count: usize,
}

/// A process that a signal ended.
struct Died {
    /// `worker 4712`, `process 4720 of worker 4712`.
    who: String,
    pid: u32,
    signal: i32,
    /// Why we killed it; none: we did not.
    why: Option<String>,
}

impl Blame {
    pub(super) fn new(spec: &SupervisorSpec) -> Self {
        Self {
            crashes_max: spec.crashes,
            window: spec.window,
            counts: Counts::within(spec.window),
            oom: OomKills::of_this_cgroup(),
            reports: VecDeque::new(),
            count: 0,
        }
    }

    /// A library may run again: what it did before is forgiven.
    pub(super) fn forget(&mut self, digest: &str) {
        self.counts.forget(digest);
    }

    /// A worker starts: what the system killed before is not this one.
    pub(super) fn begin_worker(&mut self) {
        self.oom.has_killed();
    }

    fn keep(&mut self, report: Report) {
        self.count += 1;
        self.reports.push_back(report);
        if self.reports.len() > REPORTS_MAX {
            self.reports.pop_front();
        }
    }

    /// `2; the last 5s ago: worker 4712 crashed: SIGSEGV ...`.
    pub(super) fn text(&self, span: impl Fn(Duration) -> String) -> Option<String> {
        let last = self.reports.back()?;
        Some(format!("{}; the last {} ago: {}", self.count, span(last.at.0.elapsed()), last.text()))
    }

    pub(super) fn json(&self) -> Value {
        let last: Vec<Value> = self.reports.iter().map(Report::json).collect();
        json!({ "count": self.count, "last": last })
    }
}

impl Supervisor {
    /// Says what a worker died of, if it was a signal that nobody meant; whether its plugin is in quarantine by now.
    pub(super) fn blame(&mut self, worker: &Worker, ending: Ending) -> bool {
        let pid = worker.pid.as_raw_pid().cast_unsigned();
        match ending {
            Ending::Signal(SIGINT | SIGTERM | SIGHUP) | Ending::Exit(_) => false,
            // It was late, and that was said.
            Ending::Signal(SIGKILL) if worker.was_late && worker.hangs.is_none() => false,
            Ending::Signal(signal) => {
                let (who, why, board) =
                    (format!("worker {pid}"), worker.hangs.clone(), worker.board.as_deref());
                let finding = board.map_or_else(Finding::nothing, |board| Finding::of_worker(board, pid));
                self.blame_process(board, finding, Died { who, pid, signal, why })
            }
        }
    }

    /// The same for a process that a worker forked. The worker serves on, or has ended by now.
    pub(super) fn child_died(&mut self, id: WorkerId, pid: u32, signal: i32) {
        let has_ended = self.ended.iter().map(|(worker, _)| worker).find(|worker| worker.id == id);
        let Some(worker) = has_ended.or_else(|| self.workers().find(|worker| worker.id == id)) else {
            return;
        };
        let (who, board) = (format!("process {pid} of worker {}", worker.pid), worker.board.clone());
        if !matches!(signal, SIGINT | SIGTERM | SIGHUP) {
            let finding = board.as_deref().map(|board| Finding::of_child(board, pid));
            let finding = finding.unwrap_or_else(Finding::nothing);
            self.blame_process(board.as_deref(), finding, Died { who, pid, signal, why: None });
        }
        board.into_iter().for_each(|board| board.forget(pid));
    }

    fn blame_process(&mut self, board: Option<&View>, finding: Finding, died: Died) -> bool {
        let Died { who, pid, signal, why } = died;
        let what = why.unwrap_or_else(|| self.what(board, pid, signal));
        let at = (Instant::now(), Timestamp::now());
        self.report(Report { at, who, pid, what, signal, finding, now_ms: clock::coarse_ms() })
    }

    /// `crashed: SIGSEGV (nothing is mapped at 0x0)`, or `was killed by SIGKILL`.
    fn what(&mut self, board: Option<&View>, pid: u32, signal: i32) -> String {
        let crashed = board.and_then(|board| board.crash_of(pid));
        if let Some(crashed) = crashed.filter(|crashed| crashed.signal == signal) {
            let stack = board.map(|board| board.crash_stack_of(pid));
            let has_stack = stack.is_some_and(|words| words.iter().any(|word| *word != 0));
            let reason = signal::reason(&crashed, has_stack).map(|reason| format!(" ({reason})"));
            return format!("crashed: {}{}", signal::name(signal), reason.unwrap_or_default());
        }
        match signal == SIGKILL && self.blame.oom.has_killed() {
            true => "was killed by SIGKILL: the system is out of memory".to_owned(),
            false => Ending::Signal(signal).to_string(),
        }
    }

    fn report(&mut self, report: Report) -> bool {
        tracing::error!("{}", report.text());
        let culprit = report.finding.culprit.as_ref().map(|culprit| culprit.generation.clone());
        let (doing, signal) = (report.route(), report.signal_name());
        let optional = report.finding.optional.clone();
        self.blame.keep(report);
        culprit.is_some_and(|culprit| {
            let why = self.count_crash(&culprit, &signal, doing.as_deref());
            why.is_some_and(|why| self.put_in_quarantine(&culprit, &optional, &why))
        })
    }

    /// Counts it; if that was once too often, why its library is not to run any more.
    fn count_crash(
        &mut self,
        culprit: &GenerationOnBoard,
        signal: &str,
        doing: Option<&str>,
    ) -> Option<String> {
        let count = self.blame.counts.add(&culprit.digest, Instant::now());
        if count < self.blame.crashes_max {
            return None;
        }
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let (window, doing) = (units::duration(self.blame.window), doing.map(|doing| format!(" in {doing}")));
        let (last, doing) = (if count == 1 { "" } else { ", the last time" }, doing.unwrap_or_default());
        Some(format!("crashed its worker {times} within {window}{last} with {signal}{doing}"))
    }
}
