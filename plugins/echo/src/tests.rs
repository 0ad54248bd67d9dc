use plugin_api::test::client;

#[test]
fn the_answer_names_the_tag_and_the_parameters() {
    let client = client!(r#"{ "routes": [{ "method": "GET", "rule": "/n/<n:int>", "tag": "number" }] }"#);
    let answer = client.get("/n/7").send();
    assert_eq!(answer.header("X-Tag"), Some("number"));
    assert_eq!(answer.header("X-Params"), Some(r#"{"n":7}"#));
    assert!(answer.text().starts_with(r#"{"#), "{}", answer.text());
}

#[test]
fn a_custom_filter_converts_and_refuses() {
    let config = r#"{ "filters": [{ "name": "num", "regex": ".*", "to": "int" }], "routes": [{ "rule": "/<n:num>" }] }"#;
    let client = client!(config);
    assert_eq!(client.get("/5").send().header("X-Params"), Some(r#"{"n":5}"#));
    assert_eq!(client.get("/five").status(), 400);
}
