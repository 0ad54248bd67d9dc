//! Everything that can go wrong in a handler, and the pages that an app makes of it.

use plugin_api::prelude::*;
use std::io;

#[get("/")]
fn index() -> &'static str {
    "Ask for /abort/<status>, /panic, /io, /missing/<key>, /teapot, or anything that is not here.\n"
}

/// An error of the handler's choice: the app's page for it answers, if it has one.
#[get("/abort/<status:int>")]
fn give_up(status: u16) -> Result<String, Error> {
    Err(abort(status, "the handler gave up"))
}

/// A panic is a 500 for this request; the worker goes on.
#[get("/panic")]
fn panic() -> String {
    panic!("this handler panics")
}

/// Any error is a 500: the client sees no more than that, its cause is in the log.
#[get("/io")]
fn read() -> Result<String, io::Error> {
    std::fs::read_to_string("/no/such/file")
}

/// Nothing is a 404.
#[get("/missing/<key>")]
fn missing(key: &str) -> Option<&'static str> {
    (key == "present").then_some("here it is\n")
}

/// An answer with a status is an answer, and no error: no page takes its place.
#[get("/teapot")]
fn teapot() -> (u16, &'static str) {
    (418, "short and stout\n")
}

#[error(404)]
fn not_found(request: &Request) -> String {
    format!("There is no {} here. {}\n", request.path(), request.error_message())
}

#[error(500)]
fn broken(request: &Request) -> String {
    format!("Something broke. Tell us the number {}.\n", request.id())
}

plugin! {
    routes: [index, give_up, panic, read, missing, teapot],
    errors: [not_found, broken],
}
