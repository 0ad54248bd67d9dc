//! The definitions that ours stand in front of.
#![allow(unsafe_code, reason = "dlsym, and the address of a symbol that may not be there")]

use super::{Destructor, symbols};
use libc::{RTLD_DEFAULT, RTLD_NEXT, c_int, c_void, pthread_attr_t, pthread_t};
use std::ffi::CStr;
use std::mem::transmute;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

/// The function that a thread runs. It may be left by `pthread_exit` or a cancellation, which unwind.
pub(super) type Start = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

pub(super) type ThreadAtexit = unsafe extern "C" fn(Destructor, *mut c_void, *mut c_void) -> c_int;
pub(super) type Create =
    unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, Start, *mut c_void) -> c_int;
pub(super) type KeyCreate = unsafe extern "C" fn(*mut u32, Option<Destructor>) -> c_int;
pub(super) type KeyDelete = unsafe extern "C" fn(u32) -> c_int;
pub(super) type SetSpecific = unsafe extern "C" fn(u32, *const c_void) -> c_int;

/// A definition, looked up once.
struct Next {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

static THREAD_ATEXIT: Next = Next::new(c"__cxa_thread_atexit_impl");
static CREATE: Next = Next::new(c"pthread_create");
static KEY_CREATE: Next = Next::new(c"pthread_key_create");
static KEY_DELETE: Next = Next::new(c"pthread_key_delete");
static SET_SPECIFIC: Next = Next::new(c"pthread_setspecific");

pub(super) fn thread_atexit() -> ThreadAtexit {
    // SAFETY: the function of that name has this type: it is in glibc's contract with compilers.
    unsafe { transmute::<*mut c_void, ThreadAtexit>(THREAD_ATEXIT.get()) }
}

pub(super) fn create() -> Create {
    // SAFETY: the function of that name has this type: POSIX.
    unsafe { transmute::<*mut c_void, Create>(CREATE.get()) }
}

pub(super) fn key_create() -> KeyCreate {
    // SAFETY: the function of that name has this type: POSIX.
    unsafe { transmute::<*mut c_void, KeyCreate>(KEY_CREATE.get()) }
}

pub(super) fn key_delete() -> KeyDelete {
    // SAFETY: the function of that name has this type: POSIX.
    unsafe { transmute::<*mut c_void, KeyDelete>(KEY_DELETE.get()) }
}

pub(super) fn set_specific() -> SetSpecific {
    // SAFETY: the function of that name has this type: POSIX.
    unsafe { transmute::<*mut c_void, SetSpecific>(SET_SPECIFIC.get()) }
}

/// Looks all up: afterwards no thread needs the loader's lock for it, which a constructor that waits for the thread may hold.
pub(super) fn resolve() {
    for next in [&THREAD_ATEXIT, &CREATE, &KEY_CREATE, &KEY_DELETE, &SET_SPECIFIC] {
        next.get();
    }
}

/// A function of ours that libraries would not find, because this executable does not export it.
pub(super) fn not_exported() -> Option<&'static str> {
    let ours = [
        (&THREAD_ATEXIT, symbols::__cxa_thread_atexit_impl as *const ()),
        (&CREATE, symbols::pthread_create as *const ()),
        (&KEY_CREATE, symbols::pthread_key_create as *const ()),
        (&KEY_DELETE, symbols::pthread_key_delete as *const ()),
        (&SET_SPECIFIC, symbols::pthread_setspecific as *const ()),
    ];
    let hidden =
        ours.iter().find(|(next, ours)| !std::ptr::eq(look_up(RTLD_DEFAULT, next.name).cast(), *ours))?;
    hidden.0.name.to_str().ok()
}

impl Next {
    const fn new(name: &'static CStr) -> Self {
        Self { name, found: AtomicPtr::new(null_mut()) }
    }

    fn get(&self) -> *mut c_void {
        let found = self.found.load(SeqCst);
        if found.is_null() { self.look_up() } else { found }
    }

    #[cold]
    fn look_up(&self) -> *mut c_void {
        let sanitizer = match self.name.to_bytes() {
            b"pthread_create" => sanitizer(),
            _ => null_mut(),
        };
        let found = if sanitizer.is_null() { look_up(RTLD_NEXT, self.name) } else { sanitizer };
        if found.is_null() {
            // Not a panic: this may be inside an allocator. The C library that this was built for has them all.
            std::process::abort();
        }
        self.found.store(found, SeqCst);
        found
    }
}

fn look_up(handle: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: a handle that the C library defines, and a string that is alive.
    unsafe { libc::dlsym(handle, name.as_ptr()) }
}

/// The `pthread_create` of a sanitizer that is linked into the executable, or null. It gave way to ours, and must see the
/// threads that start. Its symbol is not exported, so only the linker can say: a weak one is null where it is not defined.
fn sanitizer() -> *mut c_void {
    let address;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads the address of a symbol, which the linker wrote to the table that is read.
    unsafe {
        std::arch::asm!(
            ".weak __interceptor_pthread_create",
            "mov {}, qword ptr [rip + __interceptor_pthread_create@GOTPCREL]",
            out(reg) address,
            options(pure, readonly, nostack, preserves_flags)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads the address of a symbol, which the linker wrote to the table that is read.
    unsafe {
        std::arch::asm!(
            ".weak __interceptor_pthread_create",
            "adrp {0}, :got:__interceptor_pthread_create",
            "ldr {0}, [{0}, :got_lo12:__interceptor_pthread_create]",
            out(reg) address,
            options(pure, readonly, nostack, preserves_flags)
        );
    }
    address
}
