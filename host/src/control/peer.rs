//! Who is at the other end of a control socket.

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use rustix::process::Pid;
use std::os::unix::net::UnixStream;

pub(super) struct Peer {
    pub(super) uid: u32,
    /// None: it is in another world of process ids, as a container's is, and has none here. `rustix` knows no such peer.
    pub(super) pid: Option<Pid>,
}

impl Peer {
    pub(super) fn of(stream: &UnixStream) -> Option<Self> {
        let peer = getsockopt(stream, PeerCredentials).ok()?;
        Some(Self { uid: peer.uid(), pid: Pid::from_raw(peer.pid()) })
    }
}
