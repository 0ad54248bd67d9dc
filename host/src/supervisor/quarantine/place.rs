//! Where state is kept that survives the host.

use crate::error::Error;
use crate::spec::Spec;
use rustix::process::geteuid;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The folder of the spec, else systemd's, else that of the user's state; none: there is no place for it.
pub(super) fn folder(spec: &Spec) -> Option<PathBuf> {
    let of_spec = spec.supervisor.state.clone();
    of_spec.or_else(|| by_environment(&spec.app.name, |name| std::env::var_os(name)))
}

fn by_environment(app: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let folder = |name: &str| variable(name).map(PathBuf::from).and_then(absolute);
    // systemd gives several, if a unit has several, in its order.
    let of_systemd = variable("STATE_DIRECTORY").and_then(|all| std::env::split_paths(&all).next());
    let of_user = || {
        let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
        Some(state.join("host").join(app))
    };
    of_systemd.and_then(absolute).or_else(of_user)
}

/// Makes it where it is missing: what libraries are served is nobody else's to decide.
pub(super) fn make(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| Error::failed(format!("cannot make the folder {}: {cause}", folder.display())))
}

/// Whoever can write there decides what is served.
///
/// # Errors
/// That may be somebody else.
pub(super) fn check(folder: &Path) -> Result<(), Error> {
    let Ok(meta) = folder.metadata() else { return Ok(()) };
    let is_ours = meta.uid() == 0 || meta.uid() == geteuid().as_raw();
    if is_ours && meta.mode() & 0o022 == 0 {
        return Ok(());
    }
    let error = Error::failed(format!("{}: others may write to this folder", folder.display()));
    Err(error.help("it has to belong to the user of the host, with mode 0755 or less"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        by_environment("shop", variable).map(|folder| folder.display().to_string())
    }

    #[test]
    fn systemd_goes_before_the_user_and_a_relative_folder_is_none() {
        let (home, xdg) = (("HOME", "/home/u"), ("XDG_STATE_HOME", "/state"));
        assert_eq!(found(&[home]).as_deref(), Some("/home/u/.local/state/host/shop"));
        assert_eq!(found(&[home, xdg]).as_deref(), Some("/state/host/shop"));
        assert_eq!(
            found(&[home, ("XDG_STATE_HOME", "state")]).as_deref(),
            Some("/home/u/.local/state/host/shop")
        );
        let systemd = ("STATE_DIRECTORY", "/var/lib/shop:/var/lib/other");
        assert_eq!(found(&[home, xdg, systemd]).as_deref(), Some("/var/lib/shop"));
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let with = |mode| {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).expect("our own");
            check(folder.path()).map_err(|error| error.message().to_owned())
        };
        assert_eq!((with(0o700), with(0o755)), (Ok(()), Ok(())));
        let want = Err(format!("{}: others may write to this folder", folder.path().display()));
        assert_eq!((with(0o777), with(0o770)), (want.clone(), want));
        assert_eq!(check(&folder.path().join("none")), Ok(()));
    }
}
