use plugin_api::prelude::*;

#[get("/hello/<name>")]
fn hello() -> &'static str {
    "Hello"
}

plugin! { routes: [hello] }

fn main() {}
