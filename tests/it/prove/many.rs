//! Many plugins in one host.

use crate::harness::{Folder, Host, Spec, on_servers, plugin_from_c};
use serde_json::Value;

const PLUGINS: usize = 200;

/// The same library so often, each at a place of its own; each `create` adds a byte to the file.
fn many(file: &str) -> Spec {
    let library = plugin_from_c("counted", include_str!("counted.c"));
    (0..PLUGINS).fold(Spec::new(), |spec, number| {
        let spec = spec.plugin(&format!("p{number}"), &library);
        spec.text(&format!("mount = '/{number}'\nconfig = {{ file = {file:?} }}"))
    })
}

fn generations(host: &Host) -> Vec<(String, u64)> {
    let status = host.status();
    let rows = status["generations"].as_array().expect("generations").iter();
    let serving = rows.filter(|row| row["state"] == "serving");
    let named = |row: &Value| (row["plugin"].to_string(), row["generation"].as_u64().expect("a number"));
    serving.map(named).collect()
}

#[test]
fn swapping_one_of_two_hundred_plugins_does_not_load_another_one() {
    on_servers(&["threaded", "actix"], |server| {
        let folder = Folder::new();
        let file = folder.join("created");
        let host = Host::with(many(file.to_str().expect("a path")), server).start_quietly();
        let created = || std::fs::metadata(&file).expect("the file").len() as usize;
        assert_eq!(created(), PLUGINS);
        for swaps in 1..=3 {
            host.swap("p7");
            assert_eq!(created(), PLUGINS + swaps, "one more, and no other");
        }
        let serving = generations(&host);
        assert_eq!(serving.len(), PLUGINS);
        let swapped: Vec<_> = serving.into_iter().filter(|(_, generation)| *generation != 1).collect();
        assert_eq!(swapped, [("\"p7\"".to_owned(), 4)]);
        assert_eq!((host.get("/7").text(), host.get("/199").text()), ("here\n", "here\n"));
    });
}
