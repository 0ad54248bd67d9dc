//! What systemd is told, where it started the host: see sd_notify(3). Nothing is said where nobody asked for it.

use sd_notify::NotifyState;
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Variables that are meant for the process that systemd started, and for none that it starts.
pub(crate) const VARIABLES: &[&str] = &["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// Whether anybody wants to know.
pub(crate) fn is_listening() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Whether clients were served once: before that there is nothing to load again.
static WAS_READY: AtomicBool = AtomicBool::new(false);

/// Clients are served from now on.
pub(crate) fn ready() {
    WAS_READY.store(true, Ordering::Relaxed);
    say(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
}

/// What the host is doing, in a line.
pub(crate) fn status(text: &str) {
    say(&[NotifyState::Status(text)]);
}

/// Something is loaded again; [`reloaded`] follows, whatever becomes of it.
pub(crate) fn reloading() {
    // Without a time it is not believed.
    match NotifyState::monotonic_usec_now() {
        Ok(now) if WAS_READY.load(Ordering::Relaxed) => say(&[NotifyState::Reloading, now]),
        _ => {}
    }
}

/// What is loaded again is there, or was refused.
pub(crate) fn reloaded() {
    if WAS_READY.load(Ordering::Relaxed) {
        say(&[NotifyState::Ready]);
    }
}

/// The host ends.
pub(crate) fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// The host is as it should be.
pub(crate) fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// How often that has to be said: twice as often as it is waited for.
pub(crate) fn alive_every() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|every| !every.is_zero())
}

fn say(what: &[NotifyState<'_>]) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let lines: String = what.iter().map(|one| format!("{one}\n")).collect();
    if let Err(cause) = send(name.as_bytes(), lines.as_bytes()) {
        tracing::debug!("cannot tell systemd: {cause}");
    }
}

/// Who does not listen is not waited for: so it is not done by the crate that knows what to say.
fn send(name: &[u8], lines: &[u8]) -> std::io::Result<()> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(OsStr::from_bytes(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(lines, &address).map(drop)
}
