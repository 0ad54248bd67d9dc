//! `forking`: a process for each connection, up to a limit. Bottle's `wsgiref` with `ForkingMixIn`.
//!
//! The worker has no other thread: behind a fork a thread is gone, and what it held is held for ever. So this loop also does what
//! other servers' processes have threads for, its [`Errands`]. A child has one connection, and may have any thread.

mod child;
mod fork;

use super::listening::{Accepts, Bound};
use super::socket::Socket;
use super::wait::{Deadline, wait, wait_for_any};
use super::{About, Errands, Guarantees, Http, Server, Serving, Swap};
use crate::error::Error;
use crate::scoreboard;
use crate::spec::{Opt, Unit};
use rustix::event::PollFlags;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
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
/// How long to wait when the system has no process left: a connection that ends gives one back.
const PAUSE: Duration = Duration::from_millis(50);

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
        let doors = Arc::new(Doors::default());
        serving.listening.serve(doors.clone())?;
        Mother { serving, errands, doors, children: Vec::new(), children_max }.serve()
    }
}

/// The listeners. Not those of an epoll, which a child would share.
#[derive(Default)]
struct Doors(Mutex<VecDeque<Arc<Bound>>>);

impl Doors {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Bound>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Bound>> {
        self.lock().iter().cloned().collect()
    }

    /// The next connection that waits, taking the listeners in turn.
    fn accept(&self) -> Option<Socket> {
        let mut queue = self.lock();
        for _ in 0..queue.len() {
            queue.rotate_left(1);
            match Socket::accept(queue.front()?.listener()) {
                Ok(socket) => return Some(socket),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
                Err(cause) => tracing::error!("cannot accept a connection: {cause}"),
            }
        }
        None
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
        while !self.is_over() {
            self.wait(Deadline::NEVER);
            self.errands.work();
            self.reap();
            while self.children.len() < self.children_max()
                && !self.is_over()
                && let Some(socket) = self.doors.accept()
            {
                self.fork(socket)?;
                self.reap();
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

    fn wait(&self, deadline: Deadline) {
        let bound = self.doors.all();
        let has_room = self.children.len() < self.children_max();
        let listeners = bound.iter().filter(|_| has_room).map(|bound| bound.listener().as_fd());
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
        let pid = getpid();
        let is_last = self.children.len() + 1 >= self.children_max();
        match fork::fork() {
            Ok(Some(child)) => self.children.push(child),
            Ok(None) => child::run(&self.serving, pid, &*self.errands, socket, is_last),
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
            self.children.retain(|child| *child != pid);
            if let Some(signal) = status.terminating_signal() {
                let name = signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
                tracing::error!("process {pid}, which had one connection, was killed by {name}");
                self.errands.child_died(pid.as_raw_pid().cast_unsigned(), signal);
            } else if let Some(board) = scoreboard::board() {
                // One that ended in the middle gives nothing back itself.
                board.give_back_of(pid.as_raw_pid().cast_unsigned());
            }
        }
    }

    /// Accepts no more, and waits until the children have ended: they are told through the same descriptors.
    fn see_out(&mut self) {
        self.serving.listening.close();
        let mut until = None;
        while !self.children.is_empty() {
            let stop = &self.serving.stop;
            if !stop.is_requested() && is_readable(stop.event()) {
                stop.request();
            }
            until = sooner(until, self.limit());
            if until.is_some_and(|until| Instant::now() >= until) {
                return self.kill_all();
            }
            self.wait(Deadline::at(until));
            self.errands.work();
            self.reap();
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
