//! Which texts are wildcards.

use plugin_api_route::{Rule, Segment};

/// A rule's parts in one line: `"literal"`, `<name:filter:config>`.
fn parts(rule: &str) -> String {
    let show = |segment: &Segment| match segment {
        Segment::Literal(text) => format!("{text:?}"),
        Segment::Wildcard { name, filter, config } => {
            let config = config.as_ref().map(|config| format!(":{config}"));
            format!("<{}:{filter}{}>", name.as_deref().unwrap_or("-"), config.unwrap_or_default())
        }
    };
    let rule = Rule::parse(rule).unwrap();
    rule.segments().iter().map(show).collect::<Vec<_>>().join(" ")
}

#[test]
fn rules_parse_as_in_bottle() {
    let table = [
        ("/", r#""/""#),
        ("/a/<b>", r#""/a/" <b:re>"#),
        ("<b>", "<b:re>"),
        ("/<b:int>", r#""/" <b:int>"#),
        ("/<b:re:[a-z]+>/", r#""/" <b:re:[a-z]+> "/""#),
        ("/<>/<:>/<::>", r#""/" <-:re> "/" <-:re> "/" <-:re>"#),
        ("/<:int>", r#""/" <-:int>"#),
        ("/<b:>", r#""/" <b:re>"#),
        ("/<b::x:y>", r#""/" <b:re:x:y>"#),
        ("/<b:default:x>", r#""/" <b:re:x>"#),
        (r"/<b:re:a\>b\\>", r#""/" <b:re:a\>b\\>"#),
        ("/:b", r#""/" <b:re>"#),
        ("/:b#x+#c", r#""/" <b:re:x+> "c""#),
        ("/:#x+#", r#""/" <-:re:x+>"#),
        ("/:##", r#""/" <-:re>"#),
        ("/:b#x", r##""/" <b:re> "#x""##),
        ("/12:30", r#""/12" <-:re> "30""#),
        ("/:1", r#""/" <-:re> "1""#),
        ("/a:<b>", r#""/a" <-:re> <b:re>"#),
        // What does not fit is literal text; a colon in it still is a wildcard.
        ("/<1abc>", r#""/<1abc>""#),
        ("/<b", r#""/<b""#),
        ("/<b-c>", r#""/<b-c>""#),
        ("/<b:1>", r#""/<b" <-:re> "1>""#),
        ("/<<b>>", r#""/<" <b:re> ">""#),
        ("/<b:re:x\\\n>", "\"/<b\" <re:re> <x:re> \"\\\\\\n>\""),
        // Backslashes: an odd run escapes, an even one does not, and both vanish.
        (r"/\<b>", r#""/<b>""#),
        (r"/\\<b>", r#""/" <b:re>"#),
        (r"/\\\<b>c", r#""/<b>c""#),
        (r"/12\:30", r#""/12:30""#),
        (r"/\:b#x#<c>", r##""/:b#x#" <c:re>"##),
        (r"/a\b", r#""/a\\b""#),
        (r"/\<1>", r#""/\\<1>""#),
    ];
    for (rule, expected) in table {
        assert_eq!(parts(rule), expected, "{rule}");
    }
}

#[test]
fn a_name_stands_once() {
    let table = [("/<a>/<a>", 5), ("/:a/<a>", 4), ("/<anon0>/<>", 9), ("/<>/<anon0>", 4)];
    for (rule, place) in table {
        let error = Rule::parse(rule).unwrap_err();
        assert_eq!(error.place(), place, "{error}");
    }
    let error = Rule::parse("/<a>/<a>").unwrap_err();
    assert_eq!(error.to_string(), "rule `/<a>/<a>`: byte 5: two wildcards are named `a`");
    assert!(Rule::parse("").is_err());
}

#[test]
fn a_rule_tells_what_it_is() {
    let rule = Rule::parse("/:a/<b:int>/<>").unwrap();
    assert!(rule.has_old_syntax());
    assert_eq!(rule.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(rule.path(), None);
    assert_eq!(rule.text(), "/:a/<b:int>/<>");
}
