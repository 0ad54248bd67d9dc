//! State that moves from one generation of a plugin to the next: `"pa.state/1"`.
//!
//! The manifests say in which schema the old generation saves and which ones the new one takes over: [`plan`] compares
//! them before anything of the new one runs. Then [`save`] asks the old generation for its state, while it serves on or
//! while its new requests wait, and [`load`] gives it to the new one, between `create` and `start`. Each of these calls
//! may hang: make it where that harms nobody, see `deadline`.
#![allow(unsafe_code, reason = "calls the functions of the extension, through the ABI")]

use crate::error::Error;
use crate::foreign::Text;
use crate::manifest::Manifest;
use plugin_api::abi;
use std::ffi::c_void;

#[cfg(test)]
mod tests;

/// More is not copied from one generation to the next.
pub const STATE_BYTES_MAX: usize = 1 << 30;

/// Whether state moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The old generation saves none, or the new one takes none over: it begins with what it makes itself.
    Nothing,
    /// The old generation saves it in this schema, and the new one takes that over.
    Move {
        /// The schema.
        schema: u32,
    },
}

/// What is to be done with the state, by the manifests of both generations.
///
/// # Errors
/// The new generation takes over other schemas than the one that the old one saves.
pub fn plan(old: &Manifest, new: &Manifest) -> Result<Plan, Error> {
    let Some(schema) = old.state_schema else { return Ok(Plan::Nothing) };
    match &*new.state_accepts {
        [] => Ok(Plan::Nothing),
        accepted if accepted.contains(&schema) => Ok(Plan::Move { schema }),
        accepted => {
            let accepted = accepted.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            let new =
                if new.id == old.id { new.version.clone() } else { format!("{} {}", new.id, new.version) };
            let error = format!("{} {} saves schema {schema}, {new} accepts {accepted}", old.id, old.version);
            Err(Error::spec(error).help(format!(
                "let `load` of the new one read schema {schema}, too, and name it in `accepts`"
            )))
        }
    }
}

/// A state on its way. It is the host's memory: the generation that it came from may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The schema that it was saved in.
    pub schema: u32,
    /// What was saved.
    pub bytes: Vec<u8>,
}

/// Asks a generation for its state, in the schema of its manifest. None: it has nothing to hand over.
///
/// # Errors
/// It fails, panics, or saves more than [`STATE_BYTES_MAX`]; or the manifest names a schema, and the library saves none.
///
/// # Safety
/// `entry` is that of a library which passed the preflight and stays mapped for this call, and `this` is its instance,
/// between `start` and `stop`. No other call of its life (`start`, `stop`, `save`, `load`, ...) is under way.
pub unsafe fn save(
    plugin: &str,
    entry: &abi::Plugin,
    this: *mut c_void,
    schema: u32,
) -> Result<Option<Snapshot>, Error> {
    let fail = |why: String| Error::spec(format!("plugin `{plugin}`: save: {why}"));
    // SAFETY: the caller vouches for entry and instance.
    let table = unsafe { table(entry, this) }.ok_or_else(|| fail(NO_EXTENSION.into()))?;
    let (mut out, mut err) = (Text::default(), Text::default());
    // SAFETY: the instance exists; both are places for a buffer, which are released below, while the library is mapped.
    match unsafe { (table.save)(this, out.place(), err.place()) } {
        abi::READY if out.len() > STATE_BYTES_MAX => {
            let bytes = out.len();
            Err(fail(format!("it saved {bytes} bytes, at most {STATE_BYTES_MAX} are handed over"))
                .help("keep what is large in a file, or in the store"))
        }
        abi::READY => Ok(Some(Snapshot { schema, bytes: out.bytes().to_vec() })),
        abi::DECLINED => Ok(None),
        code => Err(fail(err.or_code(code))),
    }
}

/// Gives a state to a generation.
///
/// # Errors
/// It refuses: the swap is over, and the new generation is to be destroyed.
///
/// # Safety
/// As for [`save`], but after `create` or `stop`, and before `start`.
pub unsafe fn load(
    plugin: &str,
    entry: &abi::Plugin,
    this: *mut c_void,
    snapshot: &Snapshot,
) -> Result<(), Error> {
    let schema = snapshot.schema;
    let fail = |why: String| Error::spec(format!("plugin `{plugin}`: load: schema {schema}: {why}"));
    // SAFETY: the caller vouches for entry and instance.
    let table = unsafe { table(entry, this) }.ok_or_else(|| fail(NO_EXTENSION.into()))?;
    let mut err = Text::default();
    let bytes = abi::Slice::new(&snapshot.bytes);
    // SAFETY: the instance exists; the bytes are lent for the call; the place is for one buffer, released while the library is mapped.
    match unsafe { (table.load)(this, schema, bytes, err.place()) } {
        abi::READY => Ok(()),
        code => Err(fail(err.or_code(code))),
    }
}

const NO_EXTENSION: &str = "its manifest has a state, but it has no extension `pa.state/1`";

/// # Safety
/// As for [`save`].
unsafe fn table(entry: &abi::Plugin, this: *mut c_void) -> Option<&abi::PluginState> {
    let extension = entry.extension?;
    // SAFETY: the caller vouches for the instance; the id is lent for the call.
    let found = unsafe { extension(this, abi::Slice::text(abi::EXT_STATE)) };
    // SAFETY: the contract: null, or the table of that id, for as long as the plugin is loaded.
    unsafe { found.cast::<abi::PluginState>().as_ref() }
}
