//! What does a swap cost? How soon the new code answers, and what other requests notice of it.

use crate::control::Control;
use crate::one::One;
use crate::process::{Server, built, swapping_host};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A library of this size is swapped.
const LIBRARY_BYTES: usize = 2_000_000;
/// Swaps for each figure of how soon.
const SWAPS: usize = 50;
/// `settled` means that a file has not changed for so long.
const SETTLE: Duration = Duration::from_millis(30);
/// At most so long may it take from a file that has settled to the first answer: the median.
const FIRST_ANSWER_MAX: Duration = Duration::from_millis(50);

/// Clients of the steady load, and how often each of them asks.
const CLIENTS: usize = 8;
const EVERY: Duration = Duration::from_millis(4);
/// Swaps are so far apart.
const SWAP_EVERY: Duration = Duration::from_millis(100);
/// With and without swaps take turns of this length, so many times each.
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 8;
/// At most so much may the 99th percentile be with swaps, in what it is without.
const P99_RATIO_MAX: f64 = 1.5;

pub(crate) fn run(rounds: usize) {
    for server in ["threaded", "actix"] {
        for plugins in [50, 200] {
            first_answers(server, plugins);
        }
    }
    let ratios = (0..rounds).map(|_| p99()).collect();
    let ratio = crate::median(ratios);
    println!("  median ratio {ratio:.2}");
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
        let builds = [0, 1].map(|build| build_of_size(folder.path(), build));
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

/// `plugins/hello`, made as long as that. What is appended is copied and hashed, as all of a library is, and never run.
fn build_of_size(folder: &Path, build: u8) -> PathBuf {
    let mut bytes = std::fs::read(built("libhello.so")).expect("a plugin");
    assert!(bytes.len() < LIBRARY_BYTES, "plugins/hello has {} bytes", bytes.len());
    bytes.resize(LIBRARY_BYTES, build);
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
    let by_watching = Times::of((1..=SWAPS).map(|swap| site.by_watching(&mut one, swap)));
    let by_command = Times::of((1..=SWAPS).map(|swap| site.by_command(&mut one, swap)));
    println!(
        "{server}, {plugins} plugins: ms until the new code answers, {SWAPS} swaps of a library of {LIBRARY_BYTES} bytes"
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

/// Latencies of the turns without swaps, and of those with.
type Latencies = [Mutex<Vec<Duration>>; 2];

/// What requests of a steady load notice of swaps, on `actix`: the 99th percentile with, in that without.
fn p99() -> f64 {
    let mut site = Site::start("actix", 50);
    let (latencies, swaps, is_over) = (Latencies::default(), AtomicBool::new(false), AtomicBool::new(false));
    let mut count = 0;
    std::thread::scope(|threads| {
        for client in 0..CLIENTS {
            let (one, latencies) = (One::connect(site.server.address, "/swapped"), &latencies);
            let phase = EVERY * u32::try_from(client).unwrap_or(0) / CLIENTS as u32;
            let (swaps, is_over) = (&swaps, &is_over);
            threads.spawn(move || ask_steadily(one, phase, latencies, swaps, is_over));
        }
        for turn in 0..2 * TURNS {
            swaps.store(turn % 2 == 1, Ordering::SeqCst);
            let until = Instant::now() + TURN;
            while Instant::now() < until {
                let next = Instant::now() + SWAP_EVERY;
                if turn % 2 == 1 {
                    site.control.ask_for_swap("swapped", Some(&site.builds[count % 2]));
                    site.control.answer();
                    count += 1;
                }
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
    report(latencies, count)
}

fn report(latencies: Latencies, swaps: usize) -> f64 {
    let [without, with] = latencies.map(|latencies| {
        let mut latencies = latencies.into_inner().expect("no client panicked");
        latencies.sort_unstable();
        let micros =
            |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
        (latencies.len(), micros(0.5), micros(0.99), micros(1.0))
    });
    println!(
        "actix, 50 plugins: us a request of a steady load, {CLIENTS} clients every {} ms",
        EVERY.as_millis()
    );
    for (what, (requests, p50, p99, worst)) in [("without", without), ("with   ", with)] {
        println!("  {what} swaps: {requests} requests, p50 {p50:4.0}, p99 {p99:5.0}, worst {worst:6.0}");
    }
    let ratio = with.2 / without.2;
    println!("  {swaps} swaps, one each {} ms: p99 ratio {ratio:.2}", SWAP_EVERY.as_millis());
    ratio
}

/// Asks at fixed times. A request that could not be sent when it was due, because the last answer was late, counts from then on: a
/// slow answer must not hide the requests that it held up.
fn ask_steadily(
    mut one: One,
    phase: Duration,
    latencies: &Latencies,
    swaps: &AtomicBool,
    is_over: &AtomicBool,
) {
    let mut own = [Vec::new(), Vec::new()];
    let mut due = Instant::now() + phase;
    while !is_over.load(Ordering::SeqCst) {
        let left = due.checked_duration_since(Instant::now());
        left.into_iter().for_each(std::thread::sleep);
        // What the sleep overslept is the machine's.
        let began = if left.is_some() { Instant::now() } else { due };
        let which = usize::from(swaps.load(Ordering::SeqCst));
        one.ask();
        own[which].push(began.elapsed());
        due += EVERY;
    }
    for (all, own) in latencies.iter().zip(own) {
        all.lock().expect("no client panicked").extend(own);
    }
}
