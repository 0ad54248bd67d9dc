//! The soak: one kind of plugin is swapped again and again, having run on every thread that there is in between. What the
//! process has returns to where it was.
//!
//! It knows nothing of `host prove`, and counts by itself. `HOST_SOAK_SWAPS=2000` makes it the long one: see `tests/README.md`.

use crate::harness::{Client, Host, Spec, at_once, example_plugin, on_servers, plugin_from_c, registered};
use serde_json::Value;
use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// More than the system has keys of threads takes 1,024 and more: the long form.
const SWAPS: usize = 200;
/// Swaps that do not count: caches fill.
const WARM_UP: usize = 100;
/// How many samples are taken.
const SAMPLES: usize = 100;
/// Connections that live through all swaps.
const KEPT: usize = 5;
/// Event loops of `actix`.
const WORKERS: usize = 2;
/// Heap may grow by so many bytes a swap.
const HEAP_BYTES_A_SWAP_MAX: f64 = 1024.0;
/// For a swap, all in all: far more than it takes.
const SWAP_MAX: Duration = Duration::from_millis(500);

fn swaps() -> usize {
    let asked = std::env::var("HOST_SOAK_SWAPS").ok();
    asked.map_or(SWAPS, |swaps| swaps.parse().expect("HOST_SOAK_SWAPS is a number"))
}

/// What is swapped: a library, what it answers with, and what it is configured as.
struct Lodger {
    kind: &'static str,
    library: PathBuf,
    status: u16,
}

impl Lodger {
    /// One of the kinds of `tests/plugins/lodger.rs`.
    fn rust(kind: &'static str) -> Self {
        static STRIPPED: LazyLock<PathBuf> = LazyLock::new(|| stripped(&example_plugin("lodger")));
        Self { kind, library: STRIPPED.clone(), status: 200 }
    }

    /// Its backtraces are of lines, which have to be in the library.
    fn panicking() -> Self {
        Self { kind: "panic", library: example_plugin("lodger"), status: 500 }
    }

    fn c() -> Self {
        Self { kind: "c", library: plugin_from_c("lodger_c", include_str!("lodger.c")), status: 200 }
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new().plugin("lodger", &self.library);
        spec.text(&format!("config = {{ kind = '{}' }}\n[swap]\nkeep = 0", self.kind))
    }
}

/// A library of a debug build is mostly what debuggers read: it takes longer to copy than all the rest of a swap.
fn stripped(library: &std::path::Path) -> PathBuf {
    let small = library.with_extension("stripped.so");
    // Another run of the tests may be reading it.
    let new = library.with_extension(format!("stripped.{}", std::process::id()));
    let output = Command::new("strip").arg("--strip-debug").arg("-o").arg(&new).arg(library).output();
    let output = output.expect("strip can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&new, &small).expect("a file of our own");
    small
}

/// What a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ledger {
    /// Objects, keys, threads, descriptors.
    counts: [u64; 4],
    heap_bytes: u64,
}

const COUNTS: [&str; 4] = ["objects", "keys", "threads", "descriptors"];

impl Ledger {
    /// When nobody asks anything, and threads and descriptors of those who did are gone.
    fn at_rest(host: &Host) -> Self {
        let until = Instant::now() + Duration::from_secs(1);
        let mut last = Self::of(host);
        loop {
            std::thread::sleep(Duration::from_millis(2));
            let now = Self::of(host);
            if now.counts == last.counts || Instant::now() >= until {
                return now;
            }
            last = now;
        }
    }

    fn of(host: &Host) -> Self {
        let process = &host.ask(&serde_json::json!({ "command": "status" }))["data"]["process"];
        let number = |name: &str| process[name].as_u64().unwrap_or_else(|| panic!("no {name}: {process:#}"));
        Self { counts: COUNTS.map(number), heap_bytes: number("heap_bytes") }
    }
}

/// A host that is soaked, and what was seen of it.
struct Soak {
    host: Host,
    kept: Vec<Client>,
    status: u16,
    /// The threads that the plugin ran on.
    threads: HashSet<String>,
    /// After each so many swaps.
    samples: Vec<(usize, Ledger)>,
}

impl Soak {
    fn start(lodger: &Lodger, server: &str) -> Self {
        let life = SWAP_MAX * u32::try_from(swaps()).expect("not so many") + Duration::from_secs(60);
        let host = Host::with(lodger.spec(), server).life(life).env("RUST_BACKTRACE", "1");
        let host = host.arg(&format!("--workers={WORKERS}")).start_quietly();
        let kept = (0..KEPT).map(|_| host.connect()).collect();
        Self { host, kept, status: lodger.status, threads: HashSet::new(), samples: Vec::new() }
    }

    /// The plugin's code runs on every thread: those of kept connections, those of new ones, and all event loops.
    fn run_on_every_thread(&mut self) {
        let mut new = self.host.connect();
        for client in self.kept.iter_mut().chain([&mut new]) {
            client.get("/").expect(self.status);
            self.threads.insert(client.get("/thread").expect(200).text().to_owned());
        }
    }

    fn swap(&mut self, generation: usize) {
        let receipt = self.host.swap("lodger");
        let unloaded = receipt["unloaded"] == serde_json::json!([generation]);
        assert!(unloaded && receipt["pinned"] == Value::Array(Vec::new()), "{receipt:#}");
        assert_eq!(receipt["failed"], 0, "{receipt:#}");
    }

    fn run(&mut self, swaps: usize) {
        for number in 1..=swaps {
            self.run_on_every_thread();
            self.swap(number);
            if number == 1 || number % swaps.div_ceil(SAMPLES) == 0 {
                self.run_on_every_thread();
                self.samples.push((number, Ledger::at_rest(&self.host)));
            }
        }
    }

    /// The slope of the heap behind the warm-up, by least squares.
    fn heap_bytes_a_swap(&self) -> f64 {
        let warm = self.samples.iter().filter(|(swaps, _)| *swaps > WARM_UP);
        let points: Vec<[f64; 2]> =
            warm.map(|(swaps, ledger)| [*swaps as f64, ledger.heap_bytes as f64]).collect();
        let mean = |axis: usize| points.iter().map(|point| point[axis]).sum::<f64>() / points.len() as f64;
        let [x, y] = [mean(0), mean(1)];
        let sum = |of: &dyn Fn(&[f64; 2]) -> f64| points.iter().map(of).sum::<f64>();
        sum(&|point| (point[0] - x) * (point[1] - y)) / sum(&|point| (point[0] - x).powi(2))
    }

    /// What it has more at the end than after the first swap; the least of the last samples counts, as one may be taken while a
    /// thread ends.
    fn growth(&self) -> [i64; 4] {
        let (first, last) = (self.samples[0].1, &self.samples[self.samples.len() - 5..]);
        std::array::from_fn(|which| {
            let least = last.iter().map(|(_, ledger)| ledger.counts[which]).min();
            least.unwrap_or(0).cast_signed() - first.counts[which].cast_signed()
        })
    }
}

/// Swaps a kind of plugin on each server that swaps in place and has many connections, and looks for what stays.
fn soak(lodger: &Lodger) {
    let servers: Vec<_> = at_once().into_iter().filter(|name| registered(name).swaps_in_place).collect();
    on_servers(&servers, |server| {
        let (swaps, mut soak) = (swaps(), Soak::start(lodger, server));
        let began = Instant::now();
        soak.run(swaps);
        let took = began.elapsed();
        let (growth, heap, threads) = (soak.growth(), soak.heap_bytes_a_swap(), soak.threads.len());
        eprintln!(
            "| {} | {server} | {swaps} | {:+} | {:+} | {:+} | {:+} | {heap:+.0} | {threads} | {:.1} |",
            lodger.kind,
            growth[0],
            growth[1],
            growth[2],
            growth[3],
            took.as_secs_f64() * 1000.0 / swaps as f64
        );
        assert_eq!(growth, [0; 4], "{COUNTS:?} on {server}");
        assert!(heap < HEAP_BYTES_A_SWAP_MAX, "{heap:.0} bytes a swap on {server}: {:?}", soak.samples);
        // A thread for each connection; event loops, each of which had connections; or threads that take turns.
        let at_least = if server == "threaded" { KEPT + swaps } else { WORKERS };
        assert!(threads >= at_least, "the plugin ran on {threads} threads of {server}");
    });
}

#[test]
fn a_plain_plugin_leaves_nothing() {
    soak(&Lodger::rust("plain"));
}

#[test]
fn thread_locals_with_destructors_leave_nothing() {
    soak(&Lodger::rust("thread-local"));
}

#[test]
fn asking_for_the_current_thread_leaves_nothing() {
    soak(&Lodger::rust("thread-current"));
}

#[test]
fn threads_that_are_joined_leave_nothing() {
    soak(&Lodger::rust("threads"));
}

#[test]
fn a_runtime_of_its_own_leaves_nothing() {
    soak(&Lodger::rust("tokio"));
}

#[test]
fn channels_that_block_leave_nothing() {
    soak(&Lodger::rust("channel"));
}

#[test]
fn panics_with_backtraces_leave_nothing() {
    soak(&Lodger::panicking());
}

#[test]
fn a_plugin_in_c_leaves_nothing() {
    soak(&Lodger::c());
}

#[test]
fn a_leak_of_64_kilobytes_a_generation_is_measured() {
    let mut soak = Soak::start(&Lodger::rust("leaked-memory"), "threaded");
    soak.run(SWAPS);
    let (heap, growth) = (soak.heap_bytes_a_swap(), soak.growth());
    assert!((heap - 65536.0).abs() < HEAP_BYTES_A_SWAP_MAX, "{heap:.0} bytes a swap: {:?}", soak.samples);
    assert_eq!(growth, [0; 4], "nothing else stays: {COUNTS:?}");
}
