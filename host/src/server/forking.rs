//! `forking`: a process for each connection, up to a limit. Bottle's `wsgiref` with `ForkingMixIn`.
//!
//! The worker has no other thread: behind a fork a thread is gone, and what it held is held for ever. So this loop also does what
//! other servers' processes have threads for, its [`Errands`]. A child has one connection, and may have any thread.

mod child;
mod fork;

use super::accept::{CannotAccept, PAUSE, has_given_up};
use super::listeners::Accepted;
use super::listening::{Accepts, Bound};
use super::socket::Socket;
use super::wait::{Deadline, wait, wait_for_any};
use super::{About, Errands, Guarantees, Http, Server, Serving, Swap};
use crate::error::Error;
use crate::request_id;
use crate::spec::{Opt, Unit};
use rustix::event::PollFlags;
use rustix::process::{Pid, Signal, WaitOptions, getpid, getppid, kill_process, waitpid};
use signal_hook::low_level::signal_name;
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// As Bottle's `ForkingMixIn` has it.
const CHILDREN: Opt = Opt {
    name: "children",
    unit: Unit::Number,
    default: "40",
    what: "processes at a time, each with one connection; the last free one keeps none",
};
/// What a child may need besides its deadlines: to cut its connection off, to stop its plugins.
const MARGIN: Duration = Duration::from_secs(3);

pub(super) struct Forking;

impl Server for Forking {
    fn about(&self) -> About {
        About {
            name: "forking",
            summary: "a process for each connection, up to a limit, forked from a worker that has no other thread",
            good_for: "plugins that crash or leak, with few connections a second: a fork for each",
            is_single: false,
            http: Http::Host,
            workers: None,
            threads: None,
            options: &[CHILDREN],
            guarantees: Guarantees {
                slow_client: "holds a process of its own, and makes nobody wait while there are fewer than `children`",
                blocking_handler: "holds the process of its connection, which ends when the handler is past its deadline",
                crash: "costs its one connection; the worker and every other one go on",
                swap: Swap::NewWorkers,
            },
            aliases: &["forkingmixin"],
        }
    }

    fn forks(&self) -> bool {
        true
    }

    fn serve(&self, serving: Serving) -> Result<(), Error> {
        let Some(errands) = serving.errands.clone() else {
            let error = Error::usage("server `forking` does not serve without a supervisor");
            return Err(error.help("start it without --no-supervisor"));
        };
        let children_max = usize::try_from(CHILDREN.value(&serving.options)).unwrap_or(usize::MAX);
        let doors = Arc::new(Doors { queue: Mutex::default(), cannot: CannotAccept::new() });
        serving.listening.serve(doors.clone())?;
        Mother { serving, errands, doors, children: Vec::new(), children_max }.serve()
    }
}

/// The listeners. Not those of an epoll, which a child would share.
struct Doors {
    queue: Mutex<VecDeque<Arc<Bound>>>,
    cannot: Arc<CannotAccept>,
}

impl Doors {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Bound>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Bound>> {
        self.lock().iter().cloned().collect()
    }

    /// The next connection that waits, taking the listeners in turn.
    fn accept(&self) -> Accepted<Socket> {
        let (mut queue, mut nothing) = (self.lock(), Accepted::None);
        for _ in 0..queue.len() {
            queue.rotate_left(1);
            let Some(bound) = queue.front() else { break };
            match Socket::accept(bound.listener()) {
                Ok(socket) => return Accepted::One(socket),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock || has_given_up(&cause) => {}
                Err(cause) => {
                    self.cannot.say(bound.listener(), &cause);
                    nothing = Accepted::Cannot;
                }
            }
        }
        nothing
    }
}

impl Accepts for Doors {
    fn begin(&self, bound: &Arc<Bound>) -> Result<(), Error> {
        self.lock().push_back(bound.clone());
        Ok(())
    }

    fn end(&self, bound: &Arc<Bound>) {
        self.lock().retain(|known| !Arc::ptr_eq(known, bound));
    }
}

/// The process that forks.
struct Mother {
    serving: Serving,
    errands: Arc<dyn Errands>,
    doors: Arc<Doors>,
    children: Vec<Pid>,
    children_max: usize,
}

impl Mother {
    fn serve(mut self) -> Result<(), Error> {
        loop {
            self.errands.work();
            self.reap();
            // Behind the errands: one of them may be the end, which nobody waits for any more.
            if self.is_over() {
                break;
            }
            if self.children.len() >= self.children_max() {
                self.wait(false, Deadline::NEVER);
                continue;
            }
            match self.doors.accept() {
                Accepted::One(socket) => self.fork(socket)?,
                Accepted::None => self.wait(true, Deadline::NEVER),
                // Not for a connection: one that waits and cannot be accepted is no reason to look again at once.
                Accepted::Cannot => self.wait(false, Deadline::after(Some(PAUSE))),
            }
        }
        self.see_out();
        Ok(())
    }

    /// How many there may be, which a limit of the spec may be below.
    fn children_max(&self) -> usize {
        self.children_max.min(self.serving.service.settings().limits.connections)
    }

    /// Whether it retires or stops. A plugin in a child may have asked for that, through the same descriptor.
    fn is_over(&self) -> bool {
        let stop = &self.serving.stop;
        if !stop.is_retiring() && is_readable(stop.retiring_event()) {
            stop.request();
        }
        stop.is_retiring()
    }

    /// For errands, children and the end; for connections, too, if one may be accepted.
    fn wait(&self, may_accept: bool, deadline: Deadline) {
        let bound = if may_accept { self.doors.all() } else { Vec::new() };
        let listeners = bound.iter().map(|bound| bound.listener().as_fd());
        let mut events = self.errands.events();
        // Each of them stays readable for ever.
        let stop = &self.serving.stop;
        match (stop.is_retiring(), stop.is_requested()) {
            (false, _) => events.push(stop.retiring_event()),
            (true, false) => events.push(stop.event()),
            (true, true) => {}
        }
        wait_for_any(&events.into_iter().chain(listeners).collect::<Vec<_>>(), deadline);
    }

    fn fork(&mut self, socket: Socket) -> Result<(), Error> {
        self.errands.check_alone()?;
        let parents = child::Parents { worker: getpid(), supervisor: getppid() };
        let is_last = self.children.len() + 1 >= self.children_max();
        match fork::fork() {
            Ok(Some(child)) => {
                request_id::leave_some_to_a_child();
                self.children.push(child);
            }
            Ok(None) => child::run(&self.serving, parents, &*self.errands, socket, is_last),
            Err(cause) => {
                tracing::error!("cannot start a process for a connection: {cause}; it was closed");
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// Takes children that have ended off the system's list.
    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = waitpid(None, WaitOptions::NOHANG) {
            let Some(at) = self.children.iter().position(|child| *child == pid) else {
                // A plugin started it.
                continue;
            };
            self.children.swap_remove(at);
            let signal = status.terminating_signal();
            if let Some(signal) = signal {
                let name = signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
                tracing::error!("process {pid}, which had one connection, was killed by {name}");
            }
            self.errands.child_ended(pid.as_raw_pid().cast_unsigned(), signal);
        }
    }

    /// Accepts no more, and waits until the children have ended: they are told through the same descriptors.
    fn see_out(&mut self) {
        self.serving.listening.close();
        let mut until = None;
        loop {
            self.errands.work();
            self.reap();
            let stop = &self.serving.stop;
            if !stop.is_requested() && is_readable(stop.event()) {
                stop.request();
            }
            if self.children.is_empty() {
                break;
            }
            until = sooner(until, self.limit());
            if until.is_some_and(|until| Instant::now() >= until) {
                return self.kill_all();
            }
            self.wait(false, Deadline::at(until));
        }
        self.errands.work();
    }

    /// From now on.
    fn limit(&self) -> Option<Instant> {
        let timeouts = self.serving.service.settings().timeouts;
        let drain = if self.serving.stop.is_requested() { Duration::ZERO } else { timeouts.drain? };
        Instant::now().checked_add(timeouts.shutdown?.saturating_add(drain).saturating_add(MARGIN))
    }

    fn kill_all(&mut self) {
        tracing::error!("{} processes did not end in time, and are killed", self.children.len());
        for child in &self.children {
            let _ = kill_process(*child, Signal::KILL);
        }
    }
}

/// The first limit counts, unless a later one is nearer.
fn sooner(until: Option<Instant>, limit: Option<Instant>) -> Option<Instant> {
    until.into_iter().chain(limit).min()
}

fn is_readable(event: BorrowedFd<'_>) -> bool {
    let [ready] = wait([(event, PollFlags::IN)], Deadline::after(Some(Duration::ZERO)));
    !ready.is_empty()
}
