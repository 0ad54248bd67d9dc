//! `host --app FILE --server NAME`: as a supervisor, as its worker, or alone.

use super::app::{self, AppArgs};
use crate::control::{Answer, Commands, ControlServer, ControlSocket};
use crate::deployment::{Inherited, Nobody, Parent, Reread};
use crate::errands::Pump;
use crate::error::{Error, Exit};
use crate::log::{self, LogFormat, Process};
use crate::privileges;
use crate::quarantine::Bans;
use crate::run::{self, Options, Start, Starter};
use crate::server::{ServerRegistry, Shape};
use crate::spec::{At, Bind, Count, Located, Spec};
use crate::stack;
use crate::stop::Stop;
use crate::supervisor::{self, Begin, Cause, Channel, Link, signals};
use crate::systemd;
use clap::Args;
use clap::builder::FalseyValueParser;
use rustix::process::{getpid, getppid};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The app of `host dev`, where none is named.
const APP_OF_THIS_FOLDER: &str = "app.toml";

/// How long the last answers to clients of the control socket may take.
const ANSWERS_MAX: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    app: AppArgs,
    /// The server, by its name: `host servers` lists them
    #[arg(short, long, env = "HOST_SERVER", value_name = "NAME")]
    server: Option<String>,
    /// Where to listen: `host:port`, `[v6]:port`, `:port`, `unix:PATH`, `fd:NAME`; port 0 takes a free one
    #[arg(short, long, env = "HOST_BIND", value_name = "ADDR", value_delimiter = ',')]
    bind: Vec<Bind>,
    /// Event loops or processes, where the server has them
    #[arg(short, long, env = "HOST_WORKERS", value_name = "N|auto")]
    workers: Option<Count>,
    /// Handler threads, where the server has a limit of its own for them
    #[arg(long, env = "HOST_THREADS", value_name = "N|auto")]
    threads: Option<Count>,
    /// Swap what changes on disk
    #[arg(long, alias = "reload", env = "HOST_WATCH", value_parser = FalseyValueParser::new())]
    watch: bool,
    /// The control socket, in place of the one of the app's name
    #[arg(long, env = "HOST_CONTROL", value_name = "PATH")]
    control: Option<PathBuf>,
    /// Serve in this process, without another one that starts it again: for debuggers
    #[arg(long, env = "HOST_NO_SUPERVISOR", value_parser = FalseyValueParser::new())]
    no_supervisor: bool,
    /// Log more, and show clients the causes of errors
    #[arg(long, env = "HOST_DEBUG", value_parser = FalseyValueParser::new())]
    debug: bool,
    /// No banner and no access lines
    #[arg(short, long, env = "HOST_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,
    /// Load everything, say whether it could be served, and end
    #[arg(long)]
    check: bool,
    /// How the log and the access lines look: `auto` is JSON unless standard error is a terminal
    #[arg(long, env = "HOST_LOG_FORMAT", value_enum)]
    log_format: Option<LogFormat>,
    /// `host dev`
    #[arg(skip)]
    dev: bool,
}

impl Run {
    /// As `host dev` means it.
    pub(super) fn in_development(mut self) -> Self {
        self.app.default_to(APP_OF_THIS_FOLDER);
        Self { watch: true, debug: true, dev: true, ..self }
    }

    /// A supervisor and its worker have the same arguments, and read the same spec.
    pub(super) fn execute(&self, channel: Option<Channel>) -> Result<u8, Error> {
        if let Some(channel) = channel.filter(|_| !self.check) {
            return start_again_code(self.serve_as_worker(channel));
        }
        let spec = self.logged(None, self.process())?;
        match () {
            () if self.check => app::check(&spec)?,
            () if self.no_supervisor => self.serve_alone(&spec)?,
            () => return supervisor::supervise(&spec, self.control.as_deref(), self.quiet),
        }
        Ok(0)
    }

    /// The spec, with the log as it says from now on. One that cannot be read says nothing: then it is as the flags say.
    fn logged(&self, text: Option<String>, process: Process) -> Result<Spec, Error> {
        let spec = self.spec_with(text);
        let said = spec.as_ref().map(|spec| (spec.log.format, spec.app.debug));
        let (format, debug) = said.unwrap_or((self.log_format(LogFormat::Auto), self.debug));
        log::install(format, debug, process);
        spec
    }

    /// What this process is, for its log.
    fn process(&self) -> Process {
        if self.no_supervisor || self.check { Process::Host } else { Process::Supervisor }
    }

    /// Reads the spec, and gives up what a worker is not to have: before there is a thread that may run code of a plugin. Whether
    /// its server forks is told besides.
    fn prepare(&self, begin: &mut Begin) -> Result<(Spec, bool), Error> {
        let spec = self.logged(begin.spec.take(), Process::Worker)?;
        let forks = run::choose(&spec, &ServerRegistry::default())?.server.forks();
        if forks {
            log::without_thread();
        }
        privileges::restrict(&spec.process)?;
        Ok((spec, forks))
    }

    fn serve_as_worker(&self, channel: Channel) -> Result<(), Error> {
        let stop = Stop::new()?;
        stack::allow_tracers_of(getppid());
        let (opened, mut begin) = channel.begin()?;
        let (spec, forks) = self.prepare(&mut begin)?;
        opened.still_wanted()?;
        // The system forgets that, too, when a process becomes another user.
        stack::allow_tracers_of(getppid());
        let Begin { listeners, generations, names_generations, roll, cause, bans, .. } = begin;
        let mut link = if forks { opened.link_alone(&stop)? } else { opened.link(&stop)? };
        let inherited = Inherited::of(generations);
        let reread = self.reread();
        let start = Start { spec, reread, listeners, inherited, bans, names_generations, roll, stop };
        let options = Options { is_first: cause == Cause::Start, ..self.options(true) };
        let served = run::run(start, &options, &mut link);
        let ended = link.end();
        served.and(ended)
    }

    fn serve_alone(&self, spec: &Spec) -> Result<(), Error> {
        let stop = Stop::new()?;
        // Each thread has that for itself, and hands it on: the one of the signals may run code of a plugin, in a swap.
        privileges::gain_none(&spec.process)?;
        stack::allow_tracers_of(Some(getpid()));
        let commands = Arc::new(OnceLock::new());
        signals::of_a_host_alone(stop.clone(), commands.clone())?;
        let listeners = run::bind(spec)?;
        let socket = ControlSocket::open(self.control.as_deref(), &spec.app.name)?;
        privileges::restrict(&spec.process)?;
        stop.on_request(systemd::stopping);
        let mut alone = Alone { quiet: self.quiet, socket, server: None, commands };
        // Under a debugger is where a plugin that crashes belongs: nothing is refused here.
        let (inherited, bans) = (Inherited::default(), Bans::default());
        let (spec, reread, names_generations, roll) = (spec.clone(), self.reread(), false, None);
        let start = Start { spec, reread, listeners, inherited, bans, names_generations, roll, stop };
        let served = run::run(start, &self.options(false), &mut alone);
        if let Some(server) = &alone.server {
            server.flush(ANSWERS_MAX);
        }
        served
    }

    /// The spec, with the same arguments, at another time.
    fn reread(&self) -> Reread {
        let again = self.clone();
        Arc::new(move || again.spec())
    }

    /// A process that somebody starts again may wait for a change when it cannot load.
    fn options(&self, starts_again: bool) -> Options {
        Options { quiet: self.quiet, starts_again, is_first: !starts_again, dev: self.dev }
    }

    pub(super) fn spec(&self) -> Result<Spec, Error> {
        self.spec_with(None)
    }

    /// Flags win over the spec.
    fn spec_with(&self, text: Option<String>) -> Result<Spec, Error> {
        let mut spec = self.app.spec_with(text)?;
        let server = &mut spec.server;
        if let Some(name) = &self.server {
            server.name = Some(Located::new(name.clone(), At::flag(format!("--server {name}"))));
        }
        if !self.bind.is_empty() {
            let bind = self.bind.iter();
            server.bind =
                bind.map(|bind| Located::new(bind.clone(), At::flag(format!("--bind {bind}")))).collect();
        }
        server.workers = self.workers.unwrap_or(server.workers);
        server.threads = self.threads.unwrap_or(server.threads);
        spec.app.debug |= self.debug;
        spec.swap.watch |= self.watch;
        spec.log.format = self.log_format(spec.log.format);
        Ok(spec)
    }

    /// Flags win over the spec. What is read while one works is for people, and so is what a command says that ends by itself.
    fn log_format(&self, of_spec: LogFormat) -> LogFormat {
        match self.log_format.unwrap_or(of_spec) {
            LogFormat::Auto if self.dev || self.check => LogFormat::Pretty,
            format => format,
        }
    }
}

/// Asking to be started again is no error: the supervisor does, and says so.
fn start_again_code(served: Result<(), Error>) -> Result<u8, Error> {
    match served {
        Err(error) if error.exit() == Exit::StartAgain => {
            tracing::info!("{}", error.message());
            Ok(Exit::StartAgain.code())
        }
        served => served.map(|()| 0),
    }
}

impl Pump for Link {
    fn events(&self) -> Vec<BorrowedFd<'_>> {
        Link::events(self)
    }

    fn work(&self) {
        Link::work(self);
    }

    fn let_go(&self) {
        Link::let_go(self);
    }
}

impl Starter for Link {
    fn parent(&self) -> Arc<dyn Parent> {
        Arc::new(self.clone())
    }

    fn waits(&mut self, error: &Error) {
        self.waiting(error);
    }

    fn pump(&self) -> Option<Arc<dyn Pump>> {
        Some(Arc::new(self.clone()))
    }

    fn rolled(&mut self, answer: Answer, has_changed: bool) {
        Link::rolled(self, answer, has_changed);
    }

    fn serves(&mut self, banner: &str, commands: Arc<dyn Commands>, shape: Shape) -> Result<(), Error> {
        self.ready(banner, commands, shape);
        Ok(())
    }

    fn served(&mut self) {
        self.say_last_counts();
    }
}

/// A host without a supervisor answers on its control socket itself.
struct Alone {
    quiet: bool,
    socket: Option<ControlSocket>,
    /// Kept until the end: dropping it removes the socket.
    server: Option<ControlServer>,
    commands: Arc<OnceLock<Arc<dyn Commands>>>,
}

impl Starter for Alone {
    fn parent(&self) -> Arc<dyn Parent> {
        Arc::new(Nobody)
    }

    fn waits(&mut self, _: &Error) {}

    fn rolled(&mut self, _: Answer, _: bool) {}

    fn serves(&mut self, banner: &str, commands: Arc<dyn Commands>, _: Shape) -> Result<(), Error> {
        let _ = self.commands.set(commands.clone());
        if let Some(socket) = self.socket.take() {
            self.server = Some(ControlServer::start(socket, commands)?);
        }
        systemd::ready();
        if !self.quiet {
            log::say(banner);
        }
        Ok(())
    }
}
