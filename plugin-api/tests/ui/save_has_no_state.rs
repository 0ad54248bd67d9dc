use plugin_api::prelude::*;

struct Db;

fn save(_: State<Db>) -> Vec<u8> {
    Vec::new()
}

fn load(_: u32, _: Vec<u8>) {}

plugin! { schema: 1, save: save, load: load }

fn main() {}
