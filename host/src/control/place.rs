//! Where control sockets are: in a folder that nobody but their user can enter.

use super::socket::{Probe, probe};
use crate::error::Error;
use rustix::process::geteuid;
use std::fs::{DirBuilder, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What follows the name of the app.
const SUFFIX: &str = ".sock";

/// The folder of this user's control sockets, which need not exist.
pub(super) fn folder() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    folder_of(runtime, &std::env::temp_dir(), geteuid().as_raw())
}

/// The runtime directory may be another user's, as after `sudo -E`: what root made there would keep that user out.
fn folder_of(runtime: Option<PathBuf>, temporary: &Path, own: u32) -> PathBuf {
    let is_own =
        |folder: &PathBuf| folder.is_absolute() && folder.metadata().is_ok_and(|meta| meta.uid() == own);
    match runtime.filter(is_own) {
        Some(runtime) => runtime.join("host"),
        None => temporary.join(format!("host-{own}")),
    }
}

/// The socket of the first host of that app; of a further one with its process id.
pub(super) fn file_name(app: &str, pid: Option<u32>) -> String {
    pid.map_or(format!("{app}{SUFFIX}"), |pid| format!("{app}.{pid}{SUFFIX}"))
}

/// The process id, if it is the name of the socket of a further host of that app.
pub(super) fn pid_of(name: &str, app: &str) -> Option<u32> {
    name.strip_prefix(app)?.strip_prefix('.')?.strip_suffix(SUFFIX)?.parse().ok()
}

/// Makes the folder where it is missing, and sees to it that it is nobody else's.
pub(super) fn make_folder(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().mode(0o700).create(folder);
    if let Err(cause) = made.as_ref()
        && cause.kind() != ErrorKind::AlreadyExists
    {
        return Err(Error::failed(format!("cannot make the folder {}: {cause}", folder.display())));
    }
    check_folder(folder)
}

fn check_folder(folder: &Path) -> Result<(), Error> {
    let refuse = |why: &str| {
        let error = Error::failed(format!("cannot use the folder {}: {why}", folder.display()));
        error.help("remove it, or name a socket elsewhere with --control PATH")
    };
    let meta = folder.symlink_metadata().map_err(|cause| refuse(&cause.to_string()))?;
    objection(&meta, geteuid().as_raw()).map_or(Ok(()), |why| Err(refuse(why)))
}

/// Why control sockets may not be in there.
fn objection(meta: &Metadata, own: u32) -> Option<&'static str> {
    match () {
        () if !meta.is_dir() => Some("it is no folder"),
        () if meta.uid() != own => Some("it belongs to another user"),
        () if meta.mode() & 0o077 != 0 => Some("others have rights on it (its mode should be 0700)"),
        () => None,
    }
}

/// The control socket that a client means: the one that it names, else that of the only host that runs (of that app).
///
/// # Errors
/// It names none, and there is none or more than one.
pub(crate) fn the_socket(control: Option<&Path>, app: Option<&str>) -> Result<PathBuf, Error> {
    if let Some(path) = control {
        return Ok(path.to_owned());
    }
    let folder = folder();
    let mut alive = if folder.exists() { alive_in(&folder, app)? } else { Vec::new() };
    match alive.len() {
        1 => Ok(alive.remove(0)),
        0 => Err(none_runs(&folder, app)),
        _ => Err(several_run(&alive, app)),
    }
}

fn alive_in(folder: &Path, app: Option<&str>) -> Result<Vec<PathBuf>, Error> {
    check_folder(folder)?;
    let entries = std::fs::read_dir(folder)
        .map_err(|cause| Error::failed(format!("cannot read the folder {}: {cause}", folder.display())))?;
    let mut alive: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| is_of(&entry.file_name().to_string_lossy(), app))
        .map(|entry| entry.path())
        .filter(|path| probe(path) == Probe::Alive)
        .collect();
    alive.sort_unstable();
    Ok(alive)
}

fn is_of(name: &str, app: Option<&str>) -> bool {
    match app {
        Some(app) => name == file_name(app, None) || pid_of(name, app).is_some(),
        None => name.ends_with(SUFFIX),
    }
}

fn none_runs(folder: &Path, app: Option<&str>) -> Error {
    let of = app.map_or(String::new(), |app| format!(" of app `{app}`"));
    let error = Error::failed(format!("no host{of} is running: no control socket in {}", folder.display()));
    error.help("name the socket with --control PATH if the host has it elsewhere, or runs as another user")
}

fn several_run(alive: &[PathBuf], app: Option<&str>) -> Error {
    let of = app.map_or(String::new(), |app| format!(" of app `{app}`"));
    let error = Error::usage(format!("{} hosts{of} are running: which one is meant?", alive.len()));
    alive.iter().fold(error, |error, path| error.help(format!("--control {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own file");
    }

    #[test]
    fn sockets_are_in_the_runtime_directory_if_it_is_the_users() {
        let runtime = tempfile::tempdir().expect("a folder");
        let own = geteuid().as_raw();
        let of = |runtime: Option<&Path>, own| folder_of(runtime.map(Path::to_owned), Path::new("/tmp"), own);
        assert_eq!(of(Some(runtime.path()), own), runtime.path().join("host"));
        let elsewhere = PathBuf::from(format!("/tmp/host-{own}"));
        for none in [None, Some(Path::new("")), Some(Path::new(".")), Some(Path::new("/nowhere"))] {
            assert_eq!(of(none, own), elsewhere, "{none:?}");
        }
        assert_eq!(of(Some(runtime.path()), own + 1), PathBuf::from(format!("/tmp/host-{}", own + 1)));
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("host");
        make_folder(&folder).expect("a new folder");
        assert_eq!(folder.metadata().expect("the folder").mode() & 0o777, 0o700);
        make_folder(&folder).expect("the same folder again");
        mode(&folder, 0o711);
        let error = make_folder(&folder).expect_err("others may enter");
        assert!(error.message().ends_with("others have rights on it (its mode should be 0700)"), "{error}");
        assert_eq!(error.helps(), ["remove it, or name a socket elsewhere with --control PATH"]);
    }

    #[test]
    fn a_link_a_file_and_another_users_folder_are_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let (real, link, file) =
            (place.path().join("real"), place.path().join("link"), place.path().join("file"));
        make_folder(&real).expect("a new folder");
        symlink(&real, &link).expect("a link");
        std::fs::write(&file, "").expect("a file");
        for path in [&link, &file] {
            assert!(make_folder(path).is_err_and(|error| error.message().ends_with("it is no folder")));
        }
        let meta = real.symlink_metadata().expect("the folder");
        assert_eq!(objection(&meta, meta.uid() + 1), Some("it belongs to another user"));
        assert_eq!(objection(&meta, meta.uid()), None);
    }

    #[test]
    fn names_of_sockets_are_told_apart() {
        assert_eq!(file_name("shop", None), "shop.sock");
        assert_eq!(pid_of(&file_name("shop", Some(12)), "shop"), Some(12));
        for other in ["shop.sock", "shop.x.sock", "shopper.12.sock", "shop.12"] {
            assert_eq!(pid_of(other, "shop"), None, "{other}");
        }
        assert!(is_of("shop.sock", Some("shop")) && is_of("shop.12.sock", Some("shop")));
        assert!(!is_of("shopper.sock", Some("shop")) && !is_of("shop.lock", None));
    }
}
