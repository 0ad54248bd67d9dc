//! What systemd is told, the sockets that it gives, and the unit files of the docs.

use super::rights;
use crate::harness::{
    Address, Client, Folder, PATIENCE, Starting, eventually, for_each_server, host_binary, plugin_from_c,
    root,
};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What systemd would hear.
struct Notices {
    heard: Receiver<String>,
}

impl Notices {
    fn of(starting: Starting) -> (Self, Starting) {
        let path = starting.folder().join("notify.sock");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let (lines, heard) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]);
                if text.lines().any(|line| lines.send(line.to_owned()).is_err()) {
                    return;
                }
            }
        });
        let path = path.display().to_string();
        (Self { heard }, starting.env("NOTIFY_SOCKET", &path))
    }

    /// Waits for a line that begins so, and forgets what came before it.
    #[track_caller]
    fn wait_for(&mut self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.heard.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("systemd did not hear `{part}`"));
            if line.starts_with(part) {
                return line;
            }
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).expect("a process id"), signal)
        .expect("a process of our own");
}

#[test]
fn systemd_hears_when_it_serves_what_it_does_and_that_it_ends() {
    for_each_server(|server| {
        let (mut notices, starting) = Notices::of(rights("core = 0", server));
        let host = starting.start();
        notices.wait_for("STATUS=starting; worker ");
        notices.wait_for("READY=1");
        assert_eq!(notices.wait_for("MAINPID="), format!("MAINPID={}", host.pid()));
        let worker = host.worker_pid();
        assert_eq!(notices.wait_for("STATUS=serving"), format!("STATUS=serving; worker {worker}"));
        signal(worker, Signal::KILL);
        notices.wait_for("STATUS=starting");
        notices.wait_for("STATUS=serving");
        host.signal(Signal::HUP);
        notices.wait_for("RELOADING=1");
        let time = notices.wait_for("MONOTONIC_USEC=");
        assert!(time.split('=').nth(1).is_some_and(|time| time.parse::<u64>().is_ok()), "{time}");
        notices.wait_for("READY=1");
        assert_eq!(host.stop().code, Some(0));
        notices.wait_for("STOPPING=1");
        assert!(!notices.heard.try_iter().any(|line| line.starts_with("WATCHDOG")), "nobody asked for it");
    });
}

#[test]
fn a_host_without_a_supervisor_says_so_too() {
    let (mut notices, starting) = Notices::of(rights("core = 0", "threaded"));
    let host = starting.arg("--no-supervisor").start();
    notices.wait_for("READY=1");
    host.signal(Signal::HUP);
    notices.wait_for("RELOADING=1");
    notices.wait_for("READY=1");
    assert_eq!(host.stop().code, Some(0));
    notices.wait_for("STOPPING=1");
}

#[test]
fn a_sign_of_life_is_given_twice_as_often_as_it_is_waited_for_and_only_with_a_worker() {
    let process = "core = 0\n[supervisor]\nbackoff = '1h'\nbackoff_max = '1h'";
    let (mut notices, starting) = Notices::of(rights(process, "threaded"));
    let host = starting.env("WATCHDOG_USEC", "100000").start();
    for _ in 0..4 {
        notices.wait_for("WATCHDOG=1");
    }
    // The first one is replaced at once, the second after the pause.
    for _ in 0..2 {
        let worker = host.worker_pid();
        signal(worker, Signal::KILL);
        host.wait_for_line(&format!("worker {worker} was killed by SIGKILL"));
        eventually("there is another, or none", || host.status()["worker"]["pid"] != worker);
    }
    notices.wait_for("STATUS=pausing; no worker");
    let next = notices.heard.recv_timeout(Duration::from_millis(400));
    assert_eq!(next, Err(RecvTimeoutError::Timeout), "a host without a worker is not well");
}

#[test]
fn a_worker_is_not_told_where_systemd_listens() {
    let (_notices, starting) = Notices::of(rights("core = 0", "threaded"));
    let host = starting.env("WATCHDOG_USEC", "60000000").start();
    let of =
        |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/environ")).expect("a process of our own");
    assert!(of(host.pid()).contains("NOTIFY_SOCKET="));
    assert!(!of(host.worker_pid()).contains("NOTIFY_SOCKET=") && !of(host.worker_pid()).contains("WATCHDOG"));
}

/// Starts a host as systemd does: with sockets from descriptor 3 on, and names for them.
fn activated(folder: &Folder, sockets: &[TcpListener], names: &str, binds: &[&str]) -> std::process::Child {
    let library = plugin_from_c("rights", include_str!("rights.c"));
    folder.write("app.toml", format!("spec = 1\n[app]\nname = \"test\"\n[[plugin]]\npath = {library:?}\n"));
    let mut script =
        format!("export LISTEN_PID=$$ LISTEN_FDS={} LISTEN_FDNAMES={names}; exec \"$@\"", sockets.len());
    for (number, socket) in (3..).zip(sockets) {
        fcntl_setfd(socket, FdFlags::empty()).expect("a descriptor of our own");
        script.push_str(&format!(" {number}<&{}", socket.as_raw_fd()));
    }
    let mut command = Command::new("bash");
    command.args(["-c", &script, "sh"]).arg(host_binary()).args(["--app", "app.toml", "--quiet"]);
    for bind in binds {
        command.args(["--bind", bind]);
    }
    command.current_dir(folder.path()).env("XDG_RUNTIME_DIR", folder.path()).env("HOST_LOG_FORMAT", "pretty");
    command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a shell")
}

fn sockets(count: usize) -> Vec<TcpListener> {
    (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect()
}

#[test]
fn sockets_of_systemd_are_found_by_their_names() {
    let (folder, sockets) = (Folder::new(), sockets(2));
    let addresses: Vec<_> = sockets.iter().map(|socket| socket.local_addr().expect("an address")).collect();
    let mut host = activated(&folder, &sockets, "http:other", &["fd:other", "fd:http"]);
    for address in addresses {
        // Nobody is refused while it starts: the sockets were there before.
        Client::connect(&Address::Tcp(address)).get("/").expect(200);
    }
    signal(host.id(), Signal::TERM);
    assert_eq!(host.wait().expect("a process of our own").code(), Some(0));
}

#[test]
fn a_name_of_several_sockets_is_an_error_that_says_what_to_write() {
    let (folder, sockets) = (Folder::new(), sockets(2));
    let output = activated(&folder, &sockets, "http:http", &["fd:http"]).wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("cannot listen on fd:http: more than one inherited socket has that name"),
        "{said}"
    );
    assert!(said.contains("help: name each of them: fd:3, fd:4"), "{said}");
}

/// The unit files of the docs, with the program of this test in the place of the installed one.
fn units() -> Folder {
    let folder = Folder::new();
    for entry in std::fs::read_dir(root().join("docs/systemd")).expect("docs/systemd").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a unit");
        folder.write(
            entry.file_name(),
            text.replace("/usr/local/bin/host", &host_binary().display().to_string()),
        );
    }
    folder
}

fn analyze(folder: &Folder, args: &[&str]) -> (bool, String) {
    let output = Command::new("systemd-analyze").args(args).current_dir(folder.path()).output();
    let output = output.expect("systemd-analyze, of the package systemd: tests/run installs it");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn the_unit_files_of_the_docs_are_what_systemd_accepts() {
    let folder = units();
    let verify = ["verify", "./host@.service", "./host@.socket"];
    assert_eq!(analyze(&folder, &verify), (true, String::new()));
    // What it does not know it only complains about: so the test looks at what it says.
    let text = std::fs::read_to_string(folder.join("host@.service")).expect("a unit");
    folder.write("bad@.service", text.replace("KillMode=mixed", "KillMode=mixd"));
    assert!(analyze(&folder, &["verify", "./bad@.service"]).1.contains("Failed to parse kill mode"));
}

#[test]
fn the_service_of_the_docs_may_do_little() {
    let folder = units();
    std::fs::rename(folder.join("host@.service"), folder.join("host@test.service")).expect("a unit");
    let security = ["security", "--offline=yes", "--threshold=25", "./host@test.service"];
    let (is_below, said) = analyze(&folder, &security);
    assert!(is_below && said.contains("Overall exposure level"), "{said}");
}

#[test]
fn the_commands_of_the_units_are_there() {
    let unit = std::fs::read_to_string(root().join("docs/systemd/host@.service")).expect("a unit");
    let command = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)).expect("a command").to_owned();
        line.replace("%i", "test").replace("%t", "/nowhere")
    };
    let folder = Folder::new();
    for (key, want) in
        [("ExecStart=", "cannot read `/etc/host/test/app.toml`"), ("ExecReload=", "no control socket")]
    {
        let command = command(key);
        let mut words = command.split(' ').skip(1);
        let output = Command::new(host_binary()).args(words.by_ref()).current_dir(folder.path()).output();
        let said = String::from_utf8_lossy(&output.expect("the program").stderr).into_owned();
        assert!(said.contains(want), "{command}: {said}");
    }
}
