//! What is said about a worker that has gone wrong: one report, for the log, for `host ctl status`, and for programs.

use super::finding::{Culprit, Finding};
use super::signal;
use crate::doing::harmless;
use crate::scoreboard::{Client, InFlight};
use crate::units;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many requests of those in flight are listed.
const SHOWN_MAX: usize = 16;
/// So much of a digest is enough to tell two apart.
const DIGEST_CHARS: usize = 12;

/// What a worker, or a process that it forked, has come to.
pub(super) struct Report {
    pub(super) at: (Instant, Timestamp),
    /// `worker 4712`.
    pub(super) who: String,
    pub(super) pid: u32,
    /// `crashed: SIGSEGV (nothing is mapped at 0x0)`.
    pub(super) what: String,
    /// The signal that ended it.
    pub(super) signal: i32,
    pub(super) finding: Finding,
    /// The coarse clock at its end, that ages can be told.
    pub(super) now_ms: u64,
}

impl Report {
    /// The first line: `worker 4712 crashed: SIGSEGV (nothing is mapped at 0x0)`.
    pub(super) fn headline(&self) -> String {
        let nobody = if self.finding.culprit.is_none() { "; nothing blames a plugin" } else { "" };
        format!("{} {}{nobody}", self.who, self.what)
    }

    /// What its last request was: `GET /tea/<name>`.
    pub(super) fn route(&self) -> Option<String> {
        let request = self.finding.request.as_ref()?;
        Some(match &request.route {
            Some((method, rule)) => format!("{method} {rule}"),
            None => harmless(&format!("{} {}", request.method, request.path)),
        })
    }

    /// The signal's name.
    pub(super) fn signal_name(&self) -> String {
        signal::name(self.signal)
    }

    pub(super) fn text(&self) -> String {
        let mut out = self.headline();
        if let Some(culprit) = &self.finding.culprit {
            row(&mut out, "plugin", &format!("{}, {}", whose(culprit), culprit.evidence.text()));
            row(&mut out, "code", &code(culprit));
        }
        if let Some(request) = &self.finding.request {
            row(&mut out, "request", &asked(request));
        }
        if let (Some(route), true) = (self.route(), self.finding.request.is_some()) {
            row(&mut out, "route", &format!("{route}{}", self.of_another()));
        }
        let count = self.finding.in_flight.len();
        let requests = if count == 1 { "request" } else { "requests" };
        row(&mut out, "lost", &format!("{count} {requests} in flight"));
        for request in self.finding.in_flight.iter().take(SHOWN_MAX) {
            row(&mut out, "", &self.line(request));
        }
        if count > SHOWN_MAX {
            row(&mut out, "", &format!("and {} more", count - SHOWN_MAX));
        }
        out
    }

    /// The plugin of the route, where another one is to blame: a middleware, say.
    fn of_another(&self) -> String {
        let generation = self.finding.request.as_ref().and_then(|request| request.generation.as_ref());
        let culprit = self.finding.culprit.as_ref().map(|culprit| &culprit.generation.plugin);
        match generation {
            Some(generation) if Some(&generation.plugin) != culprit => {
                format!(" of {} {}", generation.plugin, generation.version)
            }
            _ => String::new(),
        }
    }

    fn line(&self, request: &InFlight) -> String {
        let (state, age) = (request.state.name(), units::duration(self.age(request)));
        let client = client(request.client);
        format!("{}, from {client}, {state}, {age} old", asked(request))
    }

    fn age(&self, request: &InFlight) -> Duration {
        Duration::from_millis(self.now_ms.saturating_sub(request.began_ms))
    }

    pub(super) fn json(&self) -> Value {
        let Finding { crashed, culprit, request, in_flight, .. } = &self.finding;
        let shown: Vec<Value> = in_flight.iter().take(SHOWN_MAX).map(|one| self.request_json(one)).collect();
        let hex = |number: u64| format!("{number:#x}");
        json!({
            "at": self.at.1.to_string(),
            "process": self.who,
            "pid": self.pid,
            "what": self.what,
            "signal": self.signal_name(),
            "code": crashed.map(|crashed| crashed.code),
            "thread": crashed.map(|crashed| crashed.thread),
            "address": crashed.map(|crashed| hex(crashed.address)),
            "plugin": culprit.as_ref().map(|culprit| &culprit.generation.plugin),
            "version": culprit.as_ref().map(|culprit| &culprit.generation.version),
            "generation": culprit.as_ref().map(|culprit| culprit.generation.number),
            "evidence": culprit.as_ref().map(|culprit| culprit.evidence.name()),
            "file": culprit.as_ref().map(|culprit| &culprit.generation.file),
            "digest": culprit.as_ref().map(|culprit| &culprit.generation.digest),
            "build_id": culprit.as_ref().map(|culprit| &culprit.generation.build_id),
            "offset": culprit.as_ref().and_then(|culprit| culprit.offset).map(hex),
            "route": self.route(),
            "request": request.as_ref().map(|request| self.request_json(request)),
            "lost": in_flight.len(),
            "in_flight": shown,
        })
    }

    fn request_json(&self, request: &InFlight) -> Value {
        json!({
            "id": request.id,
            "client": client(request.client),
            "method": request.method,
            "path": request.path,
            "route": request.route.as_ref().map(|(method, rule)| format!("{method} {rule}")),
            "plugin": request.generation.as_ref().map(|generation| &generation.plugin),
            "state": request.state.name(),
            "age_ms": u64::try_from(self.age(request).as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// `4b09d782-1 GET /tea/oolong`. It may have been written over by what crashed.
fn asked(request: &InFlight) -> String {
    harmless(&format!("{} {} {}", request.id, request.method, request.path))
}

/// `shop 1.4.2, generation 7`.
fn whose(culprit: &Culprit) -> String {
    let generation = &culprit.generation;
    format!("{} {} (generation {})", generation.plugin, generation.version, generation.number)
}

/// `libshop.so+0x1a2b, build id c0ffee, digest ba7816bf8f01, /srv/libshop.so`.
fn code(culprit: &Culprit) -> String {
    let generation = &culprit.generation;
    let name = Path::new(&generation.file).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let place = culprit.offset.map_or(name.clone(), |offset| format!("{name}+{offset:#x}"));
    let digest = generation.digest.get(..DIGEST_CHARS).unwrap_or(&generation.digest);
    let build_id = if generation.build_id.is_empty() { "none" } else { &generation.build_id };
    format!("{place}, build id {build_id}, digest {digest}, {}", generation.file)
}

fn client(client: Client) -> String {
    match client {
        Client::At(address) => address.to_string(),
        Client::Unix => "a Unix socket".to_owned(),
    }
}

/// A worker that has crashed may have written anything over what it had on its board, and people read this on a terminal.
fn row(out: &mut String, what: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\n  {what:7}  {}", harmless(text));
}
