//! The worker's side: what it does before anything else, and its link to the supervisor.

mod parent;

use super::alone::Alone;
use super::message::{Cause, FromWorker, ToWorker};
use super::outbox::Outbox;
use super::wire::Reader;
use super::{CHANNEL_VARIABLE, signals};
use crate::control::{Answer, Command, Commands};
use crate::crash;
use crate::deployment::{Change, Published};
use crate::error::Error;
use crate::listener::{Listener, Shape as ListenerShape};
use crate::quarantine::Bans;
use crate::scoreboard;
use crate::server::Shape;
use crate::spec::Bind;
use crate::stop::Stop;
use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_domain, socket_peercred};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long the supervisor may take to say what to start with.
const BEGIN_MAX: Duration = Duration::from_secs(30);
/// How long it may take to bind an address: it may have to ask for one by its name.
const BIND_MAX: Duration = Duration::from_secs(30);
/// How long messages may take without which the process had better not go on, or end.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// The channel to a supervisor, on the side of the worker.
pub struct Channel(pub(super) Arc<UnixStream>);

/// If this process is a worker: binds its life to its supervisor's, and takes the channel away from standard input. To be
/// called before anything else.
///
/// A program that a plugin starts inherits the variable, but not the channel: it is no worker.
///
/// # Errors
/// The supervisor is gone, or the process cannot take what it was given.
pub fn enter() -> Result<Option<Channel>, Error> {
    if std::env::var_os(CHANNEL_VARIABLE).is_none() {
        return Ok(None);
    }
    let stdin = std::io::stdin();
    if socket_domain(&stdin) != Ok(AddressFamily::UNIX) {
        return Ok(None);
    }
    let fail = |cause: rustix::io::Errno| Error::failed(format!("cannot start a worker: {cause}"));
    end_with_supervisor(&stdin)?;
    let channel = stdin.as_fd().try_clone_to_owned();
    let channel = channel.map_err(|cause| Error::failed(format!("cannot start a worker: {cause}")))?;
    let nothing = File::open("/dev/null").map_err(|cause| Error::failed(format!("/dev/null: {cause}")))?;
    rustix::stdio::dup2_stdin(nothing).map_err(fail)?;
    // The program was started as /proc/self/exe, which is a poor name in a list of processes.
    let _ = rustix::thread::set_name(c"host-worker");
    Ok(Some(Channel(Arc::new(channel.into()))))
}

/// Has the system kill this process when its supervisor ends.
fn end_with_supervisor(channel: impl AsFd) -> Result<(), Error> {
    let fail = |cause: rustix::io::Errno| Error::failed(format!("cannot start a worker: {cause}"));
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(fail)?;
    // Its parent may have ended before the line above.
    let peer = socket_peercred(channel).map_err(fail)?;
    if getppid() != Some(peer.pid) {
        return Err(Error::failed("the supervisor of this worker is gone"));
    }
    Ok(())
}

/// What a worker begins with.
#[derive(Debug)]
pub struct Begin {
    /// Why it is started.
    pub cause: Cause,
    /// How many workers ended one after the other just before, without having served for long.
    pub failures: usize,
    /// The sockets, each with the address as the spec, or whoever asked for it while the host ran, names it.
    pub listeners: Vec<(Bind, Listener)>,
    /// What the worker before had, the oldest first, each with its sealed copy.
    pub generations: Vec<(Published, OwnedFd)>,
    /// What is not to run, now and later.
    pub bans: Bans,
    /// The text of the spec, where the others of the set have it.
    pub spec: Option<String>,
    /// Whether answers name their generations.
    pub names_generations: bool,
    /// What to change before it serves.
    pub roll: Option<Change>,
}

/// A worker's link to its supervisor. Nothing here waits for the supervisor, but [`listen`](crate::deployment::Parent::listen).
/// Clones are the same link.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    outbox: Outbox<FromWorker>,
    stop: Stop,
    /// The supervisor told us to end.
    was_told: AtomicBool,
    /// SIGTERM came, to this process.
    start_again: Arc<AtomicBool>,
    commands: OnceLock<Arc<dyn Commands>>,
    /// What was said of that last, before there were any.
    names_generations: Mutex<Option<bool>>,
    bans: Bans,
    binding: Mutex<HashMap<u64, SyncSender<Result<Listener, Error>>>>,
    binds: AtomicU64,
    /// Where no thread listens to the supervisor.
    alone: Option<Alone>,
}

impl Channel {
    /// Takes what the supervisor hands over.
    ///
    /// # Errors
    /// It hands nothing over.
    pub fn begin(self) -> Result<(Opened, Begin), Error> {
        let mut reader = Reader::new(self.0.clone());
        let begin = read_begin(&mut reader, Instant::now() + BEGIN_MAX)?;
        Ok((Opened { channel: self, reader, bans: begin.bans.clone() }, begin))
    }
}

/// A channel over which a worker was told what to begin with.
pub struct Opened {
    channel: Channel,
    reader: Reader,
    bans: Bans,
}

impl Opened {
    /// Binds the life of this process to its supervisor's once more: the system forgets it when a process becomes another user.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub fn still_wanted(&self) -> Result<(), Error> {
        end_with_supervisor(&*self.channel.0)
    }

    /// Listens to the supervisor from now on, on a thread. The process ends with the channel.
    ///
    /// # Errors
    /// There is no thread left.
    pub fn link(self, stop: &Stop) -> Result<Link, Error> {
        let start_again = Arc::new(AtomicBool::new(false));
        signals::of_a_worker(stop.clone(), start_again.clone())?;
        // When the channel ends, nobody wants this process any more.
        let link = self.link_until(stop, start_again, || signal_hook::low_level::exit(1))?;
        link.show_scoreboard();
        Ok(link)
    }

    /// The same without any thread: whoever serves [works](Link::work) whenever there is something to do.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub fn link_alone(self, stop: &Stop) -> Result<Link, Error> {
        let start_again = Arc::new(AtomicBool::new(false));
        let signals = signals::of_a_worker_that_forks(start_again.clone())?;
        let outbox = Outbox::without_thread(self.channel.0.clone())?;
        let alone = Alone::new(self.channel.0, self.reader, signals);
        let link = Link::of(outbox, self.bans, stop, start_again, Some(alone));
        link.show_scoreboard();
        Ok(link)
    }

    pub(super) fn link_until(
        self,
        stop: &Stop,
        start_again: Arc<AtomicBool>,
        end: impl FnOnce() + Send + 'static,
    ) -> Result<Link, Error> {
        let reader = self.reader;
        let outbox = Outbox::start("to supervisor", self.channel.0)?;
        let link = Link::of(outbox, self.bans, stop, start_again, None);
        let listening = link.clone();
        let listen = move || {
            listening.obey(reader);
            end();
        };
        let thread = std::thread::Builder::new().name("from supervisor".into()).spawn(listen);
        thread.map_err(|cause| Error::failed(format!("cannot listen to the supervisor: {cause}")))?;
        Ok(link)
    }
}

fn read_begin(reader: &mut Reader, until: Instant) -> Result<Begin, Error> {
    let (mut listeners, mut generations, mut spec) = (Vec::new(), Vec::new(), None);
    let banned = Bans::default();
    loop {
        let message = reader.next_until::<ToWorker>(Some(until))?;
        match message.ok_or_else(|| Error::failed("the supervisor ended"))? {
            (ToWorker::Listener { bind, shape, .. }, descriptor) => {
                listeners.push((bind.parse()?, handed(shape, descriptor)?));
            }
            // Without its copy it is as if it had never been: the file is loaded.
            (ToWorker::Serving { .. }, None) => {}
            (ToWorker::Serving { generation }, Some(copy)) => generations.push((generation, copy)),
            (ToWorker::Spec { text }, _) => spec = Some(text),
            (ToWorker::Begin { cause, failures, names_generations, roll }, _) => {
                let bans = banned;
                return Ok(Begin {
                    cause,
                    failures,
                    listeners,
                    generations,
                    bans,
                    spec,
                    names_generations,
                    roll,
                });
            }
            (ToWorker::Banned { bans }, _) => banned.set(bans),
            (other, _) => return Err(Error::failed(format!("not what a worker begins with: {other:?}"))),
        }
    }
}

fn handed(shape: ListenerShape, descriptor: Option<OwnedFd>) -> Result<Listener, Error> {
    let descriptor = descriptor.ok_or_else(|| Error::failed("no descriptor left for a socket"))?;
    Ok(Listener::handed(shape, descriptor))
}

impl Link {
    fn of(
        outbox: Outbox<FromWorker>,
        bans: Bans,
        stop: &Stop,
        start_again: Arc<AtomicBool>,
        alone: Option<Alone>,
    ) -> Self {
        let link = Self(Arc::new(Inner {
            outbox,
            stop: stop.clone(),
            was_told: AtomicBool::new(false),
            start_again,
            commands: OnceLock::new(),
            names_generations: Mutex::default(),
            bans,
            binding: Mutex::default(),
            binds: AtomicU64::new(0),
            alone,
        }));
        link.say_when_we_stop();
        link
    }

    /// Readable when there is something to do; none where threads do it.
    pub fn events(&self) -> Vec<BorrowedFd<'_>> {
        self.0.alone.as_ref().map(Alone::events).unwrap_or_default()
    }

    /// Does what the supervisor and signals have asked for meanwhile.
    pub fn work(&self) {
        let Some(alone) = &self.0.alone else { return };
        alone.clear_signals();
        if self.0.start_again.load(Ordering::SeqCst) {
            self.0.stop.request();
        }
        while let Some((message, descriptor)) = alone.next() {
            self.obey_one(message, descriptor);
        }
    }

    /// This process is a child of the worker: the channel is not its own.
    pub fn let_go(&self) {
        self.0.alone.iter().for_each(Alone::let_go);
    }

    /// The worker serves: connections are accepted, commands are carried out.
    pub fn ready(&self, banner: &str, commands: Arc<dyn Commands>, shape: Shape) {
        let mut said = self.0.names_generations.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = self.0.commands.get_or_init(|| commands);
        said.take().map(|on| commands.execute(Command::NameGenerations { on }));
        drop(said);
        let Shape { workers, rolls } = shape;
        self.say(FromWorker::Ready { banner: banner.to_owned(), workers, rolls });
    }

    /// What became of the change that the worker began with. If nothing has changed, the process ends.
    pub fn rolled(&self, answer: Answer, has_changed: bool) {
        let said = self.0.outbox.send(&FromWorker::Rolled { answer, has_changed }, None);
        if let Err(error) = said {
            self.say(FromWorker::Rolled { answer: error.into(), has_changed: false });
        }
    }

    /// What was answered until the end, while its generations are still there.
    pub fn say_last_counts(&self) {
        self.say_counts(true);
    }

    fn say_counts(&self, retires: bool) {
        if let Some(commands) = self.0.commands.get() {
            self.say(FromWorker::Counts { counts: commands.counts(), retires });
        }
    }

    /// The worker could not load, and waits for a change.
    pub fn waiting(&self, error: &Error) {
        self.say(FromWorker::Waiting { error: error.to_string() });
    }

    /// How the process is to end after it has served: asking to be started again when SIGTERM came to it alone. Sends what
    /// is left to say.
    ///
    /// # Errors
    /// It is to be started again.
    pub fn end(&self) -> Result<(), Error> {
        self.0.outbox.flush(FLUSH_MAX);
        if self.0.start_again.load(Ordering::SeqCst) && !self.0.was_told.load(Ordering::SeqCst) {
            return Err(Error::start_again("finished after SIGTERM"));
        }
        Ok(())
    }

    fn binding(&self) -> MutexGuard<'_, HashMap<u64, SyncSender<Result<Listener, Error>>>> {
        self.0.binding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before anything of a plugin runs: the supervisor looks at it when this process does not answer any more.
    fn show_scoreboard(&self) {
        let Some(board) = scoreboard::board() else { return };
        if let Err(error) = crash::watch(board.crashes()) {
            tracing::warn!("{error}");
        }
        let descriptor = board.file().try_clone().map_err(|cause| Error::failed(cause.to_string()));
        let shown =
            descriptor.and_then(|file| self.0.outbox.send(&FromWorker::Scoreboard, Some(file.into())));
        // What follows may end this process at once, with all that waits to be sent.
        self.0.outbox.flush(FLUSH_MAX);
        if let Err(error) = shown {
            tracing::warn!("the supervisor will not see what this worker is doing: {error}");
        }
    }

    /// A supervisor that does not read is about to end, and this process with it.
    fn say(&self, message: FromWorker) {
        if self.0.alone.as_ref().is_some_and(Alone::is_let_go) {
            return;
        }
        let _ = self.0.outbox.send(&message, None);
    }

    /// When a plugin asks the host to stop, the supervisor must close its sockets, too.
    fn say_when_we_stop(&self) {
        let link = self.clone();
        self.0.stop.on_request(move || {
            if !link.0.was_told.load(Ordering::SeqCst) && !link.0.start_again.load(Ordering::SeqCst) {
                link.say(FromWorker::Stopping);
            }
        });
    }

    /// Does what the supervisor says, until the channel ends.
    fn obey(&self, mut reader: Reader) {
        while let Ok(Some((message, descriptor))) = reader.next::<ToWorker>() {
            self.obey_one(message, descriptor);
        }
    }

    fn obey_one(&self, message: ToWorker, descriptor: Option<OwnedFd>) {
        match message {
            ToWorker::Stop => self.end_by(Stop::request),
            // One that waits for a change has no connections.
            ToWorker::Retire if self.0.commands.get().is_none() => self.end_by(Stop::request),
            ToWorker::Retire => {
                self.end_by(Stop::retire);
                self.say_counts(true);
            }
            ToWorker::Count => self.say_counts(false),
            ToWorker::Execute { id, command } => self.execute(id, command),
            ToWorker::Banned { bans } => self.0.bans.set(bans),
            // From here, where nothing waits for a plugin or for the lock of the loader.
            ToWorker::Ping => self.say(FromWorker::Pong),
            ToWorker::Listener { shape, listen: Some(listen), .. } => {
                self.bound(listen, handed(shape, descriptor));
            }
            ToWorker::NotBound { listen, error } => self.bound(listen, Err(error)),
            ToWorker::Listener { .. }
            | ToWorker::Serving { .. }
            | ToWorker::Spec { .. }
            | ToWorker::Begin { .. } => {}
        }
    }

    fn end_by(&self, how: impl FnOnce(&Stop)) {
        self.0.was_told.store(true, Ordering::SeqCst);
        how(&self.0.stop);
    }

    fn bound(&self, listen: u64, result: Result<Listener, Error>) {
        if let Some(answer) = self.binding().remove(&listen) {
            let _ = answer.try_send(result);
        }
    }

    /// On a thread of its own: a swap takes its time. Where there is no other thread, nothing that is asked for does.
    fn execute(&self, id: u64, command: Command) {
        if let Command::NameGenerations { on } = command {
            return self.name_generations(id, on);
        }
        let Some(commands) = self.0.commands.get().cloned() else {
            return self.answer(id, Error::failed("the worker is still loading").into());
        };
        if self.0.alone.is_some() {
            return self.answer(id, commands.execute(command));
        }
        let link = self.clone();
        let execute = move || link.answer(id, commands.execute(command));
        let thread = std::thread::Builder::new().name("command".into()).spawn(execute);
        if let Err(cause) = thread {
            self.answer(id, Error::failed(format!("cannot start a thread for the command: {cause}")).into());
        }
    }

    /// At once: what is asked next is answered when that is done.
    fn name_generations(&self, id: u64, on: bool) {
        let mut said = self.0.names_generations.lock().unwrap_or_else(PoisonError::into_inner);
        match self.0.commands.get() {
            Some(commands) => self.answer(id, commands.execute(Command::NameGenerations { on })),
            None => *said = Some(on),
        }
    }

    fn answer(&self, id: u64, answer: Answer) {
        if let Err(error) = self.0.outbox.send(&FromWorker::Answer { id, answer }, None) {
            self.say(FromWorker::Answer { id, answer: error.into() });
        }
    }
}
