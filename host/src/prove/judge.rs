//! The judge: holds each answer against what its request had to be answered with, on the generation that it names.

use super::counts::{Counts, Kind};
use super::epochs::{Epoch, Epochs, Swapped};
use super::failed::Failed;
use super::known::{BodyId, Expected, Known, Steadiness, Surveyed};
use super::wire::{Answer, Trouble};
use crate::units;
use serde::Serialize;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

/// So many failures are told one by one.
const FAILURES_TOLD_MAX: usize = 10;

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// Which one of those that are asked.
    pub(super) asked: usize,
    pub(super) kind: Kind,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    /// How old its connection was when it ended, and how many requests that has had.
    pub(super) connection: (Duration, u64),
}

/// A failure, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    /// Since the load began.
    pub(super) at_ms: u64,
    pub(super) took_ms: u64,
    pub(super) request: String,
    pub(super) kind: Kind,
    pub(super) connection_ms: u64,
    /// Which request of its connection.
    pub(super) connection_request: u64,
    /// The generation that the answer names.
    pub(super) named: Option<String>,
    pub(super) failed: Failed,
    pub(super) said: String,
}

/// A whole answer that is to be judged.
struct Pending {
    request: Request,
    status: u16,
    named: Option<String>,
    /// What that says: plugin and number.
    generation: Option<(usize, u64)>,
    body: BodyId,
}

/// See the module.
pub(super) struct Judge {
    began: Instant,
    /// Names, by the place of a plugin in every list.
    plugins: Vec<String>,
    /// What is asked, for people.
    requests: Vec<String>,
    known: Vec<Known>,
    epochs: Epochs,
    /// A swap was asked for: what is current now is not known, and answers wait.
    is_swapping: bool,
    pending: Vec<Pending>,
    /// When each generation was first named by an answer.
    first_answers: HashMap<(usize, u64), Instant>,
    pub(super) counts: Counts,
    /// The first ones.
    pub(super) failures: Vec<Failure>,
}

impl Judge {
    /// Judges answers to `requests` of these plugins.
    pub(super) fn new(plugins: Vec<String>, requests: Vec<String>, epochs: Epochs) -> Self {
        Self {
            began: Instant::now(),
            known: requests.iter().map(|_| Known::default()).collect(),
            plugins,
            requests,
            epochs,
            is_swapping: false,
            pending: Vec::new(),
            first_answers: HashMap::new(),
            counts: Counts::new(),
            failures: Vec::new(),
        }
    }

    /// The load begins.
    pub(super) fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// The current epoch.
    pub(super) fn current(&self) -> &Epoch {
        self.epochs.current()
    }

    /// Takes in what a request is answered with in the current epoch.
    pub(super) fn learn(&mut self, asked: usize, surveyed: Surveyed) {
        let libraries = self.epochs.current().libraries;
        let named = surveyed.named.as_deref().and_then(|named| self.generation_of(named));
        let expected = self.known[asked].learn(libraries, surveyed, named.map(|(plugin, _)| plugin));
        self.epochs.current_mut().expected[asked] = Some(expected);
    }

    /// The requests of which nothing is known in the current epoch.
    pub(super) fn unlearned(&self) -> Vec<usize> {
        let expected = self.epochs.current().expected.iter().enumerate();
        expected.filter(|(_, expected)| expected.is_none()).map(|(asked, _)| asked).collect()
    }

    /// A swap is about to be asked for.
    pub(super) fn begin_swap(&mut self) {
        self.is_swapping = true;
    }

    /// It has happened. Learn what is [unlearned](Self::unlearned), and [settle](Self::settle).
    pub(super) fn end_swap(&mut self, swapped: &Swapped) {
        self.epochs.swapped(swapped);
        let libraries = self.epochs.current().libraries;
        self.epochs.current_mut().expected =
            self.known.iter().map(|known| known.expected(libraries)).collect();
    }

    /// Judges what waited.
    pub(super) fn settle(&mut self) {
        self.is_swapping = false;
        for pending in std::mem::take(&mut self.pending) {
            self.decide(pending);
        }
        for (asked, known) in self.known.iter_mut().enumerate() {
            let expected = self.epochs.all().filter_map(|epoch| epoch.expected[asked].as_ref());
            let used: Vec<BodyId> = expected.filter_map(|expected| expected.body).collect();
            known.forget_bodies(|id| used.contains(&id));
        }
    }

    /// A request has ended.
    pub(super) fn record(&mut self, request: Request, result: Result<Answer, Trouble>) {
        let took = request.ended.duration_since(request.began);
        self.counts.add(request.kind, result.is_ok().then_some(took));
        match result {
            Ok(answer) => self.take(request, answer),
            Err(Trouble { failed, said }) => self.fail(request, None, failed, said),
        }
    }

    fn take(&mut self, request: Request, answer: Answer) {
        let generation = answer.named.as_deref().and_then(|named| self.generation_of(named));
        if let Some(generation) = generation {
            self.first_answers.entry(generation).or_insert(request.ended);
        }
        let known = &mut self.known[request.asked];
        let body = match known.steadiness {
            Steadiness::Varies => BodyId::UNKNOWN,
            Steadiness::Fixed | Steadiness::OfGeneration => known.id_of(answer.body),
        };
        let Answer { status, named, .. } = answer;
        let pending = Pending { request, status, named, generation, body };
        if self.is_swapping {
            self.pending.push(pending);
        } else {
            self.decide(pending);
        }
    }

    /// `catalog/8`.
    fn generation_of(&self, named: &str) -> Option<(usize, u64)> {
        let (plugin, number) = named.rsplit_once('/')?;
        let plugin = self.plugins.iter().position(|known| known == plugin)?;
        Some((plugin, number.parse().ok()?))
    }

    fn decide(&mut self, pending: Pending) {
        if let Err((failed, said)) = self.verdict(&pending) {
            self.fail(pending.request, pending.named, failed, said);
        }
    }

    /// An answer is right if it is the one of an epoch that its request overlaps, and of the generation that it names.
    fn verdict(&self, pending: &Pending) -> Result<(), (Failed, String)> {
        let Request { asked, began, ended, .. } = pending.request;
        let epochs = self.epochs.during(began, ended);
        let possible: Possible<'_> =
            epochs.filter_map(|epoch| Some((epoch, epoch.expected[asked].as_ref()?))).collect();
        check_status(pending.status, &possible)?;
        let right = self.of_generation(pending, possible)?;
        self.check_body(pending, &right)
    }

    /// What is expected in the epochs of the generation that the answer names.
    fn of_generation<'a>(
        &self,
        pending: &Pending,
        possible: Possible<'a>,
    ) -> Result<Possible<'a>, (Failed, String)> {
        let Pending { status, named, generation, .. } = pending;
        let is_known = named.is_none() || generation.is_some();
        let mut right = possible;
        right.retain(|(epoch, expected)| {
            is_known && names(epoch, expected) == *generation && expected.status == *status
        });
        if right.is_empty() { Err(self.wrong_generation(pending)) } else { Ok(right) }
    }

    fn check_body(&self, pending: &Pending, right: &Possible<'_>) -> Result<(), (Failed, String)> {
        let mut wanted = right.iter().map(|(_, expected)| expected.body);
        if wanted.clone().any(|body| body.is_none_or(|body| body == pending.body)) {
            return Ok(());
        }
        let want = wanted.next().flatten().unwrap_or(BodyId::UNKNOWN);
        Err((Failed::Mixed, self.known[pending.request.asked].difference(pending.body, want)))
    }

    fn wrong_generation(&self, pending: &Pending) -> (Failed, String) {
        if pending.named.is_none() {
            return (Failed::Unnamed, format!("no header `{}`", crate::exchange::GENERATION_HEADER));
        }
        let Some((plugin, number)) = pending.generation else {
            return (Failed::Stranger, "there is no such plugin".to_owned());
        };
        let said = match self.epochs.ended_before(plugin, number, pending.request.began) {
            Some(before) => format!("it was replaced {} before the request began", units::duration(before)),
            None => "it was not current at any moment of the request".to_owned(),
        };
        (Failed::Stranger, said)
    }

    fn fail(&mut self, request: Request, named: Option<String>, failed: Failed, said: String) {
        self.counts.failed.add(failed);
        if self.failures.len() == FAILURES_TOLD_MAX {
            return;
        }
        let Request { asked, kind, began, ended, connection } = request;
        self.failures.push(Failure {
            at_ms: millis(began.saturating_duration_since(self.began)),
            took_ms: millis(ended.duration_since(began)),
            request: self.requests[asked].clone(),
            kind,
            connection_ms: millis(connection.0),
            connection_request: connection.1,
            named,
            failed,
            said,
        });
    }

    /// When a generation was first named by an answer.
    pub(super) fn first_answer(&self, plugin: usize, generation: u64) -> Option<Instant> {
        self.first_answers.get(&(plugin, generation)).copied()
    }

    /// How many generations have answered.
    pub(super) fn generations_that_answered(&self) -> usize {
        self.first_answers.len()
    }

    /// Whether its answers name generations of this plugin.
    pub(super) fn is_named(&self, plugin: usize) -> bool {
        let mut expected = self.epochs.current().expected.iter().flatten();
        expected.any(|expected| expected.plugin == Some(plugin))
    }

    /// How steady the body of a request is.
    pub(super) fn steadiness(&self, asked: usize) -> Steadiness {
        self.known[asked].steadiness
    }
}

/// The epochs that a request overlaps, the latest first, and what it has to be answered with in each.
type Possible<'a> = SmallVec<[(&'a Epoch, &'a Expected); 4]>;

fn check_status(status: u16, possible: &Possible<'_>) -> Result<(), (Failed, String)> {
    match possible.first() {
        None => Err((Failed::Stranger, "no table was current".to_owned())),
        Some(_) if possible.iter().any(|(_, expected)| expected.status == status) => Ok(()),
        Some((_, first)) => Err((Failed::Status, format!("{status} instead of {}", first.status))),
    }
}

/// The generation that an answer of the epoch names.
fn names(epoch: &Epoch, expected: &Expected) -> Option<(usize, u64)> {
    expected.plugin.map(|plugin| (plugin, epoch.generations[plugin]))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `1204ms: GET /x on a kept connection: mixed: ...; it names catalog/8; it took 3ms, as request 7 of a connection of 90ms`
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_ms, took_ms, request, connection_ms, connection_request, said, .. } = self;
        write!(f, "{at_ms}ms: {request} {}: {}: {said}", self.kind.words(), self.failed.word())?;
        if let Some(named) = &self.named {
            write!(f, "; it names {named}")?;
        }
        write!(
            f,
            "; it took {took_ms}ms, as request {connection_request} of a connection of {connection_ms}ms"
        )
    }
}

#[cfg(test)]
mod tests;
