use plugin_api::prelude::*;

struct Db;

#[get("/")]
fn index(db: State<Db>) {
    let _ = db;
}

plugin! { routes: [index] }

fn main() {}
