use crate::client;
use plugin_api::prelude::*;

#[route("/echo/<x>", method = ["GET", "HEAD", "POST"], name = "echo")]
pub(crate) fn echo(request: &Request, x: &str) -> String {
    let rule = request.rule().unwrap_or_default();
    let (method, path, query, target) = (request.method(), request.path(), request.query(), request.target());
    let headers: Vec<_> = request.headers().map(|(name, _)| name).collect();
    let (peer, id) = (request.peer(), request.id());
    format!("{method} {path} {query} {target} {rule} {x} {headers:?} {peer} {id} {:?}", request.param("x"))
}

#[get("/url")]
pub(crate) fn url(request: &Request) -> Result<String, Error> {
    let echo = request.url_for("echo", &[("x", "1"), ("y", "2")])?;
    request.log(Level::Info, format!("it is {echo}"));
    let default = request.url_for("answers::borrowed", &[("name", "n")])?;
    request.url_for("nobody", &[])?;
    Ok(format!("{echo} {default}"))
}

#[get("/secure")]
pub(crate) fn secure(request: &Request) -> String {
    format!("{} {}", request.is_secure(), request.version())
}

#[get("/cookies")]
pub(crate) fn cookies(request: &Request) -> String {
    let names: Vec<_> = request.cookies().map(|cookie| cookie.name().to_owned()).collect();
    format!("{names:?} {:?}", request.cookie("b"))
}

#[get("/plain-error")]
pub(crate) fn plain_error(request: &Request) -> String {
    format!("{:?} {:?}", request.error_status(), request.error_message())
}

#[test]
fn a_request_tells_all_about_itself() {
    let text = client().get("/echo/a%20b?q=%31").header("Accept", "*").text();
    let expected =
        r#"GET /echo/a b q=%31 /echo/a%20b?q=%31 /echo/<x> a b ["Accept"] 192.0.2.1:50000 test Some("a b")"#;
    assert_eq!(text, expected);
    let head = client().head("/echo/x").send();
    assert_eq!((head.status(), head.text().as_str()), (200, ""));
}

#[test]
fn urls_are_built_from_names_and_an_unknown_name_is_a_500() {
    let response = client().get("/url").send();
    assert_eq!(response.status(), 500);
    assert_eq!(response.log()[0], "info: it is /echo/1?y=2");
    let line = "error: GET /url: cannot build the URL of route `nobody`: ";
    assert!(response.log()[1].starts_with(line), "{response:?}");
}

#[test]
fn tls_and_version_are_seen() {
    assert_eq!(client().get("/secure").text(), "false 11");
    assert_eq!(client().get("/secure").secure().http_1_0().text(), "true 10");
}

#[test]
fn cookies_are_read() {
    let request = client();
    let request = request.get("/cookies").header("cookie", "a=1; b=2; bad").cookie("b", "\"3\"");
    assert_eq!(request.text(), r#"["a", "b", "b"] Some("3")"#);
}

#[test]
fn outside_of_an_error_handler_there_is_no_error() {
    assert_eq!(client().get("/plain-error").text(), r#"None """#);
}
