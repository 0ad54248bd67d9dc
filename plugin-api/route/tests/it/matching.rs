//! Which route a request gets.

use crate::support::{answer, check, router};

#[test]
fn line_breaks_match_as_dollar_does_in_python() {
    check(&[
        ("/<x>", "/ab\n", r#"ok x="ab\n""#),
        ("/<x>", "/\n", r#"ok x="\n""#),
        ("/<x>/foo", "/a/foo\n", r#"ok x="a""#),
        ("/<x>/foo", "/a/foo\n\n", "404"),
        ("/<x:int>", "/12\n", "ok x=12"),
        ("/<x:path>", "/a/b\n", r#"ok x="a/b""#),
        ("/<x:path>", "/a\nb", "404"),
        ("/<x:re:[a-z]+>.<y>", "/a.b\n", r#"ok x="a" y="b\n""#),
        ("/<x:re:.*>", "/\n", r#"ok x="""#),
        ("/foo", "/foo\n", "404"),
        ("/<x>/", "/a/\n", r#"ok x="a""#),
    ]);
}

#[test]
fn parts_of_a_segment_match() {
    check(&[
        ("/<name>.ext", "/a.ext", r#"ok name="a""#),
        ("/<name>.ext", "/.ext", "404"),
        ("/<name>.ext", "/a/b.ext", "404"),
        ("/v<n:int>/<x>", "/v12/a", r#"ok n=12 x="a""#),
        ("/v<n:int>", "/v", "404"),
        ("/a<x>a", "/a", "404"),
        ("/a<x>a", "/aa", "404"),
        ("/a<x>a", "/aaa", r#"ok x="a""#),
        ("/<a>-<b>/c/<d>", "/1-2-3/c/4", r#"ok a="1-2" b="3" d="4""#),
        ("/<a:re:[a-z]+><b:int>", "/abc12", r#"ok a="abc" b=12"#),
        ("/a<x:path>", "/ab/c", r#"ok x="b/c""#),
        ("/<x:path>.html", "/a/b.html.html", r#"ok x="a/b.html""#),
        ("/<a>/<x:path>/end", "/1/2/3/end", r#"ok a="1" x="2/3""#),
        ("/<a>/<x:path>/<b>", "/1/2/3/4", r#"ok a="1" x="2/3" b="4""#),
        ("/x<r:re:(/.*)?>", "/x", r#"ok r="""#),
        ("/<x:re:ab?>", "/ab", r#"ok x="ab""#),
        ("/<x:re:ab>b", "/abb", r#"ok x="ab""#),
        ("<x>", "x", r#"ok x="x""#),
        ("<x>", "/x", "404"),
    ]);
}

#[test]
fn numbers_convert_or_refuse() {
    check(&[
        ("/<n:int>", "/9223372036854775807", "ok n=9223372036854775807"),
        ("/<n:int>", "/-9223372036854775808", "ok n=-9223372036854775808"),
        ("/<n:int>", "/9223372036854775808", "400"),
        ("/<n:int>", "/٣٤", "ok n=34"),
        ("/<n:int>", "/+5", "404"),
        ("/<n:int>", "/-", "404"),
        ("/<n:float>", "/1e5", "404"),
        ("/<n:float>", "/٣.٥", "ok n=3.5"),
        ("/<n:float>", "/-.", "400"),
        ("/<:float>", "/..", "400"),
        ("/<n:float>x", "/1.5x", "ok n=1.5"),
        ("/<a:int>-<b:int>", "/-1--2", "ok a=-1 b=-2"),
    ]);
}

#[test]
fn a_value_that_does_not_convert_ends_the_search() {
    let router = router(&["GET /<n:float>", "GET /<s>"]);
    assert_eq!(answer(&router, "GET", "/1.2.3"), "400");
    assert_eq!(answer(&router, "GET", "/abc"), r#"/<s> s="abc""#);
}

#[test]
fn the_first_registered_route_wins_whatever_finds_it() {
    let rules = ["/<a:path>/x", "/<b>/x", "/p/<c>", "/<d:re:[a-z]+>/x", "/p<e>/x", "/<f:re:.*>"];
    for first in 0..rules.len() {
        let turned: Vec<String> =
            (0..rules.len()).map(|n| format!("GET {}", rules[(first + n) % rules.len()])).collect();
        let router = router(&turned.iter().map(String::as_str).collect::<Vec<_>>());
        let got = answer(&router, "GET", "/pq/x");
        let expected = if rules[first] == "/p/<c>" { rules[first + 1] } else { rules[first] };
        assert!(got.starts_with(expected), "{turned:?}: {got}");
    }
}

#[test]
fn methods_are_tried_in_bottles_order() {
    let router = router(&["get /a", "ANY /<x>", "PROXY /p/<:path>", "post /a", "BREW /pot", "GET /pot"]);
    let table = [
        ("GET", "/a", "/a"),
        ("get", "/a", "/a"),
        ("HEAD", "/a", "/a"),
        ("PUT", "/a", r#"/<x> x="a""#),
        ("BREW", "/p/a/b", "/p/<:path>"),
        ("brew", "/pot", "/pot"),
        ("PROXY", "/p/a", "/p/<:path>"),
        ("ANY", "/a", r#"/<x> x="a""#),
        ("GET", "", "404"),
    ];
    for (method, path, expected) in table {
        assert_eq!(answer(&router, method, path), expected, "{method} {path}");
    }
}

#[test]
fn other_methods_are_named_in_order() {
    let router = router(&["PUT /<x>", "BREW /a", "DELETE /<x:int>", "HEAD /a", "OPTIONS /<p:path>"]);
    assert_eq!(answer(&router, "GET", "/a"), "405 BREW,HEAD,OPTIONS,PUT");
    assert_eq!(answer(&router, "HEAD", "/1"), "405 DELETE,OPTIONS,PUT");
    assert_eq!(answer(&router, "GET", "/a/b"), "405 OPTIONS");
    assert_eq!(answer(&router, "GET", ""), "404");
}

#[test]
fn deep_rules_match_beyond_the_depth_of_the_tree() {
    let deep = |wild: &str, len: usize| format!("{}{wild}", "/a".repeat(len));
    for len in [1, 62, 63, 64, 65, 66, 200] {
        for (wild, end, params) in [
            ("/<x>", "/1", r#" x="1""#),
            ("/<p:path>/z", "/1/2/z", r#" p="1/2""#),
            ("/<x>/z", "/1/z", r#" x="1""#),
        ] {
            let (rule, path) = (deep(wild, len), deep(end, len));
            assert_eq!(crate::support::ask(&rule, &path), format!("ok{params}"), "{len} {wild}");
            assert_eq!(crate::support::ask(&rule, &format!("{path}/")), "404");
        }
    }
}

#[test]
fn hostile_paths_end_soon() {
    // Every mix of a literal and a wildcard, ten deep: the path fits them all but for its end.
    let mut router = plugin_api_route::Router::new();
    for mix in 0..1024 {
        let pieces: String =
            (0..10).map(|bit| if mix >> bit & 1 == 1 { "/a".into() } else { format!("/<x{bit}>") }).collect();
        router.add("GET", &format!("{pieces}/end{mix}"), None, "found").unwrap();
    }
    let start = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(answer(&router, "GET", &"/a".repeat(11)), "404");
        assert_eq!(answer(&router, "GET", &"/".repeat(10_000)), "404");
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
