//! From a file to a generation: sealed, accepted, opened, created.

use crate::deadline::Progress;
use crate::error::Error;
use crate::generation::{Generation, Label};
use crate::library::{Library, Sealed};
use crate::manifest::Manifest;
use crate::preflight;
use crate::run_handle::RunHandle;
use std::path::Path;
use std::sync::Arc;

/// A library that may be opened: nothing of it has run.
pub(crate) struct Accepted {
    pub(crate) sealed: Sealed,
    pub(crate) manifest: Manifest,
}

/// Reads the file once, seals what was read, and looks whether that can be loaded here.
pub(crate) fn seal(file: &Path) -> Result<Accepted, Error> {
    accept(Sealed::copy(file)?)
}

/// Looks whether a sealed copy can be loaded here.
pub(crate) fn accept(sealed: Sealed) -> Result<Accepted, Error> {
    let manifest = preflight::accept(sealed.path(), &sealed, crate::host_side::EXTENSIONS)?;
    Ok(Accepted { sealed, manifest })
}

/// Opens it and makes its instance. Call it where these may hang.
pub(crate) fn create(
    accepted: Accepted,
    name: &str,
    number: u64,
    config_json: &str,
    run: RunHandle,
    progress: &Progress,
) -> Result<Arc<Generation>, Error> {
    let Accepted { sealed, manifest } = accepted;
    let label = Label {
        name: name.to_owned(),
        number,
        file: sealed.path().to_owned(),
        digest: sealed.digest(),
        config_json: config_json.to_owned(),
        manifest,
    };
    progress.step(format!("plugin `{name}`: constructors of {}", label.file.display()));
    let library = Library::open(sealed)?;
    Generation::create(label, library, run, progress)
}
