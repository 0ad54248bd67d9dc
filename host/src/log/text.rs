//! Text from clients and plugins, for a line that people read: nothing in it ends the line or its field, or moves a cursor.

use std::borrow::Cow;
use std::fmt::Write;

/// Bytes of a client, to stand between double quotes, as Apache writes them: `\"`, `\\`, `\x1b`. What is not printable ASCII is
/// written so, too, and every byte can be told again.
pub(crate) fn quoted(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(out, "\\x{byte:02x}")),
        }
    }
}

/// What follows a line end within a message: no line of the log begins so.
const GOES_ON: &str = "\n    | ";

/// A message that stays one, though it may have many lines: control characters are written out, and a line that follows is
/// indented.
pub(crate) fn one_line(message: &str) -> Cow<'_, str> {
    let message = message.trim_end_matches(['\n', '\r']);
    if !message.contains(|c: char| c.is_control() && c != '\t') {
        return Cow::Borrowed(message);
    }
    let mut out = String::with_capacity(message.len() + GOES_ON.len());
    for c in message.chars() {
        match c {
            '\n' => out.push_str(GOES_ON),
            '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_many_lines_is_indented() {
        assert_eq!(one_line("plain\ttext\n"), "plain\ttext");
        assert_eq!(one_line("one\ntwo\r\n2026 forged"), "one\n    | two\\r\n    | 2026 forged");
        assert_eq!(one_line("\u{1b}[2J\u{9b}x"), "\\u{1b}[2J\\u{9b}x");
    }

    #[test]
    fn bytes_between_quotes_are_printable() {
        let mut out = String::new();
        quoted(&mut out, b"a\"\\\n\x1b\xff\xc3\xa9~");
        assert_eq!(out, "a\\\"\\\\\\x0a\\x1b\\xff\\xc3\\xa9~");
    }
}
