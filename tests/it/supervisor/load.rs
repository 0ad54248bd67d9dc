//! Clients that connect again and again, and count what becomes of it.

use crate::harness::{Address, Client, Host, eventually};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many connect at once.
pub(super) const CLIENTS: usize = 4;

#[derive(Default)]
pub(super) struct Seen {
    answered: AtomicUsize,
    /// Nobody listened.
    refused: AtomicUsize,
    /// The connection ended without an answer.
    cut_off: AtomicUsize,
    is_over: AtomicBool,
}

impl Seen {
    /// What clients of the host see meanwhile: each connects, asks for `/` and begins again.
    pub(super) fn by_clients_of(host: &Host, meanwhile: impl FnOnce(&Self)) -> Self {
        let (seen, address) = (Self::default(), host.address());
        std::thread::scope(|threads| {
            for _ in 0..CLIENTS {
                threads.spawn(|| seen.connect_again_and_again(&address));
            }
            // Also when it panics: the scope waits for its threads.
            let _over = Over(&seen);
            meanwhile(&seen);
        });
        seen
    }

    fn connect_again_and_again(&self, address: &Address) {
        while !self.is_over.load(Ordering::Relaxed) {
            let count = match Client::try_connect(address) {
                None => &self.refused,
                Some(mut client) => match client.try_get("/") {
                    Ok(answer) if answer.text() == "hello\n" => &self.answered,
                    _ => &self.cut_off,
                },
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until clients were served some more.
    #[track_caller]
    pub(super) fn wait_for_more(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        eventually("clients are served", || self.answered.load(Ordering::Relaxed) > before + 50);
    }

    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn cut_off(&self) -> usize {
        self.cut_off.load(Ordering::Relaxed)
    }
}

struct Over<'a>(&'a Seen);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}
