use plugin_api::prelude::*;

#[get("/")]
fn index() {}

plugin! { route: [index] }

fn main() {}
