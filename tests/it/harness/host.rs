//! A running `host`.

use super::build::root;
use super::client::{Client, Response};
use super::command::{Output, finish, host_command, shown, wait};
use super::control;
use super::servers::give_room;
use super::stderr::Stderr;
use super::stream::Address;
use super::{Folder, LIFE_MAX, PATIENCE, Spec, eventually};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A host that is about to be started.
pub(crate) struct Starting {
    spec: Spec,
    folder: Folder,
    runtime: PathBuf,
    binds: Vec<String>,
    binds_by_spec: bool,
    command: Command,
    life: Duration,
    patience: Duration,
}

impl Starting {
    fn new(spec: Spec, folder: Folder, command: Command) -> Self {
        let runtime = folder.path().to_owned();
        let (life, patience) = (LIFE_MAX, PATIENCE);
        Self { spec, folder, runtime, binds: Vec::new(), binds_by_spec: false, command, life, patience }
    }

    /// Listens where its spec says.
    pub(crate) fn bind_by_spec(mut self) -> Self {
        self.binds_by_spec = true;
        self
    }

    /// Where it listens, instead of a free port of 127.0.0.1; once for each place.
    pub(crate) fn bind(mut self, address: &str) -> Self {
        self.binds.push(address.to_owned());
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Has its control socket below this folder, where another host may have one: each host is alone otherwise.
    pub(crate) fn runtime(mut self, folder: &Folder) -> Self {
        self.runtime = folder.path().to_owned();
        self.command.env("XDG_RUNTIME_DIR", folder.path());
        self
    }

    /// May live for so long, instead of [`LIFE_MAX`].
    pub(crate) fn life(mut self, life: Duration) -> Self {
        self.life = life;
        self
    }

    /// A line of its log may take so long, instead of [`PATIENCE`].
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Writes a file beside the spec.
    pub(crate) fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        self.folder.write(name, contents);
        self
    }

    /// The folder with the spec, where the command runs.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Panics
    /// It does not.
    pub(crate) fn start(self) -> Host {
        let mut host = self.spawn();
        let banner =
            host.stderr.wait(host.patience, |log| log.contains("Hit Ctrl-C").then(|| log.to_owned()));
        host.urls =
            banner.unwrap_or_else(|| panic!("the host does not listen")).lines().filter_map(url).collect();
        host
    }

    /// Starts it without a banner and without access lines, for a test with many requests, and waits until it serves.
    ///
    /// # Panics
    /// It does not.
    pub(crate) fn start_quietly(self) -> Host {
        let mut host = self.arg("--quiet").spawn();
        let mut listeners = None;
        eventually("the host serves", || {
            assert!(host.wait_for_end(Duration::ZERO).is_none(), "the host has ended");
            let output = host.ctl(["status", "--format", "json"]);
            let status = serde_json::from_str::<serde_json::Value>(&output.stdout).unwrap_or_default();
            listeners = status["listeners"].as_array().cloned().filter(|_| status["state"] == "serving");
            listeners.is_some()
        });
        let urls = listeners.into_iter().flatten();
        host.urls = urls.filter_map(|url| url.as_str().map(str::to_owned)).collect();
        host
    }

    /// Starts it, and does not wait for a banner: for `--quiet`, or a start that fails.
    pub(crate) fn spawn(mut self) -> Host {
        self.folder.write("app.toml", self.spec.as_str());
        if self.binds.is_empty() && !self.binds_by_spec {
            self.binds.push("127.0.0.1:0".to_owned());
        }
        for bind in &self.binds {
            self.command.args(["--bind", bind]);
        }
        // A group of its own, so that whatever it starts ends with it.
        self.command.process_group(0);
        let command = shown(&self.command);
        let mut child = self.command.spawn().unwrap_or_else(|cause| panic!("cannot run {command}: {cause}"));
        let stderr = Stderr::of(child.stderr.take().expect("a pipe"));
        let (alive, life) = channel();
        let group = Pid::from_child(&child);
        let life_max = self.life;
        std::thread::spawn(move || end_after(group, life_max, &life));
        let (spec, folder, runtime) = (self.spec, self.folder, self.runtime);
        Host {
            spec,
            folder,
            runtime,
            command,
            child: Mutex::new(child),
            stderr,
            patience: self.patience,
            urls: Vec::new(),
            alive: Mutex::new(Some(alive)),
        }
    }
}

/// A running host. Dropping it kills it; in a panic everything is shown first.
pub(crate) struct Host {
    spec: Spec,
    folder: Folder,
    runtime: PathBuf,
    command: String,
    child: Mutex<Child>,
    stderr: Stderr,
    patience: Duration,
    urls: Vec<String>,
    alive: Mutex<Option<Sender<()>>>,
}

impl Host {
    /// Starts the app with that server on a free port, and waits until it listens.
    pub(crate) fn start(spec: impl Into<Spec>, server: &str) -> Self {
        Self::with(spec, server).start()
    }

    /// As [`Host::start`], to be completed by [`Starting::start`].
    pub(crate) fn with(spec: impl Into<Spec>, server: &str) -> Starting {
        let folder = Folder::new();
        let mut command = host_command(folder.path(), folder.path());
        command.args(["--app", "app.toml", "--server", server]);
        give_room(server, &mut command);
        Starting::new(spec.into(), folder, command)
    }

    /// As [`Host::with`], by `host dev`.
    pub(crate) fn developing(spec: impl Into<Spec>, server: &str) -> Starting {
        let folder = Folder::new();
        let mut command = host_command(folder.path(), folder.path());
        command.args(["dev", "--server", server]);
        Starting::new(spec.into(), folder, command)
    }

    /// `host` with these arguments in the root of the project, to be completed by [`Starting::start`].
    pub(crate) fn with_args<'a>(args: impl IntoIterator<Item = &'a str>) -> Starting {
        let folder = Folder::new();
        let mut command = host_command(root(), folder.path());
        command.args(args);
        Starting::new(Spec::exactly(""), folder, command)
    }

    /// The URLs of the banner, in its order.
    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The folder with its spec.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The process that was started: the supervisor.
    pub(crate) fn pid(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// The process that loads plugins and serves.
    #[track_caller]
    pub(crate) fn worker_pid(&self) -> u32 {
        let pid = self.status()["worker"]["pid"].as_u64();
        pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_else(|| panic!("the host has no worker"))
    }

    /// `host ctl` with these arguments, in the folder of this host.
    pub(crate) fn ctl<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Output {
        let mut command = host_command(self.folder.path(), &self.runtime);
        command.arg("ctl").args(args);
        finish(command)
    }

    /// Writes its spec anew, and has it taken: `host ctl reload-spec`, for programs.
    pub(crate) fn reload_spec(&self, spec: &Spec) -> Output {
        self.folder.write("app.toml", spec.as_str());
        self.ctl(["reload-spec", "--format", "json"])
    }

    /// What `host ctl status` has for programs.
    #[track_caller]
    pub(crate) fn status(&self) -> serde_json::Value {
        let output = self.ctl(["status", "--format", "json"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        serde_json::from_str(&output.stdout).unwrap_or_else(|cause| panic!("{cause}: {output:?}"))
    }

    /// Asks on its control socket, and gives the answer: `exit`, `text` and `data`.
    #[track_caller]
    pub(crate) fn ask(&self, command: &serde_json::Value) -> serde_json::Value {
        control::ask(&self.runtime.join("host/test.sock"), command)
    }

    /// Swaps a plugin for the file that it has.
    ///
    /// # Panics
    /// That fails.
    #[track_caller]
    pub(crate) fn swap(&self, plugin: &str) -> serde_json::Value {
        let answer = self.ask(&serde_json::json!({ "command": "swap", "plugin": plugin, "force": true }));
        assert_eq!(answer["exit"], 0, "{answer:#}");
        answer["data"]["swaps"][0].clone()
    }

    /// How many TCP connections to its first listener it has not ended, accepted or not: those that the kernel lists as
    /// established.
    pub(crate) fn connections(&self) -> usize {
        let Address::Tcp(address) = self.address() else { panic!("not a TCP listener") };
        let port = format!(":{:04X}", address.port());
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
        let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| row[1].ends_with(&port) && row[3] == "01").count()
    }

    /// The address of its first listener.
    pub(crate) fn address(&self) -> Address {
        Address::of_url(self.urls.first().expect("a host that listens"))
    }

    /// A new connection to its first listener.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.address())
    }

    /// One request on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], "")
    }

    /// One request on a connection of its own.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Response {
        self.connect().request(method, path, headers, body)
    }

    /// All that it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.stderr.text()
    }

    /// Waits for a line of its log that contains `part`, and gives the line.
    ///
    /// # Panics
    /// It does not come within [`PATIENCE`], or what [`Starting::patience`] says.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, part: &str) -> String {
        let found = |log: &str| log.lines().find(|line| line.contains(part)).map(str::to_owned);
        let line = self.stderr.wait(self.patience, found);
        line.unwrap_or_else(|| panic!("the log has no line with `{part}`"))
    }

    /// To the process that was started.
    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        rustix::process::kill_process(Pid::from_child(&child), signal).expect("a process of our own");
    }

    /// Stops it with SIGTERM, and waits for its end.
    #[track_caller]
    pub(crate) fn stop(&self) -> Output {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for its end: the exit code and everything that it wrote.
    ///
    /// # Panics
    /// It does not end within [`PATIENCE`].
    #[track_caller]
    pub(crate) fn wait(&self) -> Output {
        self.wait_for_end(PATIENCE).unwrap_or_else(|| panic!("the host did not end within {PATIENCE:?}"))
    }

    /// As [`Host::wait`]; none when it does not end in time.
    pub(crate) fn wait_for_end(&self, limit: Duration) -> Option<Output> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let code = wait(&mut child, limit)?;
        self.end_watch();
        let mut stdout = String::new();
        if let Some(mut pipe) = child.stdout.take() {
            let _ = pipe.read_to_string(&mut stdout);
        }
        Some(Output { command: self.command.clone(), code, stdout, stderr: self.stderr.whole() })
    }

    fn end_watch(&self) {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let ended = child.try_wait().ok().flatten();
        if ended.is_none() {
            let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
            let _ = child.wait();
        }
        self.end_watch();
        if std::thread::panicking() {
            let (command, spec, log) = (&self.command, self.spec.as_str(), self.stderr.whole());
            let state = ended.map_or("was running".to_owned(), |status| status.to_string());
            eprintln!("\n$ {command}\n--- app.toml\n{spec}\n--- log ({state})\n{log}---");
        }
    }
}

/// Kills the group when nobody ended the host in time: then every wait for it ends, and its test fails.
fn end_after(group: Pid, life_max: Duration, life: &Receiver<()>) {
    if life.recv_timeout(life_max) == Err(RecvTimeoutError::Timeout) {
        eprintln!("a host was killed after {life_max:?}: its test takes too long");
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn url(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("Listening on ")?;
    rest.split('"').next().map(str::to_owned)
}
