use plugin_api::prelude::*;

#[post("/")]
fn count(body: BodyStream) -> String {
    format!("{body:?}")
}

#[route("/raw", method = "POST", body = "stream")]
fn raw(request: &Request) -> String {
    request.path().to_owned()
}

plugin! { routes: [count, raw] }

fn main() {}
