//! Regular expressions in Python's dialect, rewritten into Rust's.

use super::flatten::class_len;
use super::python_class;

/// A pattern of Python's `re`, as the regex crates understand it.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) pattern: String,
    /// Whether it needs `fancy-regex`: look-around, back-references, atomic groups, `$` before the end.
    pub(super) is_fancy: bool,
    /// How many capturing groups are left in it: none, unless it refers to them.
    pub(super) groups: usize,
}

/// Rewrites a pattern. Its capturing groups are flattened, unless it refers back to one: they count from `group`, the
/// number of the group that the whole pattern is put in.
pub(super) fn translate(pattern: &str, group: usize) -> Result<Translated, String> {
    let keep_groups = refers_back(pattern);
    let mut translator = Translator { rest: pattern, group, keep_groups, ..Translator::default() };
    while let Some(c) = translator.rest.chars().next() {
        translator.token(c)?;
    }
    if translator.depth > 0 {
        return Err("a `(` is not closed".into());
    }
    Ok(Translated { pattern: translator.out, is_fancy: translator.is_fancy, groups: translator.names.len() })
}

fn refers_back(pattern: &str) -> bool {
    let mut after_escape = pattern.split('\\').skip(1);
    after_escape.any(|rest| rest.starts_with(|c: char| matches!(c, '1'..='9'))) || pattern.contains("(?P=")
}

#[derive(Default)]
struct Translator<'a> {
    rest: &'a str,
    out: String,
    group: usize,
    keep_groups: bool,
    /// The names of the capturing groups that are kept, in order.
    names: Vec<Option<&'a str>>,
    depth: usize,
    is_fancy: bool,
    is_multi_line: bool,
    after_quantifier: bool,
}

impl<'a> Translator<'a> {
    fn token(&mut self, c: char) -> Result<(), String> {
        if matches!(c, '*' | '+' | '?' | '{')
            && let Some(quantifier) = quantifier(self.rest)
        {
            return self.quantify(quantifier);
        }
        self.after_quantifier = false;
        match c {
            '\\' => self.escape()?,
            '[' => self.class()?,
            '(' => self.open()?,
            ')' => self.close()?,
            '$' => self.dollar(),
            '{' | '}' | ']' => self.literal(c, 1),
            _ => self.copy(c.len_utf8()),
        }
        Ok(())
    }

    fn skip(&mut self, len: usize) {
        self.rest = &self.rest[len..];
    }

    fn copy(&mut self, len: usize) {
        self.out.push_str(&self.rest[..len]);
        self.skip(len);
    }

    fn emit(&mut self, out: &str, len: usize) {
        self.out.push_str(out);
        self.skip(len);
    }

    fn literal(&mut self, c: char, len: usize) {
        self.out.push_str(&regex_syntax::escape(c.encode_utf8(&mut [0; 4])));
        self.skip(len);
    }

    /// Python's `$` also stands before a line break that ends the text.
    fn dollar(&mut self) {
        if self.is_multi_line {
            return self.copy(1);
        }
        self.is_fancy = true;
        self.emit(r"(?=\n?\z)", 1);
    }

    fn quantify(&mut self, quantifier: Quantifier) -> Result<(), String> {
        if self.after_quantifier {
            return Err("a repetition is repeated".into());
        }
        self.after_quantifier = true;
        self.emit(&quantifier.text, quantifier.len);
        if self.rest.starts_with('+') {
            self.is_fancy = true;
        }
        if self.rest.starts_with(['?', '+']) {
            self.copy(1);
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let escaped = self.rest[1..].chars().next().ok_or("it ends in a backslash")?;
        match escaped {
            '1'..='9' => return self.back_reference(),
            'd' | 'D' | 'b' | 'B' | 'A' => self.copy(2),
            's' | 'S' | 'w' | 'W' => {
                let (set, len) = python_class::set(escaped).unwrap_or_default();
                self.emit(&format!("[{set}]"), 1 + len);
            }
            'Z' | 'z' => self.emit(r"\z", 2),
            _ => {
                let (c, len) = python_class::escaped_char(self.rest)?;
                self.literal(c, len);
            }
        }
        Ok(())
    }

    /// `\1` to `\99`: the groups of this pattern, whatever stands before it in the rule.
    fn back_reference(&mut self) -> Result<(), String> {
        if let Some((c, len)) = python_class::three_octal_digits(&self.rest[1..]) {
            self.literal(c, 1 + len);
            return Ok(());
        }
        let digits = self.rest[1..].bytes().take(2).take_while(u8::is_ascii_digit).count();
        let number = self.rest[1..=digits].parse().unwrap_or(usize::MAX);
        self.refer(number, 1 + digits)
    }

    fn refer(&mut self, number: usize, len: usize) -> Result<(), String> {
        if number > self.names.len() {
            return Err(format!("there is no group {number} before the reference to it"));
        }
        self.is_fancy = true;
        self.emit(&format!(r"(?:\{})", self.group + number), len);
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        let len = class_len(self.rest);
        self.out.push_str(&python_class::translate(&self.rest[..len])?);
        self.skip(len);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        self.depth = self.depth.checked_sub(1).ok_or("a `)` closes nothing")?;
        self.copy(1);
        Ok(())
    }

    fn open(&mut self) -> Result<(), String> {
        const KNOWN: [&str; 6] = ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"];
        let Some(kind) = self.rest.strip_prefix("(?") else {
            self.capture(None, 1);
            return Ok(());
        };
        if let Some(open) = KNOWN.into_iter().find(|open| self.rest.starts_with(open)) {
            self.enter(open.len(), open != "(?:");
            return Ok(());
        }
        match kind {
            _ if kind.starts_with("P<") => self.capture_by_name(&kind[2..]),
            _ if kind.starts_with("P=") => self.refer_by_name(&kind[2..]),
            _ if kind.starts_with('#') => self.comment(),
            _ => self.flags(kind),
        }
    }

    fn comment(&mut self) -> Result<(), String> {
        let len = self.rest.find(')').ok_or("a comment is not closed")?;
        self.skip(len + 1);
        Ok(())
    }

    fn enter(&mut self, len: usize, is_fancy: bool) {
        self.depth += 1;
        self.is_fancy |= is_fancy;
        self.copy(len);
    }

    fn capture(&mut self, name: Option<&'a str>, len: usize) {
        self.depth += 1;
        self.emit(if self.keep_groups { "(" } else { "(?:" }, len);
        if self.keep_groups {
            self.names.push(name);
        }
    }

    /// In a rule the `>` has a backslash before it. Any name will do, because it vanishes.
    fn capture_by_name(&mut self, rest: &'a str) -> Result<(), String> {
        let (name, _) =
            rest.split_once('>').filter(|(name, _)| !name.is_empty()).ok_or("a group has no name")?;
        self.capture(Some(name.trim_end_matches('\\')), "(?P<>".len() + name.len());
        Ok(())
    }

    fn refer_by_name(&mut self, rest: &'a str) -> Result<(), String> {
        let (name, _) = rest.split_once(')').ok_or("a `(` is not closed")?;
        let number = self.names.iter().position(|known| *known == Some(name));
        let number =
            number.ok_or_else(|| format!("there is no group `{name}` before the reference to it"))?;
        self.refer(number + 1, "(?P=)".len() + name.len())
    }

    /// `(?i:...)` and its like.
    fn flags(&mut self, kind: &str) -> Result<(), String> {
        let len = kind.find(|c: char| !matches!(c, 'i' | 'm' | 's' | 'u' | '-')).unwrap_or(kind.len());
        if len == 0 || !kind[len..].starts_with([':', ')']) {
            let extension: String = kind.chars().take(1).collect();
            return Err(format!("`(?{extension}` is not supported"));
        }
        if kind[len..].starts_with(')') {
            return Err(format!(
                "`(?{})` is not at the start of the rule: write `(?{}:...)`",
                &kind[..len],
                &kind[..len]
            ));
        }
        self.is_multi_line |= kind[..len].contains('m');
        self.enter("(?:".len() + len, false);
        Ok(())
    }
}

struct Quantifier {
    text: String,
    len: usize,
}

/// The quantifier that the text starts with. A `{` that starts none is literal text in Python.
fn quantifier(text: &str) -> Option<Quantifier> {
    let Some(rest) = text.strip_prefix('{') else {
        return Some(Quantifier { text: text[..1].to_owned(), len: 1 });
    };
    let (bounds, _) = rest.split_once('}')?;
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let text = match bounds.split_once(',') {
        None if !bounds.is_empty() && is_digits(bounds) => format!("{{{bounds}}}"),
        Some((min, max)) if is_digits(min) && is_digits(max) => {
            format!("{{{},{max}}}", if min.is_empty() { "0" } else { min })
        }
        _ => return None,
    };
    Some(Quantifier { text, len: bounds.len() + 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_becomes_rust() {
        let cases = [
            (r"(a)(?P<x>b)", r"(?:a)(?:b)"),
            (r"[[a]", r"[\[a]"),
            (r"[]a-]", r"[\]a\-]"),
            (r"[^\w\-]", r"[^\p{L}\p{N}_\-]"),
            (r"[a&&b]", r"[a\&\&b]"),
            (r"a\>\<\/", r"a></"),
            (r"a{,2}b{2,}c{x}d{}", r"a{0,2}b{2,}c\{x\}d\{\}"),
            (r"a\Z", r"a\z"),
            (r"\s", r"[\s\x1c-\x1f]"),
            (r"a(?#note)b", r"ab"),
            (r"(?i:a)", r"(?i:a)"),
            (r"\x41\u0042\103\07", "ABC\u{7}"),
        ];
        for (python, rust) in cases {
            let translated = translate(python, 1).map(|translated| translated.pattern);
            assert_eq!(translated.as_deref(), Ok(rust), "{python}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for pattern in
            [r"a)(b", "(a", "[", "a**", "(?P<a", "(?<n>a)", r"\p{L}", "(?i)a", r"(a)\2", "a\\", "[b-\\d]"]
        {
            assert!(translate(pattern, 1).is_err(), "{pattern}");
        }
    }

    #[test]
    fn references_count_from_the_pattern_itself() {
        let translated = translate(r"(?P<q>a|b)x\1(?P=q)", 3).unwrap();
        assert_eq!((translated.pattern.as_str(), translated.groups), (r"(a|b)x(?:\4)(?:\4)", 1));
        assert!(translated.is_fancy);
    }
}
