use crate::client;
use crate::plugin::Config;
use plugin_api::prelude::*;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

#[get("/slow/<ms:int>")]
pub(crate) async fn slow(ms: u64, config: State<Config>) -> Result<String, Error> {
    let start = Instant::now();
    sleep(Duration::from_millis(ms)).await;
    Ok(format!("{} {}", config.greeting, start.elapsed() >= Duration::from_millis(ms)))
}

#[get("/hurried")]
pub(crate) async fn hurried() -> Result<&'static str, Error> {
    timeout(Duration::from_millis(5), sleep(Duration::from_secs(3600))).await.or_abort(504, "nobody came")?;
    Ok("never")
}

#[get("/borrows/<name>")]
pub(crate) async fn borrows<'r>(name: &'r str, request: &'r Request) -> &'r str {
    sleep(Duration::from_millis(1)).await;
    request.header("x-name").unwrap_or(name)
}

#[post("/count")]
pub(crate) async fn count(mut body: BodyStream) -> Result<String, Error> {
    let (mut chunks, mut bytes) = (0, 0);
    while let Some(chunk) = body.next().await {
        chunks += 1;
        bytes += chunk?.len();
    }
    Ok(format!("{chunks} chunks, {bytes} bytes"))
}

/// Wakes the outer task and remembers it: what combinators do.
struct Flag {
    woken: AtomicBool,
    outer: Waker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.outer.wake_by_ref();
    }
}

/// Polls a sleep with a waker that is not the host's.
#[get("/joined")]
pub(crate) async fn joined() -> &'static str {
    let mut inner = pin!(sleep(Duration::from_millis(3)));
    let mut flag: Option<Arc<Flag>> = None;
    poll_fn(|cx| {
        if let Some(flag) = &flag
            && !flag.woken.load(Ordering::SeqCst)
        {
            return Poll::Pending;
        }
        let new = Arc::new(Flag { woken: AtomicBool::new(false), outer: cx.waker().clone() });
        flag = Some(new.clone());
        inner.as_mut().poll(&mut Context::from_waker(&new.into()))
    })
    .await;
    "joined"
}

#[test]
fn a_handler_may_sleep() {
    assert_eq!(client().get("/slow/20").text(), "Hi true");
    assert_eq!(client().get("/slow/-1").status(), 400);
}

#[test]
fn a_timeout_drops_what_takes_too_long() {
    let response = client().get("/hurried").send();
    assert_eq!((response.status(), response.text().as_str()), (504, "nobody came"));
    assert_eq!(response.log(), ["error: GET /hurried: it took longer than 5ms"]);
}

#[test]
fn the_request_may_be_borrowed_across_await_and_by_the_answer() {
    assert_eq!(client().get("/borrows/x").text(), "x");
    assert_eq!(client().get("/borrows/x").header("x-name", "y").text(), "y");
}

#[test]
fn a_body_is_read_as_it_arrives() {
    assert_eq!(client().post("/count").body(vec![7; 3000]).text(), "3 chunks, 3000 bytes");
    assert_eq!(client().post("/count").text(), "0 chunks, 0 bytes");
}

#[test]
fn a_sleep_wakes_wakers_of_other_makes() {
    assert_eq!(client().get("/joined").text(), "joined");
}
