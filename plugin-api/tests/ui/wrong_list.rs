use plugin_api::prelude::*;

#[error(404)]
fn not_found() {}

#[get("/")]
fn index() {}

fn bare() {}

plugin! { routes: [not_found], errors: [index] }

mod other {
    plugin_api::plugin! { routes: [super::bare] }
}

fn main() {}
