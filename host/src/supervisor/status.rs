//! How a host is: what the supervisor knows, with what the worker says of itself.

use super::Supervisor;
use super::process::{Phase, Worker};
use super::quarantine::line;
use super::status_of_all::OfSet;
use crate::control::Answer;
use crate::spec::SupervisorSpec;
use crate::units;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// How many restarts are told of.
const RESTARTS_MAX: usize = 16;

/// Why workers were started after the first one.
pub(super) struct History {
    began: (Instant, Timestamp),
    spec: SupervisorSpec,
    count: usize,
    last: VecDeque<Restart>,
}

struct Restart {
    at: (Instant, Timestamp),
    cause: String,
}

impl History {
    pub(super) fn new(spec: SupervisorSpec) -> Self {
        Self { began: (Instant::now(), Timestamp::now()), spec, count: 0, last: VecDeque::new() }
    }

    pub(super) fn add(&mut self, cause: String) {
        self.count += 1;
        self.last.push_back(Restart { at: (Instant::now(), Timestamp::now()), cause });
        if self.last.len() > RESTARTS_MAX {
            self.last.pop_front();
        }
    }

    /// `2 of 6 within 1m`.
    pub(super) fn of_deaths(&self, deaths: usize) -> String {
        format!("{deaths} of {} within {}", self.spec.failures, units::duration(self.spec.window))
    }

    fn json(&self) -> Value {
        let last = self.last.iter().map(|one| json!({ "at": one.at.1.to_string(), "cause": one.cause }));
        json!({ "count": self.count, "last": last.collect::<Vec<_>>() })
    }

    fn text(&self) -> String {
        match self.last.back() {
            None => "none".to_owned(),
            Some(last) => {
                format!("{}; the last {} ago: {}", self.count, span(last.at.0.elapsed()), last.cause)
            }
        }
    }
}

impl Supervisor {
    /// The answer to `status`: with what workers say of themselves, if they do. Some that should may be silent.
    pub(super) fn status(&self, silent: &[String], of_set: Option<OfSet>) -> Answer {
        let mut text = self.text();
        let mut data = self.json();
        match silent {
            [] => {}
            _ if self.current.shape.workers == 1 => text.push_str("  the worker does not say how it is\n"),
            silent => {
                let _ = writeln!(text, "  workers that do not say how they are: {}", silent.join(", "));
            }
        }
        if let Some(OfSet { text: more, data: of_set }) = of_set {
            text.push_str(&more);
            // What both know, the supervisor knows better.
            data = of_set.into_iter().chain(data).collect();
        }
        Answer::done(text.trim_end(), Value::Object(data))
    }

    pub(super) fn state(&self) -> &'static str {
        let waits = |worker: &Worker| matches!(worker.phase, Phase::Waiting(_));
        let is_replacing = self.next.is_some() || !self.outgoing.is_empty();
        match &self.current.workers[..] {
            _ if self.stopping.is_some() => "stopping",
            _ if self.current.is_serving() && is_replacing && self.rolls.is_under_way() => "rolling",
            _ if self.current.is_serving() && is_replacing => "replacing",
            _ if self.current.is_serving() => "serving",
            [] => "pausing",
            workers if workers.iter().any(waits) => "waiting",
            _ => "starting",
        }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let up = span(self.history.began.0.elapsed());
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}: {}, up {up}", self.app, self.state());
        for url in self.sockets.urls() {
            let _ = writeln!(out, "  {:10}  {url}", "listener");
        }
        if let Some(control) = &self.control {
            let _ = writeln!(out, "  {:10}  {}", "control", control.path().display());
        }
        let _ = writeln!(out, "  {:10}  pid {}", "supervisor", std::process::id());
        for worker in self.workers() {
            let up = span(worker.started.0.elapsed());
            let _ = writeln!(out, "  {:10}  pid {}, up {up}, {}", "worker", worker.pid, self.part_of(worker));
        }
        let none = if self.current.workers.is_empty() { "none; another" } else { "another" };
        for (at, _) in &self.starts {
            let left = span(at.saturating_duration_since(Instant::now()));
            let _ = writeln!(out, "  {:10}  {none} is started in {left}", "worker");
        }
        let _ = writeln!(out, "  {:10}  {}", "restarts", self.history.text());
        if let Some(crashes) = self.blame.text(span) {
            let _ = writeln!(out, "  {:10}  {}", "crashes", crashes.replace('\n', "\n            "));
        }
        for ban in self.quarantine.list() {
            let _ = writeln!(out, "  {:10}  {}", "quarantine", line(ban));
        }
        out
    }

    /// What a worker is doing.
    fn part_of(&self, worker: &Worker) -> String {
        let is_among = |list: &[Worker]| list.iter().any(|one| one.id == worker.id);
        match &worker.phase {
            _ if is_among(&self.retiring) => "retiring".to_owned(),
            Phase::Serving(_) if is_among(&self.outgoing) => "serving until it is replaced".to_owned(),
            Phase::Starting => "starting".to_owned(),
            Phase::Serving(_) => "serving".to_owned(),
            Phase::Waiting(error) => format!("waiting for a change: {error}"),
        }
    }

    fn json(&self) -> Map<String, Value> {
        let workers: Vec<Value> = self.workers().map(|worker| self.worker_json(worker)).collect();
        let current = self.current.serving().next().or(self.current.workers.first());
        let current = current.map(|worker| self.worker_json(worker));
        let next_start = self.starts.iter().map(|(at, _)| *at).min();
        let (began, started) = self.history.began;
        let data = json!({
            "app": self.app,
            "state": self.state(),
            "up_ms": ms(began.elapsed()),
            "listeners": self.sockets.urls(),
            "control": self.control.as_ref().map(|control| control.path().display().to_string()),
            "supervisor": { "pid": std::process::id(), "started": started.to_string() },
            "worker": current,
            "workers": workers,
            "restarts": self.history.json(),
            "crashes": self.blame.json(),
            "quarantine": self.quarantine.list(),
            "start_in_ms": next_start.map(|at| ms(at.saturating_duration_since(Instant::now()))),
            "set": { "workers": self.current.shape.workers, "rolls": self.current.shape.rolls },
        });
        if let Value::Object(data) = data { data } else { Map::new() }
    }

    fn worker_json(&self, worker: &Worker) -> Value {
        let (began, started) = worker.started;
        let error = if let Phase::Waiting(error) = &worker.phase { Some(error) } else { None };
        let state = if error.is_some() { "waiting".to_owned() } else { self.part_of(worker) };
        let is_current = self.is_current(worker.id) && worker.is_serving();
        let served = if is_current { &self.current.served } else { &worker.publishes };
        let generations: Map<String, Value> =
            served.generations.current().map(|(plugin, number)| (plugin.to_owned(), json!(number))).collect();
        json!({
            "pid": worker.pid.as_raw_pid(),
            "state": state,
            "error": error,
            "started": started.to_string(),
            "up_ms": ms(began.elapsed()),
            "generations": generations,
        })
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `2d 3h`, `3h 5m`, `5m 7s`, `7s`: the two units that say most.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match () {
        () if days > 0 => format!("{days}d {hours}h"),
        () if hours > 0 => format!("{hours}h {minutes}m"),
        () if minutes > 0 => format!("{minutes}m {}s", seconds % 60),
        () => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_the_two_units_that_say_most() {
        let cases = [(7, "7s"), (307, "5m 7s"), (11_100, "3h 5m"), (183_600 + 59, "2d 3h")];
        for (seconds, want) in cases {
            assert_eq!(span(Duration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn only_the_last_restarts_are_told_of_and_all_are_counted() {
        let mut history = History::new(SupervisorSpec::default());
        assert_eq!((history.text().as_str(), history.of_deaths(2).as_str()), ("none", "2 of 6 within 1m"));
        for number in 0..20 {
            history.add(format!("cause {number}"));
        }
        let json = history.json();
        let last = json["last"].as_array().expect("a list");
        assert_eq!((json["count"].as_u64(), last.len()), (Some(20), RESTARTS_MAX));
        assert_eq!(last[15]["cause"], "cause 19");
        assert!(history.text().starts_with("20; the last 0s ago: cause 19"));
    }
}
