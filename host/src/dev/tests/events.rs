//! What listeners are told.

use crate::dev::events::LISTENERS_MAX;
use crate::dev::{BuildEvent, BuildFailure, Event, Events, Listener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(30);

fn failure(name: &str) -> BuildFailure {
    BuildFailure {
        name: name.into(),
        folder: format!("/{name}").into(),
        cause: "cargo failed (exit 101)".into(),
        rendered: String::new(),
        errors: Vec::new(),
    }
}

/// All that there is to be told now, in short.
fn all(listener: &mut Listener) -> Vec<String> {
    let next = || listener.next_within(Duration::ZERO).ok();
    std::iter::from_fn(next)
        .map(|event| match event {
            Event::Hello { is_failing, .. } => format!("hello {is_failing}"),
            Event::Swap { .. } => "swap".into(),
            Event::Error { crates, .. } => format!("error {}", crates.join(" ")),
            Event::Recovered => "recovered".into(),
            Event::StillHere => "still here".into(),
        })
        .collect()
}

#[test]
fn a_listener_to_whom_nothing_was_told_for_a_while_gets_a_comment() {
    let events = Events::default();
    events.still_here();
    let mut listener = events.listen().unwrap();
    assert_eq!(all(&mut listener), ["hello false"]);
    events.still_here();
    events.still_here();
    assert_eq!(all(&mut listener), ["still here"]);
    events.swapped();
    events.still_here();
    assert_eq!(all(&mut listener), ["swap", "still here"]);
    assert_eq!(Event::StillHere.to_stream(), ":\n\n");
}

#[test]
fn a_listener_is_told_the_state_and_then_every_change() {
    let events = Events::default();
    events.built(&BuildEvent::Failed(failure("a")));
    let mut listener = events.listen().unwrap();
    assert_eq!(all(&mut listener), ["hello true", "error a"]);
    events.swapped();
    assert_eq!(all(&mut listener), ["swap"]);
    events.failed(failure("b"));
    assert_eq!(all(&mut listener), ["error a b"]);
    events.built(&BuildEvent::Recovered { name: "a".into(), folder: "/a".into() });
    assert_eq!(all(&mut listener), ["error b"]);
    events.recovered(Path::new("/b"));
    assert_eq!(all(&mut listener), ["recovered"]);
    events.recovered(Path::new("/b"));
    assert!(all(&mut listener).is_empty(), "nothing has changed");
    assert_eq!(all(&mut events.listen().unwrap()), ["hello false"]);
}

#[test]
fn changes_that_nobody_took_become_one() {
    let events = Events::default();
    let mut listener = events.listen().unwrap();
    assert_eq!(all(&mut listener), ["hello false"]);
    for _ in 0..1000 {
        events.swapped();
        events.failed(failure("a"));
    }
    assert_eq!(all(&mut listener), ["swap", "error a"]);
    events.recovered(Path::new("/a"));
    events.failed(failure("a"));
    assert_eq!(all(&mut listener), ["error a"], "it may fail in another way now");
    events.recovered(Path::new("/a"));
    assert_eq!(all(&mut listener), ["recovered"]);
    events.failed(failure("a"));
    events.recovered(Path::new("/a"));
    assert!(all(&mut listener).is_empty(), "of this failure he was told nothing");
}

#[test]
fn each_swap_and_each_process_has_a_version_of_its_own() {
    let (events, other) = (Events::default(), Events::default());
    let first = events.version();
    let mut listener = events.listen().unwrap();
    let hello = Event::Hello { version: first.clone(), is_failing: false };
    assert_eq!(listener.next_within(DEADLINE), Ok(hello));
    events.swapped();
    assert_eq!(listener.next_within(DEADLINE), Ok(Event::Swap { version: events.version() }));
    assert!(events.version() != first && other.version() != first);
}

#[test]
fn what_fails_can_be_asked_for_with_its_revision() {
    let events = Events::default();
    assert_eq!(events.failures(), (0, vec![]));
    events.failed(failure("a"));
    let worse = BuildFailure { cause: "worse".into(), ..failure("a") };
    events.failed(worse.clone());
    assert_eq!(events.failures(), (2, vec![worse]));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_task_that_waits_is_woken_once_and_the_stream_ends_at_the_close() {
    let events = Events::default();
    let mut listener = events.listen().unwrap();
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    assert!(matches!(listener.poll_next(&waker), Poll::Ready(Some(Event::Hello { .. }))));
    assert_eq!(listener.poll_next(&waker), Poll::Pending);
    events.swapped();
    events.swapped();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert!(matches!(listener.poll_next(&waker), Poll::Ready(Some(Event::Swap { .. }))));
    assert_eq!(listener.poll_next(&waker), Poll::Pending);
    events.close();
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
    assert_eq!(listener.poll_next(&waker), Poll::Ready(None));
    assert_eq!(listener.next_within(DEADLINE), Err(RecvTimeoutError::Disconnected));
    assert!(events.listen().is_none());
}

#[test]
fn a_thread_that_waits_is_told_and_no_longer_than_it_wants() {
    let events = Events::default();
    let mut listener = events.listen().unwrap();
    assert!(listener.next_within(DEADLINE).is_ok());
    assert_eq!(listener.next_within(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    let waits = std::thread::spawn(move || listener.next_within(DEADLINE));
    events.swapped();
    assert_eq!(waits.join().unwrap(), Ok(Event::Swap { version: events.version() }));
}

#[test]
fn there_are_not_more_listeners_than_allowed_and_one_that_is_gone_makes_room() {
    let events = Events::default();
    let mut listeners: Vec<_> = (0..LISTENERS_MAX).map(|_| events.listen().unwrap()).collect();
    assert!(events.listen().is_none());
    drop(listeners.pop());
    assert!(events.listen().is_some());
}

#[test]
fn an_event_is_a_part_of_a_stream() {
    let hello = Event::Hello { version: "1-2".into(), is_failing: false };
    assert_eq!(
        hello.to_stream(),
        "retry: 500\nevent: hello\ndata: {\"failing\":false,\"version\":\"1-2\"}\n\n"
    );
    assert_eq!(
        Event::Swap { version: "1-3".into() }.to_stream(),
        "event: swap\ndata: {\"version\":\"1-3\"}\n\n"
    );
    let error = Event::Error { revision: 4, crates: vec!["a\nb".into()] };
    assert_eq!(error.to_stream(), "event: failure\ndata: {\"crates\":[\"a\\nb\"],\"revision\":4}\n\n");
    assert_eq!(Event::Recovered.to_stream(), "event: recovered\ndata: {}\n\n");
}
