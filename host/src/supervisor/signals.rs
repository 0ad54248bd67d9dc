//! Signals, on a thread of their own.

use super::event::{Event, Reply};
use crate::control::{Command, Commands};
use crate::doing;
use crate::error::Error;
use crate::stop::Stop;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, pipe};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};

/// Passes signals on to the main thread of a supervisor, from now on.
pub(super) fn pass_on(events: SyncSender<Event>) -> Result<(), Error> {
    take(&[SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1], move |signal| drop(events.send(Event::Signal(signal))))
}

/// The signals of a host without a supervisor: SIGINT and SIGTERM stop it, a second one ends it at once, SIGHUP swaps what
/// changed, once there is somebody to do it, and SIGUSR1 has it say what it is doing.
pub(crate) fn of_a_host_alone(stop: Stop, commands: Arc<OnceLock<Arc<dyn Commands>>>) -> Result<(), Error> {
    take(&[SIGHUP, SIGINT, SIGTERM, SIGUSR1], move |signal| match signal {
        SIGHUP => swap_changed(commands.get()),
        SIGUSR1 => doing::say_of_this_process(),
        _ => stop_or_end(&stop, signal),
    })
}

/// The signals of a worker. The terminal sends SIGINT to all processes, and SIGHUP: they are the supervisor's,
/// as SIGUSR1 is. SIGTERM is
/// for this worker alone, and another one takes its place; or it was sent to all, and the supervisor may have said so
/// already. A second one changes nothing: the supervisor knows how long to wait.
pub(super) fn of_a_worker(stop: Stop, start_again: Arc<AtomicBool>) -> Result<(), Error> {
    take(&[SIGHUP, SIGINT, SIGTERM, SIGUSR1], move |signal| {
        if signal == SIGTERM {
            start_again.store(true, Ordering::SeqCst);
            stop.request();
        }
    })
}

/// The same for a worker without another thread. What comes back is readable when one of them came, or a child has ended.
pub(super) fn of_a_worker_that_forks(start_again: Arc<AtomicBool>) -> Result<UnixStream, Error> {
    let fail = |cause: std::io::Error| Error::failed(format!("cannot take signals: {cause}"));
    let (events, sender) = UnixStream::pair().map_err(fail)?;
    events.set_nonblocking(true).map_err(fail)?;
    for signal in [SIGHUP, SIGINT] {
        flag::register(signal, Arc::new(AtomicBool::new(false))).map_err(fail)?;
    }
    flag::register(SIGTERM, start_again).map_err(fail)?;
    for signal in [SIGCHLD, SIGTERM] {
        pipe::register(signal, sender.try_clone().map_err(fail)?).map_err(fail)?;
    }
    ignore_full_disks().map_err(fail)?;
    Ok(events)
}

fn stop_or_end(stop: &Stop, signal: i32) {
    if stop.is_requested() && std::process::id() == 1 {
        signal_hook::low_level::exit(1);
    }
    if stop.is_requested() {
        let _ = emulate_default_handler(signal);
    }
    stop.request();
}

/// On a thread of its own: a swap takes its time, and the next signal must not wait for it.
fn swap_changed(commands: Option<&Arc<dyn Commands>>) {
    let Some(commands) = commands.cloned() else { return };
    crate::systemd::reloading();
    let swap = move || Reply::Reload.send(commands.execute(Command::SwapChanged));
    let _ = std::thread::Builder::new().name("swap".into()).spawn(swap);
}

fn take(signals: &[i32], each: impl Fn(i32) + Send + 'static) -> Result<(), Error> {
    let fail = |cause: std::io::Error| Error::failed(format!("cannot take signals: {cause}"));
    let mut signals = Signals::new(signals).map_err(fail)?;
    let wait = move || signals.forever().for_each(each);
    std::thread::Builder::new().name("signals".into()).spawn(wait).map_err(fail)?;
    ignore_full_disks().map_err(fail)
}

/// A write past a limit on the size of files is an error for whoever writes, and no reason to die. (So is one to a pipe that
/// nobody reads: Rust's runtime sees to that.) A handler that only notes it is as good as ignoring the signal, and not
/// inherited by the programs that we start.
fn ignore_full_disks() -> std::io::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map(drop)
}
