use plugin_api::prelude::*;

#[get]
fn none() {}

#[post(name = "post")]
fn key_first() {}

#[error]
fn no_status() {}

#[error(200)]
fn no_error() {}

fn main() {}
