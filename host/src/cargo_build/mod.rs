//! Finds the library of a crate, and builds it when that is needed.
//!
//! In the usual case, nothing changed, this is a few `stat` calls: cargo writes beside a library which sources it was made
//! of, and none of them is newer. Everything that is not certain is left to cargo, which knows: no library, no list, a
//! build script, a file that is gone. What is not seen here is a change of RUSTFLAGS or of the toolchain; `cargo build`
//! sees it.

mod attempt;
#[cfg(test)]
pub(crate) mod fixture;
mod freshness;
pub(crate) mod group;
mod message;
mod package;
mod run;
mod sources;
#[cfg(test)]
mod tests;

pub(crate) use attempt::{Attempt, Outcome};
pub(crate) use freshness::{changed_since, reason_to_build, shown};
pub use message::Problem;
pub(crate) use package::Package;
pub(crate) use run::{Cargo, Output};
pub(crate) use sources::Sources;

use crate::error::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Which of cargo's profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// `dev`: quick to build.
    #[default]
    Dev,
    /// `release`: quick to run.
    Release,
}

impl Profile {
    /// Debug builds of the host build debug plugins, release builds release ones.
    pub const OF_THIS_HOST: Self = if cfg!(debug_assertions) { Self::Dev } else { Self::Release };

    /// Its folder in the target directory.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The library of a crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// Cargo ran and made it new.
    pub built: bool,
    /// Why cargo ran, or that it did not have to.
    pub reason: String,
}

/// The up-to-date library of the crate in a folder. Cargo's own output goes to our stderr as it comes; `progress` gets a
/// line before cargo starts, and is not called when there is nothing to do.
///
/// # Errors
/// The folder has no crate, the crate is no cdylib, cargo cannot be run, or it failed.
pub fn library_of(crate_dir: &Path, profile: Profile, progress: impl FnMut(&str)) -> Result<Built, Error> {
    library_by(&Cargo::from_env(Output::Shown), crate_dir, profile, progress)
}

/// As [`library_of`], but nothing is shown; what cargo said is in the error when it failed.
///
/// # Errors
/// As [`library_of`].
pub fn library_of_quietly(crate_dir: &Path, profile: Profile) -> Result<Built, Error> {
    library_by(&Cargo::from_env(Output::Kept), crate_dir, profile, |_| {})
}

/// A source that is saved while cargo compiles may be too late for it: then cargo runs again, this often at most.
const BUILDS_MAX: usize = 3;

fn library_by(
    cargo: &Cargo,
    crate_dir: &Path,
    profile: Profile,
    mut progress: impl FnMut(&str),
) -> Result<Built, Error> {
    let package = Package::read(crate_dir, &cargo.places)?;
    let expected = package.library(profile);
    let Some(reason) = freshness::reason_to_build(&package, &expected) else {
        return Ok(Built {
            path: expected,
            built: false,
            reason: "nothing is newer than the library".into(),
        });
    };
    progress(&format!("building crate `{}`: {reason}", package.name));
    let mut built = false;
    for _ in 1..BUILDS_MAX {
        let started = SystemTime::now();
        let artifact = cargo.build(&package, profile)?;
        built |= !artifact.fresh;
        let Some(late) = freshness::changed_since(&package, &artifact.path, started) else {
            return Ok(Built { path: artifact.path, built, reason });
        };
        progress(&format!("building crate `{}` again: {late}", package.name));
    }
    let artifact = cargo.build(&package, profile)?;
    Ok(Built { path: artifact.path, built: built | !artifact.fresh, reason })
}
