//! Listening sockets: bound before anything is served, so that the real port is known and a taken one is an error.
//!
//! The supervisor binds them and keeps them open while workers come and go; a worker has descriptors of its own for them.

use crate::error::Error;
use crate::spec::Bind;
use rustix::fs::Mode;
use rustix::io::FdFlags;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fmt;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// How many connections may wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// How much of an answer the kernel may hold that it has not sent; connections inherit it. With more (megabytes, where
/// nobody says so) a client that reads slowly looks like one that does not read: nothing moves for us until a third of
/// it all is gone.
const UNSENT_BYTES_MAX: u32 = 128 << 10;

/// A bound socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener, SocketAddr),
    /// A Unix socket at a path, which is removed at the end if it was made here.
    Unix(UnixListener, UnixPath),
}

/// The file of a Unix socket; dropping it removes the file, unless somebody else made it.
#[derive(Debug)]
pub struct UnixPath {
    path: PathBuf,
    is_ours: bool,
}

impl Drop for UnixPath {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What another process must know of a listener, besides its descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// [`Listener::Tcp`], at this address.
    Tcp(SocketAddr),
    /// [`Listener::Unix`], at this path.
    Unix(PathBuf),
}

impl Listener {
    /// Binds one address. Of the addresses that a name stands for, the first that can be bound is enough.
    ///
    /// # Errors
    /// The address is taken, or is none of this machine's, or there is no right to use it.
    pub fn bind(bind: &Bind) -> Result<Self, Error> {
        match bind {
            Bind::Tcp { host, port } => tcp(host, *port),
            Bind::Unix(path) => unix(path),
            Bind::Fd(name) => inherited(name),
        }
    }

    /// A listener that another process bound. Its path is the other one's to remove.
    pub fn handed(shape: Shape, descriptor: OwnedFd) -> Self {
        match shape {
            Shape::Tcp(address) => Self::Tcp(descriptor.into(), address),
            Shape::Unix(path) => Self::Unix(descriptor.into(), UnixPath { path, is_ours: false }),
        }
    }

    /// What [`Listener::handed`] needs.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Tcp(_, address) => Shape::Tcp(*address),
            Self::Unix(_, path) => Shape::Unix(path.path.clone()),
        }
    }

    /// The URL that clients use.
    pub fn url(&self) -> String {
        self.to_string()
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener, _) => listener.as_fd(),
            Self::Unix(listener, _) => listener.as_fd(),
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `SocketAddr` puts an IPv6 address in brackets.
            Self::Tcp(_, address) => write!(f, "http://{address}/"),
            Self::Unix(_, path) => write!(f, "unix:{}", path.path.display()),
        }
    }
}

fn tcp(host: &str, port: u16) -> Result<Listener, Error> {
    let shown = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let fail = |cause: std::io::Error| bind_error(&shown, &cause);
    let name = if host.is_empty() { "0.0.0.0" } else { host };
    let addresses: Vec<SocketAddr> = (name, port).to_socket_addrs().map_err(fail)?.collect();
    // `localhost` is 127.0.0.1 and ::1: the first that can be bound is enough, as browsers try both.
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match tcp_socket(address) {
            Ok(listener) => {
                let address = listener.local_addr().map_err(fail)?;
                return Ok(Listener::Tcp(listener, address));
            }
            Err(cause) => last = cause,
        }
    }
    Err(fail(last))
}

fn tcp_socket(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A port whose old connections linger can be bound again at once; one that is listened on cannot.
    socket.set_reuse_address(true)?;
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn bind_error(shown: &str, cause: &std::io::Error) -> Error {
    use std::io::ErrorKind;
    let text = match cause.kind() {
        ErrorKind::AddrInUse => "address already in use".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::AddrNotAvailable => "not an address of this machine".to_owned(),
        _ => cause.to_string(),
    };
    let error = Error::failed(format!("cannot listen on {shown}: {text}"));
    match cause.kind() {
        ErrorKind::AddrInUse => {
            error.help("stop the other server, or choose another port with --bind (port 0 takes a free one)")
        }
        ErrorKind::PermissionDenied => {
            error.help("ports below 1024 need the capability CAP_NET_BIND_SERVICE")
        }
        _ => error,
    }
}

/// A socket file that nobody listens on any more is left over from a host that was killed, and is replaced.
fn unix(path: &Path) -> Result<Listener, Error> {
    let shown = format!("unix:{}", path.display());
    let fail = |cause: &std::io::Error| bind_error(&shown, cause);
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(fail(&std::io::ErrorKind::AddrInUse.into()));
    }
    if is_socket(path) {
        std::fs::remove_file(path).map_err(|cause| fail(&cause))?;
    }
    let listener = UnixListener::bind(path).map_err(|cause| fail(&cause))?;
    let guard = UnixPath { path: path.to_owned(), is_ours: true };
    rustix::fs::chmod(path, Mode::from_raw_mode(0o660)).map_err(|cause| fail(&cause.into()))?;
    listener.set_nonblocking(true).map_err(|cause| fail(&cause))?;
    Ok(Listener::Unix(listener, guard))
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

/// Socket activation, as systemd does it: descriptors from 3 on, named by `LISTEN_FDNAMES`; or a number.
fn inherited(name: &str) -> Result<Listener, Error> {
    let shown = format!("fd:{name}");
    let fail = |why: &str| Error::failed(format!("cannot listen on {shown}: {why}"));
    let number = match name.parse::<i32>() {
        Ok(number) => number,
        Err(_) => match named_descriptors(name)[..] {
            [] => return Err(fail("no inherited socket of that name in LISTEN_FDNAMES")),
            [number] => number,
            ref several => {
                let numbers: Vec<String> = several.iter().map(|number| format!("fd:{number}")).collect();
                let error = fail("more than one inherited socket has that name");
                return Err(error.help(format!("name each of them: {}", numbers.join(", "))));
            }
        },
    };
    if number < 3 {
        return Err(fail("descriptors 0, 1 and 2 are not sockets to listen on"));
    }
    let socket = adopt(number).map_err(|cause| fail(&cause.to_string()))?;
    socket.set_nonblocking(true).map_err(|cause| fail(&cause.to_string()))?;
    match socket.local_addr().map_err(|cause| fail(&cause.to_string()))? {
        address if address.is_unix() => {
            let path = address.as_pathname().map(Path::to_owned).unwrap_or_default();
            Ok(Listener::Unix(UnixListener::from(OwnedFd::from(socket)), UnixPath { path, is_ours: false }))
        }
        address => match address.as_socket() {
            Some(address) => {
                socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX).map_err(|cause| fail(&cause.to_string()))?;
                Ok(Listener::Tcp(socket.into(), address))
            }
            None => Err(fail("it is neither a TCP nor a Unix socket")),
        },
    }
}

/// The descriptors of that name: a socket unit with several addresses gives all of them one.
fn named_descriptors(name: &str) -> Vec<i32> {
    // The variables may be meant for a parent of this process.
    let is_ours = std::env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
    let names = std::env::var("LISTEN_FDNAMES").ok().filter(|_| is_ours).unwrap_or_default();
    (3..).zip(names.split(':')).filter(|(_, known)| *known == name).map(|(number, _)| number).collect()
}

/// A descriptor of its own for the inherited number, which stays open as it was, but not in the processes that we start.
#[allow(unsafe_code, reason = "an inherited descriptor is known by its number only")]
fn adopt(number: i32) -> std::io::Result<Socket> {
    if !Path::new(&format!("/proc/self/fd/{number}")).exists() {
        return Err(std::io::Error::other(format!("descriptor {number} is not open")));
    }
    // SAFETY: the number is open, as the line above saw, and borrowed within this function only.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_setfd(borrowed, FdFlags::CLOEXEC)?;
    let owned = borrowed.try_clone_to_owned()?;
    Ok(Socket::from(owned))
}
