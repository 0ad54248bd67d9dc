//! What is known of each plugin: its generations, and what became of them.

use super::draft::Look;
use super::swap::SwapHow;
use super::turns::Turns;
use crate::control::Answer;
use crate::generation::Generation;
use crate::load::open::Accepted;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All plugins that there are, or were and are not gone yet.
#[derive(Default)]
pub(super) struct Books(Mutex<BTreeMap<String, Arc<Book>>>);

/// One plugin.
pub(super) struct Book {
    pub(super) name: String,
    /// Changes of it, one after the other.
    pub(super) turns: Turns<Wish, Answer>,
    pages: Mutex<Pages>,
}

/// What may be wished for one plugin: equal wishes that wait one behind the other are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Swap(SwapHow),
    Rollback,
    /// A new spec.
    Spec(Look),
    /// One that is down, to be loaded.
    BringBack(String, SwapHow),
}

#[derive(Default)]
pub(super) struct Pages {
    /// The one that new requests find.
    pub(super) current: Option<Arc<Generation>>,
    /// Those that answer their last requests, and those that are about to be unmapped.
    pub(super) draining: Vec<Arc<Generation>>,
    /// For a rollback; the oldest first.
    pub(super) kept: Vec<Kept>,
    /// Those that should be gone, and why they are not.
    pub(super) pinned: Vec<Pinned>,
    /// How many are gone, proved.
    pub(super) unloaded: u64,
    /// The file that was swapped in by name, and goes before that of the spec.
    pub(super) file: Option<PathBuf>,
}

/// A generation that may come back.
#[derive(Clone)]
pub(super) enum Kept {
    /// It was stopped, and can be started again.
    Stopped(Arc<Generation>),
    /// The process before had it.
    Copied(Arc<Copied>),
}

/// A generation of the process before: its bytes.
pub(super) struct Copied {
    pub(super) number: u64,
    pub(super) config_json: String,
    pub(super) accepted: Accepted,
}

impl Kept {
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Stopped(generation) => generation.label().number,
            Self::Copied(copied) => copied.number,
        }
    }

    fn is(&self, generation: &Arc<Generation>) -> bool {
        matches!(self, Self::Stopped(kept) if Arc::ptr_eq(kept, generation))
    }

    pub(super) fn stopped(self) -> Option<Arc<Generation>> {
        match self {
            Self::Stopped(generation) => Some(generation),
            Self::Copied(_) => None,
        }
    }
}

/// A generation that should be gone.
#[derive(Clone)]
pub(super) struct Pinned {
    pub(super) generation: Arc<Generation>,
    pub(super) why: String,
}

impl Books {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Book>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book of that plugin, which is opened if there is none.
    pub(super) fn of(&self, plugin: &str) -> Arc<Book> {
        let mut books = self.lock();
        let new = || Book { name: plugin.to_owned(), turns: Turns::default(), pages: Mutex::default() };
        books.entry(plugin.to_owned()).or_insert_with(|| Arc::new(new())).clone()
    }

    /// The book of a plugin that is served.
    pub(super) fn served(&self, plugin: &str) -> Option<Arc<Book>> {
        self.lock().get(plugin).filter(|book| book.pages().current.is_some()).cloned()
    }

    /// By name.
    pub(super) fn all(&self) -> Vec<Arc<Book>> {
        self.lock().values().cloned().collect()
    }

    /// Every generation that has an instance, which is the caller's to end.
    pub(super) fn take_all(&self) -> Vec<Arc<Generation>> {
        let books = std::mem::take(&mut *self.lock());
        let of = |book: &Book| {
            let pages = std::mem::take(&mut *book.pages());
            let pinned = pages.pinned.into_iter().map(|pinned| pinned.generation);
            let kept = pages.kept.into_iter().filter_map(Kept::stopped);
            let all = pages.current.into_iter().chain(pages.draining).chain(kept).chain(pinned);
            all.collect::<Vec<_>>()
        };
        books.values().flat_map(|book| of(book)).collect()
    }
}

impl Book {
    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn current(&self) -> Option<Arc<Generation>> {
        self.pages().current.clone()
    }
}

impl Pages {
    /// The generation is in none of the lists any more.
    pub(super) fn forget(&mut self, generation: &Arc<Generation>) {
        let is_other = |other: &Arc<Generation>| !Arc::ptr_eq(other, generation);
        self.draining.retain(is_other);
        self.kept.retain(|kept| !kept.is(generation));
        self.pinned.retain(|pinned| is_other(&pinned.generation));
    }

    /// It should be gone, and is not.
    pub(super) fn pin(&mut self, generation: &Arc<Generation>, why: &str) {
        self.forget(generation);
        self.pinned.push(Pinned { generation: generation.clone(), why: why.to_owned() });
    }
}
