use crate::client;
use plugin_api::prelude::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Page<T> {
    first_items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_page: Option<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Shape {
    Circle { radius: f64 },
    Point,
}

#[derive(Deserialize)]
struct Borrowed<'a> {
    name: &'a str,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Meters(f64);

#[get("/page")]
pub(crate) fn page() -> Json<impl Serialize> {
    Json(Page { first_items: vec![Shape::Circle { radius: 1.0 }, Shape::Point], next_page: None })
}

#[test]
fn the_derives_of_the_prelude_need_no_serde() {
    let text = client().get("/page").text();
    assert_eq!(text, r#"{"first-items":[{"kind":"Circle","radius":1.0},{"kind":"Point"}]}"#);
    let page: Page<Shape> = client().get("/page").json();
    assert_eq!(page.first_items[1], Shape::Point);
}

#[test]
fn a_type_may_borrow() {
    let json = String::from(r#"{"name":"n"}"#);
    let borrowed: Borrowed<'_> = serde_json::from_str(&json).unwrap();
    assert_eq!(borrowed.name, "n");
    let meters: Meters = serde_json::from_str("2.5").unwrap();
    assert_eq!(meters, Meters(2.5));
}
