//! From a file to a generation: sealed, accepted, opened, created.

use crate::crash::InLife;
use crate::deadline::Progress;
use crate::error::Error;
use crate::generation::{Generation, Label};
use crate::library::{Library, Sealed};
use crate::manifest::Manifest;
use crate::preflight;
use crate::run_handle::RunHandle;
use crate::scoreboard::{OnBoard, board};
use std::path::Path;
use std::sync::Arc;

/// A library that may be opened: nothing of it has run.
pub(crate) struct Accepted {
    pub(crate) sealed: Sealed,
    pub(crate) manifest: Manifest,
    /// What the linker called it; empty: nothing.
    pub(crate) build_id: String,
}

/// Reads the file once, seals what was read, and looks whether that can be loaded here.
pub(crate) fn seal(file: &Path) -> Result<Accepted, Error> {
    accept(Sealed::copy(file)?)
}

/// Looks whether a sealed copy can be loaded here.
pub(crate) fn accept(sealed: Sealed) -> Result<Accepted, Error> {
    let (manifest, build_id) = preflight::accept(sealed.path(), &sealed, crate::host_side::EXTENSIONS)?;
    Ok(Accepted { sealed, manifest, build_id: build_id.unwrap_or_default() })
}

/// What a generation is to be called, and made with.
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) number: u64,
    /// Where the spec says that it comes from; empty for a library that a target names by its path.
    pub(crate) source: String,
    pub(crate) config_json: String,
    /// The app may be served without its plugin.
    pub(crate) is_optional: bool,
}

/// Opens it and makes its instance. Call it where these may hang.
pub(crate) fn create(
    accepted: Accepted,
    identity: Identity,
    run: RunHandle,
    progress: &Progress,
) -> Result<Arc<Generation>, Error> {
    let Accepted { sealed, manifest, build_id } = accepted;
    run.bans().check(sealed.path(), sealed.digest())?;
    let Identity { name, number, source, config_json, is_optional } = identity;
    let (file, digest) = (sealed.path().to_owned(), sealed.digest());
    let label = Label { name, number, file, source, digest, build_id, config_json, manifest };
    let name = &label.name;
    progress.step(format!("plugin `{name}`: constructors of {}", label.file.display()));
    // Before any of its code runs, its constructors included: whatever they do, it is known whose they are.
    let on_board = board().and_then(|board| board.add_generation(&label.on_board(is_optional)));
    let _life = InLife::of(on_board.as_ref().map(OnBoard::index));
    let library = Library::open(sealed)?.on_board(on_board);
    Generation::create(label, library, run, progress)
}
