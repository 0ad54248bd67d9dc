//! Commands that end by themselves.

use super::build::{host_binary, root};
use super::{Folder, PATIENCE};
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a process left. Its `Debug` is for the message of a failed assertion.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Output {
    /// What was run.
    pub(crate) command: String,
    /// The exit code; none: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "\n$ {command}\nexit code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

impl Output {
    /// What a command that was asked for JSON printed.
    ///
    /// # Panics
    /// It failed, or printed something else.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|cause| panic!("{cause}: {self:?}"))
    }
}

/// Runs `host` with these arguments, in the root of the project.
pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    run_in(root(), args)
}

/// As [`run`], for a command that takes longer.
///
/// # Panics
/// It does not end within `limit`.
pub(crate) fn run_for<A: AsRef<std::ffi::OsStr>>(
    limit: Duration,
    args: impl IntoIterator<Item = A>,
) -> Output {
    let runtime = Folder::new();
    let mut command = host_command(root(), runtime.path());
    command.args(args);
    finish_within(command, limit)
}

/// Runs `host` with these arguments in a folder.
///
/// # Panics
/// It does not end within [`PATIENCE`].
pub(crate) fn run_in<A: AsRef<std::ffi::OsStr>>(folder: &Path, args: impl IntoIterator<Item = A>) -> Output {
    let runtime = Folder::new();
    let mut command = host_command(folder, runtime.path());
    command.args(args);
    finish(command)
}

/// `host`, with nothing of the caller's environment that it would read, and folders where no other host has its control
/// socket or its state.
pub(super) fn host_command(folder: &Path, runtime: &Path) -> Command {
    let mut command = Command::new(host_binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HOST_") {
            command.env_remove(name);
        }
    }
    // Tests read what people read; those of JSON ask for it.
    command.env("HOST_LOG_FORMAT", "pretty");
    command.current_dir(folder).env("XDG_RUNTIME_DIR", runtime);
    command.env("XDG_STATE_HOME", runtime.join("state")).env_remove("STATE_DIRECTORY");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(super) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

pub(super) fn finish(command: Command) -> Output {
    finish_within(command, PATIENCE)
}

fn finish_within(mut command: Command, limit: Duration) -> Output {
    let shown = shown(&command);
    let mut child = command.spawn().unwrap_or_else(|cause| panic!("cannot run {shown}: {cause}"));
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let code = wait(&mut child, limit).unwrap_or_else(|| {
        let _ = child.kill();
        panic!("{shown} did not end within {limit:?}")
    });
    let join = |thread: std::thread::JoinHandle<String>| thread.join().expect("a reader");
    Output { command: shown, code, stdout: join(stdout), stderr: join(stderr) }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.expect("a pipe").read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The exit code, when the process ends in time.
pub(super) fn wait(child: &mut Child, limit: Duration) -> Option<Option<i32>> {
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("a process of our own") {
            return Some(status.code());
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
