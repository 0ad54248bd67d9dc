//! Asynchronous handlers: they wait without holding a thread, they stream both ways, and one of them stops the host.

use plugin_api::prelude::*;
use std::time::Duration;

/// Answers after so many milliseconds.
#[get("/wait/<ms:int>")]
async fn wait(ms: u64) -> String {
    sleep(Duration::from_millis(ms)).await;
    format!("waited {ms} ms\n")
}

#[derive(Deserialize)]
struct Ticks {
    #[serde(default)]
    ms: u64,
}

/// A line for each tick, sent when it is due.
#[get("/ticks/<count:int>")]
fn ticks(count: u32, every: Query<Ticks>) -> Stream {
    let every = Duration::from_millis(every.ms);
    Stream::write(move |mut out| async move {
        for tick in 1..=count {
            out.send(format!("tick {tick}\n")).await;
            sleep(every).await;
        }
        Ok(())
    })
}

/// Counts the bytes of a body of any size, as they come.
#[post("/count")]
async fn count(mut body: BodyStream<'_>) -> Result<String, Error> {
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        bytes += chunk?.len();
    }
    Ok(format!("{bytes}\n"))
}

/// What Bottle's users have asked for since 2012: a stop from inside a handler. The answer still goes out.
#[post("/stop")]
fn stop() -> String {
    format!("stop: {:?}\n", host::stop())
}

plugin! { routes: [wait, ticks, count, stop], requires: ["pa.timer/1", "pa.run/1"] }
