use plugin_api::prelude::*;

struct Args;

fn shop(app: &mut App, args: Args) -> Result<(), Error> {
    let _ = (app, args);
    Ok(())
}

plugin! { factories: { shop: shop } }

fn main() {}
