//! The only place that calls `dlopen`.
#![allow(unsafe_code, reason = "dlopen, dlsym and the version of the C library")]

use super::Sealed;
use crate::error::Error;
use crate::scoreboard::OnBoard;
use crate::thread_exit::{self, Id};
use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
use std::error::Error as _;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The one symbol that a plugin exports, and it is data.
pub const ENTRY: &str = "pa_plugin_v1";

/// An open library. Dropping it closes nothing: its code stays mapped, on purpose, because a thread, a thread-local
/// destructor or a pointer of it may be left that nobody sees. Only [`Library::close`] closes.
pub struct Library {
    handle: ManuallyDrop<Handle>,
    entry: *const c_void,
    /// What it leaves in threads is kept under this.
    id: Id,
    /// Kept as long as the code may be mapped: the loader knows the library by the number of this descriptor.
    sealed: ManuallyDrop<Sealed>,
    /// Kept for as long.
    on_board: ManuallyDrop<Option<OnBoard>>,
}

// SAFETY: the handle may be used on any thread (`libloading` says so), `Sealed` is a file, and `entry` is an address that
// this type only hands out.
unsafe impl Send for Library {}
// SAFETY: as above; no method writes through `&self`.
unsafe impl Sync for Library {}

/// What became of a library that was closed.
#[derive(Debug)]
pub enum Closed {
    /// No part of it is mapped any more.
    Gone,
    /// It stays mapped, for this reason. A thread of it that runs, or something of it in another thread, may be gone later:
    /// then it comes back, to be closed again. A wish of its own is for ever.
    Pinned(Option<Library>, String),
}

impl Library {
    /// Maps the library, binds all its symbols, and runs its constructors: call it where these may hang. Call it for a
    /// library that passed the preflight.
    ///
    /// # Errors
    /// The loader's text, with the user's path: a library that it needs is missing, a symbol is not defined.
    pub fn open(sealed: Sealed) -> Result<Self, Error> {
        let name = sealed.loader_path();
        let path = CString::new(name.clone()).map_err(|_| Error::failed("the path of a copy has a NUL"))?;
        let _opening = Opening::of(sealed.path());
        let loading = thread_exit::begin_load(&path);
        // SAFETY: running the library's constructors is what a load means. The name is of a descriptor that is open now,
        // and stays open as long as the code is mapped: `Self` keeps `sealed`, and drops it after a proof only.
        let handle = unsafe { Handle::open(Some(&name), RTLD_NOW | RTLD_LOCAL) };
        let handle = handle.map_err(|error| failed(sealed.path(), &name, &error))?;
        let id = loading.finish();
        let (handle, sealed) = (ManuallyDrop::new(handle), ManuallyDrop::new(sealed));
        // SAFETY: the symbol is not used as the type that it is asked for: only its address is taken.
        let symbol = unsafe { handle.get::<*const c_void>(ENTRY) };
        let symbol = symbol.map_err(|error| failed(sealed.path(), &name, &error))?;
        let on_board = ManuallyDrop::new(None);
        Ok(Self { handle, entry: symbol.as_raw_ptr(), id, sealed, on_board })
    }

    /// Has its place on the scoreboard, which says from now on where it is mapped.
    pub(crate) fn on_board(mut self, place: Option<OnBoard>) -> Self {
        if let (Some(place), Ok(Some(mapped))) = (&place, self.sealed.mapped()) {
            place.map(&mapped);
        }
        self.on_board = ManuallyDrop::new(place);
        self
    }

    /// The number of its place on the scoreboard.
    pub(crate) fn number_on_board(&self) -> Option<u32> {
        self.on_board.as_ref().map(OnBoard::index)
    }

    /// The library that is being opened at this moment, and for how long already. Others wait for it: its constructors run
    /// under the loader's lock.
    pub fn opening() -> Option<(PathBuf, Duration)> {
        let opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        opening.first().map(|(path, since)| (path.clone(), since.elapsed()))
    }

    /// The address of [`ENTRY`]. The preflight saw that it is a data object of eight bytes at least.
    pub fn entry(&self) -> *const c_void {
        self.entry
    }

    /// The file that the user wrote.
    pub fn path(&self) -> &Path {
        self.sealed.path()
    }

    /// The copy that is mapped.
    pub fn sealed(&self) -> &Sealed {
        &self.sealed
    }

    /// What it leaves in threads is known under this.
    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// Closes the library, and proves that it is gone. What it left in this thread is ended first, and what it left in
    /// others is waited for, for as long as `limit`. Its destructors run on this thread.
    ///
    /// # Safety
    /// Nobody runs its code any more, nothing will call it, and nobody holds an address of it: no handler, no borrowed
    /// text. Threads of its own, thread-locals and keys are looked after here.
    ///
    /// # Errors
    /// The loader's text, with the user's path. The library stays mapped.
    pub unsafe fn close(self, limit: Duration) -> Result<Closed, Error> {
        // SAFETY: the caller vouches that nothing on this thread uses the library any more.
        unsafe { thread_exit::purge_this_thread(self.id) };
        let left = thread_exit::wait_clear(self.id, limit);
        if !left.is_clear() {
            let library = left.untracked.is_none().then_some(self);
            return Ok(Closed::Pinned(library, left.to_string()));
        }
        // SAFETY: no thread holds a value of the keys, as the line above proved, and none will set one.
        unsafe { thread_exit::delete_keys(self.id) };
        let Self { handle, sealed, id, on_board, .. } = self;
        let name = sealed.loader_path();
        let closed = ManuallyDrop::into_inner(handle).close();
        closed.map_err(|error| failed(sealed.path(), &name, &error))?;
        // The descriptor of a copy that is still mapped stays open: the loader knows the copy by its number.
        if thread_exit::forget(id).is_err() || !matches!(sealed.mapped(), Ok(None)) {
            return Ok(Closed::Pinned(None, "the loader keeps it".to_owned()));
        }
        drop(ManuallyDrop::into_inner(sealed));
        drop(ManuallyDrop::into_inner(on_board));
        Ok(Closed::Gone)
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Library({})", self.path().display())
    }
}

/// Those that are being opened, the first one first.
static OPENING: Mutex<Vec<(PathBuf, Instant)>> = Mutex::new(Vec::new());

/// In the list as long as it lives.
struct Opening(Instant);

impl Opening {
    fn of(path: &Path) -> Self {
        let since = Instant::now();
        OPENING.lock().unwrap_or_else(PoisonError::into_inner).push((path.to_owned(), since));
        Self(since)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = opening.iter().position(|(_, since)| *since == self.0) {
            opening.remove(index);
        }
    }
}

/// Words of the loader, and the cure.
const CURES: &[(&str, &str)] = &[
    (
        "undefined symbol",
        "link the library that defines it; `-Wl,-z,defs` finds this when the plugin is linked",
    ),
    (
        "cannot open shared object file",
        "the plugin needs this library: install it, or add its folder to LD_LIBRARY_PATH",
    ),
    (
        "static TLS block",
        "compile with `-ftls-model=global-dynamic`; leave allocators such as jemalloc to the host",
    ),
    (
        "failed to map segment",
        "a policy forbids to run the copy: see `vm.memfd_noexec`, and `noexec` of the folder in TMPDIR",
    ),
];

/// The loader's text, with the user's path instead of that of the copy.
fn failed(path: &Path, name: &str, error: &libloading::Error) -> Error {
    let text = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let path = path.display().to_string();
    let cause = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text).replace(name, &path);
    let error = Error::spec(format!("{path}: cannot open the library: {cause}"));
    match CURES.iter().find(|(words, _)| cause.contains(words)) {
        Some((_, cure)) => error.help(*cure),
        None => error,
    }
}

/// The version of the C library that this process runs on; none when it is not glibc.
pub(crate) fn glibc_version() -> Option<&'static str> {
    let this = Handle::this();
    // SAFETY: the type is that of `<gnu/libc-version.h>`: no argument, a string.
    let version =
        unsafe { this.get::<unsafe extern "C" fn() -> *const c_char>("gnu_get_libc_version") }.ok()?;
    // SAFETY: it takes nothing, and is in the C library, which is never unloaded.
    let text = unsafe { version() };
    // SAFETY: not null and ended by NUL, a constant of the C library.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::fixture::{self, Folder};

    #[test]
    fn the_same_file_twice_is_two_libraries_and_each_can_be_closed() {
        let folder = Folder::new();
        let file = folder.library(&fixture::good(), &[]);
        let (first, second) = (open(&file).unwrap(), open(&file).unwrap());
        assert_ne!(first.entry(), second.entry());
        assert!(!first.entry().is_null());
        assert_eq!(first.path(), file);
        for library in [first, second] {
            assert_eq!(close(library), None);
        }
    }

    #[test]
    fn a_library_that_asks_to_stay_is_still_mapped_after_its_close() {
        let folder = Folder::new();
        let file = folder.library(&fixture::good(), &["-Wl,-z,nodelete"]);
        assert_eq!(close(open(&file).unwrap()).as_deref(), Some("the loader keeps it"));
    }

    #[test]
    fn the_loaders_text_names_the_users_file() {
        let folder = Folder::new();
        let undefined = fixture::good() + "int missing(void); int x(void) { return missing(); }";
        let file = folder.library(&undefined, &[]);
        let error = open(&file).unwrap_err();
        assert!(
            error.contains("libx.so: cannot open the library: undefined symbol: missing\nhelp: link"),
            "{error}"
        );
        assert!(!error.contains("/proc/"), "{error}");
        let text = folder.path().join("text.so");
        std::fs::write(&text, "text").unwrap();
        let error = open(&text).unwrap_err();
        assert!(error.contains("text.so: cannot open the library: file too short"), "{error}");
    }

    #[test]
    fn the_version_of_the_c_library_is_known() {
        let version = glibc_version().unwrap();
        assert!(version.starts_with("2."), "{version}");
    }

    fn open(path: &Path) -> Result<Library, String> {
        Library::open(Sealed::copy(path).unwrap()).map_err(|error| error.to_string())
    }

    /// Why it stays; none: it is gone.
    fn close(library: Library) -> Option<String> {
        // SAFETY: the fixtures have data only, and nobody holds an address of it.
        match unsafe { library.close(Duration::from_secs(1)) }.unwrap() {
            Closed::Gone => None,
            Closed::Pinned(_, why) => Some(why),
        }
    }
}
