//! Whoever reaches the control socket may send anything: it costs no request, and the next command is answered.

use super::crash;
use crate::harness::{Host, eventually, for_each_server};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The clients that are listened to at once.
const CLIENTS_MAX: usize = 128;

fn connect(socket: &Path) -> UnixStream {
    UnixStream::connect(socket).expect("a connection")
}

/// What comes until the host ends the connection.
fn rest_of(mut stream: UnixStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn send(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = connect(socket);
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    rest_of(stream)
}

/// It serves, answers commands, and nothing of it has panicked.
#[track_caller]
fn is_well(host: &Host) {
    assert_eq!(host.get("/").text(), "hello\n");
    assert_eq!(host.status()["restarts"]["count"], 0);
    let log = host.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

#[test]
fn garbage_and_endless_lines_are_refused() {
    let host = Host::start(crash(), "threaded");
    let socket = host.folder().join("host/test.sock");
    for garbage in [
        &b"GET / HTTP/1.1\n\n"[..],
        b"\x00\xff\xfe\n",
        b"{}",
        b"\"stop\"\n",
        b"{\"command\":\"swap\",\"plugin\":1}\n",
    ] {
        let answers = send(&socket, garbage);
        let answer: serde_json::Value =
            serde_json::from_str(answers.lines().next().expect("an answer")).expect("JSON");
        assert_eq!(answer["exit"], 2, "{answers}");
    }
    send(&socket, &vec![b'{'; 4 << 20]);
    send(&socket, b"");
    is_well(&host);
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn silent_and_many_clients_keep_nobody_from_being_served() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let socket = host.folder().join("host/test.sock");
        let mut clients: Vec<UnixStream> = (0..CLIENTS_MAX).map(|_| connect(&socket)).collect();
        for client in &mut clients {
            client.write_all(b"{\"comm").expect("room");
        }
        let refused = rest_of(connect(&socket));
        assert!(refused.contains("\"128 clients are connected already\""), "{refused}");
        assert_eq!(host.get("/").text(), "hello\n");
        let told = host.ctl(["status"]);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(told.stderr.contains("128 clients are connected already"), "{told:?}");
        drop(clients);
        eventually("their places are free", || host.ctl(["status"]).code == Some(0));
        is_well(&host);
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_client_that_does_not_read_its_answers_delays_nobody() {
    let host = Host::start(crash(), "threaded");
    let socket = host.folder().join("host/test.sock");
    let mut deaf = connect(&socket);
    deaf.set_nonblocking(true).expect("a socket");
    let asked = (0..100_000).take_while(|_| deaf.write_all(b"{\"command\":\"status\"}\n").is_ok()).count();
    assert!(asked > 10, "{asked} commands were taken");
    is_well(&host);
    assert_eq!(host.stop().code, Some(0), "nor the end");
}

#[test]
fn clients_that_leave_without_their_answers_are_forgotten() {
    let host = Host::start(crash(), "threaded");
    let socket = host.folder().join("host/test.sock");
    for _ in 0..300 {
        // Where there are too many already, it is refused.
        let _ = connect(&socket).write_all(b"{\"command\":\"status\"}\n");
    }
    eventually("their places are free", || host.ctl(["status"]).code == Some(0));
    is_well(&host);
}

#[test]
fn commands_of_many_clients_at_once_are_all_answered() {
    let host = Host::start(crash(), "threaded");
    let socket = host.folder().join("host/test.sock");
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                for _ in 0..20 {
                    let answer = send(&socket, b"{\"command\":\"status\"}\n");
                    assert!(answer.starts_with("{\"exit\":0,"), "{answer}");
                }
            });
        }
    });
    is_well(&host);
}
