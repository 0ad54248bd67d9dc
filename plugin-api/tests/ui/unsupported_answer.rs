use plugin_api::prelude::*;

#[get("/")]
fn index() -> u32 {
    7
}

plugin! { routes: [index] }

fn main() {}
