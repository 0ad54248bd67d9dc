use plugin_api::prelude::*;
use std::rc::Rc;

#[get("/")]
async fn index() -> String {
    let text = Rc::new(String::from("mine"));
    sleep(std::time::Duration::ZERO).await;
    text.to_string()
}

plugin! { routes: [index] }

fn main() {}
