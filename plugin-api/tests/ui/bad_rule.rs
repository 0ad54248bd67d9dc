use plugin_api::prelude::*;

#[get("hello")]
fn no_slash() {}

#[get("")]
fn empty() {}

#[get("/<a>/<a>")]
fn same(a: &str) -> String {
    a.to_owned()
}

#[get("/hello/<name")]
fn open(name: &str) -> String {
    name.to_owned()
}

#[get("/<1st>")]
fn digit() {}

fn main() {}
