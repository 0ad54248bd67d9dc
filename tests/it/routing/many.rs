//! As many routes as a large site has.

use crate::harness::{Host, Spec, for_each_server, workspace_plugin};
use std::fmt::Write;

const COUNT: usize = 10_000;

/// A third static, a third with a wildcard at the end, a third with one at the start.
fn rule(number: usize) -> String {
    match number % 3 {
        0 => format!("/static/{number}"),
        1 => format!("/end/{number}/<x>"),
        _ => format!("/<x>/start/{number}"),
    }
}

fn spec() -> Spec {
    let mut routes = String::from("config.routes = [\n");
    for number in 0..COUNT {
        let _ = writeln!(routes, "{{ method = \"GET\", rule = \"{}\", tag = \"{number}\" }},", rule(number));
    }
    Spec::new().plugin("echo", &workspace_plugin("echo")).text(&(routes + "]"))
}

#[test]
fn ten_thousand_routes_are_loaded_and_each_kind_is_found() {
    let spec = spec();
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        let mut client = host.connect();
        for number in [0, 1, 2, COUNT / 2, COUNT - 3, COUNT - 2, COUNT - 1] {
            let path = rule(number).replace("<x>", "value");
            let answer = client.get(&path).expect(200);
            assert_eq!(answer.header("x-tag"), Some(number.to_string().as_str()), "{path}");
        }
        assert_eq!(client.get("/value/start/10000").status, 404);
        let answer = client.request("POST", "/static/9999", &[], "").expect(405);
        assert_eq!(answer.header("allow"), Some("GET"));
    });
}
