//! The load: a bounded number of clients, each of which asks, waits for the whole answer, and asks again.

use super::address::Address;
use super::asked::Asked;
use super::client::{self, Part};
use super::judge::Judge;
use super::rest::{Rest, Resting};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// A large body is asked for once for so many requests: else nothing else would be.
const SMALL_FOR_LARGE: usize = 16;
/// From here on it is large.
const LARGE_BYTES: usize = 128 << 10;

/// What is asked, and what is known of the answers' shapes.
#[derive(Clone, Debug)]
pub(super) struct Drive {
    pub(super) asked: Asked,
    pub(super) is_streamed: bool,
    pub(super) body_bytes: usize,
}

/// What all clients share.
pub(super) struct Shared {
    pub(super) address: Address,
    pub(super) drives: Vec<Drive>,
    /// The places of what ordinary clients ask, in turn.
    pub(super) ordinary: Vec<usize>,
    /// The places of streams.
    pub(super) streams: Vec<usize>,
    /// The place of the largest answer.
    pub(super) largest: usize,
    pub(super) rest: Rest,
    /// How long a request may take.
    pub(super) timeout: Duration,
    judge: Mutex<Judge>,
    /// A generation was named for the first time.
    named: Condvar,
    is_over: AtomicBool,
}

impl Shared {
    pub(super) fn new(address: Address, drives: Vec<Drive>, timeout: Duration, judge: Judge) -> Self {
        let streams: Vec<usize> = places(&drives, |drive| drive.is_streamed);
        let largest = (0..drives.len()).max_by_key(|place| drives[*place].body_bytes).unwrap_or(0);
        Self {
            address,
            ordinary: ordinary(&drives),
            streams,
            largest,
            drives,
            rest: Rest::default(),
            timeout,
            judge: Mutex::new(judge),
            named: Condvar::new(),
            is_over: AtomicBool::new(false),
        }
    }

    pub(super) fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a client did; whoever waits for a generation looks again.
    pub(super) fn recorded(&self, record: impl FnOnce(&mut Judge)) {
        let mut judge = self.judge();
        let before = judge.generations_that_answered();
        record(&mut judge);
        if judge.generations_that_answered() > before {
            self.named.notify_all();
        }
    }

    /// Waits until an answer names this generation: when that was.
    pub(super) fn wait_for_first_answer(&self, plugin: usize, generation: u64) -> Option<Instant> {
        let is_missing = |judge: &mut Judge| judge.first_answer(plugin, generation).is_none();
        let waited = self.named.wait_timeout_while(self.judge(), self.timeout, is_missing);
        waited.unwrap_or_else(PoisonError::into_inner).0.first_answer(plugin, generation)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

/// A load under way; it ends when this is dropped.
pub(super) struct Load<'a> {
    runtime: &'a Runtime,
    pub(super) shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

impl<'a> Load<'a> {
    /// Begins with so many clients.
    pub(super) fn begin(runtime: &'a Runtime, shared: Arc<Shared>, parts: &[Part]) -> Self {
        shared.judge().begin();
        let start =
            |(number, part): (usize, &Part)| runtime.spawn(client::run(shared.clone(), *part, number));
        let clients = parts.iter().enumerate().map(start).collect();
        Self { runtime, shared, clients }
    }

    /// A moment of rest, until the guard is dropped.
    pub(super) fn rest(&self) -> Resting<'_> {
        self.runtime.block_on(self.shared.rest.begin())
    }

    /// Ends it: what was asked is answered first.
    pub(super) fn end(mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        for client in std::mem::take(&mut self.clients) {
            let _ = self.runtime.block_on(client);
        }
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.clients.iter().for_each(JoinHandle::abort);
    }
}

fn places(drives: &[Drive], is_one: impl Fn(&Drive) -> bool) -> Vec<usize> {
    (0..drives.len()).filter(|place| is_one(&drives[*place])).collect()
}

/// All that is not streamed, small answers more often than large ones. If all is streamed, all of it.
fn ordinary(drives: &[Drive]) -> Vec<usize> {
    let is_large = |drive: &Drive| drive.body_bytes >= LARGE_BYTES;
    let small = places(drives, |drive| !drive.is_streamed && !is_large(drive));
    let large = places(drives, |drive| !drive.is_streamed && is_large(drive));
    match (small.is_empty(), large.is_empty()) {
        (true, true) => places(drives, |_| true),
        (true, false) => large,
        (false, true) => small,
        (false, false) => {
            let few = |run: usize| (0..SMALL_FOR_LARGE).map(move |step| run * SMALL_FOR_LARGE + step);
            let few = |run| few(run).map(|step| small[step % small.len()]).collect::<Vec<_>>();
            large.iter().enumerate().flat_map(|(run, large)| few(run).into_iter().chain([*large])).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drives(shapes: &[(bool, usize)]) -> Vec<Drive> {
        let drive = |(is_streamed, body_bytes): &(bool, usize)| {
            let asked = "/".parse().unwrap();
            Drive { asked, is_streamed: *is_streamed, body_bytes: *body_bytes }
        };
        shapes.iter().map(drive).collect()
    }

    #[test]
    fn ordinary_clients_ask_small_answers_more_often_than_large_ones_and_all_of_them() {
        let all = drives(&[(false, 10), (true, 10), (false, LARGE_BYTES), (false, 20), (false, 1 << 30)]);
        let turns = ordinary(&all);
        assert_eq!(turns.len(), 2 * (SMALL_FOR_LARGE + 1));
        for (place, want) in [(0, SMALL_FOR_LARGE), (1, 0), (2, 1), (3, SMALL_FOR_LARGE), (4, 1)] {
            assert_eq!(turns.iter().filter(|turn| **turn == place).count(), want, "{place}");
        }
        assert_eq!(ordinary(&drives(&[(true, 1), (true, 1)])), [0, 1], "there is nothing else");
        assert_eq!(ordinary(&drives(&[(false, 1 << 30), (true, 1)])), [0]);
    }
}
