//! The life of a generation: `create`, `start`, `stop`, `destroy`, unmapped. Each step may hang: call it on a thread that may.
#![allow(unsafe_code, reason = "calls the functions of the entry, and closes the library")]

use super::{Calls, Generation, Label, Objects};
use crate::deadline::Progress;
use crate::error::Error;
use crate::foreign::Text;
use crate::host_side::HostSide;
use crate::library::{Closed, Library};
use crate::plugin_threads;
use crate::run_handle::RunHandle;
use crate::scoreboard::board;
use crate::state::{self, Snapshot};
use crate::thread_exit::{self, ThreadInfo};
use crate::usage::Counts;
use plugin_api::abi;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long threads that a failed load left may take to end.
const UNLOAD: Duration = Duration::from_millis(500);

/// Where the life of a generation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Its instance exists.
    Created,
    /// It may run threads.
    Started,
    /// `stop` was called, and has not returned.
    Stopping,
    /// It has no thread, and can be started again.
    Stopped,
    /// It has no instance.
    Destroyed,
}

/// The code of a generation.
pub(super) enum Code {
    /// It is there.
    Mapped(Library),
    /// It was closed, and stays for ever, for this reason.
    Kept(String),
    /// It is proved to be gone.
    Gone,
}

/// What became of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// No part of it is mapped any more: proved.
    Gone,
    /// It stays, for this reason.
    Pinned(String),
}

impl Generation {
    /// Creates the instance of a library that passed the preflight.
    pub(crate) fn create(
        label: Label,
        library: Library,
        run: RunHandle,
        progress: &Progress,
    ) -> Result<Arc<Self>, Error> {
        let entry: *const abi::Plugin = library.entry().cast();
        check_entry(&label.file, entry)?;
        // Lent for as long as the code is mapped: a thread that the plugin left may still log.
        let host = HostSide::new(&label.name, run);
        let mut this = std::ptr::null_mut();
        let mut err = Text::default();
        progress.step(format!("plugin `{}`: create", label.name));
        // SAFETY: `check_entry` saw a table of this major version and of full size.
        let create = unsafe { (*entry).create };
        let config = abi::Slice::text(&label.config_json);
        // SAFETY: the contract of `create`: the host outlives the plugin, the rest is lent for the call.
        let code = unsafe { create(host.table(), config, &raw mut this, err.place()) };
        if code != abi::READY {
            let error = Error::spec(format!("plugin `{}`: create: {}", label.name, err.or_code(code)));
            // The text may be the plugin's memory: it goes back before the code does.
            drop(err);
            abandon(&label, library, host);
            return Err(error);
        }
        Ok(Arc::new(Self {
            label,
            on_board: library.number_on_board(),
            entry,
            this,
            host: Mutex::new(Some(host)),
            phase: AtomicU8::new(Phase::Created as u8),
            calls: Calls::default(),
            code: Mutex::new(Code::Mapped(library)),
            objects: Objects::default(),
            uses: Mutex::default(),
            counts: Counts::default(),
            counts_on_board: board().and_then(|board| board.add_counts()),
        }))
    }

    /// Where its life stands.
    pub(crate) fn phase(&self) -> Phase {
        const PHASES: [Phase; 5] =
            [Phase::Created, Phase::Started, Phase::Stopping, Phase::Stopped, Phase::Destroyed];
        PHASES[usize::from(self.phase.load(Ordering::SeqCst)).min(PHASES.len() - 1)]
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    /// Its state, in the schema of its manifest; none: it has nothing to hand over.
    pub(crate) fn save(&self, schema: u32) -> Result<Option<Snapshot>, Error> {
        let _call = self.call("save")?;
        // SAFETY: the library is mapped and the instance exists; calls of a life happen one after the other: no other one is
        // under way.
        unsafe { state::save(&self.label.name, self.entry(), self.this, schema) }
    }

    /// Takes a state over, before it starts.
    pub(crate) fn load(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let _call = self.call("load")?;
        // SAFETY: as in `save`; it is not started: see where this is called.
        unsafe { state::load(&self.label.name, self.entry(), self.this, snapshot) }
    }

    /// Lets it start its threads; again, after a `stop`.
    pub(crate) fn start(&self, progress: &Progress) -> Result<(), Error> {
        let _call = self.call("start")?;
        if let Some(start) = self.entry().start {
            progress.step(format!("plugin `{}`: start", self.label.name));
            let mut err = Text::default();
            // SAFETY: the instance exists, and is not started: starts and stops alternate.
            let code = unsafe { start(self.this, err.place()) };
            if code != abi::READY {
                let why = err.or_code(code);
                return Err(Error::spec(format!("plugin `{}`: start: {why}", self.label.name)));
            }
        }
        self.enter(Phase::Started);
        Ok(())
    }

    /// Gives everything back that it handed over, and has it end its threads.
    ///
    /// # Safety
    /// No request uses it, and no new one will: it is in no table that is published.
    ///
    /// # Errors
    /// Another call has not returned.
    pub(crate) unsafe fn stop(&self, progress: &Progress) -> Result<(), Error> {
        let _call = self.call("stop")?;
        progress.step(format!("plugin `{}`: the drops of generation {}", self.label.name, self.label.number));
        self.objects.release_all();
        if self.phase() != Phase::Started {
            return Ok(());
        }
        self.enter(Phase::Stopping);
        if let Some(stop) = self.entry().stop {
            progress.step(format!("plugin `{}`: stop", self.label.name));
            // SAFETY: the instance exists and was started; the caller vouches that nothing of it runs.
            unsafe { stop(self.this) }
        }
        self.enter(Phase::Stopped);
        Ok(())
    }

    /// Frees the instance, unless that has happened.
    ///
    /// # Safety
    /// As for `stop`.
    ///
    /// # Errors
    /// Another call has not returned, or it was started and not stopped.
    pub(crate) unsafe fn destroy(&self, progress: &Progress) -> Result<(), Error> {
        let _call = self.call("destroy")?;
        match self.phase() {
            Phase::Created | Phase::Stopped => {}
            Phase::Destroyed => return Ok(()),
            Phase::Started | Phase::Stopping => {
                return Err(Error::failed(format!("plugin `{}`: it was not stopped", self.label.name)));
            }
        }
        progress.step(format!("plugin `{}`: destroy", self.label.name));
        self.objects.release_all();
        let destroy = self.entry().destroy;
        self.enter(Phase::Destroyed);
        // SAFETY: every object went back, and the caller vouches for the rest; nobody else frees the instance.
        unsafe { destroy(self.this) }
        Ok(())
    }

    /// Unmaps its library, if nothing of it is left anywhere; threads that hold something of it are asked to let go, and
    /// waited for. One that was not destroyed stays.
    pub(crate) fn unmap(&self, limit: Duration) -> Fate {
        let _call = match self.call("its destructors") {
            Ok(call) => call,
            Err(error) => return Fate::Pinned(error.message().to_owned()),
        };
        if self.phase() != Phase::Destroyed {
            return Fate::Pinned("it was not destroyed".to_owned());
        }
        let mut code = self.code();
        let library = match std::mem::replace(&mut *code, Code::Gone) {
            Code::Mapped(library) => library,
            Code::Kept(why) => {
                *code = Code::Kept(why.clone());
                return Fate::Pinned(why);
            }
            Code::Gone => return Fate::Gone,
        };
        plugin_threads::purge(library.id());
        // SAFETY: it was destroyed, and no call is under way: with the instance every handler, text and table went back, and nobody
        // has an address of the library.
        let (left, why) = match unsafe { library.close(limit) } {
            Ok(Closed::Gone) => {
                let host = self.host.lock().unwrap_or_else(PoisonError::into_inner).take();
                // SAFETY: the library that was given it is unmapped.
                host.into_iter().for_each(|host| unsafe { host.free() });
                return Fate::Gone;
            }
            Ok(Closed::Pinned(library, why)) => (library, why),
            Err(error) => (None, error.message().to_owned()),
        };
        *code = left.map_or_else(|| Code::Kept(why.clone()), Code::Mapped);
        Fate::Pinned(why)
    }

    fn code(&self) -> MutexGuard<'_, Code> {
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The threads that it started, and that have not ended.
    pub(crate) fn threads(&self) -> Vec<ThreadInfo> {
        match &*self.code() {
            Code::Mapped(library) => thread_exit::leftovers(library.id()).threads,
            Code::Kept(_) | Code::Gone => Vec::new(),
        }
    }

    /// Whether it has anything to do when a process begins to serve, or ends.
    pub(crate) fn has_start_or_stop(&self) -> bool {
        let entry = self.entry();
        entry.start.is_some() || entry.stop.is_some()
    }

    /// A descriptor of the copy that runs, for another process; none when that is gone, or no descriptor is left.
    pub(crate) fn copy(&self) -> Option<File> {
        match &*self.code() {
            Code::Mapped(library) => library.sealed().file().try_clone().ok(),
            Code::Kept(_) | Code::Gone => None,
        }
    }

    /// Whether it may be gone some day, or is already. One that is in a call may: that may return.
    pub(crate) fn may_end(&self) -> bool {
        self.under_way().is_some() || !matches!(*self.code(), Code::Kept(_))
    }

    pub(super) fn entry(&self) -> &abi::Plugin {
        // SAFETY: constant data of the library, checked by `create`; every caller is before `unmap`.
        unsafe { &*self.entry }
    }

    /// The extension of that id, if the plugin has it.
    pub(crate) fn extension<T>(&self, id: &str) -> Option<&T> {
        let extension = self.entry().extension?;
        // SAFETY: the instance exists; the id is lent for the call.
        let found = unsafe { extension(self.this, abi::Slice::text(id)) };
        // SAFETY: the contract: null, or a table of the type that belongs to the id, as long as the plugin is loaded.
        unsafe { found.cast::<T>().as_ref() }
    }
}

impl Drop for Generation {
    /// A generation that was never published: its load failed. One that was retired has ended already.
    fn drop(&mut self) {
        if self.phase() == Phase::Destroyed || self.phase() == Phase::Stopping {
            return;
        }
        let progress = Progress::default();
        // SAFETY: everything that it handed over holds it, so all of that is gone; no request ever saw it.
        let stopped = unsafe { self.stop(&progress) };
        // SAFETY: as above.
        let ended = stopped.and_then(|()| unsafe { self.destroy(&progress) });
        if let Err(error) = ended {
            return tracing::error!("{error}: its library stays mapped");
        }
        let code = self.code.get_mut().unwrap_or_else(PoisonError::into_inner);
        let host = self.host.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let (Code::Mapped(library), Some(host)) = (std::mem::replace(code, Code::Gone), host)
            && crate::load::is_loading()
        {
            abandon(&self.label, library, host);
        }
    }
}

/// Unmaps the library of a load that failed: nobody has seen it, and it ran on this thread alone.
fn abandon(label: &Label, library: Library, host: HostSide) {
    let name = &label.name;
    // SAFETY: the instance is gone, or was never made, and with it every handler, text and table of the library's.
    match unsafe { library.close(UNLOAD) } {
        // SAFETY: the only library that was given it is unmapped.
        Ok(Closed::Gone) => unsafe { host.free() },
        Ok(Closed::Pinned(_, why)) => {
            tracing::warn!("plugin `{name}` failed to load and stays mapped: {why}")
        }
        Err(error) => tracing::warn!("plugin `{name}` failed to load and cannot be unmapped: {error}"),
    }
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
