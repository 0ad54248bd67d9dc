use plugin_api::prelude::*;

struct Db;

fn start(_: State<Db>) {}

plugin! { start: start }

fn main() {}
