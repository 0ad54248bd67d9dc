//! Tells a loop that a handler can go on, from any thread and at any time: also while its exchange is away.

use futures_util::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// See the module. A call is kept until it is asked for.
#[derive(Default)]
pub(super) struct Signal {
    called: AtomicBool,
    task: AtomicWaker,
}

impl Signal {
    /// What calls.
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }

    /// Whether it was called since it was asked; if not, the task is woken when it is.
    pub(super) fn is_called(&self, cx: &Context<'_>) -> bool {
        self.task.register(cx.waker());
        self.called.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.called.store(true, Ordering::Release);
        self.task.wake();
    }
}
