//! URLs built from rules.

use plugin_api_route::{Router, Value};

fn url(rule: &str, anonymous: &[Value<'_>], named: Named<'_>) -> Result<String, String> {
    let mut router = Router::new();
    router.add("GET", rule, Some("r"), ()).unwrap();
    router.build("r", anonymous, named).map_err(|error| error.to_string())
}

#[test]
fn values_are_written_as_python_writes_them() {
    let table: [(&str, Value<'_>, &str); 9] = [
        ("/<v>", "a b/ü".into(), "/a b/ü"),
        ("/<v>", 3.into(), "/3"),
        ("/<v>", 3.0.into(), "/3.0"),
        ("/<v:int>", "007".into(), "/7"),
        ("/<v:int>", 3.9.into(), "/3"),
        ("/<v:int>", Value::Float(-3.9), "/-3"),
        ("/<v:float>", 3.into(), "/3.0"),
        ("/<v:float>", 1e20.into(), "/1e+20"),
        ("/<v:path>", "a/b".into(), "/a/b"),
    ];
    for (rule, value, expected) in table {
        assert_eq!(url(rule, &[], &[("v", value)]).as_deref(), Ok(expected), "{rule} {value:?}");
    }
    assert!(url("/<v:int>", &[], &[("v", f64::NAN.into())]).is_err());
    assert!(url("/<v:int>", &[], &[("v", 1e30.into())]).is_err());
}

/// Values by name.
type Named<'a> = &'a [(&'a str, Value<'a>)];

#[test]
fn what_is_left_over_becomes_the_query() {
    let table: [(&[Value<'_>], Named<'_>, &str); 4] = [
        (&[1.into()], &[("q", "a b&ü~/".into())], "/1?q=a+b%26%C3%BC~%2F"),
        (&[1.into(), 2.into()], &[], "/1?anon1=2"),
        (&[], &[("anon0", 5.into()), ("q", 1.5.into())], "/5?q=1.5"),
        (&[1.into()], &[("q", 1.into()), ("q", 2.into())], "/1?q=1&q=2"),
    ];
    for (anonymous, named, expected) in table {
        assert_eq!(url("/<:int>", anonymous, named).as_deref(), Ok(expected));
    }
}

#[test]
fn errors_name_what_is_wrong() {
    assert_eq!(url("/<:int>", &[], &[]).unwrap_err(), "url of `r`: the value of `anon0` is missing");
    let error = url("/<n:int>", &[], &[("n", "x".into())]).unwrap_err();
    assert_eq!(error, "url of `r`: cannot use `x` as `n`: `x` is not a whole number");
    let router = Router::<()>::new();
    let error = router.build("home", &[], &[]).unwrap_err();
    assert_eq!(error.to_string(), "url: no route is named `home`: there are none");
}

#[test]
fn a_replaced_rule_still_builds() {
    let mut router = Router::new();
    router.add("GET", "/a/<x>", Some("n"), 1).unwrap();
    router.add("GET", "/a/<y>", None, 2).unwrap();
    assert_eq!(router.build("n", &[], &[("x", "1".into())]).as_deref(), Ok("/a/1"));
    assert_eq!(router.build("/a/<y>", &[], &[("y", "1".into())]).as_deref(), Ok("/a/1"));
}
