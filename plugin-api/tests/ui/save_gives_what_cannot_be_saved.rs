use plugin_api::prelude::*;

struct Db;

fn connect() -> Result<Db, Error> {
    Ok(Db)
}

fn save(_: State<Db>) -> u64 {
    7
}

fn load(_: State<Db>, _: u32, _: Vec<u8>) {}

plugin! { state: Db = connect, schema: 1, save: save, load: load }

fn main() {}
