use crate::client;
use crate::plugin::{Config, Db};
use plugin_api::prelude::*;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[get("/users")]
pub(crate) fn users(db: State<Db>) -> String {
    format!("{} hits", db.hits.load(Ordering::Relaxed))
}

#[error(404)]
pub(crate) fn lost(request: &Request) -> String {
    format!("{} is lost: {}", request.path(), request.error_message())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShopArgs {
    title: String,
    #[serde(default)]
    fail: bool,
}

pub(crate) fn shop<'p>(app: &mut App<'p>, args: ShopArgs, config: State<'p, Config>) -> Result<(), Error> {
    if args.fail {
        return Err(abort(500, "the shop is closed"));
    }
    let title = args.title;
    app.get("/", move |_: &Request| format!("{} {title}", config.greeting))?;
    app.post("/order", |request: &Request| format!("{} bytes", request.body().len()))?;
    app.route(Route::get("/item/<id:int>").name("item"), |request: &Request| -> Result<String, Error> {
        let id = request.param("id").unwrap_or_default();
        Ok(format!("{} {id}", request.url_for("item", &[("id", id)])?))
    })?;
    app.route_async(Route::get("/wait/<x>"), |request| {
        Box::pin(async move {
            sleep(Duration::from_millis(1)).await;
            request.param("x").map(str::to_owned)
        })
    })?;
    app.add::<users>()?;
    app.add_error::<lost>()?;
    app.install_fn("count", |request, next| next.run(request).then(|reply| reply.header("x-shop", "1")))?;
    app.install_item::<crate::middleware::stamp>("stamp", Default::default())
}

pub(crate) fn plain(app: &mut App) {
    let added = app.get("/", |_: &Request| "plain");
    assert!(added.is_ok());
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Strict {
    one: u8,
    #[serde(default)]
    other: u8,
}

pub(crate) fn strict(app: &mut App, args: Strict) -> Result<(), Error> {
    app.get("/", move |_: &Request| format!("{} {}", args.one, args.other))
}

struct Even;

impl Filter for Even {
    fn pattern(&self, _: Option<&str>) -> Result<String, Error> {
        Ok(r"\d+".into())
    }

    fn parse(&self, _: Option<&str>, text: &str) -> Option<Parsed> {
        let number: i64 = text.parse().ok()?;
        (number % 2 == 0).then_some(Parsed::Number(Number::Int(number)))
    }
}

struct Nowhere;

#[get("/homeless")]
fn homeless(_: State<Nowhere>) {}

#[get("/merged")]
pub(crate) fn merged() -> &'static str {
    "merged"
}

pub(crate) fn register(app: &mut App, config: State<Config>) -> Result<(), Error> {
    app.filter("even", Even)?;
    app.filter("word", |_: Option<&str>| Ok::<_, Error>("[a-z]+".into()))?;
    app.get("/even/<n:even>", |request: &Request| request.param("n").unwrap_or_default().to_owned())?;
    app.get("/word/<w:word>", |_: &Request| "word")?;
    let greeting = config.greeting.clone();
    let mut child = app.create()?;
    child.get("/", move |request: &Request| {
        format!("{greeting} from {}{}", request.script_name(), request.path())
    })?;
    child.get("/url", |request: &Request| request.url_for("/", &[]).map(str::to_owned))?;
    app.mount("/below/", child)?;
    let mut other = app.create()?;
    other.add::<merged>()?;
    app.merge(other)?;
    let stack = app.stack();
    stack.push()?;
    assert!(stack.pop().is_some() && stack.pop().is_none());
    let error = stack.load("other:app").map(drop);
    assert!(error.is_err_and(|error| error.to_string().contains("cannot load `other:app`")));
    let missing = app.add::<homeless>();
    assert!(missing.is_err_and(|error| error.to_string().contains("the plugin has no state of type")));
    let bad = app.get("/<a>/<a>", |_: &Request| "bad");
    assert!(bad.is_err_and(|error| error.to_string().contains("two wildcards are named `a`")));
    Ok(())
}

#[test]
fn named_apps_have_routes_of_their_own() {
    assert_eq!(client().get("/users").status(), 404);
    assert_eq!(client().app("admin").get("/users").text(), "0 hits");
    assert_eq!(client().app("admin").get("/answers/text").text(), "");
}

#[test]
fn named_apps_have_error_handlers_of_their_own() {
    let office = client().app("back-office");
    assert_eq!(office.get("/users").text(), "0 hits");
    assert_eq!(office.get("/x").text(), "/x is lost: ");
}

#[test]
fn a_factory_makes_an_app_from_arguments() {
    let shop = client().factory("shop", r#"{"title":"Shop"}"#);
    assert_eq!(shop.get("/").text(), "Hi Shop");
    assert_eq!(shop.post("/order").body("abc").text(), "3 bytes");
    assert_eq!(shop.get("/item/7").text(), "/item/7 7");
    assert_eq!(shop.get("/wait/x").text(), "x");
    assert_eq!(shop.get("/users").text(), "0 hits");
    assert_eq!(shop.get("/nowhere").text(), "/nowhere is lost: ");
    let response = shop.get("/").send();
    assert_eq!((response.header("x-shop"), response.header("x-stamp")), (Some("1"), Some("1")));
    assert_eq!(client().factory("plain", "{}").get("/").text(), "plain");
    assert_eq!(client().factory("strict", r#"{"one":1}"#).get("/").text(), "1 0");
}

#[test]
fn arguments_that_do_not_fit_name_the_known_ones() {
    let error = |name: &str, args: &str| client().try_factory(name, args).map(drop).unwrap_err();
    let unknown = "arguments: unknown field `two`, expected `one` or `other`";
    assert_eq!(error("strict", r#"{"one":1,"two":2}"#), unknown);
    assert_eq!(error("strict", "{}"), "arguments: missing field `one`");
    assert_eq!(
        error("strict", r#"{"one":300}"#),
        "arguments: `one`: invalid value: integer `300`, expected u8"
    );
    assert_eq!(error("plain", r#"{"one":1}"#), "arguments: unknown field `one`, there are no fields");
    assert_eq!(error("shop", r#"{"title":"a","fail":true}"#), "the shop is closed");
}

#[test]
fn the_default_app_may_be_made_at_load() {
    assert_eq!(client().get("/even/4").text(), "4");
    assert_eq!(client().get("/even/3").status(), 400);
    assert_eq!(client().get("/word/abc").text(), "word");
    assert_eq!(client().get("/merged").text(), "merged");
}

#[test]
fn an_app_is_mounted() {
    assert_eq!(client().get("/below").text(), "Hi from /below/");
    assert_eq!(client().get("/below/").text(), "Hi from /below/");
    assert_eq!(client().get("/below/url").text(), "/below/");
    assert_eq!(client().get("/belows").status(), 404);
}
