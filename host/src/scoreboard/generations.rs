//! The generations that are mapped, and where.

use super::board::Board;
use super::text::Text;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A generation. Taken while `is_taken` is not zero.
#[repr(C)]
pub(super) struct GenerationRecord {
    is_taken: AtomicU32,
    is_optional: AtomicU32,
    number: AtomicU64,
    /// Where its library is mapped; both 0: not yet, or not any more.
    begin: AtomicU64,
    end: AtomicU64,
    /// The part of that which is code.
    code: [AtomicU64; 2],
    plugin: Text<8>,
    version: Text<8>,
    /// Of its library, in hexadecimal.
    digest: Text<8>,
    build_id: Text<8>,
    file: Text<32>,
}

/// A generation as the board has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GenerationOnBoard {
    /// Its plugin's name.
    pub(crate) plugin: String,
    /// Its number.
    pub(crate) number: u64,
    /// Its version.
    pub(crate) version: String,
    /// The digest of its library, in hexadecimal.
    pub(crate) digest: String,
    /// The build id of its library, in hexadecimal; empty: it has none.
    pub(crate) build_id: String,
    /// The file that it came from.
    pub(crate) file: String,
    /// The app may be served without its plugin.
    pub(crate) is_optional: bool,
    /// Where its library is mapped.
    pub(crate) mapped: Mapped,
}

/// Addresses of a library.
pub(crate) type Mapped = Range<u64>;

/// A generation's place on the board, until it is dropped.
pub(crate) struct OnBoard {
    board: Arc<Board>,
    index: u32,
}

impl Board {
    /// Puts a generation on the board; none: there is no room.
    pub(crate) fn add_generation(self: &Arc<Self>, generation: &GenerationOnBoard) -> Option<OnBoard> {
        let records = &self.layout().generations;
        let is_free = |record: &GenerationRecord| {
            record.is_taken.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let index = records.iter().position(is_free)?;
        let record = &records[index];
        record.is_optional.store(generation.is_optional.into(), Ordering::Relaxed);
        record.number.store(generation.number, Ordering::Relaxed);
        record.plugin.store(generation.plugin.as_bytes());
        record.version.store(generation.version.as_bytes());
        record.digest.store(generation.digest.as_bytes());
        record.build_id.store(generation.build_id.as_bytes());
        record.file.store(generation.file.as_bytes());
        record.map(&generation.mapped);
        Some(OnBoard { board: self.clone(), index: index as u32 })
    }

    /// Whether the app may be served without the plugin of that generation: a new spec may say otherwise.
    pub(crate) fn set_optional(&self, generation: u32, is_optional: bool) {
        if let Some(record) = self.layout().generations.get(generation as usize) {
            record.is_optional.store(is_optional.into(), Ordering::Relaxed);
        }
    }
}

impl OnBoard {
    /// Its number, for routes.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Its library is mapped there.
    pub(crate) fn map(&self, mapped: &Mapped) {
        self.record().map(mapped);
    }

    /// Its code is there.
    pub(crate) fn has_code(&self, code: &Mapped) {
        self.record().has_code(code);
    }

    fn record(&self) -> &GenerationRecord {
        &self.board.layout().generations[self.index as usize]
    }
}

impl Drop for OnBoard {
    fn drop(&mut self) {
        self.record().has_code(&(0..0));
        self.record().map(&(0..0));
        self.record().is_taken.store(0, Ordering::Release);
    }
}

impl GenerationRecord {
    fn map(&self, mapped: &Mapped) {
        self.begin.store(mapped.start, Ordering::Relaxed);
        self.end.store(mapped.end, Ordering::Release);
    }

    fn has_code(&self, code: &Mapped) {
        self.code[0].store(code.start, Ordering::Relaxed);
        self.code[1].store(code.end, Ordering::Release);
    }

    /// Where its code is; empty: not known.
    pub(super) fn code(&self) -> Mapped {
        let end = self.code[1].load(Ordering::Acquire);
        self.code[0].load(Ordering::Relaxed)..end
    }

    pub(super) fn read(&self) -> Option<GenerationOnBoard> {
        let end = self.end.load(Ordering::Acquire);
        (self.is_taken.load(Ordering::Acquire) != 0).then(|| GenerationOnBoard {
            plugin: self.plugin.load(),
            number: self.number.load(Ordering::Relaxed),
            version: self.version.load(),
            digest: self.digest.load(),
            build_id: self.build_id.load(),
            file: self.file.load(),
            is_optional: self.is_optional.load(Ordering::Relaxed) != 0,
            mapped: self.begin.load(Ordering::Relaxed)..end,
        })
    }
}
