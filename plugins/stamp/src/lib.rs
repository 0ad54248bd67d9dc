//! Stamps each answer with a header: the smallest middleware that does something. And two more, one that lets nobody
//! pass and one that waits.

use plugin_api::prelude::*;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stamp {
    #[serde(default = "x_stamp")]
    header: String,
    value: String,
}

fn x_stamp() -> String {
    "x-stamp".into()
}

/// Adds the header, whether the answer is there at once or comes later.
#[middleware]
fn stamp<'r>(request: &'r Request, next: Next<'r>, config: Settings<'r, Stamp>) -> Run<'r> {
    let Stamp { header, value } = config.get();
    next.run(request).then(|reply| reply.header(header.as_str(), value.as_str()))
}

/// Lets nobody pass who does not know the word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Guard {
    word: String,
}

#[middleware]
fn guard<'r>(request: &'r Request, next: Next<'r>, config: Settings<'r, Guard>) -> Run<'r> {
    if request.header("x-word") == Some(config.word.as_str()) {
        return next.run(request);
    }
    abort(403, "say the word: header `x-word`").into()
}

/// Waits first: a middleware may be asynchronous, whatever it is around.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    ms: u64,
}

#[middleware]
async fn delay<'r>(request: &'r Request, next: Next<'r>, config: Settings<'r, Delay>) -> Reply<'r> {
    sleep(Duration::from_millis(config.ms)).await;
    next.run(request).await.header("x-delay", config.ms.to_string())
}

/// `stamp:stamped(value = "..")`: an app with a middleware of its own, which nothing else gets.
fn stamped(app: &mut App, config: Stamp) -> Result<(), Error> {
    app.get("/stamped", |_: &Request| "stamped\n")?;
    app.install_item::<stamp>("stamp", config)
}

plugin! { middleware: [stamp, guard, delay], factories: { stamped: stamped }, requires: ["pa.timer/1"] }
