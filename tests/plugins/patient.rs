//! A plugin whose answers take as long as a test wants: until a file is there.

use plugin_api::prelude::*;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOOK_AGAIN: Duration = Duration::from_millis(2);

fn path(file: &str) -> PathBuf {
    Path::new("/").join(file)
}

#[get("/")]
fn index() -> &'static str {
    "here"
}

/// Answers when the file is there.
#[get("/wait/<file:path>")]
async fn wait(file: &str) -> String {
    while !path(file).exists() {
        sleep(LOOK_AGAIN).await;
    }
    format!("{file} is there")
}

/// A line at once, and the last one when the file is there.
#[get("/stream/<file:path>")]
fn stream(file: String) -> Stream {
    Stream::write(async move |mut out| {
        out.send("first\n").await;
        while !path(&file).exists() {
            sleep(LOOK_AGAIN).await;
        }
        out.send("last\n").await;
        Ok(())
    })
}

/// How much came, chunk by chunk.
#[post("/count")]
async fn count(mut body: BodyStream) -> Result<String, Error> {
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        bytes += chunk?.len();
    }
    Ok(format!("{bytes} bytes"))
}

plugin! { routes: [index, wait, stream, count] }
