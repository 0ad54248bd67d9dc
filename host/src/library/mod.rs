//! A shared library: sealed, then opened.
//!
//! The user's file is read once and never mapped. What is mapped is a [`Sealed`] copy of it, an inode of its own that
//! nobody can write: the same path twice gives two libraries, `cp` over the file cannot crash a process that runs it, and
//! the digest is of the very bytes that run. [`Library::open`] is the only place that calls `dlopen`.

mod digest;
#[cfg(test)]
pub(crate) mod fixture;
mod open;
mod sealed;

pub use digest::Digest;
pub(crate) use open::glibc_version;
pub use open::{Closed, ENTRY, Library};
pub(crate) use sealed::read;
pub use sealed::{LIBRARY_BYTES_MAX, Sealed};

/// A library is copied and hashed in parts of this size, with a turn for other threads behind each: who works for a millisecond
/// without a pause holds up the requests that wait for the same core.
const PART_BYTES: usize = 64 << 10;
