//! URLs that a handler builds: `plugins/echo` does for whoever asks in `X-Url-For`.

use crate::harness::{Host, Spec, for_each_server, workspace_plugin};
use serde_json::{Value, json};

const ROUTES: &str = "
    config.filters = [{ name = \"hex\", regex = \"[0-9a-f]+\" }]
    config.routes = [
        { method = \"GET\", rule = \"/\", name = \"home\" },
        { method = \"GET\", rule = \"/user/<id:int>\", name = \"user\" },
        { method = \"GET\", rule = \"/price/<p:float>\" },
        { method = \"GET\", rule = \"/files/<p:path>.<ext>\", name = \"file\" },
        { method = \"GET\", rule = \"/color/<c:hex>\", name = \"color\" },
    ]";

#[test]
fn urls_are_built_by_name_and_by_rule_below_the_mount() {
    for_each_server(|server| {
        let echo = workspace_plugin("echo");
        let spec = Spec::new().plugin("root", &echo).text(ROUTES);
        let host = Host::start(spec.plugin("shop", &echo).text("mount = \"/shop\"").text(ROUTES), server);
        for (wanted, url) in [
            ("home", json!("/")),
            ("user?id=7", json!("/user/7")),
            ("user?id=007", json!("/user/7")),
            ("user?id=7&sort=by name&x=ä", json!("/user/7?sort=by+name&x=%C3%A4")),
            ("/user/<id:int>?id=7", json!("/user/7")),
            ("/price/<p:float>?p=2", json!("/price/2.0")),
            ("file?p=a/b&ext=txt", json!("/files/a/b.txt")),
            ("color?c=00ff00", json!("/color/00ff00")),
        ] {
            assert_eq!(url_for(&host, "/", wanted), url, "{wanted}");
            let below = format!("/shop{}", url.as_str().expect("a URL"));
            assert_eq!(url_for(&host, "/shop/", wanted), json!(below), "{wanted}");
        }
    });
}

#[test]
fn a_url_that_cannot_be_built_says_why() {
    for_each_server(|server| {
        let host = Host::start(Spec::new().plugin("echo", &workspace_plugin("echo")).text(ROUTES), server);
        for (wanted, parts) in [
            ("usr?id=7", ["`usr`", "`user`"]),
            ("user", ["`user`", "`id`"]),
            ("user?id=seven", ["`id`", "`seven`"]),
        ] {
            let answer = url_for(&host, "/", wanted);
            let error = answer["error"].as_str().unwrap_or_default().to_owned();
            assert!(parts.iter().all(|part| error.contains(part)), "{wanted}: {answer}");
        }
    });
}

fn url_for(host: &Host, path: &str, wanted: &str) -> Value {
    let answer = host.request("GET", path, &[("x-url-for", wanted)], "").expect(200);
    let body: Value = serde_json::from_slice(&answer.body).expect("the echo answers with JSON");
    body["url"].clone()
}
