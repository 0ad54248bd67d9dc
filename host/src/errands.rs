//! What a process that forks sees to, and what its children tell it: see `server/forking.rs`.

use crate::deployment::Deployment;
use crate::error::Error;
use crate::server::Errands;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// The channel to a supervisor where no thread sees to it.
pub trait Pump: Send + Sync {
    /// Readable when there is something to do.
    fn events(&self) -> Vec<BorrowedFd<'_>>;

    /// Does it.
    fn work(&self);

    /// In a child: the channel is its parent's.
    fn let_go(&self);
}

/// A generation by its place, with the requests that it answered since the last time, and those of them that failed. A write of so
/// few bytes to a pipe is whole.
type Tally = [u8; 24];

/// See the module.
pub(crate) struct OfWorker {
    pump: Arc<dyn Pump>,
    deployment: Arc<Deployment>,
    tallies: (PipeReader, PipeWriter),
    /// What was told already, of each generation.
    told: Mutex<Vec<(u64, u64)>>,
}

impl OfWorker {
    /// # Errors
    /// There is no descriptor left.
    pub(crate) fn new(pump: Arc<dyn Pump>, deployment: Arc<Deployment>) -> Result<Self, Error> {
        let tallies = std::io::pipe();
        let tallies = tallies.map_err(|cause| Error::failed(format!("cannot make a pipe: {cause}")))?;
        Ok(Self { pump, deployment, tallies, told: Mutex::default() })
    }

    fn has_tallies(&self) -> bool {
        let mut pipe = [PollFd::new(&self.tallies.0, PollFlags::IN)];
        matches!(poll(&mut pipe, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
    }

    fn read_tallies(&self) {
        let mut tally: Tally = [0; 24];
        while self.has_tallies() && (&self.tallies.0).read_exact(&mut tally).is_ok() {
            let [generation, requests, failed] = numbers(&tally);
            self.deployment.add_tally(usize::try_from(generation).unwrap_or(usize::MAX), requests, failed);
        }
    }
}

impl Errands for OfWorker {
    fn events(&self) -> Vec<BorrowedFd<'_>> {
        let mut events = self.pump.events();
        events.push(self.tallies.0.as_fd());
        events
    }

    fn work(&self) {
        // Whoever asks for counts has those of all children that have said them.
        self.read_tallies();
        self.pump.work();
    }

    fn check_alone(&self) -> Result<(), Error> {
        self.deployment.check_alone()
    }

    fn begin_child(&self) -> Result<(), Error> {
        self.pump.let_go();
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = self.deployment.tallies();
        self.deployment.start_all()
    }

    fn report(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.deployment.tallies();
        for (place, (now, before)) in now.iter().zip(told.iter()).enumerate() {
            let since = (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1));
            if since != (0, 0) {
                // Without its parent this process is about to end.
                let _ = (&self.tallies.1).write_all(&tally([place as u64, since.0, since.1]));
            }
        }
        *told = now;
    }

    fn end_child(&self) {
        self.deployment.stop_all();
    }
}

fn tally(numbers: [u64; 3]) -> Tally {
    let mut bytes = [0; 24];
    for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_ne_bytes());
    }
    bytes
}

fn numbers(tally: &Tally) -> [u64; 3] {
    let number =
        |at: usize| tally[at * 8..][..8].iter().rev().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    [0, 1, 2]
        .map(number)
        .map(|number| if cfg!(target_endian = "little") { number } else { number.swap_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_read_as_it_was_written() {
        for numbers_ in [[0, 1, 2], [u64::MAX, 1 << 40, 258]] {
            assert_eq!(numbers(&tally(numbers_)), numbers_);
        }
    }
}
