//! A lock that survives a fork.
#![allow(unsafe_code, reason = "a mutex of pthreads, and access to what it guards")]

use std::cell::UnsafeCell;

/// A mutex of pthreads, because that may be unlocked by the child of a fork; a mutex of `std` may not, and a child whose
/// parent forked while another thread held it would wait for ever.
pub(super) struct Lock<T> {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is reached through `with` only, by one thread at a time. It may hold addresses that mean something on
// one thread only; that is up to whoever uses them, who needs `unsafe` to do it.
unsafe impl<T> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER), value: UnsafeCell::new(value) }
    }

    /// Lets `look` at the value. It must not come back here, and must call nothing but the allocator.
    pub(super) fn with<R>(&'static self, look: impl FnOnce(&mut T) -> R) -> R {
        let held = Held::of(self);
        // SAFETY: the mutex is held by this thread until `held` is dropped, and `look` does not come back here.
        let value = unsafe { &mut *held.0.value.get() };
        look(value)
    }

    /// Takes the lock, for the time of a fork.
    pub(super) fn before_fork(&'static self) {
        std::mem::forget(Held::of(self));
    }

    /// Gives it back, in the parent and in the child: call it once for each `before_fork`, on the thread that forked.
    pub(super) fn after_fork(&'static self) {
        drop(Held(self));
    }
}

/// The lock is held as long as this lives, panics included.
struct Held<T: 'static>(&'static Lock<T>);

impl<T> Held<T> {
    fn of(lock: &'static Lock<T>) -> Self {
        // SAFETY: an initialised mutex that never moves. A default mutex fails only when it is destroyed or misused.
        let code = unsafe { libc::pthread_mutex_lock(lock.mutex.get()) };
        debug_assert_eq!(code, 0);
        Self(lock)
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        // SAFETY: an initialised mutex that this thread locked, or that the thread locked of which this is a fork.
        unsafe { libc::pthread_mutex_unlock(self.0.mutex.get()) };
    }
}
