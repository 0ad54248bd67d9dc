use plugin_api::prelude::*;

struct Db;

fn connect() -> Result<Db, Error> {
    Ok(Db)
}

fn save(_: State<Db>) -> Vec<u8> {
    Vec::new()
}

fn load(_: State<Db>, _: Vec<u8>) {}

plugin! { state: Db = connect, schema: 1, save: save, load: load }

fn main() {}
