use plugin_api::prelude::*;

struct Db;

fn connect(port: u16) -> Result<Db, Error> {
    let _ = port;
    Ok(Db)
}

plugin! { state: Db = connect }

fn main() {}
