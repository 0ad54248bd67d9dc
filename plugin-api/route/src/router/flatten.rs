//! Capturing groups become non-capturing ones.

/// The pattern with its capturing groups made non-capturing, as Bottle's `_re_flatten` does. Unlike there, a `(` in a
/// character class is left alone.
///
/// ```
/// use plugin_api_route::re_flatten;
///
/// assert_eq!(re_flatten(r"\((?P<x>a)(b)"), r"\((?:a)(?:b)");
/// ```
pub fn re_flatten(pattern: &str) -> String {
    let mut flat = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let (out, len) = match c {
            '\\' => as_is(rest, c.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8)),
            '[' => as_is(rest, class_len(rest)),
            '(' => group(rest),
            _ => as_is(rest, c.len_utf8()),
        };
        flat.push_str(out);
        rest = &rest[len..];
    }
    flat
}

fn as_is(text: &str, len: usize) -> (&str, usize) {
    (&text[..len], len)
}

/// What replaces the start of a group, and how long the start is.
fn group(text: &str) -> (&str, usize) {
    if !text.starts_with("(?") {
        return ("(?:", 1);
    }
    let name = text.strip_prefix("(?P<").and_then(|rest| rest.find('>')).filter(|&len| len > 0);
    name.map_or(("(", 1), |len| ("(?:", "(?P<>".len() + len))
}

/// The length of the character class that the text starts with: all of the text when it does not end.
pub(super) fn class_len(text: &str) -> usize {
    let mut escaped = false;
    let first = if text.starts_with("[^") { 2 } else { 1 };
    let end = text.char_indices().skip(first).find(|&(at, c)| {
        let ends = c == ']' && !escaped && at > first;
        escaped = !escaped && c == '\\';
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}
