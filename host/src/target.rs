//! The target grammar: `LIBRARY[:NAME[(KEY = VALUE, ...)]]`.
//!
//! `LIBRARY` is the name of a plugin of the spec, else a path to a file, else looked up on the search path. `NAME` is an
//! app, a middleware or a server that it exports; none, or an empty one, is its default app. With parentheses it is
//! a factory, called with data: TOML values, never code. The library ends at the first colon, as in Bottle, so a path
//! with a colon in it cannot be written.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::error::Error;
use crate::spec::Snippet;
use crate::spec::json_table;

/// Names an app, a middleware or a server of a library.
///
/// ```
/// use host::target::Target;
/// let target: Target = "catalog:admin(title = 'Back office', sizes = [1, 2])".parse().unwrap();
/// assert_eq!(target.library, "catalog");
/// assert_eq!(target.args_json(), r#"{"sizes":[1,2],"title":"Back office"}"#);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The name of a plugin, a path, or a name on the search path.
    pub library: String,
    /// What the library exports; none is its default app.
    pub export: Option<Export>,
}

/// The part of a target after the colon.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// The name of the app, the middleware or the server.
    pub name: String,
    /// The arguments of a factory, perhaps none; without parentheses it is no call.
    pub args: Option<toml::Table>,
}

impl Target {
    /// The default app of a library.
    pub fn default_app(library: impl Into<String>) -> Self {
        Self { library: library.into(), export: None }
    }

    /// The arguments as a JSON object, dates as strings; `{}` when there are none.
    pub fn args_json(&self) -> String {
        let args = self.export.as_ref().and_then(|export| export.args.as_ref());
        args.map_or_else(|| "{}".into(), |args| json_table(args).to_string())
    }
}

impl FromStr for Target {
    type Err = Error;

    /// # Errors
    /// Shows the target with carets below the place, and the cure.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|fault| fault.error(text))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(export) = &self.export else { return f.write_str(&self.library) };
        write!(f, "{}:{}", self.library, export.name)?;
        let Some(args) = &export.args else { return Ok(()) };
        let pairs: Vec<String> =
            args.iter().map(|(key, value)| format!("{} = {value}", shown_key(key))).collect();
        write!(f, "({})", pairs.join(", "))
    }
}

/// A key as TOML writes it, in quotes where it needs them.
fn shown_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !key.is_empty() && key.chars().all(bare) {
        true => key.into(),
        false => toml::Value::from(key).to_string(),
    }
}

/// What is wrong with a target, before anybody knows where the target was written.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) span: Range<usize>,
    pub(crate) hint: String,
}

impl Fault {
    fn new(message: impl Into<String>, span: Range<usize>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), span, hint: hint.into() }
    }

    fn error(&self, text: &str) -> Error {
        let line = text.replace('\n', " ");
        let snippet = Snippet { number: None, line: &line, span: self.span.clone(), hint: &self.hint };
        Error::usage(format!("target `{line}`: {}\n{}", self.message, snippet.render()))
    }
}

const DATA: &str = "arguments are data, never code";
const FORM: &str = "write LIBRARY:NAME(KEY = VALUE, ...)";

/// Parses a target; the fault carries its place in the text.
pub(crate) fn parse(text: &str) -> Result<Target, Fault> {
    let colon = text.find(':');
    let library = &text[..colon.unwrap_or(text.len())];
    check_library(library)?;
    match colon.map(|colon| colon + 1) {
        Some(start) if start < text.len() => {
            Ok(Target { library: library.into(), export: Some(export(text, start)?) })
        }
        _ => Ok(Target::default_app(library)),
    }
}

fn check_library(library: &str) -> Result<(), Fault> {
    let whole = 0..library.len();
    if library.is_empty() {
        return Err(Fault::new("the library is empty", 0..0, "name a plugin or a file before the `:`"));
    }
    if library.trim() != library || library.contains(char::is_control) {
        return Err(Fault::new("the library has spaces around it", whole, "remove them"));
    }
    match library.find('(') {
        Some(place) if !library[..place].contains('/') => {
            Err(Fault::new("a library cannot be called", place..place + 1, "write LIBRARY:NAME(...)"))
        }
        _ => Ok(()),
    }
}

fn export(text: &str, start: usize) -> Result<Export, Fault> {
    let end = text[start..].find('(').map_or(text.len(), |open| start + open);
    let name = &text[start..end];
    check_name(name, start)?;
    let args = if end < text.len() { Some(arguments(text, end)?) } else { None };
    Ok(Export { name: name.into(), args })
}

/// A name is `[A-Za-z_][A-Za-z0-9_-]*`.
fn check_name(name: &str, start: usize) -> Result<(), Fault> {
    let good = |(place, c): (usize, char)| {
        c == '_' || c.is_ascii_alphabetic() || place > 0 && (c == '-' || c.is_ascii_digit())
    };
    let Some((place, bad)) = name.char_indices().find(|pair| !good(*pair)) else {
        return if name.is_empty() {
            Err(Fault::new("the name is empty", start..start, FORM))
        } else {
            Ok(())
        };
    };
    let span = start + place..start + place + bad.len_utf8();
    Err(match bad {
        '.' => Fault::new("a name has no `.`: only what the library exports can be named", span, DATA),
        ')' => Fault::new("there is no `(` before this `)`", span, FORM),
        ' ' | '=' | '[' | '+' | ',' => {
            Fault::new(format!("{bad:?} cannot stand in a name: this is no expression"), span, DATA)
        }
        _ => Fault::new(
            format!("{bad:?} cannot stand here in a name"),
            span,
            "names are [A-Za-z_][A-Za-z0-9_-]*",
        ),
    })
}

fn arguments(text: &str, open: usize) -> Result<toml::Table, Fault> {
    let close = closing(text, open)?;
    if close + 1 < text.len() {
        let hint = if text[close + 1..].starts_with('.') { DATA } else { "the target ends at the `)`" };
        return Err(Fault::new("there is text after the arguments", close + 1..text.len(), hint));
    }
    let inline = format!("{{{}}}", &text[open + 1..close]); // as long as the original: the places stay the same
    match inline.parse::<toml::Value>() {
        Ok(toml::Value::Table(args)) => finite(args, open..close + 1),
        Ok(_) => Err(Fault::new("the arguments are no table", open..close + 1, FORM)),
        Err(error) => Err(bad_arguments(&error, open, close)),
    }
}

/// The parenthesis that closes the one at `open`: the next one that is in no string.
fn closing(text: &str, open: usize) -> Result<usize, Fault> {
    let mut place = open + 1;
    while let Some(c) = text[place..].chars().next() {
        let after = place + c.len_utf8();
        place = match c {
            ')' => return Ok(place),
            '(' => return Err(Fault::new("a value cannot be a call", place..after, DATA)),
            '#' => return Err(Fault::new("there are no comments in a target", place..after, "remove it")),
            '"' | '\'' => string_end(text, place).ok_or_else(|| unclosed(c, place..after))?,
            _ => after,
        };
    }
    Err(Fault::new("`)` is missing", text.len()..text.len(), "close the arguments with `)`"))
}

fn unclosed(quote: char, span: Range<usize>) -> Fault {
    Fault::new("this string is never closed", span, format!("close it with `{quote}`"))
}

/// The end of the TOML string that starts at `start`, which may be a multi-line one.
fn string_end(text: &str, start: usize) -> Option<usize> {
    let quote = &text[start..=start];
    let triple = quote.repeat(3);
    let delimiter = if text[start..].starts_with(&triple) { triple.as_str() } else { quote };
    let mut place = start + delimiter.len();
    while !text[place..].starts_with(delimiter) {
        let mut rest = text[place..].chars();
        place += rest.next()?.len_utf8();
        if quote == "\"" && text[..place].ends_with('\\') {
            place += rest.next()?.len_utf8();
        }
    }
    let quotes_more = text[place + delimiter.len()..].len()
        - text[place + delimiter.len()..].trim_start_matches(quote).len();
    let kept = if delimiter.len() == 3 { quotes_more.min(2) } else { 0 }; // `""""` ends with a quote that is part of the text
    Some(place + delimiter.len() + kept)
}

fn finite(args: toml::Table, span: Range<usize>) -> Result<toml::Table, Fault> {
    match args.values().all(is_finite) {
        true => Ok(args),
        false => Err(Fault::new("`nan` and `inf` cannot cross to a plugin", span, "arguments cross as JSON")),
    }
}

fn is_finite(value: &toml::Value) -> bool {
    match value {
        toml::Value::Float(number) => number.is_finite(),
        toml::Value::Array(items) => items.iter().all(is_finite),
        toml::Value::Table(table) => table.values().all(is_finite),
        _ => true,
    }
}

const NOT_ARGUMENTS: &str = "the arguments are not KEY = VALUE, ... with TOML values";
const NOT_A_VALUE: &str = "this is no TOML value";
const QUOTES: &str = "a string needs quotes: 'text'";

/// What the TOML parser says (how it starts), what it means in a target, and the cure; the rest is said as it is.
const FAULTS: &[(&str, &str, &str)] = &[
    ("duplicate key", "this argument is given twice", "remove one of them"),
    ("invalid type: integer", "this number does not fit in 64 bits", ""),
    ("missing comma between key-value pairs", "`,` is missing", FORM),
    ("extra assignment", "`,` is missing, or there is an `=` too many", FORM),
    ("extra comma", "there is a comma too many", "remove it"),
    ("unquoted keys", "the key is missing", FORM),
    ("invalid boolean", NOT_A_VALUE, QUOTES),
    ("string values must be quoted", NOT_A_VALUE, QUOTES),
    ("invalid literal string", NOT_ARGUMENTS, DATA),
    ("unexpected content", NOT_ARGUMENTS, DATA),
    ("missing inline table opening", NOT_ARGUMENTS, DATA),
    ("missing array opening", NOT_ARGUMENTS, DATA),
];

fn bad_arguments(error: &toml::de::Error, open: usize, close: usize) -> Fault {
    let span = error.span().unwrap_or(0..0);
    let (start, end) = ((open + span.start).min(close), (open + span.end).min(close + 1));
    let known = FAULTS.iter().find(|(prefix, ..)| error.message().starts_with(prefix));
    let (message, hint) = known.map_or((error.message(), ""), |(_, message, hint)| (*message, *hint));
    Fault::new(message, start..end.max(start), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood_and_shown_again() {
        let cases = [
            ("shop", "shop", "{}"),
            ("shop:", "shop", "{}"),
            ("shop:admin", "shop:admin", "{}"),
            ("shop:_a-1()", "shop:_a-1()", "{}"),
            ("./p/libx.so:a", "./p/libx.so:a", "{}"),
            ("/a (1)/libx.so", "/a (1)/libx.so", "{}"),
            ("s:a( x=1 , y = true, )", "s:a(x = 1, y = true)", r#"{"x":1,"y":true}"#),
            ("s:a(t = {a = 1}, n = [1, 2])", "s:a(n = [1, 2], t = { a = 1 })", r#"{"n":[1,2],"t":{"a":1}}"#),
            ("s:a(a.b = 1.5)", "s:a(a = { b = 1.5 })", r#"{"a":{"b":1.5}}"#),
            ("s:a('b c' = 1)", r#"s:a("b c" = 1)"#, r#"{"b c":1}"#),
            ("s:a(d = 1979-05-27)", "s:a(d = 1979-05-27)", r#"{"d":"1979-05-27"}"#),
            (r##"s:a(x = "a) \" ,:(#")"##, r##"s:a(x = 'a) " ,:(#')"##, r##"{"x":"a) \" ,:(#"}"##),
            (
                r#"s:a(x = 'c:\', y = """q""""")"#,
                r#"s:a(x = 'c:\', y = 'q""')"#,
                r#"{"x":"c:\\","y":"q\"\""}"#,
            ),
            ("s:a(x = '''it's )''')", r#"s:a(x = "it's )")"#, r#"{"x":"it's )"}"#),
        ];
        for (text, shown, json) in cases {
            let target: Target = text.parse().expect(text);
            assert_eq!((target.to_string().as_str(), target.args_json().as_str()), (shown, json), "{text}");
            assert_eq!(shown.parse::<Target>().expect(shown), target, "shown and read again: {text}");
        }
    }

    #[test]
    fn a_call_without_arguments_is_not_a_name() {
        let args = |text: &str| text.parse::<Target>().expect(text).export.expect("a name").args;
        assert_eq!((args("s:a"), args("s:a()")), (None, Some(toml::Table::new())));
    }

    #[test]
    fn an_error_names_the_target_the_place_and_the_cure() {
        let error = "shop:admin(title = foo)".parse::<Target>().expect_err("foo is no value");
        let want = [
            "target `shop:admin(title = foo)`: this is no TOML value",
            " |",
            " | shop:admin(title = foo)",
            " |                    ^^^ a string needs quotes: 'text'",
        ];
        assert_eq!((error.to_string(), error.exit().code()), (want.join("\n"), 2));
    }

    #[test]
    fn every_mistake_has_its_place() {
        let cases = [
            ("", "the library is empty", 0..0),
            (":b", "the library is empty", 0..0),
            (" a:b", "the library has spaces around it", 0..2),
            ("a(x=1)", "a library cannot be called", 1..2),
            ("a:(x=1)", "the name is empty", 2..2),
            ("a:1b", "'1' cannot stand here in a name", 2..3),
            ("a:é", "'é' cannot stand here in a name", 2..4),
            ("a:b.c", "a name has no `.`: only what the library exports can be named", 3..4),
            ("a:b + c", "' ' cannot stand in a name: this is no expression", 3..4),
            ("a:b)", "there is no `(` before this `)`", 3..4),
            ("a:b(x=1", "`)` is missing", 7..7),
            ("a:b(x=1)z", "there is text after the arguments", 8..9),
            ("a:b(x=1).c()", "there is text after the arguments", 8..12),
            ("a:b(x='1)", "this string is never closed", 6..7),
            ("a:b(x=\"\\", "this string is never closed", 6..7),
            ("a:b(x=f(1))", "a value cannot be a call", 7..8),
            ("a:b(x=1 # c)", "there are no comments in a target", 8..9),
            ("a:b(x=foo)", NOT_A_VALUE, 6..9),
            ("a:b(x=1 y=2)", "`,` is missing, or there is an `=` too many", 9..9),
            ("a:b(x='1' y=2)", "`,` is missing", 10..10),
            ("a:b(x=1,,y=2)", "there is a comma too many", 8..8),
            ("a:b(x=1,x=2)", "this argument is given twice", 8..9),
            ("a:b(=1)", "the key is missing", 4..4),
            ("a:b(x=1979-13-01)", "invalid date, expected month between 01 and 12", 6..16),
            ("a:b(x=99999999999999999999)", "this number does not fit in 64 bits", 6..26),
            ("a:b(x=nan)", "`nan` and `inf` cannot cross to a plugin", 3..10),
            ("a:b('x')", NOT_ARGUMENTS, 7..7),
            ("a:b(x=1}, {y=2)", NOT_ARGUMENTS, 8..8),
        ];
        for (text, message, span) in cases {
            let fault = parse(text).expect_err(text);
            assert_eq!((fault.message.as_str(), fault.span), (message, span), "{text}");
        }
    }

    #[test]
    fn no_cut_and_no_changed_character_panics() {
        let whole = r#"../libshop.so:admin(a = "x)\"", b = '日)', c = [1, {d = 2}], e = """q""")"#;
        assert!(whole.parse::<Target>().is_ok());
        for (place, c) in whole.char_indices() {
            let _ = whole[..place].parse::<Target>();
            for new in [":", "(", ")", "\"", "'", "\\", "}", "é", "\n", ""] {
                let _ =
                    format!("{}{new}{}", &whole[..place], &whole[place + c.len_utf8()..]).parse::<Target>();
            }
        }
    }
}
