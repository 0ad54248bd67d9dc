//! Character classes and escapes of Python's `re`.

/// A class, brackets included. In Python `[` and `&&` mean nothing special in one, and the first `]` is literal.
pub(super) fn translate(class: &str) -> Result<String, String> {
    let inner = class.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let inner = inner.filter(|inner| !matches!(*inner, "" | "^")).ok_or("a `[` is not closed")?;
    let (mut out, mut rest) = match inner.strip_prefix('^') {
        Some(rest) => (String::from("[^"), rest),
        None => (String::from("["), inner),
    };
    while !rest.is_empty() {
        let (first, len) = Item::read(rest)?;
        rest = &rest[len..];
        first.push_to(&mut out);
        if let Some(end) = rest.strip_prefix('-').filter(|end| !end.is_empty()) {
            let (last, len) = Item::read(end)?;
            first.check_range(&last)?;
            out.push('-');
            last.push_to(&mut out);
            rest = &end[len..];
        }
    }
    out.push(']');
    Ok(out)
}

enum Item {
    Char(char),
    Set(&'static str),
}

impl Item {
    fn read(text: &str) -> Result<(Item, usize), String> {
        if !text.starts_with('\\') {
            let c = text.chars().next().unwrap_or_default();
            return Ok((Item::Char(c), c.len_utf8()));
        }
        match text[1..].chars().next() {
            Some('b') => Ok((Item::Char('\u{8}'), 2)),
            Some(name) if set(name).is_some() => Ok((Item::Set(set(name).unwrap_or_default().0), 2)),
            _ => escaped_char(text).map(|(c, len)| (Item::Char(c), len)),
        }
    }

    fn push_to(&self, out: &mut String) {
        match self {
            Item::Set(set) => out.push_str(set),
            Item::Char(c) if regex_syntax::is_meta_character(*c) => out.extend(['\\', *c]),
            Item::Char(c) => out.push(*c),
        }
    }

    fn check_range(&self, last: &Item) -> Result<(), String> {
        match (self, last) {
            (Item::Char(first), Item::Char(last)) if first <= last => Ok(()),
            _ => Err("a range of characters does not go from a lower to a higher one".into()),
        }
    }
}

/// The inside of the class that an escaped letter stands for, with the length of its name. Python's `\w` and `\s`
/// are not Rust's: letters and numbers without marks, and the separators of ASCII.
pub(super) fn set(name: char) -> Option<(&'static str, usize)> {
    let set = match name {
        'd' => r"\d",
        'D' => r"\D",
        's' => r"\s\x1c-\x1f",
        'S' => r"[^\s\x1c-\x1f]",
        'w' => r"\p{L}\p{N}_",
        'W' => r"[^\p{L}\p{N}_]",
        _ => return None,
    };
    Some((set, 1))
}

/// The character that an escape stands for, and the length of the escape with its backslash.
pub(super) fn escaped_char(text: &str) -> Result<(char, usize), String> {
    let escaped = &text[1..];
    let name = escaped.chars().next().ok_or("it ends in a backslash")?;
    let control = |c| Ok((c, 2));
    match name {
        'a' => control('\u{7}'),
        'f' => control('\u{c}'),
        'n' => control('\n'),
        'r' => control('\r'),
        't' => control('\t'),
        'v' => control('\u{b}'),
        'x' => hexadecimal(escaped, 2),
        'u' => hexadecimal(escaped, 4),
        'U' => hexadecimal(escaped, 8),
        '0' => Ok(octal(escaped)),
        '1'..='7' => three_octal_digits(escaped).map(|(c, len)| (c, 1 + len)).ok_or_else(|| bad_escape(name)),
        _ if name.is_ascii_alphanumeric() => Err(bad_escape(name)),
        _ => Ok((name, 1 + name.len_utf8())),
    }
}

fn bad_escape(name: char) -> String {
    format!("`\\{name}` is not an escape")
}

fn hexadecimal(escaped: &str, digits: usize) -> Result<(char, usize), String> {
    let code = escaped.get(1..=digits).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
    let code = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
    let c = code.ok_or_else(|| format!("`\\{}` needs {digits} hexadecimal digits", &escaped[..1]))?;
    Ok((c, digits + 2))
}

/// `\0`, `\01`, `\012`.
fn octal(escaped: &str) -> (char, usize) {
    let len = escaped.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    let code = u8::from_str_radix(&escaped[..len], 8).unwrap_or_default();
    (char::from(code), 1 + len)
}

/// A character written as three octal digits, and their length.
pub(super) fn three_octal_digits(text: &str) -> Option<(char, usize)> {
    let digits = text.get(..3).filter(|digits| digits.bytes().all(|b| matches!(b, b'0'..=b'7')))?;
    u8::from_str_radix(digits, 8).ok().map(|code| (char::from(code), 3))
}
