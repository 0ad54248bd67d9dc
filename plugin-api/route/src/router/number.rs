//! Numbers, read and written as Python does.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// The decimal digits of Unicode: ranges of whole tens, each from a zero.
static DIGITS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let digits = regex_syntax::parse(r"\d").map(|hir| hir.into_kind());
    let Ok(HirKind::Class(Class::Unicode(class))) = digits else { return vec![('0', '9')] };
    class.ranges().iter().map(|range| (range.start(), range.end())).collect()
});

/// The value of a decimal digit of any script.
fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| c as u8 - b'0');
    }
    let after = DIGITS.partition_point(|&(start, _)| start <= c);
    let (start, end) = *DIGITS.get(after.checked_sub(1)?)?;
    (c <= end).then(|| ((c as u32 - start as u32) % 10) as u8)
}

/// Whether the text is one or more decimal digits.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| digit(c).is_some())
}

/// Whether the text is what the filter `int` matches: `-?\d+`.
pub(super) fn looks_like_int(text: &str) -> bool {
    is_digits(text.strip_prefix('-').unwrap_or(text))
}

/// Whether the text is what the filter `float` matches: `-?[\d.]+`.
pub(super) fn looks_like_float(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    !text.is_empty() && text.chars().all(|c| c == '.' || digit(c).is_some())
}

/// Reads a whole number as Python's `int` does, up to 64 bits.
pub(super) fn parse_int(text: &str) -> Result<i64, String> {
    let plain = plain(text).ok_or_else(|| not_a("whole number", text))?;
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Err(not_a("whole number", text));
    }
    plain.parse().map_err(|_| format!("`{text}` does not fit 64 bits"))
}

/// Reads a number as Python's `float` does.
pub(super) fn parse_float(text: &str) -> Result<f64, String> {
    let plain = plain(text).ok_or_else(|| not_a("number", text))?;
    plain.parse().map_err(|_| not_a("number", text))
}

fn not_a(what: &str, text: &str) -> String {
    format!("`{text}` is not a {what}")
}

/// The text without surrounding white space, in ASCII digits, without the `_` between two of them.
fn plain(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.is_ascii() && !text.contains('_') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match digit(c) {
            Some(value) => plain.push(char::from(b'0' + value)),
            None if c == '_' => between_digits(&plain, rest.peek().copied())?,
            None => plain.push(c),
        }
    }
    Some(Cow::Owned(plain))
}

fn between_digits(before: &str, after: Option<char>) -> Option<()> {
    (before.ends_with(|c: char| c.is_ascii_digit()) && after.and_then(digit).is_some()).then_some(())
}

/// Writes a whole number for a URL from a number: towards zero, as Python's `int` does.
pub(super) fn truncate(number: f64) -> Result<i64, String> {
    let whole = number.trunc();
    // 2^63 is a float, 2^63 - 1 is not.
    if whole >= i64::MIN as f64 && whole < -(i64::MIN as f64) {
        return Ok(whole as i64);
    }
    Err(format!("`{number}` does not fit 64 bits"))
}

/// Writes a number as Python's `str` does: Rust's shortest form with Python's exponent.
pub(super) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    let text = format!("{number:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_their_value() {
        for (text, value) in [("007", 7), ("-5", -5), ("٣٤", 34), ("𝟗𝟘", 90), ("1_000", 1000), (" +5 ", 5)]
        {
            assert_eq!(parse_int(text), Ok(value), "{text}");
        }
        for text in ["", "-", "1__0", "_1", "1_", "½", "9223372036854775808", "1.0", "--1"] {
            assert!(parse_int(text).is_err(), "{text}");
        }
        assert_eq!(parse_int("-9223372036854775808"), Ok(i64::MIN));
    }

    #[test]
    fn floats_read_and_write_as_in_python() {
        for (text, value) in [(".1", 0.1), ("1.", 1.0), ("-.5", -0.5), ("٣.٤", 3.4), ("1e5", 1e5)] {
            assert_eq!(parse_float(text), Ok(value), "{text}");
        }
        for text in [".", "-.", "1.2.3", ""] {
            assert!(parse_float(text).is_err(), "{text}");
        }
        let written =
            [(3.0, "3.0"), (1e16, "1e+16"), (1e-5, "1e-05"), (0.0001, "0.0001"), (1.5e300, "1.5e+300")];
        for (number, text) in written {
            assert_eq!(float_text(number), text);
        }
    }
}
