//! Answers on the control socket.
//!
//! Whoever connects may send anything at any pace: each connection has a thread, a line a length and a time, and there are
//! only so many connections. None of it touches a thread that serves.

use super::http;
use super::line::{Lines, NoLine, send};
use super::message::{Answer, Command, Commands};
use super::peer::Peer;
use super::socket::ControlSocket;
use crate::error::Error;
use rustix::process::geteuid;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest command.
const COMMAND_BYTES_MAX: usize = 64 << 10;
/// How many clients are listened to at once.
const CONNECTIONS_MAX: usize = 128;
/// How long a client may take for its next command.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long a client may take to read an answer.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// How long to wait when the process has no descriptor left.
const PAUSE: Duration = Duration::from_millis(50);

/// A control socket that is answered on. Its file is removed when this is dropped; the thread ends with the process.
pub(crate) struct ControlServer {
    socket: ControlSocket,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    connections: usize,
    /// Commands that are not answered yet.
    commands: usize,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

impl ControlServer {
    /// Answers from now on.
    ///
    /// # Errors
    /// There is no thread or no descriptor left.
    pub(crate) fn start(socket: ControlSocket, commands: Arc<dyn Commands>) -> Result<Self, Error> {
        let fail = |cause: io::Error| Error::failed(format!("cannot answer on the control socket: {cause}"));
        let listener = socket.listener().try_clone().map_err(fail)?;
        let counts = Arc::new(Counts::default());
        let of_thread = counts.clone();
        let accept = move || accept(&listener, &commands, &of_thread);
        std::thread::Builder::new().name("control".into()).spawn(accept).map_err(fail)?;
        Ok(Self { socket, counts })
    }

    pub(crate) fn path(&self) -> &Path {
        self.socket.path()
    }

    /// Waits until each command that was taken has been answered, so that the end of the process cuts no answer off.
    pub(crate) fn flush(&self, limit: Duration) {
        let answered = |state: &mut State| state.commands > 0;
        drop(self.counts.changed.wait_timeout_while(self.counts.lock(), limit, answered));
    }
}

fn accept(listener: &UnixListener, commands: &Arc<dyn Commands>, counts: &Arc<Counts>) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => begin(stream, commands.clone(), counts.clone()),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn begin(stream: UnixStream, commands: Arc<dyn Commands>, counts: Arc<Counts>) {
    if !is_trusted(&stream) {
        return;
    }
    if counts.lock().connections >= CONNECTIONS_MAX {
        let error = Error::failed(format!("{CONNECTIONS_MAX} clients are connected already"));
        // What fits into the buffer of a new socket is written at once.
        let _ = send(&stream, &text_of(&error.into()), Instant::now() + PAUSE);
        return;
    }
    let place = Place::take(counts);
    let converse = move || converse(&stream, commands.as_ref(), &place);
    // Without a thread there is no answer: the client sees the end of its connection.
    let _ = std::thread::Builder::new().name("control client".into()).spawn(converse);
}

/// A place among the connections, given back on every way out.
struct Place(Arc<Counts>);

impl Place {
    fn take(counts: Arc<Counts>) -> Self {
        counts.change(|state| state.connections += 1);
        Self(counts)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.change(|state| state.connections -= 1);
    }
}

/// A command between its line and its answer, given back on every way out.
struct Unanswered<'a>(&'a Counts);

impl<'a> Unanswered<'a> {
    fn count(counts: &'a Counts) -> Self {
        counts.change(|state| state.commands += 1);
        Self(counts)
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.commands -= 1);
    }
}

/// The mode of the socket keeps others out; this does so when somebody changed it.
fn is_trusted(stream: &UnixStream) -> bool {
    Peer::of(stream).is_some_and(|peer| may_command(peer.uid, geteuid().as_raw()))
}

fn may_command(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

/// Answers each line, until the client is late, sends what is no line, or leaves.
fn converse(stream: &UnixStream, commands: &dyn Commands, place: &Place) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut lines = Lines::new(reading, COMMAND_BYTES_MAX);
    loop {
        let line = lines.next(Instant::now() + IDLE_MAX);
        let _unanswered = Unanswered::count(&place.0);
        let answer = match &line {
            Ok(line) if http::is_request_line(line) => {
                return http::answer(stream, line, &mut lines, commands, Instant::now() + WRITE_MAX);
            }
            Ok(line) => execute(line, commands),
            Err(NoLine::TooLong) => {
                Error::usage(format!("a command has at most {COMMAND_BYTES_MAX} bytes")).into()
            }
            Err(NoLine::Late | NoLine::Ended | NoLine::Failed(_)) => return,
        };
        let sent = send(stream, &text_of(&answer), Instant::now() + WRITE_MAX);
        if sent.is_err() || line.is_err() {
            return;
        }
    }
}

fn execute(line: &[u8], commands: &dyn Commands) -> Answer {
    match serde_json::from_slice::<Command>(line) {
        Ok(command) => commands.execute(command),
        Err(cause) => Error::usage(format!("not a command: {cause}")).into(),
    }
}

fn text_of(answer: &Answer) -> String {
    // An answer has string keys and finite numbers: JSON can say it.
    serde_json::to_string(answer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::io::{Read, Write};

    /// Answers with what it was asked.
    struct Echo;

    impl Commands for Echo {
        fn execute(&self, command: Command) -> Answer {
            Answer::done(format!("{command:?}"), Value::Null)
        }
    }

    fn serving() -> (tempfile::TempDir, ControlServer) {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = ControlSocket::at(&folder.path().join("a.sock")).expect("a socket");
        (folder, ControlServer::start(socket, Arc::new(Echo)).expect("a server"))
    }

    /// Sends all of it, and gives every answer until the server ends the connection.
    fn answers(server: &ControlServer, bytes: &[u8]) -> Vec<Answer> {
        told(server, bytes).lines().map(|line| serde_json::from_str(line).expect("an answer")).collect()
    }

    fn told(server: &ControlServer, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(server.path()).expect("a connection");
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        String::from_utf8(text).expect("answers are text")
    }

    #[test]
    fn its_own_user_and_root_may_command_and_nobody_else() {
        assert!(may_command(1000, 1000) && may_command(0, 1000) && may_command(0, 0));
        assert!(!may_command(1001, 1000) && !may_command(1000, 0));
    }

    #[test]
    fn each_line_has_an_answer_in_its_order() {
        let (_folder, server) = serving();
        let got = answers(&server, b"{\"command\":\"status\"}\n{\"command\":\"stop\"}");
        let texts: Vec<&str> = got.iter().map(|answer| answer.text.as_str()).collect();
        assert_eq!(texts, ["Status", "Stop"], "the last line needs no end");
    }

    #[test]
    fn what_is_no_command_is_an_error_and_the_next_line_is_answered() {
        let (_folder, server) = serving();
        let got = answers(
            &server,
            b"\nGET / HTTP/1.1\n\xff\x00\n[1]\n{\"command\":\"fly\"}\n{\"command\":\"stop\"}\n",
        );
        let exits: Vec<u8> = got.iter().map(|answer| answer.exit).collect();
        assert_eq!(exits, [2, 2, 2, 2, 2, 0]);
        assert!(got[..5].iter().all(|answer| answer.text.starts_with("not a command: ")), "{got:?}");
        assert_eq!(got[0].data["help"], json!([]));
    }

    /// Pieces of commands and of requests: enough of them in the right order are one, most are nearly.
    const PARTS: &[&[u8]] = &[
        b"GET /healthz HTTP/1.1\r\n",
        b"HEAD /readyz HTTP/1.0\r\n",
        b"POST /readyz HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"GET http://x/readyz HTTP/1.1\r\nhost: x\r\n\r\n",
        b"host: x\r\n",
        b"accept: application/json\r\n",
        b"accept: \xff\r\n",
        b"transfer-encoding: chunked\r\n",
        b"\r\n",
        b"\n",
        b"\0",
        b" HTTP/1.1\r\n",
        b"{\"command\":\"status\"}\n",
        b"{\"command\":\"swap\",\"plugin\":\"\\u0000\"}\n",
        b"{\"command\":",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        b"\xf0\x9f",
    ];

    #[test]
    fn whatever_bytes_come_each_connection_ends_and_the_next_one_is_answered() {
        let (_folder, server) = serving();
        let (mut seed, mut requests, mut commands) = (0x9e37_79b9_7f4a_7c15_u64, 0, 0);
        let mut below = |end: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % end as u64) as usize
        };
        for round in 0..2000 {
            let mut bytes: Vec<u8> = (0..below(9)).flat_map(|_| PARTS[below(PARTS.len())].to_vec()).collect();
            if round % 100 == 0 {
                bytes.extend(b"x-long: ".iter().chain([b'y'; 20_000].iter()));
            }
            let text = told(&server, &bytes);
            // What is answered as HTTP is whole, and what is not is lines of JSON.
            if let Some(at) = text.find("HTTP/1.") {
                assert!(text[at..].contains("\r\nconnection: close\r\n"), "{}: {text}", bytes.escape_ascii());
                requests += 1;
            } else {
                let all = text.lines().map(|line| serde_json::from_str::<Answer>(line).expect("an answer"));
                commands += all.count();
            }
        }
        assert!(requests > 100 && commands > 500, "{requests} requests, {commands} commands");
        assert_eq!(answers(&server, b"{\"command\":\"stop\"}\n").len(), 1);
    }

    #[test]
    fn a_line_without_an_end_is_refused_and_its_connection_closed() {
        let (_folder, server) = serving();
        let got = answers(&server, &vec![b'x'; COMMAND_BYTES_MAX + (1 << 20)]);
        assert!(got.len() <= 1, "{got:?}");
        assert_eq!(answers(&server, b"{\"command\":\"status\"}\n").len(), 1);
    }

    #[test]
    fn too_many_clients_are_told_so_and_a_place_is_given_back() {
        let (_folder, server) = serving();
        let connect = || UnixStream::connect(server.path()).expect("a connection");
        let mut silent: Vec<UnixStream> = (0..CONNECTIONS_MAX).map(|_| connect()).collect();
        // Connections are accepted in their order: when this one is, all the others were.
        let refused = answers(&server, b"");
        assert_eq!(refused.len(), 1);
        assert_eq!((refused[0].exit, &*refused[0].text), (1, "128 clients are connected already"));
        silent.pop();
        let until = Instant::now() + Duration::from_secs(10);
        while answers(&server, b"{\"command\":\"status\"}\n").first().map(|answer| answer.exit) != Some(0) {
            assert!(Instant::now() < until, "the place was not given back");
        }
    }

    /// The same numbers every time.
    fn random(seed: &mut u64) -> u64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed
    }

    #[test]
    fn any_bytes_get_an_answer_for_each_line() {
        let (_folder, server) = serving();
        let alphabet = b"{}[]\":,\n\n\\ \x00\xff0aecdmnsto";
        let mut seed = 1;
        for _ in 0..300 {
            let length = random(&mut seed) % 200;
            let pick = |seed: &mut u64| alphabet[(random(seed) % alphabet.len() as u64) as usize];
            let bytes: Vec<u8> = (0..length).map(|_| pick(&mut seed)).collect();
            let lines = bytes.split(|byte| *byte == b'\n').count()
                - usize::from(bytes.is_empty() || bytes.ends_with(b"\n"));
            assert_eq!(answers(&server, &bytes).len(), lines, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_flush_waits_for_the_answers_that_are_owed() {
        let (_folder, server) = serving();
        server.flush(Duration::from_secs(60));
        let owed = Unanswered::count(&server.counts);
        let began = Instant::now();
        server.flush(Duration::from_millis(20));
        assert!(began.elapsed() >= Duration::from_millis(20));
        drop(owed);
        server.flush(Duration::from_secs(60));
    }
}
