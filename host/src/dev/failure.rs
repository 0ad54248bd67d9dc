//! A build that failed.

use crate::cargo_build::{Outcome, Problem};
use crate::error::Error;
use serde::Serialize;
use std::path::PathBuf;

/// A crate that could not be built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildFailure {
    /// The name of the crate, in its manifest.
    pub name: String,
    /// The folder of the crate.
    pub folder: PathBuf,
    /// What went wrong in a few words: `cargo failed (exit 101)`.
    pub cause: String,
    /// What a terminal shows of it, with its colours.
    pub rendered: String,
    /// Each error, with its place.
    pub errors: Vec<Problem>,
}

impl BuildFailure {
    /// The failure of a run of cargo. Warnings are left out: what has to be cured are the errors.
    pub(super) fn of_outcome(name: &str, folder: PathBuf, cause: String, outcome: &Outcome) -> Self {
        let errors: Vec<_> = outcome.diagnostics.iter().filter(|one| one.is_error).collect();
        let rendered: String = errors.iter().map(|one| one.rendered.as_str()).collect();
        Self {
            name: name.to_owned(),
            folder,
            cause,
            // Of a manifest that it cannot read cargo speaks itself.
            rendered: if errors.is_empty() { outcome.text.clone() } else { rendered },
            errors: errors.into_iter().map(|one| one.problem.clone()).collect(),
        }
    }

    /// The failure of whatever comes before cargo runs.
    pub(super) fn of_error(name: &str, folder: PathBuf, error: &Error) -> Self {
        let cause = error.message().to_owned();
        Self { name: name.to_owned(), folder, cause, rendered: format!("{error}\n"), errors: Vec::new() }
    }
}
