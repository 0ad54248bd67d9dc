use plugin_api::prelude::*;

struct Db;

plugin! { state: Db }

fn main() {}
