use plugin_api::prelude::*;

#[get("/", nmae = "index")]
fn index() {}

#[get("/", method = "POST")]
fn two_methods() {}

#[route("/", body = "all")]
fn body() {}

#[route("/", method = [])]
fn no_method() {}

#[middleware(only = index)]
fn around(request: &Request, next: Next) -> Run {
    next.run(request)
}

fn main() {}
