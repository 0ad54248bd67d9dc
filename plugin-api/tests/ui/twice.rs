use plugin_api::prelude::*;

#[get("/")]
fn index() {}

plugin! { routes: [index, index] }

fn main() {}
