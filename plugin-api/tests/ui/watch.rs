mod not_there {
    plugin_api::plugin! { watch: ["Cargo.toml", "templatez"] }
}

mod empty {
    plugin_api::plugin! { watch: [""] }
}

mod twice {
    plugin_api::plugin! { watch: ["/srv/data", "/srv/data"] }
}

fn main() {}
