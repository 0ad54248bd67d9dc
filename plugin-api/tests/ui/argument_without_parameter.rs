use plugin_api::prelude::*;

#[get("/hello/<name>")]
fn hello(name: &str, age: u8) -> String {
    format!("{name} {age}")
}

#[get("/")]
fn index(body: String) -> String {
    body
}

plugin! { routes: [hello, index] }

fn main() {}
