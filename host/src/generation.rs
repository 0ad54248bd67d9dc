//! A generation: one loaded version of one plugin, from `create` to `destroy`.
#![allow(unsafe_code, reason = "calls the functions of the entry, through the ABI")]

use crate::deadline::Progress;
use crate::error::Error;
use crate::foreign::{OwnedHandler, OwnedWrapper, Text};
use crate::host_side::HostSide;
use crate::library::{Closed, Library};
use crate::manifest::Manifest;
use crate::run_handle::RunHandle;
use plugin_api::abi;
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long threads that a failed load left may take to end.
const UNLOAD: Duration = Duration::from_millis(500);

/// One loaded version of one plugin. Dropping the last owner stops it and frees its instance; its code stays mapped.
pub struct Generation {
    name: String,
    file: PathBuf,
    manifest: Manifest,
    entry: *const abi::Plugin,
    this: *mut c_void,
    is_started: bool,
    /// Its code; unmapped by no drop, see `Library`. There until `drop`.
    library: Option<Library>,
}

// SAFETY: `entry` points to constant data of a library that stays mapped; `this` is only handed to functions whose contract
// names the thread that may call them, and the host upholds it.
unsafe impl Send for Generation {}
// SAFETY: as above.
unsafe impl Sync for Generation {}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.manifest.version)
    }
}

impl Generation {
    /// Creates the instance of a library that passed the preflight. Call it where it may hang: see `deadline`.
    pub(crate) fn create(
        name: &str,
        file: &Path,
        manifest: Manifest,
        library: Library,
        config_json: &str,
        control: RunHandle,
        progress: &Progress,
    ) -> Result<Arc<Self>, Error> {
        let entry: *const abi::Plugin = library.entry().cast();
        check_entry(file, entry)?;
        // Lent for as long as the code is mapped: a thread that the plugin left may still log.
        let host = HostSide::new(name, control);
        let mut this = std::ptr::null_mut();
        let mut err = Text::default();
        progress.step(format!("plugin `{name}`: create"));
        // SAFETY: `check_entry` saw a table of this major version and of full size.
        let create = unsafe { (*entry).create };
        let config = abi::Slice::text(config_json);
        // SAFETY: the contract of `create`: the host outlives the plugin, the rest is lent for the call.
        let code = unsafe { create(host.table(), config, &raw mut this, err.place()) };
        if code != abi::READY {
            let error = Error::spec(format!("plugin `{name}`: create: {}", err.or_code(code)));
            // The text may be the plugin's memory: it goes back before the code does.
            drop(err);
            if unload(name, library) {
                // SAFETY: the only library that was given it is unmapped.
                unsafe { host.free() };
            }
            return Err(error);
        }
        let (name, file, library) = (name.to_owned(), file.to_owned(), Some(library));
        let mut generation = Self { name, file, manifest, entry, this, is_started: false, library };
        generation.start(progress)?;
        generation.is_started = true;
        Ok(Arc::new(generation))
    }

    fn start(&self, progress: &Progress) -> Result<(), Error> {
        let Some(start) = self.entry().start else { return Ok(()) };
        progress.step(format!("plugin `{}`: start", self.name));
        let mut err = Text::default();
        // SAFETY: the instance was created, and is started once.
        let code = unsafe { start(self.this, err.place()) };
        if code == abi::READY {
            return Ok(());
        }
        Err(Error::spec(format!("plugin `{}`: start: {}", self.name, err.or_code(code))))
    }

    /// The plugin's name in the spec.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that the user wrote.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What the plugin says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn entry(&self) -> &abi::Plugin {
        // SAFETY: constant data of a library that stays mapped; `create` checked its size and version.
        unsafe { &*self.entry }
    }

    /// The extension of that id, if the plugin has it.
    fn extension<T>(&self, id: &str) -> Option<&T> {
        let extension = self.entry().extension?;
        // SAFETY: the instance exists; the id is lent for the call.
        let found = unsafe { extension(self.this, abi::Slice::text(id)) };
        // SAFETY: the contract: null, or a table of the type that belongs to the id, as long as the plugin is loaded.
        unsafe { found.cast::<T>().as_ref() }
    }

    /// Binds a name of the manifest to its handler.
    pub(crate) fn bind(self: &Arc<Self>, name: &str) -> Result<OwnedHandler, Error> {
        let fail =
            |why: &str| Error::spec(format!("plugin `{}`: cannot bind handler `{name}`: {why}", self.name));
        let handlers = self.extension::<abi::PluginHandlers>(abi::EXT_HANDLERS);
        let handlers = handlers
            .ok_or_else(|| fail("its manifest has routes, but it has no extension `pa.handlers/1`"))?;
        let mut out = abi::Handler { data: std::ptr::null_mut(), vt: std::ptr::null() };
        // SAFETY: the instance exists; the name is lent for the call; `out` is a place for one handler.
        let code = unsafe { (handlers.bind)(self.this, abi::Slice::text(name), &raw mut out) };
        match code {
            // SAFETY: READY: the handler is ours to drop, and its code is this generation's.
            abi::READY if !out.vt.is_null() => Ok(unsafe { OwnedHandler::new(out, vec![self.clone()]) }),
            abi::READY => Err(fail("it answered with none")),
            abi::DECLINED => Err(fail("the manifest names it, but the library has none of that name")),
            code => Err(fail(&Text::default().or_code(code))),
        }
    }

    /// Lets the plugin register an app's routes; `name` is empty for the default app.
    pub(crate) fn register(
        &self,
        name: &str,
        args_json: Option<&str>,
        app: *mut abi::App,
    ) -> Result<(), Error> {
        let what = if name.is_empty() { "the default app".to_owned() } else { format!("app `{name}`") };
        let fail = |why: String| Error::spec(format!("plugin `{}`: cannot make {what}: {why}", self.name));
        let apps = self.extension::<abi::PluginApps>(abi::EXT_APPS);
        let apps = apps.ok_or_else(|| fail("it has no extension `pa.apps/1`".into()))?;
        let args = args_json.map_or(abi::Slice::ABSENT, abi::Slice::text);
        let mut err = Text::default();
        // SAFETY: the instance exists; name and arguments are lent for the call; `app` is a handle of the load under way.
        let code = unsafe { (apps.register)(self.this, abi::Slice::text(name), args, app, err.place()) };
        if code == abi::READY { Ok(()) } else { Err(fail(err.or_code(code))) }
    }

    /// Makes the middleware of that name for one use of it.
    pub(crate) fn middleware(self: &Arc<Self>, name: &str, config_json: &str) -> Result<OwnedWrapper, Error> {
        let fail = |why: String| {
            Error::spec(format!("plugin `{}`: cannot make middleware `{name}`: {why}", self.name))
        };
        let wrap = self.extension::<abi::PluginWrap>(abi::EXT_WRAP);
        let wrap = wrap.ok_or_else(|| fail("it has no extension `pa.wrap/1`".into()))?;
        let mut out = abi::Wrapper { data: std::ptr::null_mut(), vt: std::ptr::null() };
        let mut err = Text::default();
        let config = abi::Slice::text(config_json);
        // SAFETY: the instance exists; name and configuration are lent for the call; `out` is a place for one wrapper.
        let code =
            unsafe { (wrap.make)(self.this, abi::Slice::text(name), config, &raw mut out, err.place()) };
        match code {
            // SAFETY: READY: the wrapper is ours to drop, and its code is this generation's.
            abi::READY if !out.vt.is_null() => Ok(unsafe { OwnedWrapper::new(out, self.clone()) }),
            abi::READY => Err(fail("it answered with none".into())),
            code => Err(fail(err.or_code(code))),
        }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if let Some(stop) = self.entry().stop.filter(|_| self.is_started) {
            // SAFETY: the instance was created and started, and every handler of it was dropped: they hold this generation.
            unsafe { stop(self.this) }
        }
        let destroy = self.entry().destroy;
        // SAFETY: as above; nobody else frees the instance.
        unsafe { destroy(self.this) }
        if let Some(library) = self.library.take().filter(|_| crate::load::is_loading()) {
            let _is_gone = unload(&self.name, library);
        }
    }
}

/// Unmaps the library of a load that failed: nobody has seen it, and it ran on this thread alone. One that has served
/// stays mapped until the process ends. Whether it is gone.
fn unload(name: &str, library: Library) -> bool {
    // SAFETY: the instance is gone, or was never made, and with it every handler, text and table of the library's.
    match unsafe { library.close(UNLOAD) } {
        Ok(Closed::Gone) => return true,
        Ok(Closed::Pinned(why)) => tracing::warn!("plugin `{name}` failed to load and stays mapped: {why}"),
        Err(error) => tracing::warn!("plugin `{name}` failed to load and cannot be unmapped: {error}"),
    }
    false
}

/// The first look at the entry, before any of its functions is called.
fn check_entry(file: &Path, entry: *const abi::Plugin) -> Result<(), Error> {
    let file = file.display();
    // SAFETY: `Library::entry` answers with the address of a data symbol in a mapped library, of eight bytes at least.
    let size = unsafe { (*entry).size };
    // SAFETY: as above.
    let major = unsafe { (*entry).abi_major };
    if major != abi::ABI_MAJOR {
        let host = abi::ABI_MAJOR;
        let error =
            Error::spec(format!("{file}: `pa_plugin_v1` says ABI {major}, this host speaks ABI {host}"));
        return Err(error.help("build the plugin with the plugin-api of this host"));
    }
    let wanted = size_of::<abi::Plugin>();
    if (size as usize) < wanted {
        return Err(Error::spec(format!(
            "{file}: `pa_plugin_v1` has {size} bytes, ABI {major} has {wanted}"
        )));
    }
    Ok(())
}
