//! Routes as they are added.

use plugin_api_route::{AddError, Filter, FilterSpec, Router, Value, ValueKind};

use crate::support::{answer, router};

#[test]
fn an_equal_rule_takes_the_old_ones_place() {
    let table = [
        ("/a", "/a", true),
        ("/a", r"/\a", false),
        (r"/12\:30", r"/12\\\:30", true),
        ("/<x>", "/:y", true),
        ("/<x>", "/<y:re:[^/]+>", true),
        ("/<x:int>", r"/<y:re:-?\d+>", true),
        ("/<x:re:(a)>", "/<y:re:(?:a)>", true),
        ("/<x>", "/<y:int>", false),
        ("/<x>", "/<y>/", false),
    ];
    for (old, new, replaced) in table {
        let mut router = Router::new();
        router.add("GET", old, None, 1).unwrap();
        router.add("POST", new, None, 0).unwrap();
        let added = router.add("get", new, None, 2).unwrap();
        assert_eq!(added.replaced.map(|route| route.into_payload()), replaced.then_some(1), "{old} {new}");
        assert_eq!(router.routes().len(), if replaced { 2 } else { 3 });
    }
}

#[test]
fn a_replaced_route_keeps_its_place_in_the_order() {
    let router = router(&["GET /<a>", "GET /<b:re:[a-z]+>", "GET /<c>"]);
    assert_eq!(answer(&router, "GET", "/x"), r#"/<c> c="x""#);
    let rules: Vec<&str> = router.routes().iter().map(|route| route.rule()).collect();
    assert_eq!(rules, ["/<c>", "/<b:re:[a-z]+>"]);
}

#[test]
fn an_unknown_filter_names_the_nearest() {
    let error = Router::new().add("GET", "/<x:itn>", None, ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rule `/<x:itn>`: unknown filter `itn`: there are `int`, `path`, `re`, `float`"
    );
    assert!(error.help().contains("`int`"), "{}", error.help());
}

#[test]
fn a_bad_pattern_names_rule_and_filter() {
    for rule in ["/<x:re:[>", "/<x:re:(>", "/<x:re:*>", "/<x:re:a)(b>", "/<x:re:a{5}{6}>", "/<x:re:(?i)a>"] {
        let error = Router::new().add("GET", rule, None, ()).unwrap_err();
        assert!(matches!(error, AddError::Wildcard { .. }), "{error:?}");
        assert!(error.to_string().starts_with(&format!("rule `{rule}`: filter `re`: ")), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn a_pattern_that_is_too_large_is_refused() {
    for rule in
        [r"/<x:re:(\w{100}){100}>", r"/<x:re:(?=a)(\w{100}){100}>", r"/<x:re:((a{1000}){1000}){1000}>"]
    {
        let error = Router::new().add("GET", rule, None, ()).unwrap_err();
        assert_eq!(error.rule(), rule);
        assert!(!error.help().is_empty());
    }
    let nested = format!("/<x:re:{}a{}>", "(".repeat(500), ")".repeat(500));
    assert!(Router::new().add("GET", &nested, None, ()).is_err());
    let looking = format!("/<x:re:{}a{}>", "(?=".repeat(5000), ")".repeat(5000));
    assert!(Router::new().add("GET", &looking, None, ()).is_err());
}

#[test]
fn a_refused_route_leaves_the_router_as_it_was() {
    let mut router = router(&["GET /a"]);
    router.add("POST", "/<x:re:[>", Some("n"), String::new()).unwrap_err();
    assert_eq!(router.routes().len(), 1);
    assert!(router.build("n", &[], &[]).is_err());
    assert_eq!(answer(&router, "POST", "/a"), "405 GET");
}

/// Values of a list, as many as the config says.
struct Digits;

impl Filter for Digits {
    fn pattern(&self, config: Option<&str>) -> Result<String, String> {
        let count: u8 = config.unwrap_or("1").parse().map_err(|_| "the config is not a number".to_owned())?;
        Ok(format!(r"(?P<inner>[0-9x]){{{count}}}"))
    }

    fn parse<'p>(&self, config: Option<&str>, text: &'p str) -> Result<Value<'p>, String> {
        text.parse().map(Value::Int).map_err(|_| format!("not {config:?} digits"))
    }

    fn format(&self, config: Option<&str>, value: Value<'_>) -> Result<String, String> {
        let width = config.and_then(|config| config.parse().ok()).unwrap_or(1);
        Ok(format!("{:0>width$}", value.to_text()))
    }
}

#[test]
fn a_filter_of_ones_own_sees_its_config() {
    let mut router = Router::new();
    router.add_filter("digits", FilterSpec::custom(Digits));
    router.add("GET", "/<n:digits:3>", Some("n"), "r").unwrap();
    assert_eq!(answer(&router, "GET", "/012"), "r n=12");
    assert_eq!(answer(&router, "GET", "/12"), "404");
    assert_eq!(answer(&router, "GET", "/0x2"), "400");
    assert_eq!(router.build("n", &[], &[("n", 7.into())]).as_deref(), Ok("/007"));
    let error = router.add("GET", "/<n:digits:x>", None, "r").unwrap_err();
    assert!(error.to_string().ends_with("the config is not a number"), "{error}");
}

#[test]
fn a_built_in_filter_can_be_replaced() {
    let mut router = Router::new();
    router.add("GET", "/old/<n:int>", None, "old").unwrap();
    router.add_filter("int", FilterSpec::pattern("[0-9a-f]+", ValueKind::Text));
    router.add("GET", "/new/<n:int>", None, "new").unwrap();
    assert_eq!(answer(&router, "GET", "/new/ff"), r#"new n="ff""#);
    assert_eq!(answer(&router, "GET", "/old/ff"), "404");
}

#[test]
fn payloads_can_be_made_into_others() {
    let mut router = router(&["GET /a", "POST /<x>"]);
    router.routes_mut().for_each(|route| route.payload_mut().push('!'));
    let router = router.map(|route, rule| format!("{} {rule}", route.method()));
    assert_eq!(answer(&router, "GET", "/a"), "GET /a!");
    let failed =
        router.try_map(|route, _| if route.is_dynamic() { Err(route.rule().to_owned()) } else { Ok(()) });
    assert_eq!(failed.unwrap_err(), "/<x>");
}
