//! What does a swap cost? How soon the new code answers, and what other requests notice of it.

use crate::control::Control;
use crate::one::One;
use crate::process::{Server, built, swapping_host};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Swaps for each figure of how soon.
const SWAPS: usize = 50;
/// `settled` means that a file has not changed for so long.
const SETTLE: Duration = Duration::from_millis(30);
/// At most so long may it take from a file that has settled to the first answer: the median.
const FIRST_ANSWER_MAX: Duration = Duration::from_millis(50);

/// A load: so many clients, each with one connection.
struct Load {
    name: &'static str,
    clients: u32,
    /// Each asks so often; none: again as soon as it is answered.
    every: Option<Duration>,
}

/// A host that has little to do: whatever disturbs a request is seen.
const STEADY: Load = Load { name: "steady", clients: 8, every: Some(Duration::from_millis(4)) };
/// A host that has as much to do as it can: nothing is promised, because the work of a swap takes its share of cores that are all
/// taken.
const BUSY: Load = Load { name: "busy", clients: 16, every: None };

/// Swaps are so far apart.
const SWAP_EVERY: Duration = Duration::from_millis(100);
/// With and without swaps take turns of this length, so many times each: one turn is compared with the one before it, so that what
/// else the machine does in some of them decides nothing.
const TURN: Duration = Duration::from_secs(1);
const PAIRS: usize = 15;
/// At most so much may the 99th percentile be with swaps, in what it is without: the median of all pairs.
const P99_RATIO_MAX: f64 = 1.5;

pub(crate) fn run() {
    for server in ["threaded", "actix"] {
        for plugins in [50, 200] {
            first_answers(server, plugins);
        }
    }
    let ratio = p99(&STEADY);
    p99(&BUSY);
    assert!(ratio <= P99_RATIO_MAX, "{ratio:.2}, and at most {P99_RATIO_MAX} is promised");
}

/// A host with many plugins, of which one is swapped; its two builds.
struct Site {
    server: Server,
    control: Control,
    builds: [PathBuf; 2],
    library: PathBuf,
    folder: tempfile::TempDir,
}

impl Site {
    fn start(server: &str, plugins: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let library = folder.path().join("swapped.so");
        let builds = [0, 1].map(|number| build(folder.path(), number));
        std::fs::copy(&builds[0], &library).expect("a copy");
        let (spec, socket) = (folder.path().join("app.toml"), folder.path().join("control.sock"));
        std::fs::write(&spec, text(&library, plugins)).expect("a spec");
        let server = Server::start_anywhere(swapping_host(&spec, server, &socket));
        let mut control = Control::connect(&socket);
        control.name_generations();
        Self { server, control, builds, library, folder }
    }

    /// From the command to the first answer of the new generation.
    fn by_command(&mut self, one: &mut One, swap: usize) -> Duration {
        let before = one.generation();
        let began = Instant::now();
        self.control.ask_for_swap("swapped", Some(&self.builds[swap % 2]));
        let took = wait_for_another(one, before, began);
        self.control.answer();
        took
    }

    /// From the moment when the file is there to the first answer of the new generation.
    fn by_watching(&mut self, one: &mut One, swap: usize) -> Duration {
        let new = self.folder.path().join("new.so");
        std::fs::copy(&self.builds[swap % 2], &new).expect("a copy");
        let before = one.generation();
        let began = Instant::now();
        std::fs::rename(&new, &self.library).expect("a file of our own");
        wait_for_another(one, before, began)
    }
}

fn wait_for_another(one: &mut One, before: u64, began: Instant) -> Duration {
    loop {
        if one.generation() != before {
            return began.elapsed();
        }
        // The load is not what is measured.
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// `plugins/hello`, with a byte behind it that tells the builds apart: it is copied and hashed, and never run.
fn build(folder: &Path, build: u8) -> PathBuf {
    let mut bytes = std::fs::read(built("libhello.so")).expect("a plugin");
    bytes.push(build);
    let path = folder.join(format!("build-{build}.so"));
    std::fs::write(&path, bytes).expect("a file of our own");
    path
}

fn text(library: &Path, plugins: usize) -> String {
    let mut text = format!(
        "spec = 1\n[app]\nname = 'bench'\n[swap]\nkeep = 0\nwatch = true\n{}",
        plugin("swapped", library)
    );
    let other = built("libhello.so");
    for number in 1..plugins {
        let _ = write!(text, "{}", plugin(&format!("p{number}"), &other));
    }
    text
}

fn plugin(name: &str, library: &Path) -> String {
    format!("[[plugin]]\nname = '{name}'\nmount = '/{name}'\npath = '{}'\n", library.display())
}

/// How soon the new code answers.
fn first_answers(server: &str, plugins: usize) {
    let mut site = Site::start(server, plugins);
    let mut one = One::connect(site.server.address, "/swapped");
    let bytes = std::fs::metadata(&site.library).map_or(0, |library| library.len());
    let by_watching = Times::of((1..=SWAPS).map(|swap| site.by_watching(&mut one, swap)));
    let by_command = Times::of((1..=SWAPS).map(|swap| site.by_command(&mut one, swap)));
    println!(
        "{server}, {plugins} plugins: ms until the new code answers, {SWAPS} swaps of a library of {bytes} bytes"
    );
    println!("  by command   {by_command}");
    println!(
        "  by --watch   {by_watching}   ({} of it to see that the file has settled)",
        SETTLE.as_millis()
    );
    let median = by_command.median.max(by_watching.median.saturating_sub(SETTLE));
    assert!(median <= FIRST_ANSWER_MAX, "{median:?}, and at most {FIRST_ANSWER_MAX:?} is promised");
}

struct Times {
    median: Duration,
    p90: Duration,
    worst: Duration,
}

impl Times {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        Self { median: at(0.5), p90: at(0.9), worst: at(1.0) }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [median, p90, worst] =
            [self.median, self.p90, self.worst].map(|time| time.as_secs_f64() * 1000.0);
        write!(f, "median {median:5.1}  p90 {p90:5.1}  worst {worst:5.1}")
    }
}

/// What requests of a steady load notice of swaps, on `actix`: the 99th percentile with, in that without.
fn p99(load: &'static Load) -> f64 {
    let mut site = Site::start("actix", 50);
    let turn = AtomicUsize::new(0);
    let latencies: Vec<Vec<Duration>> = std::thread::scope(|threads| {
        let ask = |client: u32| {
            let (one, turn) = (One::connect(site.server.address, "/swapped"), &turn);
            threads.spawn(move || load.ask(client, one, turn))
        };
        let clients: Vec<_> = (0..load.clients).map(ask).collect();
        for number in 0..2 * PAIRS {
            turn.store(number, Ordering::SeqCst);
            site.spend_a_turn(number % 2 == 1);
        }
        turn.store(2 * PAIRS, Ordering::SeqCst);
        let all = clients.into_iter().map(|client| client.join().expect("no client panicked"));
        all.reduce(merged).unwrap_or_default()
    });
    report(load, latencies)
}

fn merged(mut one: Vec<Vec<Duration>>, other: Vec<Vec<Duration>>) -> Vec<Vec<Duration>> {
    one.iter_mut().zip(other).for_each(|(one, other)| one.extend(other));
    one
}

impl Site {
    fn spend_a_turn(&mut self, swaps: bool) {
        let until = Instant::now() + TURN;
        for swap in 0.. {
            let next = Instant::now() + SWAP_EVERY;
            if next > until {
                break;
            }
            if swaps {
                self.control.ask_for_swap("swapped", Some(&self.builds[swap % 2]));
                self.control.answer();
            }
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}

/// Microseconds of one turn.
struct Turn {
    p50: f64,
    p99: f64,
    worst: f64,
}

impl Turn {
    fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
        Self { p50: at(0.5), p99: at(0.99), worst: at(1.0) }
    }
}

fn report(load: &Load, latencies: Vec<Vec<Duration>>) -> f64 {
    let requests: usize = latencies.iter().map(Vec::len).sum();
    let turns: Vec<Turn> = latencies.into_iter().map(Turn::of).collect();
    let Load { name, clients, .. } = load;
    println!("actix, 50 plugins: us a request of a {name} load: {clients} clients, {requests} requests");
    for (rest, what) in [(0, "without swaps "), (1, "one each 100 ms")] {
        let median =
            |of: fn(&Turn) -> f64| crate::median(turns.iter().skip(rest).step_by(2).map(of).collect());
        let [p50, p99, worst] = [median(|turn| turn.p50), median(|turn| turn.p99), median(|turn| turn.worst)];
        println!("  {what:15}  p50 {p50:4.0}  p99 {p99:5.0}  worst {worst:6.0}   (medians of {PAIRS} turns)");
    }
    let ratio = crate::median(turns.chunks(2).map(|pair| pair[1].p99 / pair[0].p99).collect());
    println!("  p99 with swaps, in p99 without: {ratio:.2}, the median of {PAIRS} pairs");
    ratio
}

impl Load {
    /// Asks until the turns are over: what each request of each turn took.
    fn ask(&self, client: u32, mut one: One, turn: &AtomicUsize) -> Vec<Vec<Duration>> {
        let mut latencies = vec![Vec::new(); 2 * PAIRS];
        let mut due = Instant::now() + self.every.unwrap_or_default() * client / self.clients;
        loop {
            let began = self.wait(due);
            let Some(latencies) = latencies.get_mut(turn.load(Ordering::SeqCst)) else { break };
            one.ask();
            latencies.push(began.elapsed());
            due += self.every.unwrap_or_default();
        }
        latencies
    }

    /// Waits until a request is due. One that could not be sent then, because the last answer was late, counts from then on: a slow
    /// answer must not hide the requests that it held up.
    fn wait(&self, due: Instant) -> Instant {
        match due.checked_duration_since(Instant::now()) {
            None if self.every.is_some() => return due,
            None => {}
            Some(left) => std::thread::sleep(left),
        }
        // What the sleep overslept is the machine's.
        Instant::now()
    }
}
