//! glibc. Read `symbols` first: what a library calls. Then `owner`: whose call it is; `state`: what is kept; `purge`: how it
//! is run.

mod keys;
mod loading;
mod lock;
mod next;
mod objects;
mod own;
mod owner;
mod purge;
mod ranges;
mod report;
mod state;
mod symbols;
mod thread;

pub use keys::keys_in_use;
pub use loading::{Loading, begin_load};
pub use objects::mapped_objects;
pub use own::keep_own_thread_locals;
pub use purge::{delete_keys, purge_this_thread};
pub use report::{forget, leftovers, threads, wait_clear};

/// The type of a destructor of a thread-local, or of a key.
type Destructor = unsafe extern "C" fn(*mut std::ffi::c_void);
