//! The control socket of a host: made for its user alone, replaced when it was left over, removed at the end.

use super::place;
use crate::error::Error;
use rustix::fs::{FlockOperation, Mode, fchmod, flock};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many clients may wait to be accepted.
const BACKLOG: i32 = 128;

/// How long to wait for another host that makes its socket in the same folder at this moment. Past it we go on: whoever
/// holds the lock so long is no host.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(1);

/// A bound control socket. Its file is removed when this is dropped, unless another one is in its place by then.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    file: Option<FileId>,
}

/// What a file is, whatever its name: device and inode.
type FileId = (u64, u64);

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if self.file.is_some() && self.file == id_of(&self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl ControlSocket {
    /// The socket that a host is to have: at the path that the user names, else in the folder of the user. Without the
    /// latter the host serves all the same; a host that cannot be controlled is better than none.
    ///
    /// # Errors
    /// There is none to be had at the path that the user names.
    pub(crate) fn open(path: Option<&Path>, app: &str) -> Result<Option<Self>, Error> {
        let Some(path) = path else {
            let socket = Self::of_app(app);
            let warn = |error: &Error| tracing::warn!("`host ctl` cannot reach this host: {error}");
            return Ok(socket.inspect_err(warn).ok());
        };
        Self::at(path).map(Some)
    }

    /// At a path that the user names.
    pub(super) fn at(path: &Path) -> Result<Self, Error> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let _lock = path.parent().and_then(lock);
        Self::make(&path).map_err(|error| error.context("--control"))
    }

    /// In the folder of the user. When another host of the same name has it already, ours has the process id in its name:
    /// whoever tries something out beside it need not think of names.
    fn of_app(app: &str) -> Result<Self, Error> {
        let folder = place::folder();
        place::make_folder(&folder)?;
        let _lock = lock(&folder);
        remove_left_over(&folder, app);
        let first = folder.join(place::file_name(app, None));
        if probe(&first) != Probe::Alive {
            return Self::make(&first);
        }
        let own = folder.join(place::file_name(app, Some(std::process::id())));
        tracing::warn!(
            "another host of app `{app}` is running: the control socket of this one is {}",
            own.display()
        );
        Self::make(&own)
    }

    fn make(path: &Path) -> Result<Self, Error> {
        let fail =
            |why: String| Error::failed(format!("cannot make the control socket {}: {why}", path.display()));
        match probe(path) {
            Probe::Free => {}
            Probe::LeftOver => std::fs::remove_file(path).map_err(|cause| fail(cause.to_string()))?,
            Probe::Alive => {
                let error = fail("another host has it".to_owned());
                return Err(
                    error.help("give this host another one, or stop the other: host ctl stop --control PATH")
                );
            }
            Probe::OtherFile => {
                return Err(fail("there is a file of that name, which is no socket".to_owned()));
            }
        }
        let listener = listen_at(path).map_err(|cause| fail(cause.to_string()))?;
        Ok(Self { listener: listener.into(), file: id_of(path), path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

/// Its mode is set before it has a name: nobody else can connect even for a moment.
fn listen_at(path: &Path) -> rustix::io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    fchmod(&socket, Mode::from_raw_mode(0o600))?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// What is at the path of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Nothing.
    Free,
    /// A socket that somebody listens on.
    Alive,
    /// A socket that nobody listens on any more: its host was killed.
    LeftOver,
    /// Something else.
    OtherFile,
}

pub(super) fn probe(path: &Path) -> Probe {
    match path.symlink_metadata() {
        Err(_) => Probe::Free,
        Ok(meta) if !meta.file_type().is_socket() => Probe::OtherFile,
        Ok(_) if try_connect(path) == Err(Errno::CONNREFUSED) => Probe::LeftOver,
        // Also one that we may not connect to, or whose queue is full.
        Ok(_) => Probe::Alive,
    }
}

/// Never waits.
fn try_connect(path: &Path) -> rustix::io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)
}

fn id_of(path: &Path) -> Option<FileId> {
    path.symlink_metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Held while a socket is looked at and made: two hosts that start at once must not both replace a left-over one.
fn lock(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    let until = Instant::now() + LOCK_WAIT_MAX;
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Some(file)
}

/// Removes the sockets with process ids that hosts of this app left when they were killed: nobody else ever would.
fn remove_left_over(folder: &Path, app: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let pid = place::pid_of(&entry.file_name().to_string_lossy(), app);
        let is_gone = pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
        if is_gone && probe(&entry.path()) == Probe::LeftOver {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_the_users_alone_and_gone_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sock");
        let socket = ControlSocket::at(&path).expect("a socket");
        let meta = path.symlink_metadata().expect("its file");
        assert_eq!(meta.mode() & 0o777, 0o600);
        assert_eq!(probe(&path), Probe::Alive);
        drop(socket);
        assert_eq!(probe(&path), Probe::Free);
    }

    #[test]
    fn a_socket_that_was_left_over_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sock");
        drop(UnixListener::bind(&path).expect("a socket"));
        assert_eq!(probe(&path), Probe::LeftOver);
        let socket = ControlSocket::at(&path).expect("it is replaced");
        let error = ControlSocket::at(&path).expect_err("it is taken");
        assert!(error.message().starts_with("--control: cannot make the control socket "), "{error}");
        assert!(error.message().ends_with(": another host has it"), "{error}");
        assert_eq!(error.helps().len(), 1);
        drop(socket);
    }

    #[test]
    fn another_file_is_never_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sock");
        std::fs::write(&path, "precious").expect("a file");
        let error = ControlSocket::at(&path).expect_err("a file is in the way");
        assert!(error.message().ends_with("there is a file of that name, which is no socket"), "{error}");
        std::fs::remove_file(&path).expect("our own file");
        let socket = ControlSocket::at(&path).expect("a socket");
        std::fs::remove_file(&path).expect("our own file");
        std::fs::write(&path, "precious").expect("a file");
        drop(socket);
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), "precious");
    }

    #[test]
    fn a_path_that_is_too_long_or_nowhere_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["x".repeat(200), "missing/a.sock".to_owned()] {
            assert!(ControlSocket::at(&folder.path().join(name)).is_err());
        }
    }

    #[test]
    fn left_over_sockets_of_processes_that_are_gone_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let named = |pid| folder.path().join(place::file_name("shop", Some(pid)));
        // Above the largest process id that Linux gives.
        let (gone, alive) = (named(u32::MAX), named(std::process::id()));
        for path in [&gone, &alive] {
            drop(UnixListener::bind(path).expect("a socket"));
        }
        remove_left_over(folder.path(), "shop");
        assert_eq!((probe(&gone), probe(&alive)), (Probe::Free, Probe::LeftOver));
    }
}
