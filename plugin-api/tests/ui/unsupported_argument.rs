use plugin_api::prelude::*;

struct User;

#[get("/")]
fn index(user: User) {
    drop(user);
}

plugin! { routes: [index] }

fn main() {}
