use plugin_api::prelude::*;

#[get("/<id>")]
fn show(id: Option<u32>) -> String {
    format!("{id:?}")
}

plugin! { routes: [show] }

fn main() {}
