//! A server under measurement: a process of its own on core 0, while the load runs on core 1.

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// The `host` of the same build, and its plugins.
pub(crate) fn built(name: &str) -> PathBuf {
    let folder = std::env::current_exe().expect("the path of the benchmark");
    let path = folder.parent().expect("target/<profile>").join(name);
    assert!(path.is_file(), "{} is missing: cargo build --release --workspace", path.display());
    path
}

/// `host` with this spec; quiet, because the reference writes no access lines either, and in one process, because that is
/// the one that is measured.
pub(crate) fn host(spec: &Path, server: &str) -> Command {
    let mut command = Command::new(built("host"));
    host_args(&mut command, spec, server);
    command
}

pub(crate) fn host_args(command: &mut Command, spec: &Path, server: &str) {
    command.arg("--app").arg(spec).args([
        "--server",
        server,
        "--workers",
        "1",
        "--no-supervisor",
        "--quiet",
        "--bind",
    ]);
}

/// `host` with this control socket; on all cores, because a swap is work beside that of the server.
pub(crate) fn swapping_host(spec: &Path, server: &str, control: &Path) -> Command {
    let mut command = Command::new(built("host"));
    command.arg("--app").arg(spec).args(["--server", server, "--no-supervisor", "--quiet"]);
    command.arg("--control").arg(control).arg("--bind");
    // It has a line for each swap.
    command.stderr(Stdio::null());
    command
}

impl Server {
    /// Starts a server whose last argument is to be its address on core 0, and waits until it listens.
    pub(crate) fn start(command: Command) -> Self {
        // A child begins on the core of its parent.
        pin(0);
        let server = Self::start_anywhere(command);
        pin(1);
        server
    }

    /// As [`start`](Self::start), on the cores that this thread has.
    pub(crate) fn start_anywhere(mut command: Command) -> Self {
        let address = free_address();
        command.arg(address.to_string());
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|cause| panic!("cannot run {command:?}: {cause}"));
        let mut server = Self { child, address };
        while TcpStream::connect(address).is_err() {
            let ended = server.child.try_wait().expect("a process of our own");
            assert!(ended.is_none(), "{command:?} ended before it listened");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    /// The time in nanoseconds that its threads have been running, from the kernel's accounting.
    pub(crate) fn cpu_nanos(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("a running server");
        let nanos = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        nanos.sum()
    }
}

impl Drop for Server {
    /// Ends the process that the command became: strace has it as a child, and ends with it.
    fn drop(&mut self) {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let traced = children.split_whitespace().next().and_then(|child| child.parse().ok());
        if let Some(id) = Pid::from_raw(traced.unwrap_or(id.cast_signed())) {
            let _ = kill_process(id, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// Keeps this thread, and what it starts, on one core; a machine with fewer runs everything where it likes.
fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    let _ = sched_setaffinity(None, &set);
}
