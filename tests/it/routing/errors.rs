//! Error handlers belong to an app.

use crate::harness::{Host, Spec, for_each_server, workspace_plugin};

/// Two apps of the plugin `errors`: at the root with handlers for 404 and 500, and below it an echo with its own 404.
fn spec() -> Spec {
    let echo = "mount = \"/echo\"\nconfig.error_handlers = [{ code = 404, tag = \"lost\" }]
        config.routes = [{ method = \"GET\", rule = \"/only-get/<n:float>\" }]";
    Spec::new()
        .plugin("errors", &workspace_plugin("errors"))
        .plugin("echo", &workspace_plugin("echo"))
        .text(echo)
}

#[test]
fn an_unmatched_path_is_the_error_of_the_app_that_owns_it() {
    for_each_server(|server| {
        let host = Host::start(spec(), server);
        let answer = host.get("/nowhere").expect(404);
        assert!(answer.text().starts_with("There is no /nowhere here."), "{}", answer.text());
        let answer = host.get("/echo/nowhere").expect(404);
        assert_eq!(answer.header("x-tag"), Some("lost"));
        assert!(
            answer.text().contains(r#""error":{"message":"not found: /echo/nowhere","status":404}"#),
            "{}",
            answer.text()
        );
    });
}

#[test]
fn an_error_of_a_handler_goes_to_the_handler_of_its_app() {
    for_each_server(|server| {
        let host = Host::start(spec(), server);
        assert!(host.get("/abort/404").expect(404).text().contains("the handler gave up"));
        assert!(
            host.get("/missing/thing").expect(404).text().starts_with("There is no /missing/thing here.")
        );
        for path in ["/panic", "/io", "/abort/500"] {
            let answer = host.get(path).expect(500);
            assert!(
                answer.text().starts_with("Something broke. Tell us the number "),
                "{path}: {}",
                answer.text()
            );
        }
        // The client sees no more than that; the cause is in the log, with the number.
        let answer = host.get("/io");
        let id = answer
            .text()
            .trim_end()
            .trim_end_matches('.')
            .rsplit(' ')
            .next()
            .map(str::to_owned)
            .expect("an id");
        assert!(!answer.text().contains("No such file"), "{}", answer.text());
        // With its quotes: an id may begin as another one does.
        let of_it = host.wait_for_line(&format!("request=\"{id}\""));
        assert!(of_it.contains("No such file"), "{of_it}");
        assert!(host.wait_for_line("this handler panics").contains("lib.rs"));
    });
}

#[test]
fn an_error_without_a_handler_is_a_page_of_the_host() {
    for_each_server(|server| {
        let host = Host::start(spec(), server);
        let answer = host.get("/abort/418").expect(418);
        assert_eq!(answer.text(), "418 I'm a teapot\nthe handler gave up\n");
        let answer = host.request("GET", "/abort/418", &[("accept", "application/json")], "").expect(418);
        assert!(answer.text().contains(r#""message":"the handler gave up""#), "{}", answer.text());
        let answer = host.request("POST", "/echo/only-get/1", &[], "").expect(405);
        assert_eq!(answer.header("allow"), Some("GET"));
        assert_eq!(host.get("/echo/only-get/1.2.3").status, 400);
    });
}

#[test]
fn an_answer_with_the_status_of_an_error_is_no_error() {
    for_each_server(|server| {
        let host = Host::start(spec(), server);
        assert_eq!(host.get("/teapot").expect(418).text(), "short and stout\n");
    });
}
