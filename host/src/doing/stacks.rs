//! The stacks of handlers that run, with the plugin and the generation of each call.

use super::frames;
use super::in_flight;
use super::list::{age, json_of, request};
use crate::clock::coarse_ms;
use crate::control::Answer;
use crate::error::Error;
use crate::scoreboard::{GenerationOnBoard, InFlight, View};
use crate::stack::{self, Frame, Thread};
use crate::units;
use serde_json::{Value, json};
use std::sync::Arc;

/// Of so many handlers at once stacks are taken, of the oldest ones.
pub(super) const STACKS_MAX: usize = 16;

/// Whose stacks are wanted.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// Those of all handlers that run.
    All,
    /// That of one request, by its id.
    Of(String),
    /// Those of handlers that have been running for so many milliseconds.
    OlderThan(u64),
}

impl From<Option<String>> for Wanted {
    fn from(id: Option<String>) -> Self {
        id.map_or(Self::All, Self::Of)
    }
}

/// A request with the stack of its handler.
struct Shown {
    request: InFlight,
    generations: Arc<Vec<GenerationOnBoard>>,
    /// None: no handler of it runs, at the moment or any more.
    frames: Option<Result<Vec<Frame>, Error>>,
}

/// Takes them. Waits: to be called on a thread that may.
pub(crate) fn stacks(views: &[Arc<View>], wanted: &Wanted) -> Answer {
    let all = in_flight(views.iter().map(AsRef::as_ref));
    let count = all.len();
    let mut chosen: Vec<InFlight> = all.into_iter().filter(|one| is_wanted(one, wanted)).collect();
    if let (Wanted::Of(id), true) = (wanted, chosen.is_empty()) {
        let error = Error::failed(format!("no request `{id}` is in flight"));
        return error.help("`host ctl requests` lists those that are").into();
    }
    let more = chosen.len().saturating_sub(STACKS_MAX);
    chosen.truncate(STACKS_MAX);
    let now = coarse_ms();
    let shown = taken(views, chosen);
    let json: Vec<Value> = shown.iter().map(|one| one.json(now)).collect();
    Answer::done(text(&shown, now, more, count), json!({ "stacks": json, "more": more }))
}

/// Writes to the log that the handlers of these requests have not returned, each with its stack. Waits, as `stacks` does.
pub(crate) fn report(views: &[Arc<View>], stuck: Vec<InFlight>) {
    let now = coarse_ms();
    for one in taken(views, stuck) {
        let plugin = one.request.generation.as_ref().map_or("-", |generation| &generation.plugin);
        let (id, age) = (&one.request.id, units::duration(age(&one.request, now)));
        let text = one.text(now);
        tracing::warn!(plugin, request = id, "the handler of {id} does not return, after {age}:\n{text}");
    }
}

fn is_wanted(one: &InFlight, wanted: &Wanted) -> bool {
    match wanted {
        Wanted::All => one.thread.is_some(),
        Wanted::Of(id) => one.id == *id,
        Wanted::OlderThan(ms) => one.thread.is_some() && one.began_ms.saturating_add(*ms) <= coarse_ms(),
    }
}

fn taken(views: &[Arc<View>], chosen: Vec<InFlight>) -> Vec<Shown> {
    let threads = chosen.iter().filter_map(thread).collect();
    // A thread may have gone on to another request before it was stopped: then its stack is not this one's.
    let mut after = Vec::new();
    let mut stacks = stack::take(threads, || after = in_flight(views.iter().map(AsRef::as_ref)));
    let generations: Vec<_> = views.iter().map(|view| (view, Arc::new(view.generations()))).collect();
    let of_one = |request: InFlight| {
        let is_same = |one: &InFlight| one.id == request.id && one.thread == request.thread;
        let stack = thread(&request).and_then(|of| {
            let at = stacks.iter().position(|taken| taken.of == of)?;
            let frames = stacks.swap_remove(at).frames;
            (frames.is_err() || after.iter().any(is_same)).then_some(frames)
        });
        let of_its_board = generations.iter().find(|(view, _)| view.has(&request));
        let generations = of_its_board.map(|(_, generations)| generations.clone()).unwrap_or_default();
        Shown { request, generations, frames: stack }
    };
    chosen.into_iter().map(of_one).collect()
}

fn thread(request: &InFlight) -> Option<Thread> {
    request.thread.map(|thread| Thread { process: request.pid, thread })
}

fn text(shown: &[Shown], now: u64, more: usize, in_flight: usize) -> String {
    let mut text = match (shown.len(), in_flight) {
        (0, 0) => "no request is in flight".to_owned(),
        (0, 1) => "1 request is in flight, and in no handler".to_owned(),
        (0, count) => format!("{count} requests are in flight, and none in a handler"),
        _ => shown.iter().map(|one| one.text(now)).collect::<Vec<_>>().join("\n\n"),
    };
    if more > 0 {
        text.push_str(&format!("\n\nand {more} more"));
    }
    text
}

impl Shown {
    fn text(&self, now: u64) -> String {
        let InFlight { id, pid, .. } = &self.request;
        let generation = self.request.generation.as_ref();
        let plugin = generation.map_or_else(String::new, |generation| {
            format!(", {}/{} {}", generation.plugin, generation.number, generation.version)
        });
        let thread = self.request.thread.map_or_else(String::new, |thread| format!(", thread {thread}"));
        let age = units::duration(age(&self.request, now));
        let head = format!("{id}  {}{plugin}, process {pid}{thread}", request(&self.request));
        match &self.frames {
            None if self.request.thread.is_some() => format!("{head}\n  in handler until a moment ago"),
            None => format!("{head}\n  {}, {age} old: no thread runs its handler", self.request.state.name()),
            Some(Err(error)) => format!("{head}\n  in handler, {age} old; no stack: {error}"),
            Some(Ok(calls)) => {
                format!("{head}\n  in handler, {age} old\n{}", frames::text(calls, &self.generations))
            }
        }
    }

    fn json(&self, now: u64) -> Value {
        let mut json = json_of(&self.request, now);
        match &self.frames {
            None => json["frames"] = Value::Null,
            Some(Ok(calls)) => json["frames"] = frames::json(calls, &self.generations),
            Some(Err(error)) => json["error"] = json!(error.message()),
        }
        json
    }
}
