//! A plugin that leaves what keeps ordinary libraries from being unloaded: one kind at a time, as its configuration says.
//!
//! Its requests do it on the thread that they come on. `good` kinds are what plugins do every day, and a host has to get rid
//! of all of it; the others are mistakes, which a host has to find.

use plugin_api::prelude::*;
use std::cell::RefCell;
use std::sync::mpsc::channel;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// Nothing at all.
    Plain,
    /// A thread-local with a destructor, in every thread that it runs on.
    ThreadLocal,
    /// Asks which thread it is on: a key of pthreads, with a destructor in this library.
    ThreadCurrent,
    /// Threads that are started and joined.
    Threads,
    /// A runtime of its own, with threads, from start to stop.
    Tokio,
    /// Waits for another thread: the parking place of the waiter is a thread-local with a destructor.
    Channel,
    /// A panic that is caught, with RUST_BACKTRACE=1.
    Panic,
    /// A mistake: a thread that nobody ends, for each generation.
    LeakedThread,
    /// A mistake: 64 KB in a static, for each generation.
    LeakedMemory,
}

#[derive(Deserialize)]
struct Config {
    kind: Kind,
}

struct Lodger {
    kind: Kind,
    runtime: Mutex<Option<tokio::runtime::Runtime>>,
}

/// Runs once for each generation, as each has statics of its own.
static LEAKING: Once = Once::new();
static LEAKED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Has a destructor.
struct Guest(Vec<u8>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.clear();
    }
}

thread_local! {
    static GUEST: RefCell<Option<Guest>> = const { RefCell::new(None) };
}

fn make(config: &Config) -> Result<Lodger, Error> {
    Ok(Lodger { kind: config.kind, runtime: Mutex::default() })
}

fn start(lodger: State<Lodger>) -> Result<(), Error> {
    if !matches!(lodger.kind, Kind::Tokio) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    *lodger.runtime.lock().unwrap_or_else(PoisonError::into_inner) = Some(runtime?);
    Ok(())
}

fn stop(lodger: State<Lodger>) {
    let runtime = lodger.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(runtime);
}

#[get("/")]
fn lodge(lodger: State<Lodger>) -> Result<String, Error> {
    Ok(match lodger.kind {
        Kind::Plain => "nothing".to_owned(),
        Kind::ThreadLocal => GUEST.with_borrow_mut(|guest| {
            format!("a guest of {} bytes", guest.get_or_insert_with(|| Guest(vec![7; 1000])).0.len())
        }),
        Kind::ThreadCurrent => format!("{:?}", std::thread::current().id()),
        Kind::Threads => {
            let thread = std::thread::spawn(|| GUEST.set(Some(Guest(vec![7; 10]))));
            format!("joined {}", thread.join().is_ok())
        }
        Kind::Tokio => on_runtime(&lodger)?,
        Kind::Channel => {
            let (sender, receiver) = channel();
            let waits = std::thread::spawn(move || receiver.recv_timeout(Duration::from_secs(5)).is_ok());
            sender.send(())?;
            let here = channel::<()>().1.recv_timeout(Duration::from_millis(1)).is_err();
            format!("sent {}, waited {here}", waits.join().is_ok_and(|received| received))
        }
        Kind::Panic => panic!("on purpose"),
        Kind::LeakedThread => {
            LEAKING.call_once(|| drop(std::thread::spawn(park_for_ever)));
            "a thread that never ends".to_owned()
        }
        Kind::LeakedMemory => {
            let mut leaked = LEAKED.lock().unwrap_or_else(PoisonError::into_inner);
            if leaked.is_empty() {
                leaked.push(vec![7; 64 << 10]);
            }
            "64 KB in a static".to_owned()
        }
    })
}

fn park_for_ever() {
    loop {
        std::thread::park();
    }
}

/// Which thread its code runs on, by the number that the system gave it.
#[get("/thread")]
fn thread() -> Result<String, Error> {
    let this = std::fs::read_link("/proc/thread-self")?;
    Ok(this.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

fn on_runtime(lodger: &Lodger) -> Result<String, Error> {
    let runtime = lodger.runtime.lock().unwrap_or_else(PoisonError::into_inner);
    let handle = runtime.as_ref().or_abort(503, "the runtime has stopped")?.handle().clone();
    drop(runtime);
    let (sender, receiver) = channel();
    handle.spawn(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        sender.send(7)
    });
    Ok(format!("{} from the runtime", receiver.recv_timeout(Duration::from_secs(5))?))
}

plugin! { config: Config, state: Lodger = make, start: start, stop: stop, routes: [lodge, thread] }
