//! Regular expressions in configs mean what they mean in Python.

use crate::support::check;

#[test]
fn pythons_dialect_is_understood() {
    check(&[
        ("/<x:re:[[a]+>", "/[a", r#"ok x="[a""#),
        ("/<x:re:[]a]+>", "/]a", r#"ok x="]a""#),
        ("/<x:re:[a&&b]+>", "/&b", r#"ok x="&b""#),
        ("/<x:re:[(a)]+>", "/(a)", r#"ok x="(a)""#),
        ("/<x:re:[(a)]+>", "/?:", "404"),
        (r"/<x:re:a\\Z>", "/a", "404"),
        (r"/<x:re:\\\>>", "/\\>", r#"ok x="\\>""#),
        ("/<x:re:a{,2}b>", "/aab", r#"ok x="aab""#),
        ("/<x:re:a{x}>", "/a{x}", r#"ok x="a{x}""#),
        ("/<x:re:(?i:ab)>", "/AB", r#"ok x="AB""#),
        ("/<x:re:(a|b)(c)>", "/bc", r#"ok x="bc""#),
        ("/<x:re:a|b>/<y>", "/b/1", r#"ok x="b" y="1""#),
        ("/a<x:re:^b>", "/ab", "404"),
        ("/<x:re:(?#digits)[0-9]+>", "/12", r#"ok x="12""#),
    ]);
}

#[test]
fn escapes_are_written_in_configs() {
    check(&[
        (r"/<x:re:\d+>", "/٣", r#"ok x="٣""#),
        (r"/<x:re:\w+>", "/ö_1½", r#"ok x="ö_1½""#),
        (r"/<x:re:\S+>", "/a\u{1f}", "404"),
        (r"/<x:re:[\w\-]+>", "/a-b", r#"ok x="a-b""#),
        (r"/<x:re:a\Z>", "/a", r#"ok x="a""#),
        (r"/<x:re:a\Z>", "/a\n", "404"),
        (r"/<x:re:a$>", "/a\n", r#"ok x="a""#),
        (r"/<x:re:\/a>", "//a", r#"ok x="/a""#),
        (r"/<x:re:\<a\>>", "/<a>", r#"ok x="<a>""#),
        (r"/<x:re:\x41>", "/A", r#"ok x="A""#),
    ]);
}

#[test]
fn look_around_and_references_work() {
    check(&[
        ("/<x:re:(?!new)[a-z]+>", "/old", r#"ok x="old""#),
        ("/<x:re:(?!new)[a-z]+>", "/newer", "404"),
        (r"/<a>/<x:re:(a|b)\1>/<y>", "/0/bb/1", r#"ok a="0" x="bb" y="1""#),
        (r"/<a>/<x:re:(a|b)\1>/<y>", "/0/ab/1", "404"),
        ("/<x:re:(?P<q\\>[ab])-(?P=q)>", "/a-a", r#"ok x="a-a""#),
        (r"/<x:re:(.)\1>-<y:re:(.)(.)\2>", "/aa-xyy", r#"ok x="aa" y="xyy""#),
        ("/<x:re:a++>", "/aaa", r#"ok x="aaa""#),
        ("/<x:re:a++a>", "/aaa", "404"),
        ("/<x:re:[a-z]+(?<=b)>/y", "/ab/y", r#"ok x="ab""#),
    ]);
}

#[test]
fn a_pattern_that_takes_too_long_does_not_match() {
    let start = std::time::Instant::now();
    let path = format!("/{}!", "a".repeat(40));
    check(&[("/<x:re:(?=a)(a+)+b>", path.as_str(), "404"), (r"/<x:re:(a|aa)+\1b>", path.as_str(), "404")]);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
