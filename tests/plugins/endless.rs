//! A plugin whose answers have a status without a body, or no end.

use plugin_api::prelude::*;
use std::task::Poll;

#[get("/")]
fn index() -> &'static str {
    "here"
}

#[get("/status/<status:int>")]
fn status(status: u16) -> (u16, &'static str) {
    (status, "a body that must not be sent")
}

#[get("/stream")]
fn stream() -> Stream {
    Stream::iter((0_u64..).map(|line| format!("{line:0>1000}\n")))
}

/// Wakes itself for ever, and is never ready.
#[get("/spin")]
async fn spin() -> &'static str {
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .await;
    "never"
}

plugin! { routes: [index, status, stream, spin] }
