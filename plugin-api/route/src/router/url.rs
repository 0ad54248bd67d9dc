//! URLs from rules.

use crate::rule::{Rule, Segment, anonymous_name};

use super::error::BuildError;
use super::filter::Converter;
use super::pattern::Wild;
use super::value::Value;

/// A rule, taken apart to be filled in.
pub(super) struct UrlParts(Vec<Part>);

enum Part {
    Literal(String),
    Wild { key: String, converter: Converter },
}

impl UrlParts {
    pub(super) fn new(rule: &Rule, wilds: &[Wild]) -> UrlParts {
        let (mut wilds, mut anonymous) = (wilds.iter(), (0..).map(anonymous_name));
        let mut wild = || {
            let wild = wilds.next()?;
            let key = wild.name.as_deref().map(str::to_owned).or_else(|| anonymous.next())?;
            Some(Part::Wild { key, converter: wild.converter.clone() })
        };
        let part = |segment: &Segment| match segment {
            Segment::Literal(text) => Some(Part::Literal(text.clone())),
            Segment::Wildcard { .. } => wild(),
        };
        UrlParts(rule.segments().iter().filter_map(part).collect())
    }

    pub(super) fn build(
        &self,
        route: &str,
        anonymous: &[Value<'_>],
        named: &[(&str, Value<'_>)],
    ) -> Result<String, BuildError> {
        let mut values = Values::new(anonymous, named);
        let mut url = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => url.push_str(text),
                Part::Wild { key, converter } => {
                    let value = values.take(key).ok_or_else(|| BuildError::missing(route, key))?;
                    let text = converter.format(value);
                    url.push_str(&text.map_err(|cause| BuildError::bad_value(route, key, value, cause))?);
                }
            }
        }
        values.write_query(&mut url);
        Ok(url)
    }
}

/// The values that have not found a place yet.
struct Values<'a>(Vec<(String, Value<'a>)>);

impl<'a> Values<'a> {
    fn new(anonymous: &[Value<'a>], named: &[(&str, Value<'a>)]) -> Values<'a> {
        let generated = (0..).map(anonymous_name).zip(anonymous.iter().copied()).collect::<Vec<_>>();
        let is_generated = |name: &str| generated.iter().any(|(key, _)| key == name);
        let named = named.iter().filter(|(name, _)| !is_generated(name));
        let named = named.map(|&(name, value)| (name.to_owned(), value));
        Values(named.chain(generated.iter().cloned()).collect())
    }

    fn take(&mut self, key: &str) -> Option<Value<'a>> {
        let place = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(place).1)
    }

    fn write_query(&self, url: &mut String) {
        for (nth, (name, value)) in self.0.iter().enumerate() {
            url.push(if nth == 0 { '?' } else { '&' });
            quote_plus(name, url);
            url.push('=');
            quote_plus(&value.to_text(), url);
        }
    }
}

/// Percent-encodes as Python's `quote_plus` does.
fn quote_plus(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.extend([
                '%',
                char::from(HEX[usize::from(byte >> 4)]),
                char::from(HEX[usize::from(byte & 15)]),
            ]),
        }
    }
}
