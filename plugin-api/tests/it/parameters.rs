use crate::client;
use plugin_api::prelude::*;

#[get("/small/<n>")]
pub(crate) fn small(n: u8) -> String {
    format!("{n}")
}

#[get("/signed/<n:int>")]
pub(crate) fn signed(n: i16) -> String {
    format!("{n}")
}

#[get("/float/<x:float>")]
pub(crate) fn float(x: f64) -> String {
    format!("{x}")
}

#[get("/rest/<path:path>")]
pub(crate) fn rest(path: &str) -> &str {
    path
}

#[get("/two/<a>/<:int>/<b>")]
pub(crate) fn two(b: &str, a: &str) -> String {
    format!("{a}{b}")
}

#[get("/owned/<name>")]
pub(crate) fn owned(mut name: String) -> String {
    name.push('!');
    name
}

#[test]
fn arguments_take_parameters_by_name() {
    assert_eq!(client().get("/two/x/1/y").text(), "xy");
    assert_eq!(client().get("/owned/x").text(), "x!");
    assert_eq!(client().get("/rest/a/b%20c").text(), "a/b c");
}

#[test]
fn numbers_are_converted() {
    assert_eq!(client().get("/small/255").text(), "255");
    assert_eq!(client().get("/signed/-7").text(), "-7");
    assert_eq!(client().get("/float/1.5").text(), "1.5");
}

#[test]
fn a_number_out_of_range_is_a_400_that_says_the_range() {
    let response = client().get("/small/256").send();
    assert_eq!(
        (response.status(), response.text().as_str()),
        (400, "`n` has to be a whole number from 0 to 255")
    );
    let response = client().get("/signed/40000").send();
    assert_eq!(response.text(), "`n` has to be a whole number from -32768 to 32767");
}

#[test]
fn a_word_is_no_number() {
    assert_eq!(client().get("/small/x").status(), 400);
    assert_eq!(client().get("/signed/x").status(), 404, "the filter does not let it through");
}
