use crate::client;
use crate::plugin::{Config, Db};
use plugin_api::prelude::*;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[middleware]
pub(crate) fn stamp(request: &Request, next: Next) -> Run {
    next.run(request).then(|reply| reply.header("x-stamp", "1"))
}

#[middleware]
pub(crate) async fn timed(request: &Request, next: Next) -> Reply {
    sleep(Duration::from_millis(1)).await;
    let reply = next.run(request).await;
    let status = reply.status_code().unwrap_or_default();
    reply.header("x-timed", status.to_string())
}

#[middleware]
pub(crate) fn guard(request: &Request, next: Next) -> Result<Run, Error> {
    request.header("authorization").or_abort(401, "log in first")?;
    Ok(next.run(request))
}

fn is_get(route: &RouteInfo) -> bool {
    route.method() == "GET" && route.rule().starts_with("/answers/")
}

#[middleware(applies = is_get)]
pub(crate) fn only_get(request: &Request, next: Next) -> Run {
    next.run(request).then(|reply| reply.header("x-get", "yes"))
}

#[middleware]
pub(crate) async fn shout(next: Next, request: &Request) -> Result<Reply, Error> {
    let reply = next.run(request).await;
    let body = String::from_utf8(reply.body_bytes().to_vec())?;
    Ok(reply.body(body.to_uppercase()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Title {
    title: String,
}

#[middleware]
pub(crate) fn configured(
    request: &Request,
    next: Next,
    settings: Settings<Title>,
    config: State<Config>,
    db: State<Db>,
) -> Run {
    let hit = db.hits.fetch_add(1, Ordering::Relaxed);
    next.run(request)
        .then(move |reply| reply.header("x-title", format!("{} {} {hit}", settings.title, config.greeting)))
}

#[middleware]
pub(crate) fn retitle(request: &Request, next: Next) -> Run {
    next.run(request).then(|reply| reply.content_type("text/x-other").without("x-stamp"))
}

#[middleware]
pub(crate) async fn twice(request: &Request, next: Next) -> Reply {
    drop(next.run(request).await);
    next.run(request).await
}

#[middleware]
pub(crate) fn trips(_: &Request, _: Next) -> Run {
    panic!("it trips")
}

#[test]
fn a_header_is_added_in_place_and_the_first_middleware_is_the_outermost() {
    let client =
        client().with_middleware("middleware::stamp", "{}").with_middleware("middleware::timed", "{}");
    let response = client.get("/answers/text").send();
    assert_eq!(response.text(), "text");
    assert_eq!((response.header("x-stamp"), response.header("x-timed")), (Some("1"), Some("200")));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn a_sync_middleware_works_on_an_answer_that_is_still_to_come() {
    let client = client().with_middleware("middleware::stamp", "{}");
    let response = client.get("/slow/5").send();
    assert_eq!((response.text().as_str(), response.header("x-stamp")), ("Hi true", Some("1")));
}

#[test]
fn an_async_middleware_works_around_async_handlers() {
    let client =
        client().with_middleware("middleware::timed", "{}").with_middleware("middleware::shout", "{}");
    let response = client.get("/slow/2").send();
    assert_eq!((response.text().as_str(), response.header("x-timed")), ("HI TRUE", Some("200")));
}

#[test]
fn a_short_circuit_never_reaches_the_handler() {
    let client =
        client().with_middleware("middleware::stamp", "{}").with_middleware("middleware::guard", "{}");
    let response = client.get("/boom").send();
    assert_eq!((response.status(), response.text().as_str()), (401, "log in first"));
    assert_eq!(response.header("x-stamp"), Some("1"));
    assert_eq!(client.get("/answers/text").header("authorization", "x").text(), "text");
}

#[test]
fn a_middleware_chooses_its_routes() {
    let client = client().with_middleware("middleware::only_get", "{}");
    assert_eq!(client.get("/answers/text").send().header("x-get"), Some("yes"));
    assert_eq!(client.post("/answers/created").send().header("x-get"), None);
    assert_eq!(client.get("/slow/1").send().header("x-get"), None);
}

#[test]
fn a_middleware_has_settings_and_state() {
    let client = client().with_middleware("middleware::configured", r#"{"title":"Dr"}"#);
    assert_eq!(client.get("/answers/text").send().header("x-title"), Some("Dr Hi 0"));
    assert_eq!(client.get("/slow/1").send().header("x-title"), Some("Dr Hi 1"));
}

#[test]
#[should_panic = "config: missing field `title`"]
fn settings_that_do_not_fit_are_refused() {
    client().with_middleware("middleware::configured", "{}");
}

#[test]
#[should_panic = "config: unknown field `title`, there are no fields"]
fn settings_that_nobody_reads_are_refused() {
    client().with_middleware("middleware::stamp", r#"{"title":"Dr"}"#);
}

#[test]
fn headers_are_replaced_and_removed() {
    let client =
        client().with_middleware("middleware::retitle", "{}").with_middleware("middleware::stamp", "{}");
    let response = client.get("/answers/text").send();
    assert_eq!(response.headers("content-type").collect::<Vec<_>>(), ["text/x-other"]);
    assert_eq!(response.header("x-stamp"), None);
}

#[test]
fn many_middleware_find_room_for_their_headers() {
    let stamps = (0..9).fold(client(), |client, _| client.with_middleware("middleware::timed", "{}"));
    assert_eq!(stamps.get("/answers/many").send().header("x-19"), Some("19"));
    let configured = |client: plugin_api::test::TestClient, title: &str| {
        client.with_middleware("middleware::configured", &format!(r#"{{"title":"{title}"}}"#))
    };
    let many = ["a", "b"].into_iter().fold(client(), configured);
    assert_eq!(many.get("/answers/built").send().headers("x-title").count(), 1);
}

#[test]
fn next_may_run_twice() {
    let client = client().with_middleware("middleware::twice", "{}");
    assert_eq!(client.get("/answers/text").text(), "text");
    assert_eq!(client.get("/slow/1").text(), "Hi true");
}

#[test]
fn a_panic_in_a_middleware_is_a_500() {
    let response = client().with_middleware("middleware::trips", "{}").get("/answers/text").send();
    assert_eq!(response.log(), ["error: GET /answers/text: the handler panicked: it trips"]);
    assert_eq!(response.status(), 500);
}

#[test]
fn an_error_behind_a_middleware_is_still_an_error() {
    let client = client().with_middleware("middleware::timed", "{}");
    let response = client.get("/missing").send();
    assert_eq!((response.status(), response.text().as_str()), (404, "Hi, there is no /missing"));
    assert_eq!(client.get("/boom").send().header("x-timed"), Some("500"));
    assert_eq!(client.get("/answers/cut").send().text(), "half");
}
