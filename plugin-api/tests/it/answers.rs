use crate::client;
use crate::plugin::Config;
use plugin_api::prelude::*;

#[get("/answers/text")]
pub(crate) fn text() -> String {
    "text".into()
}

#[get("/answers/borrowed/<name>")]
pub(crate) fn borrowed(name: &str) -> &str {
    name
}

#[get("/answers/configured")]
pub(crate) fn configured(config: State<'_, Config>) -> &str {
    &config.get().greeting
}

#[get("/answers/html")]
pub(crate) fn html() -> Html<&'static str> {
    Html("<p>")
}

#[get("/answers/json")]
pub(crate) fn json() -> Json<Vec<u8>> {
    Json(vec![1, 2])
}

#[get("/answers/bytes")]
pub(crate) fn bytes() -> &'static [u8] {
    b"bytes"
}

#[get("/answers/none")]
pub(crate) fn none() -> Option<String> {
    None
}

#[get("/answers/nothing")]
pub(crate) fn nothing() {}

#[post("/answers/created")]
pub(crate) fn created() -> (u16, &'static str) {
    (201, "made")
}

#[get("/answers/built")]
pub(crate) fn built() -> Response {
    let cookie = Cookie::build(("id", "7")).http_only(true).same_site(SameSite::Lax).path("/");
    Response::text("built")
        .status(202)
        .header("X-One", "1")
        .header("x-one", "2")
        .append("x-many", "a")
        .append("x-many", String::from("b"))
        .content_type("text/css")
        .cookie(cookie.build())
}

#[get("/answers/away")]
pub(crate) fn away() -> Response {
    Response::redirect("/elsewhere")
}

#[get("/answers/teapot")]
pub(crate) fn teapot() -> Response {
    Response::text("a plain response").status(418)
}

#[get("/answers/split")]
pub(crate) fn split() -> Response {
    Response::text("never").header("x-evil", "a\r\nset-cookie: b")
}

#[get("/answers/bad-status")]
pub(crate) fn bad_status() -> Status {
    Status(99)
}

#[get("/answers/many")]
pub(crate) fn many() -> Response {
    (0..20).fold(Response::new(), |response, n| response.append(format!("x-{n}"), format!("{n}")))
}

#[get("/answers/chunks")]
pub(crate) fn made_of_chunks() -> Stream {
    Stream::iter(["a", "b", "c"])
}

#[get("/answers/written")]
pub(crate) fn written() -> Response {
    let stream = Stream::write(async |mut out| {
        for n in 0..3 {
            out.send(format!("{n},")).await;
            sleep(std::time::Duration::from_millis(1)).await;
        }
        Ok(())
    });
    Response::stream(stream).content_type("text/csv")
}

#[get("/answers/cut")]
pub(crate) fn cut() -> Stream {
    Stream::write(async |mut out| {
        out.send("half").await;
        Err(abort(500, "the source dried up"))
    })
}

#[test]
fn text_says_that_it_is_utf8() {
    let response = client().get("/answers/text").send();
    assert_eq!((response.status(), response.text().as_str()), (200, "text"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn an_answer_may_borrow_from_the_request_and_from_the_state() {
    assert_eq!(client().get("/answers/borrowed/x").text(), "x");
    assert_eq!(client().get("/answers/configured").text(), "Hi");
}

#[test]
fn each_kind_has_its_content_type() {
    let content_type = |path: &str| client().get(path).send().header("content-type").map(str::to_owned);
    assert_eq!(content_type("/answers/html").as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(content_type("/answers/json").as_deref(), Some("application/json"));
    assert_eq!(content_type("/answers/bytes").as_deref(), Some("application/octet-stream"));
    assert_eq!(content_type("/answers/nothing"), None);
    assert_eq!(client().get("/answers/json").json::<Vec<u8>>(), [1, 2]);
}

#[test]
fn none_is_a_404_that_error_handlers_answer() {
    let response = client().get("/answers/none").send();
    assert_eq!((response.status(), response.text().as_str()), (404, "Hi, there is no /answers/none"));
}

#[test]
fn a_pair_sets_the_status() {
    let response = client().post("/answers/created").send();
    assert_eq!((response.status(), response.text().as_str()), (201, "made"));
}

#[test]
fn a_response_is_built() {
    let response = client().get("/answers/built").send();
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers("x-one").collect::<Vec<_>>(), ["2"]);
    assert_eq!(response.headers("x-many").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(response.headers("content-type").collect::<Vec<_>>(), ["text/css"]);
    assert_eq!(response.header("set-cookie"), Some("id=7; HttpOnly; SameSite=Lax; Path=/"));
}

#[test]
fn a_redirect_suits_the_version() {
    let response = client().get("/answers/away").send();
    assert_eq!((response.status(), response.header("location")), (303, Some("/elsewhere")));
    assert_eq!(client().get("/answers/away").http_1_0().status(), 302);
}

#[test]
fn a_response_with_an_error_status_is_no_error() {
    let response = client().get("/answers/teapot").send();
    assert_eq!((response.status(), response.text().as_str()), (418, "a plain response"));
}

#[test]
fn a_header_that_would_split_the_message_is_never_sent() {
    let response = client().get("/answers/split").send();
    assert_eq!((response.status(), response.header("x-evil")), (500, None));
    let line = "error: GET /answers/split: header `x-evil`: its value must not contain byte 0x0d";
    assert_eq!(response.log(), [line]);
}

#[test]
fn a_status_that_is_none_is_a_500() {
    let response = client().get("/answers/bad-status").send();
    assert_eq!(response.status(), 500);
    assert_eq!(
        response.log(),
        ["error: GET /answers/bad-status: 99 is no status of an answer: use 200 to 999"]
    );
}

#[test]
fn there_is_room_for_many_headers() {
    let response = client().get("/answers/many").send();
    assert!((0..20).all(|n| response.header(&format!("x-{n}")) == Some(&n.to_string())), "{response:?}");
}

#[test]
fn streams_are_sent_in_order() {
    assert_eq!(client().get("/answers/chunks").text(), "abc");
    let response = client().get("/answers/written").send();
    assert_eq!((response.text().as_str(), response.header("content-type")), ("0,1,2,", Some("text/csv")));
}

#[test]
fn a_stream_that_fails_is_cut() {
    let response = client().get("/answers/cut").send();
    assert!(response.is_cut() && response.text() == "half", "{response:?}");
    assert_eq!(response.log(), ["error: GET /answers/cut: the stream ends early: the source dried up"]);
}
