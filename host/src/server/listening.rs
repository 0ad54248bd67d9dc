//! Where a server listens: addresses come and go while it runs, and those that stay are never closed.

use super::wait::Wakeup;
use crate::error::Error;
use crate::listener::Listener;
use crate::spec::Bind;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

/// The listeners of a server. Clones are the same ones.
#[derive(Clone)]
pub struct Listening(Arc<Mutex<State>>);

struct State {
    /// In the order of the spec, and then of adding.
    bound: Vec<Arc<Bound>>,
    /// Who accepts; none before the server runs.
    server: Option<Arc<dyn Accepts>>,
    has_ended: bool,
}

/// A bound address, as long as anybody has it.
pub struct Bound {
    bind: Bind,
    listener: Listener,
    is_closing: AtomicBool,
    closing: Arc<Wakeup>,
}

/// A server that accepts connections.
pub(super) trait Accepts: Send + Sync {
    /// Accepts the connections of this listener, too.
    ///
    /// # Errors
    /// There is no thread or no descriptor left for it.
    fn begin(&self, bound: &Arc<Bound>) -> Result<(), Error>;

    /// Accepts no more of them. The listener is [closing](Bound::is_closing) already, and nobody has it when this returns.
    fn end(&self, bound: &Arc<Bound>);
}

impl Bound {
    /// A bound socket, with the address as the spec has it.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new(bind: Bind, listener: Listener) -> Result<Arc<Self>, Error> {
        let (is_closing, closing) = (AtomicBool::new(false), Wakeup::new()?);
        Ok(Arc::new(Self { bind, listener, is_closing, closing }))
    }

    /// The address as the spec has it.
    pub fn bind(&self) -> &Bind {
        &self.bind
    }

    /// The socket.
    pub fn listener(&self) -> &Listener {
        &self.listener
    }

    /// Whether no connection of it is to be accepted any more.
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    /// Readable from then on.
    pub(super) fn closing_event(&self) -> BorrowedFd<'_> {
        self.closing.event()
    }

    fn close(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
        self.closing.wake_by_ref();
    }
}

impl Listening {
    /// These, each with the address as the spec has it.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn of(listeners: impl IntoIterator<Item = (Bind, Listener)>) -> Result<Self, Error> {
        let bound = listeners.into_iter().map(|(bind, listener)| Bound::new(bind, listener));
        let bound = bound.collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Mutex::new(State { bound, server: None, has_ended: false }))))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that are open.
    pub fn list(&self) -> Vec<Arc<Bound>> {
        self.lock().bound.clone()
    }

    /// One more: its connections are accepted from now on.
    ///
    /// # Errors
    /// The server is ending, or there is no thread or no descriptor left for it.
    pub fn add(&self, bound: &Arc<Bound>) -> Result<(), Error> {
        let mut state = self.lock();
        if state.has_ended {
            return Err(Error::failed("the server is ending"));
        }
        if let Some(server) = &state.server {
            server.begin(bound)?;
        }
        state.bound.push(bound.clone());
        Ok(())
    }

    /// One less. Its connections go on; the socket is closed when the caller drops it.
    pub fn remove(&self, bound: &Arc<Bound>) {
        let mut state = self.lock();
        state.bound.retain(|known| !Arc::ptr_eq(known, bound));
        bound.close();
        if let Some(server) = &state.server {
            server.end(bound);
        }
    }

    /// Has this server accept the connections of all of them, and of those that are added.
    pub(super) fn serve(&self, server: Arc<dyn Accepts>) -> Result<(), Error> {
        let mut state = self.lock();
        state.bound.iter().try_for_each(|bound| server.begin(bound))?;
        state.server = Some(server);
        Ok(())
    }

    /// Closes all of them, for good.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        let (bound, server) = (std::mem::take(&mut state.bound), state.server.take());
        bound.iter().for_each(|bound| bound.close());
        server.iter().for_each(|server| bound.iter().for_each(|bound| server.end(bound)));
    }
}
