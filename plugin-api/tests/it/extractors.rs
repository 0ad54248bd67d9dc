use crate::client;
use crate::plugin::Config;
use plugin_api::prelude::*;

#[derive(Deserialize)]
pub(crate) struct Search {
    q: String,
    #[serde(default)]
    tag: Vec<String>,
    page: Option<u32>,
}

#[get("/search")]
pub(crate) fn search(query: Query<Search>) -> String {
    format!("{} {:?} {:?}", query.q, query.tag, query.page)
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Note {
    title: String,
    stars: u8,
}

#[post("/note")]
pub(crate) fn note(Json(note): Json<Note>) -> Json<Note> {
    Json(Note { stars: note.stars + 1, ..note })
}

#[derive(Deserialize)]
pub(crate) struct Login {
    user: String,
    age: u8,
}

#[post("/login")]
pub(crate) fn login(form: Form<Login>) -> String {
    format!("{} {}", form.user, form.age)
}

#[put("/upload")]
pub(crate) fn upload(body: &[u8]) -> String {
    format!("{} bytes", body.len())
}

#[put("/shout")]
pub(crate) fn shout(body: Text) -> String {
    body.to_uppercase()
}

#[route("/raw", method = ["POST", "PUT"], body = "whole")]
pub(crate) fn raw(request: &Request) -> String {
    format!("{} {}", request.method(), request.body().len())
}

pub(crate) struct User<'r> {
    name: &'r str,
    greeting: &'r str,
}

impl<'r> FromRequest<'r> for User<'r> {
    fn from_request(request: &'r Request, instance: &'r Instance) -> Result<Self, Error> {
        let name = request.header("x-user").or_abort(401, "who are you?")?;
        Ok(Self { name, greeting: &instance.state::<Config>()?.get().greeting })
    }
}

#[get("/who")]
pub(crate) fn who(user: User<'_>) -> String {
    format!("{} {}", user.greeting, user.name)
}

#[test]
fn queries_have_types() {
    assert_eq!(client().get("/search?q=a+b&tag=x&tag=y&page=2").text(), r#"a b ["x", "y"] Some(2)"#);
    assert_eq!(client().get("/search?q=%C3%A4").text(), "ä [] None");
}

#[test]
fn a_query_that_does_not_fit_is_a_400_that_names_the_field() {
    let text = |path: &str| {
        let response = client().get(path).send();
        assert_eq!(response.status(), 400);
        response.text()
    };
    assert_eq!(text("/search"), "query: missing field `q`");
    assert_eq!(text("/search?q=a&page=x"), "query: `page`: invalid digit found in string");
}

#[test]
fn json_goes_in_and_out() {
    let note = client().post("/note").with_json(&Note { title: "a".into(), stars: 1 }).json::<Note>();
    assert_eq!((note.title.as_str(), note.stars), ("a", 2));
}

#[test]
fn json_errors_have_their_status_and_name_the_field() {
    let send = |body: &str| {
        client().post("/note").header("content-type", "application/json; charset=utf-8").body(body).send()
    };
    assert_eq!(client().post("/note").body("{}").status(), 415);
    let broken = send("{");
    assert_eq!(
        (broken.status(), broken.text().as_str()),
        (400, "body: EOF while parsing an object at line 1 column 1")
    );
    let wrong = send(r#"{"title":"a","stars":"many"}"#);
    let message = r#"body: `stars`: invalid type: string "many", expected u8 at line 1 column 27"#;
    assert_eq!((wrong.status(), wrong.text().as_str()), (422, message));
    let missing = send("{}");
    assert_eq!(
        (missing.status(), missing.text().as_str()),
        (422, "body: missing field `title` at line 1 column 2")
    );
    assert_eq!(send(r#"{"title":"a","stars":1} x"#).status(), 400);
}

#[test]
fn forms_have_types() {
    let form = [("user", "a b"), ("age", "7")];
    assert_eq!(client().post("/login").with_form(&form).text(), "a b 7");
    assert_eq!(client().post("/login").body("user=a&age=7").status(), 415);
    let wrong = client().post("/login").with_form(&[("user", "a"), ("age", "300")]).send();
    let message = "body: `age`: number too large to fit in target type";
    assert_eq!((wrong.status(), wrong.text().as_str()), (422, message));
}

#[test]
fn bodies_come_as_bytes_or_as_text() {
    assert_eq!(client().put("/upload").body(vec![0; 5000]).text(), "5000 bytes");
    assert_eq!(client().put("/shout").body("ä").text(), "Ä");
    assert_eq!(client().put("/shout").body([0xff]).status(), 400);
    assert_eq!(client().put("/raw").body("abc").text(), "PUT 3");
    assert_eq!(client().post("/raw").text(), "POST 0");
}

#[test]
fn an_extractor_of_ones_own_borrows_from_request_and_state() {
    assert_eq!(client().get("/who").header("X-User", "Ann").text(), "Hi Ann");
    let response = client().get("/who").send();
    assert_eq!((response.status(), response.text().as_str()), (401, "who are you?"));
}
