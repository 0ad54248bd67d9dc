use plugin_api::prelude::*;

#[get("/one", name = "page")]
fn one() {}

#[get("/two", name = "page")]
fn two() {}

plugin! { routes: [one, two] }

fn main() {}
