//! The memory itself: what is where in it, and how it is made and taken over.
#![allow(unsafe_code, reason = "memory that several processes have, as a struct of atomics")]

use super::crash::CrashRecord;
use super::generations::GenerationRecord;
use super::routes::RouteRecord;
use super::slot::SlotRecord;
use crate::error::Error;
use memmap2::MmapRaw;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Exchanges that are shown.
pub(super) const SLOTS: usize = 1 << 14;
/// Routes that are shown by name, of all tables that are alive.
pub(super) const ROUTES: usize = 1 << 16;
/// Generations that crashes are traced back to.
pub(super) const GENERATIONS: usize = 1 << 10;

/// `hostsb` and the number of the layout, which changes with any struct in here: both processes are of one program, and another
/// program's memory is refused.
const MAGIC: u64 = u64::from_be_bytes(*b"hostsb\0\x03");

/// So that its size is what everybody agreed on.
const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// All of it. Every field is atomic, and all zeros is a board with nothing on it.
#[repr(C)]
pub(super) struct Layout {
    magic: AtomicU64,
    pub(super) pid: AtomicU32,
    /// No slot behind these was ever taken.
    pub(super) slots_used: AtomicU32,
    /// No route behind these was ever taken.
    pub(super) routes_used: AtomicU32,
    pub(super) process: AtomicU32,
    pub(super) crash: CrashRecord,
    pub(super) generations: [GenerationRecord; GENERATIONS],
    pub(super) slots: [SlotRecord; SLOTS],
    pub(super) routes: [RouteRecord; ROUTES],
}

/// The memory, mapped in this process. Pages of it that nobody wrote to take no room.
pub(super) struct Memory {
    map: MmapRaw,
}

impl Memory {
    /// New and empty, with the descriptor for others.
    pub(super) fn create() -> io::Result<(Self, File)> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(memfd_create(c"host-scoreboard", flags)?);
        file.set_len(size_of::<Layout>() as u64)?;
        fcntl_add_seals(&file, SEALS)?;
        let memory = Self { map: MmapRaw::map_raw(&file)? };
        memory.layout().magic.store(MAGIC, Ordering::Release);
        Ok((memory, file))
    }

    /// Somebody else's.
    ///
    /// # Errors
    /// It is no board, or one whose size could change under our feet.
    pub(super) fn of(file: &File) -> Result<Self, Error> {
        let fail = |why: String| Error::failed(format!("cannot look at a worker's scoreboard: {why}"));
        let seals = fcntl_get_seals(file).map_err(|cause| fail(cause.to_string()))?;
        let size = fstat(file).map_err(|cause| fail(cause.to_string()))?.st_size;
        if !seals.contains(SEALS) || size != size_of::<Layout>() as i64 {
            return Err(fail(format!("{size} bytes, sealed {seals:?}")));
        }
        let memory =
            Self { map: MmapRaw::map_raw(file).map_err(|cause: io::Error| fail(cause.to_string()))? };
        match memory.layout().magic.load(Ordering::Acquire) {
            MAGIC => Ok(memory),
            other => Err(fail(format!("it begins with {other:#x}"))),
        }
    }

    pub(super) fn layout(&self) -> &Layout {
        // SAFETY: the mapping is page-aligned, of the size of the struct (`create` made it so, `of` looked) and sealed, so that no
        // page of it goes away. All fields are atomics, for which any bytes are a value; other processes write to them with
        // atomic stores, too.
        unsafe { &*self.map.as_ptr().cast::<Layout>() }
    }
}
