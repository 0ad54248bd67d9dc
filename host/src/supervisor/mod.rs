//! The supervisor: the parent that owns the sockets, of a worker that loads plugins and serves.
//!
//! Native code can take its process down at any moment. So the process that clients connect to runs none: it binds the
//! listeners and the control socket, starts a worker, hands the sockets over, and starts another worker when that one dies.
//! While there is none, connections wait in the queue of the socket, and nobody is refused.
//!
//! ```text
//! supervisor ── signals, control socket, SIGCHLD, messages ──> one queue of events ──> main thread decides
//!     │ a Unix socket, the worker's standard input: messages and descriptors (message.rs, wire.rs)
//! worker ── link.rs: begin, ready, commands and their answers
//! ```
//!
//! Workers come in sets: all of a set serve the same, and accept on the same sockets (set.rs). Most servers have a set of one,
//! which carries out what is asked of it. Where a server has processes for its model, what is served changes with them only: a
//! new set takes the place of the old one, worker by worker (rolls.rs).
//!
//! All decisions are taken by the main thread, one event after the other, and it never waits for anything but the next
//! event or the next deadline. It also starts every worker: the system kills a worker when the thread that started it ends,
//! which is how a worker dies with its supervisor, whatever becomes of that.

mod alone;
mod binding;
mod blame;
mod commands;
mod counting;
mod doing;
mod ending;
mod event;
mod filling;
mod generations;
mod link;
mod message;
mod notices;
mod outbox;
mod policy;
mod process;
mod quarantine;
mod readiness;
mod replacing;
mod retiring;
mod rolls;
mod set;
pub(crate) mod signals;
mod sockets;
mod status;
mod status_of_all;
mod stopping;
mod watching;
mod wire;
mod workers;

#[cfg(test)]
mod tests;

pub use link::{Begin, Channel, Link, Opened, enter};
pub use message::Cause;
pub(crate) use quarantine::carry_out_offline;

use crate::control::{Answer, ControlServer, ControlSocket};
use crate::deployment::Key;
use crate::doing::Watchdog;
use crate::error::Error;
use crate::spec::{Spec, Timeouts};
use crate::systemd;
use crate::watch::Watcher;
use blame::{Beats, Blame};
use commands::{Asking, Pending};
use event::{Event, Reply};
use notices::Notices;
use policy::Policy;
use process::{Ending, Worker, WorkerId, next_ended};
use quarantine::Quarantine;
use rolls::Rolls;
use rustix::process::Pid;
use serde_json::json;
use set::Set;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGUSR1};
use sockets::Sockets;
use status::History;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use stopping::Stopping;

/// Set for a worker, whose standard input is the channel to its supervisor.
const CHANNEL_VARIABLE: &str = "HOST_WORKER";
/// How many events may wait. The main thread is never busy for long: whoever has one more waits a moment.
const EVENTS_MAX: usize = 1024;
/// How long the last answers to clients of the control socket may take.
const ANSWERS_MAX: Duration = Duration::from_secs(1);
/// What stands for no deadline.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Serves the spec's app with a worker until it is stopped, and gives the exit code. Standard error has said all there is
/// to say.
///
/// # Errors
/// The server is unknown, an address or the control socket cannot be had, or workers died too often.
pub fn supervise(spec: &Spec, control: Option<&Path>, quiet: bool) -> Result<u8, Error> {
    crate::run::choose(spec, &crate::server::ServerRegistry::default())?;
    let (sender, events) = sync_channel(EVENTS_MAX);
    signals::pass_on(sender.clone())?;
    let sockets = Sockets::bind(spec)?;
    let control = match ControlSocket::open(control, &spec.app.name)? {
        Some(socket) => Some(ControlServer::start(socket, Arc::new(Asking(sender.clone())))?),
        None => None,
    };
    let mut supervisor = Supervisor::new(spec, sockets, sender, Box::new(Worker::spawn));
    supervisor.remember(spec);
    supervisor.control = control;
    supervisor.quiet = quiet;
    supervisor.run(events)
}

/// Starts the process of a worker.
type Spawner = Box<dyn FnMut(WorkerId, &SyncSender<Event>) -> Result<Worker, Error>>;

struct Supervisor {
    app: String,
    timeouts: Timeouts,
    policy: Policy,
    quiet: bool,
    /// For threads that wait in our place.
    sender: SyncSender<Event>,
    spawner: Spawner,
    sockets: Sockets,
    control: Option<ControlServer>,
    /// The workers that serve, or are to.
    current: Set,
    /// The first worker of the set that takes their place when that one is ready.
    next: Option<Worker>,
    /// Workers of the set before, each of which serves until one of the current set takes its place.
    outgoing: Vec<Worker>,
    /// Workers that finish what they began.
    retiring: Vec<Worker>,
    /// Workers that have ended, and whose last words were not read yet.
    ended: Vec<(Worker, Instant)>,
    /// Workers that have ended and of whose end a word may be on its way, and how long it may still come.
    unheard: Vec<(Pid, Ending, Instant)>,
    /// How many were started.
    workers: WorkerId,
    /// Whether any of them ever served.
    has_served: bool,
    /// When others are started, one for each that has ended.
    starts: Vec<(Instant, Cause)>,
    /// A worker that asks to be replaced is not heard before then.
    replace_after: Option<Instant>,
    /// Whether answers name their generations.
    names_generations: bool,
    pending: Pending,
    rolls: Rolls,
    watcher: Option<Watcher<Key>>,
    /// Who asked for another worker and waits until it is ready.
    restarting: Vec<Reply>,
    history: History,
    blame: Blame,
    beats: Beats,
    quarantine: Quarantine,
    watchdog: Watchdog,
    stopping: Option<Stopping>,
    notices: Notices,
    /// How it ends, once that is known.
    end: Option<Result<u8, Error>>,
}

impl Supervisor {
    fn new(spec: &Spec, sockets: Sockets, sender: SyncSender<Event>, spawner: Spawner) -> Self {
        Self {
            app: spec.app.name.value.clone(),
            timeouts: spec.timeouts,
            policy: Policy::new(spec.supervisor.clone()),
            quiet: false,
            sender,
            spawner,
            sockets,
            control: None,
            current: Set::default(),
            next: None,
            outgoing: Vec::new(),
            retiring: Vec::new(),
            ended: Vec::new(),
            unheard: Vec::new(),
            workers: 0,
            has_served: false,
            starts: Vec::new(),
            replace_after: None,
            names_generations: false,
            pending: Pending::default(),
            rolls: Rolls::default(),
            watcher: None,
            restarting: Vec::new(),
            history: History::new(spec.supervisor.clone()),
            blame: Blame::new(&spec.supervisor),
            beats: Beats::of(spec.supervisor.heartbeat),
            quarantine: Quarantine::in_memory(),
            watchdog: Watchdog::default(),
            stopping: None,
            notices: Notices::new(),
            end: None,
        }
    }

    /// What was put in quarantine before the host was started.
    fn remember(&mut self, spec: &Spec) {
        let (quarantine, instead) = Quarantine::open(spec);
        self.quarantine = quarantine;
        let served = &mut self.current.served.generations;
        instead.into_iter().for_each(|(generation, copy)| served.publish(generation, copy));
    }

    fn run(mut self, events: Receiver<Event>) -> Result<u8, Error> {
        self.start(Cause::Start);
        let end = loop {
            self.keep_time(Instant::now());
            self.notify(Instant::now());
            if let Some(end) = self.end.take() {
                break end;
            }
            match events.recv_timeout(self.time_left()) {
                Ok(event) => self.handle(event),
                // It cannot be closed: we hold a sender.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        };
        // Whoever asks from here on is told that there is nobody.
        drop(events);
        self.finish(end)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Signal(SIGCHLD) => self.reap(),
            Event::Signal(SIGHUP) => {
                systemd::reloading();
                self.ask(crate::control::Command::SwapChanged, Reply::Reload);
            }
            Event::Signal(SIGUSR1) => self.say_what_we_do(),
            Event::Signal(signal) => self.stop_or_end(signal),
            Event::Said { worker, message, descriptor } => self.heard(worker, message, descriptor),
            Event::Silent { worker, why } => self.silent(worker, why),
            Event::LookedAt { worker } => self.looked_at(worker),
            Event::Asked { command, reply } => self.ask(command, reply),
            Event::Settled(settled) => self.settled(&settled),
            Event::Bound { worker, listen, bind, result } => self.bound(worker, listen, bind, result),
        }
    }

    fn reap(&mut self) {
        while let Some((pid, ending)) = next_ended() {
            self.reaped(pid, ending);
        }
    }

    /// Does what is due.
    fn keep_time(&mut self, now: Instant) {
        self.kill_late_workers(now);
        self.beat(now);
        self.forget_the_ended(now);
        self.end_the_unheard(now);
        self.start_what_is_due(now);
        self.fill();
        self.replace_what_is_banned(now);
        self.go_on_rolling(now);
        self.answer_late(now);
        self.look_at_handlers(now);
    }

    /// Until something is due.
    fn time_left(&self) -> Duration {
        let workers = self.workers().filter_map(|worker| worker.deadline).map(|(at, _)| at);
        let starts = self.starts.iter().map(|(at, _)| *at);
        let ended = self.ended.iter().map(|(_, until)| *until);
        let ended = ended.chain(self.unheard.iter().map(|(_, _, until)| *until));
        let asked = self.pending.next_deadline().into_iter().chain(self.rolls.next_deadline());
        let asked = asked.chain(self.quarantine.next_deadline());
        let looks = self.beats.next().into_iter().chain(self.watchdog.next_look()).chain(self.notices.due());
        let next = workers.chain(starts).chain(ended).chain(asked).chain(looks).min();
        next.map_or(NEVER, |at| at.saturating_duration_since(Instant::now()))
    }

    /// All that have not ended.
    fn workers(&self) -> impl Iterator<Item = &Worker> {
        let Self { current, next, outgoing, retiring, .. } = self;
        current.workers.iter().chain(next).chain(outgoing).chain(retiring)
    }

    fn workers_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        let Self { current, next, outgoing, retiring, .. } = self;
        current.workers.iter_mut().chain(next).chain(outgoing).chain(retiring)
    }

    fn worker(&mut self, id: WorkerId) -> Option<&mut Worker> {
        self.workers_mut().find(|worker| worker.id == id)
    }

    /// Leaves nothing behind: no process, no file, no question without an answer.
    fn finish(mut self, end: Result<u8, Error>) -> Result<u8, Error> {
        self.sockets.close();
        self.kill_all();
        self.quarantine.finish();
        self.answer_all(&end);
        if let Some(control) = &self.control {
            control.flush(ANSWERS_MAX);
        }
        end
    }

    fn answer_all(&mut self, end: &Result<u8, Error>) {
        let stopping = self.stopping.take().map_or(Vec::new(), |stopping| stopping.waiting);
        for reply in stopping {
            reply.send(stopped(&self.app, end));
        }
        let gone = Error::failed("the host is ending");
        let restarting = std::mem::take(&mut self.restarting);
        let rolling = self.rolls.take_all();
        for reply in restarting.into_iter().chain(rolling).chain(self.pending.take_all()) {
            reply.send(gone.clone().into());
        }
    }
}

/// What `host ctl stop` is told.
fn stopped(app: &str, end: &Result<u8, Error>) -> Answer {
    let mut answer = match end {
        Ok(0) => Answer::done(format!("`{app}` has stopped"), json!({})),
        Ok(code) => {
            let error = Error::failed(format!("`{app}` has stopped with exit code {code}: its log says why"));
            Answer { exit: *code, ..error.into() }
        }
        Err(error) => error.clone().into(),
    };
    answer.data["stopped"] = json!(true);
    answer
}
