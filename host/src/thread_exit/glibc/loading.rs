//! A load: from before `dlopen` until it is known where the library is.
#![allow(
    unsafe_code,
    reason = "marks the libraries that a plugin needs as never to be unmapped; the load of this thread"
)]

use super::super::Id;
use super::{next, objects, ranges, state};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A load under way, on the thread that began it. Loads happen one after the other, as they do in the loader itself.
pub struct Loading {
    /// In a box: `CURRENT` points to it.
    load: Box<Load>,
    before: Vec<(usize, CString)>,
    _alone: MutexGuard<'static, ()>,
}

struct Load {
    id: Id,
    path: CString,
    registered: Cell<Registered>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Registered {
    /// The path names a library that was there before.
    Before,
    NotYet,
    Yes,
    NoSlot,
}

static ALONE: Mutex<()> = Mutex::new(());

thread_local! {
    /// The load of this thread, or null.
    static CURRENT: Cell<*const Load> = const { Cell::new(std::ptr::null()) };
}

/// Call it before `dlopen`, with the same path, on the same thread. The path must be this library's alone, as that of a
/// sealed copy is, for as long as the library is mapped.
pub fn begin_load(path: &CStr) -> Loading {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    next::resolve();
    state::survive_forks();
    let registered = if objects::range_of(path).is_some() { Registered::Before } else { Registered::NotYet };
    let load = Box::new(Load { id: Id::next(), path: path.to_owned(), registered: Cell::new(registered) });
    CURRENT.set(&raw const *load);
    Loading { load, before: objects::all(), _alone: alone }
}

/// Whether this thread is between `begin_load` and `finish`.
pub(super) fn on_this_thread() -> bool {
    !CURRENT.get().is_null()
}

/// The load that this thread is in.
pub(super) fn id_on_this_thread() -> Option<Id> {
    with_current(|load| load.id)
}

/// Says where the library is as soon as it is mapped: its constructors run before `dlopen` returns, and may start threads.
pub(super) fn register_early() {
    with_current(Load::register);
}

fn with_current<R>(look: impl FnOnce(&Load) -> R) -> Option<R> {
    let current = CURRENT.get();
    // SAFETY: null, or the load of a `Loading` of this thread that is still alive: its drop sets null, and it cannot be sent.
    unsafe { current.as_ref() }.map(look)
}

impl Load {
    fn register(&self) {
        if self.registered.get() == Registered::NotYet
            && let Some(range) = objects::range_of(&self.path)
        {
            let added = ranges::add(self.id, &range);
            self.registered.set(if added { Registered::Yes } else { Registered::NoSlot });
        }
    }
}

impl Loading {
    /// Call it after `dlopen` succeeded, before anything else of the library is used. When `dlopen` failed, drop this.
    pub fn finish(self) -> Id {
        self.load.register();
        let untracked = self.untracked();
        let inode =
            std::fs::metadata(Path::new(&*self.load.path.to_string_lossy())).map_or(0, |meta| meta.ino());
        let library = state::Library { path: self.load.path.clone(), inode, untracked };
        state::STATE.with(|state| state.libraries.insert(self.load.id, library));
        self.load.id
    }

    /// Why it cannot be known what this library leaves.
    fn untracked(&self) -> Option<String> {
        if let Some(name) = next::not_exported() {
            return Some(format!("this executable does not export `{name}`"));
        }
        match self.load.registered.get() {
            Registered::Before => Some("another library was loaded by the same path".to_owned()),
            Registered::NotYet => Some("the loader does not know it by the path of its load".to_owned()),
            Registered::NoSlot => Some(format!("{} libraries are mapped already", ranges::LIBRARIES_MAX)),
            Registered::Yes => keep_needed(&self.before, &self.load.path).err(),
        }
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        CURRENT.set(std::ptr::null());
        // `dlopen` failed after it had mapped the library; or it is kept, unknown to anybody, and stays registered.
        if objects::range_of(&self.load.path).is_none() {
            ranges::remove(self.load.id);
        }
    }
}

/// Marks every other library that came with this one as never to be unmapped: see the folder's documentation.
fn keep_needed(before: &[(usize, CString)], path: &CStr) -> Result<(), String> {
    let new = objects::all().into_iter().filter(|object| !before.contains(object));
    for (_, name) in new.filter(|(_, name)| **name != *path) {
        if !keep(&name) {
            return Err(format!("cannot keep `{}`, which it needs", name.to_string_lossy()));
        }
    }
    Ok(())
}

fn keep(name: &CStr) -> bool {
    let flags = libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: the library is mapped and its constructors have run; this sets a mark, and runs nothing of it.
    let handle = unsafe { libc::dlopen(name.as_ptr(), flags) };
    !handle.is_null()
}
