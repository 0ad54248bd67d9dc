//! A slow matcher to compare with: Bottle's loop over one regular expression after the other.

use regex::Regex;

/// A rule, made of parts whose regular expressions are given.
pub(crate) struct Entry {
    pub(crate) method: String,
    pub(crate) rule: String,
    /// The rule's path, when it has no wildcards.
    path: Option<String>,
    pattern: String,
    regex: Regex,
    kinds: Vec<char>,
}

/// Part of a rule: how it is written, its regular expression, and what it converts to: `t`ext, `i`nt, `f`loat, or
/// a `l`iteral.
pub(crate) type Part = (&'static str, &'static str, char);

impl Entry {
    pub(crate) fn new(method: &str, parts: &[Part]) -> Entry {
        let (mut rule, mut pattern, mut kinds) = (String::new(), String::new(), Vec::new());
        for &(written, regex, kind) in parts {
            if kind == 'l' {
                rule.push_str(written);
                pattern.push_str(&regex::escape(written));
            } else {
                rule.push_str(&format!("<x{}{written}>", kinds.len()));
                pattern.push_str(&format!("({regex})"));
                kinds.push(kind);
            }
        }
        let path = kinds.is_empty().then(|| rule.clone());
        let regex = Regex::new(&format!(r"\A(?:{pattern})\n?\z")).unwrap();
        Entry { method: method.to_owned(), rule, path, pattern, regex, kinds }
    }

    fn answer(&self, path: &str) -> String {
        let Some(found) = self.regex.captures(path).filter(|_| self.path.is_none()) else {
            return self.rule.clone();
        };
        let mut answer = self.rule.clone();
        for (nth, kind) in self.kinds.iter().enumerate() {
            let text = &found[nth + 1];
            let value = match kind {
                't' => Ok(format!("{text:?}")),
                'i' => text.parse::<i64>().map(|n| n.to_string()).map_err(drop),
                _ => text.parse::<f64>().map(|n| format!("{n:?}")).map_err(drop),
            };
            let Ok(value) = value else { return "400".to_owned() };
            answer.push_str(&format!(" x{nth}={value}"));
        }
        answer
    }
}

#[derive(Default)]
pub(crate) struct Reference(pub(crate) Vec<Entry>);

impl Reference {
    pub(crate) fn add(&mut self, entry: Entry) {
        match self.0.iter_mut().find(|old| old.method == entry.method && old.pattern == entry.pattern) {
            Some(old) => *old = entry,
            None => self.0.push(entry),
        }
    }

    fn find(&self, method: &str, path: &str) -> Option<&Entry> {
        let of_method = || self.0.iter().filter(|entry| entry.method == method);
        let fixed = of_method().find(|entry| entry.path.as_deref() == Some(path));
        fixed.or_else(|| of_method().find(|entry| entry.path.is_none() && entry.regex.is_match(path)))
    }

    pub(crate) fn answer(&self, method: &str, path: &str) -> String {
        let path = if path.is_empty() { "/" } else { path };
        let tried: &[&str] =
            if method == "HEAD" { &["PROXY", "HEAD", "GET", "ANY"] } else { &["PROXY", method, "ANY"] };
        if let Some(entry) = tried.iter().find_map(|method| self.find(method, path)) {
            return entry.answer(path);
        }
        let mut allow: Vec<&str> = self.0.iter().map(|entry| entry.method.as_str()).collect();
        allow.sort_unstable();
        allow.dedup();
        allow.retain(|method| !tried.contains(method) && self.find(method, path).is_some());
        if allow.is_empty() { "404".to_owned() } else { format!("405 {}", allow.join(",")) }
    }
}
