//! A supervisor whose workers are the tests themselves: no process is started, and time passes when a test says so.

use super::super::message::{FromWorker, ToWorker};
use super::super::process::{Ending, Worker};
use super::super::wire::{self, Reader};
use super::super::{EVENTS_MAX, Event, Reply, Sockets, Supervisor};
use crate::control::{Answer, Command};
use crate::deployment::Change;
use crate::error::Error;
use crate::scoreboard::{Board, Claim, Crashed, Crashing, GenerationOnBoard, OnBoard};
use crate::spec::{At, Located, Spec, SupervisorSpec};
use rustix::process::Pid;
use signal_hook::consts::SIGSEGV;
use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Above the largest number of a process that Linux gives: a signal to one of them reaches nobody.
const FIRST_PID: i32 = 1 << 30;

pub(super) struct Stage {
    pub(super) supervisor: Supervisor,
    events: Receiver<Event>,
    started: Receiver<UnixStream>,
    /// How many workers tests were given.
    given: Cell<u64>,
    /// The app can be served without the plugins that crash.
    pub(super) plugins_are_optional: bool,
    folder: tempfile::TempDir,
}

/// A worker, played by a test.
pub(super) struct Actor {
    socket: Arc<UnixStream>,
    reader: Reader,
    pub(super) pid: Pid,
}

impl Stage {
    /// A host that has started its first worker, with one Unix socket.
    pub(super) fn new() -> (Self, Actor) {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Spec)) -> (Self, Actor) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spec = Spec::for_target("shop".parse().expect("a target"));
        let bind = format!("unix:{}", folder.path().join("first.sock").display());
        spec.server.bind = vec![Located::new(bind.parse().expect("an address"), At::flag("--bind"))];
        spec.supervisor = SupervisorSpec { failures: 3, ..SupervisorSpec::default() };
        change(&mut spec);
        let (sender, events) = sync_channel(EVENTS_MAX);
        let (start, started) = channel();
        let spawner = Box::new(move |id, events: &_| {
            let (ours, theirs) = UnixStream::pair().expect("a pair");
            start.send(theirs).expect("the stage waits");
            Worker::of(id, pid_of(id), ours, events)
        });
        let sockets = Sockets::bind(&spec).expect("an address of its own");
        let mut supervisor = Supervisor::new(&spec, sockets, sender, spawner);
        supervisor.start(crate::supervisor::Cause::Start);
        let stage =
            Self { supervisor, events, started, given: Cell::new(0), plugins_are_optional: false, folder };
        let first = stage.started();
        (stage, first)
    }

    /// An address in the folder of this test.
    pub(super) fn address(&self, name: &str) -> String {
        format!("unix:{}", self.folder.path().join(name).display())
    }

    /// The worker that was started next.
    #[track_caller]
    pub(super) fn started(&self) -> Actor {
        self.try_started().expect("a worker was started")
    }

    /// The same, if one was.
    pub(super) fn try_started(&self) -> Option<Actor> {
        let socket = Arc::new(self.started.try_recv().ok()?);
        let number = self.given.get() + 1;
        self.given.set(number);
        Some(Actor { reader: Reader::new(socket.clone()), socket, pid: pid_of(number) })
    }

    pub(super) fn nothing_was_started(&self) -> bool {
        let nothing = self.started.try_recv().is_err();
        self.given.set(self.given.get() + u64::from(!nothing));
        nothing
    }

    /// Has the supervisor do what comes next.
    #[track_caller]
    pub(super) fn step(&mut self) {
        while !self.handles_one() {}
    }

    /// Whether it was more than the answer to a ping, which may come at any moment.
    #[track_caller]
    fn handles_one(&mut self) -> bool {
        let event = self.events.recv_timeout(PATIENCE).expect("an event");
        let is_more = !matches!(event, Event::Said { message: FromWorker::Pong, .. });
        self.supervisor.handle(event);
        is_more
    }

    /// The same, if anything comes soon.
    pub(super) fn try_step(&mut self) {
        if let Ok(event) = self.events.recv_timeout(Duration::from_millis(5)) {
            self.supervisor.handle(event);
        }
    }

    /// The worker says something, and the supervisor hears it, after whatever came before.
    #[track_caller]
    pub(super) fn says(&mut self, actor: &Actor, message: &FromWorker, descriptor: Option<BorrowedFd<'_>>) {
        let line = wire::line_of(message).expect("a line");
        wire::send(&actor.socket, &line, descriptor).expect("room");
        let mut is_heard = false;
        while !is_heard {
            let event = self.events.recv_timeout(PATIENCE).expect("an event");
            is_heard = matches!(event, Event::Said { .. });
            self.supervisor.handle(event);
        }
    }

    #[track_caller]
    pub(super) fn serves(&mut self, actor: &mut Actor) -> Begun {
        self.serves_as(actor, 1, false)
    }

    /// As one of so many.
    #[track_caller]
    pub(super) fn serves_as(&mut self, actor: &mut Actor, workers: usize, rolls: bool) -> Begun {
        let begun = actor.begin();
        self.says(actor, &FromWorker::Ready { banner: String::new(), workers, rolls }, None);
        begun
    }

    /// The first worker of the set.
    #[track_caller]
    pub(super) fn worker(&self) -> &Worker {
        self.supervisor.current.workers.first().expect("a worker")
    }

    /// The process of the worker ends.
    pub(super) fn ends(&mut self, actor: &Actor, ending: Ending) {
        self.supervisor.ended(actor.pid, ending);
    }

    /// The worker dies of a crash in the code of that plugin's generation.
    #[track_caller]
    pub(super) fn crashes(&mut self, actor: &Actor, plugin: &str, number: u64, digest: &str) {
        let pid = actor.pid.as_raw_pid().cast_unsigned();
        let _place = self.writes_down(actor, pid, (plugin, number, digest));
        self.ends(actor, Ending::Signal(SIGSEGV));
    }

    /// A process that the worker forked does.
    #[track_caller]
    pub(super) fn child_crashes(&mut self, actor: &Actor, pid: u32, whose: (&str, u64, &str)) {
        let _place = self.writes_down(actor, pid, whose);
        self.says(actor, &FromWorker::ChildDied { pid, signal: SIGSEGV }, None);
    }

    /// What the process has on its board, for as long as the answer lives.
    fn writes_down(
        &mut self,
        actor: &Actor,
        pid: u32,
        (plugin, number, digest): (&str, u64, &str),
    ) -> OnBoard {
        let board = Arc::new(Board::create().expect("memory"));
        self.says(actor, &FromWorker::Scoreboard, Some(board.file().as_fd()));
        let text = str::to_owned;
        let (version, build_id, file, mapped) = (text("1"), text(""), text("a.so"), 0x1000..0x2000);
        let (plugin, digest) = (text(plugin), text(digest));
        let is_optional = self.plugins_are_optional;
        let generation =
            GenerationOnBoard { plugin, number, version, digest, build_id, file, is_optional, mapped };
        let place = board.add_generation(&generation).expect("room");
        let (signal, code, instruction) = (SIGSEGV, 1, 0x1234);
        match board.crashes().claim(pid, Crashing::Child) {
            Claim::Yours(record) => {
                record.write(Crashed { signal, code, pid, instruction, ..Crashed::default() }, |_| {});
            }
            Claim::Anothers(_) | Claim::Full => panic!("the board is new"),
        }
        place
    }

    /// Some time later.
    pub(super) fn after(&mut self, time: Duration) {
        self.supervisor.keep_time(Instant::now() + time);
    }

    /// What a client of the control socket is told, if it was told already.
    pub(super) fn asks(&mut self, command: Command) -> Receiver<Answer> {
        let (reply, answer) = sync_channel(1);
        self.supervisor.ask(command, Reply::To(reply));
        answer
    }

    pub(super) fn end(&self) -> Option<&Result<u8, Error>> {
        self.supervisor.end.as_ref()
    }
}

/// What a worker is given at its start.
pub(super) struct Begun {
    pub(super) listeners: Vec<String>,
    pub(super) generations: Vec<(crate::deployment::Published, OwnedFd)>,
    pub(super) bans: Vec<crate::quarantine::Ban>,
    pub(super) cause: super::Cause,
    pub(super) failures: usize,
    pub(super) spec: Option<String>,
    pub(super) roll: Option<Change>,
    pub(super) names_generations: bool,
}

impl Actor {
    #[track_caller]
    pub(super) fn hears(&mut self) -> (ToWorker, Option<OwnedFd>) {
        let until = Some(Instant::now() + PATIENCE);
        loop {
            match self.reader.next_until(until).expect("a message").expect("not the end") {
                // It may come at any moment.
                (ToWorker::Ping, _) => {}
                other => return other,
            }
        }
    }

    #[track_caller]
    pub(super) fn begin(&mut self) -> Begun {
        let (mut listeners, mut generations, mut spec) = (Vec::new(), Vec::new(), None);
        let mut bans = Vec::new();
        loop {
            match self.hears() {
                (ToWorker::Listener { bind, .. }, Some(_)) => listeners.push(bind),
                (ToWorker::Serving { generation }, Some(copy)) => generations.push((generation, copy)),
                (ToWorker::Banned { bans: all }, None) => bans = all,
                (ToWorker::Spec { text }, None) => spec = Some(text),
                (ToWorker::Begin { cause, failures, names_generations, roll }, None) => {
                    return Begun {
                        listeners,
                        generations,
                        bans,
                        cause,
                        failures,
                        spec,
                        roll,
                        names_generations,
                    };
                }
                other => panic!("not what a worker begins with: {other:?}"),
            }
        }
    }

    pub(super) fn channel(self) -> super::Channel {
        super::Channel(self.socket)
    }
}

fn pid_of(worker: u64) -> Pid {
    let number = FIRST_PID + i32::try_from(worker).expect("few workers");
    Pid::from_raw(number).expect("not 0")
}

/// A copy of a library, to be read back.
pub(super) fn copy_of(text: &str) -> std::fs::File {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(text.as_bytes()).expect("room");
    file.rewind().expect("a file");
    file
}

pub(super) fn text_of(copy: OwnedFd) -> String {
    use std::io::Seek;
    // Whoever read it before had the same place in the file.
    let mut file = std::fs::File::from(copy);
    file.rewind().expect("a file");
    std::io::read_to_string(file).expect("text")
}
