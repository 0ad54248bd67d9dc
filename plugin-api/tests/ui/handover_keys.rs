fn save() -> Vec<u8> {
    Vec::new()
}

fn load(_: u32, _: Vec<u8>) {}

mod save_without_schema {
    plugin_api::plugin! { save: super::save, load: super::load }
}

mod schema_without_save {
    plugin_api::plugin! { schema: 1 }
}

mod save_without_load {
    plugin_api::plugin! { schema: 1, save: super::save }
}

mod load_of_nothing {
    plugin_api::plugin! { load: super::load }
}

mod accepts_without_load {
    plugin_api::plugin! { accepts: [1] }
}

mod accepts_nothing {
    plugin_api::plugin! { accepts: [], load: super::load }
}

mod accepts_twice {
    plugin_api::plugin! { accepts: [1, 2, 1], load: super::load }
}

mod refuses_itself {
    plugin_api::plugin! { schema: 3, accepts: [1, 2], save: super::save, load: super::load }
}

mod schema_is_a_number {
    const SCHEMA: u32 = 1;
    plugin_api::plugin! { schema: SCHEMA, save: super::save, load: super::load }
}

mod schema_is_small {
    plugin_api::plugin! { schema: 4294967296, save: super::save, load: super::load }
}

fn main() {}
