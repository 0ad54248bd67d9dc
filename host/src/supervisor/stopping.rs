//! The end of a host: what runs is finished, and then nothing is left.

use super::Supervisor;
use super::event::Reply;
use super::message::ToWorker;
use super::process::{Ending, Worker, next_ended};
use crate::error::{Error, Exit};
use crate::log;
use crate::spec::Timeouts;
use crate::units;
use rustix::process::Pid;
use signal_hook::consts::{SIGINT, SIGKILL, SIGTERM};
use signal_hook::low_level::emulate_default_handler;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// What a worker may need besides its deadlines: to cut connections off, to write its last lines.
const MARGIN: Duration = Duration::from_secs(5);
/// How long the system may need to end a process that was killed.
pub(super) const KILL_MAX: Duration = Duration::from_secs(5);

/// A host that is ending.
pub(super) struct Stopping {
    /// Who asked for it and waits until it has.
    pub(super) waiting: Vec<Reply>,
    /// How the workers that served ended: the first of them that did not end well.
    end: Result<u8, Error>,
}

/// How long a worker may need to end when the host stops: as long as its requests may take, and as long again for its
/// plugins. None: for ever.
fn stop_limit(timeouts: &Timeouts) -> Option<Duration> {
    Some(timeouts.shutdown?.saturating_mul(2).saturating_add(MARGIN))
}

/// The same, when another worker has taken over: its connections have their time before that.
pub(super) fn retire_limit(timeouts: &Timeouts) -> Option<Duration> {
    Some(stop_limit(timeouts)?.saturating_add(timeouts.drain?))
}

impl Stopping {
    /// A worker that served has ended.
    pub(super) fn ended(&mut self, worker: &Worker, ending: Ending) {
        if self.end != Ok(0) {
            return;
        }
        let fail = |why: String| Err(Error::failed(format!("worker {} {why}", worker.pid)));
        self.end = match ending {
            Ending::Signal(SIGKILL) if worker.was_late => {
                fail("did not end in time, and was killed".to_owned())
            }
            // The signal that stops us may have been sent to all processes of a group.
            Ending::Signal(SIGINT | SIGTERM) => Ok(0),
            Ending::Signal(_) => fail(format!("{ending} while it stopped")),
            Ending::Exit(code) if code == Exit::StartAgain.code() => Ok(0),
            Ending::Exit(code) => Ok(code),
        };
    }
}

impl Supervisor {
    /// Lets nobody in any more, and has every worker finish. The second and every later call only waits, too.
    pub(super) fn stop(&mut self, reply: Option<Reply>) {
        if let Some(stopping) = &mut self.stopping {
            return stopping.waiting.extend(reply);
        }
        self.stopping = Some(Stopping { waiting: reply.into_iter().collect(), end: Ok(0) });
        self.sockets.close();
        self.starts.clear();
        self.refuse_rolls();
        for worker in self.workers_mut() {
            // One that does not read is late in the end.
            let _ = worker.tell(ToWorker::Stop);
            let limit = stop_limit(&worker.timeouts);
            worker.deadline = limit.map(|limit| (Instant::now() + limit, "has not ended in time"));
        }
        self.end_if_all_have_stopped();
    }

    /// The host ends with this code, because its worker has.
    pub(super) fn stop_with(&mut self, code: u8) {
        self.stop(None);
        if let Some(stopping) = &mut self.stopping {
            stopping.end = Ok(code);
        }
        self.end_if_all_have_stopped();
    }

    /// SIGINT and SIGTERM stop the host; a second one ends it at once, as it would end a program that takes no signals.
    pub(super) fn stop_or_end(&mut self, signal: i32) {
        if self.stopping.is_none() {
            if !self.quiet && std::io::stderr().is_terminal() {
                log::say("\nFinishing what runs. Hit Ctrl-C again to end it at once.\n");
            }
            return self.stop(None);
        }
        self.kill_all();
        self.control = None;
        // The first process of a container ignores what it has no handler for: it ends with an error instead.
        if std::process::id() != 1 {
            let _ = emulate_default_handler(signal);
        }
        self.end = Some(Err(Error::failed("ended by a second signal")));
    }

    pub(super) fn end_if_all_have_stopped(&mut self) {
        if self.workers().next().is_none()
            && let Some(stopping) = &self.stopping
        {
            self.end = Some(stopping.end.clone());
        }
    }

    /// Kills every worker, and waits until the system has ended it: its sockets are closed then.
    pub(super) fn kill_all(&mut self) {
        // Whoever has been killed before, and taken off the system's list, is not waited for.
        let mut left: Vec<Pid> =
            self.workers().filter(|worker| worker.kill()).map(|worker| worker.pid).collect();
        let until = Instant::now() + KILL_MAX;
        while !left.is_empty() && Instant::now() < until {
            match next_ended() {
                Some((pid, _)) => left.retain(|other| *other != pid),
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        if !left.is_empty() {
            tracing::error!("workers that were killed have not ended within {}", units::duration(KILL_MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_time_for_its_requests_and_for_its_plugins() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let of = |shutdown, drain| {
            let timeouts = Timeouts { shutdown, drain, ..Timeouts::default() };
            (stop_limit(&timeouts), retire_limit(&timeouts))
        };
        assert_eq!(of(seconds(10), seconds(3)), (seconds(25), seconds(28)));
        assert_eq!(of(seconds(1), seconds(30)), (seconds(7), seconds(37)));
        assert_eq!(of(None, seconds(1)), (None, None), "no deadline is none");
        assert_eq!(of(seconds(1), None), (seconds(7), None));
    }
}
