use plugin_api::prelude::*;

#[get("/")]
fn index<T: Default>() -> T {
    T::default()
}

struct Site;

impl Site {
    #[get("/")]
    fn method(&self) {}
}

#[get("/")]
struct NoFunction;

fn main() {}
