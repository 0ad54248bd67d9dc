//! Durations such as `"30s"`, sizes such as `"10MiB"`: whole numbers with a unit, and nothing else.
//!
//! The well-kept crates accept more than a spec should (`1.5 kb`, `1M` for a month), and do not say which units there are.

use std::time::Duration;

use crate::error::Error;

type Units = &'static [(&'static str, u64)];

const DURATIONS: Units = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
const SIZES: Units = &[
    ("B", 1),
    ("KB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];
/// A year. Longer ones are mistakes, and would overflow a clock somewhere.
const DURATION_MS_MAX: u64 = 365 * 24 * 3_600_000;
/// 1 TiB. Larger ones are mistakes.
pub(super) const SIZE_BYTES_MAX: u64 = 1 << 40;
/// A million connections, headers or descriptors, of those with twenty bits. More are mistakes.
pub(super) const COUNT_MAX: u64 = 1 << 20;

/// A duration with its unit; `0s` is none at all.
pub(crate) fn duration(text: &str) -> Result<Option<Duration>, Error> {
    let (number, unit) = split(text);
    let factor = factor(text, number, unit, DURATIONS, "a duration such as \"30s\"")?;
    let ms = whole(number, factor).filter(|ms| *ms <= DURATION_MS_MAX);
    let ms =
        ms.ok_or_else(|| Error::spec(format!("`{text}` is too long")).help("at most \"8760h\", a year"))?;
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

/// A size in bytes; a plain number is one, too.
pub(super) fn size(text: &str) -> Result<u64, Error> {
    let (number, unit) = split(text);
    let unit = if unit.is_empty() { "B" } else { unit };
    let factor = factor(text, number, unit, SIZES, "a size such as \"10MiB\"")?;
    whole(number, factor)
        .ok_or_else(|| Error::spec(format!("`{text}` is too large")).help("at most \"1024GiB\""))
}

/// A plain whole number that was written as a string, as `${VAR}` makes one.
pub(super) fn count(text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| Error::spec(format!("`{text}` is not a whole number")))
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn factor(text: &str, number: &str, unit: &str, units: Units, what: &str) -> Result<u64, Error> {
    let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    let known = units.iter().find(|(name, _)| *name == unit);
    match known {
        _ if number.is_empty() || unit.starts_with(['.', '_', ',']) => {
            Err(Error::spec(format!("expected {what}, found `{text}`")).help("a whole number and a unit"))
        }
        None if unit.is_empty() => {
            Err(Error::spec(format!("`{text}` has no unit")).help(example(text, &names)))
        }
        None => Err(Error::spec(format!("unknown unit `{unit}` in `{text}`")).help(hint(unit, &names))),
        Some((_, factor)) => Ok(*factor),
    }
}

fn hint(unit: &str, names: &[&str]) -> String {
    match names.iter().find(|name| name.eq_ignore_ascii_case(unit.trim())) {
        Some(name) if unit.starts_with(' ') => format!("did you mean `{name}`, without a space?"),
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known: {}", names.join(", ")),
    }
}

fn example(text: &str, names: &[&str]) -> String {
    format!("write \"{text}s\"; known: {}", names.join(", "))
}

fn whole(number: &str, factor: u64) -> Option<u64> {
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        let cases = [
            ("30s", Some(30_000)),
            ("500ms", Some(500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("8760h", Some(DURATION_MS_MAX)),
            ("0s", None),
            ("0ms", None),
        ];
        for (text, ms) in cases {
            assert_eq!(duration(text).expect(text), ms.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_are_whole_numbers_with_or_without_a_unit() {
        let cases =
            [("32KiB", 32 << 10), ("10MiB", 10 << 20), ("1MB", 1_000_000), ("7", 7), ("7B", 7), ("0", 0)];
        for (text, bytes) in cases {
            assert_eq!(size(text).expect(text), bytes, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_cure() {
        let text =
            |result: Result<(), Error>| result.map_or_else(|error| error.to_string(), |()| "accepted".into());
        let durations = [
            ("30", "`30` has no unit\nhelp: write \"30s\"; known: ms, s, m, h"),
            ("30 s", "unknown unit ` s` in `30 s`\nhelp: did you mean `s`, without a space?"),
            ("30S", "unknown unit `S` in `30S`\nhelp: did you mean `s`?"),
            ("3d", "unknown unit `d` in `3d`\nhelp: known: ms, s, m, h"),
            ("1.5s", "expected a duration such as \"30s\", found `1.5s`\nhelp: a whole number and a unit"),
            ("-1s", "expected a duration such as \"30s\", found `-1s`\nhelp: a whole number and a unit"),
            ("", "expected a duration such as \"30s\", found ``\nhelp: a whole number and a unit"),
            ("8761h", "`8761h` is too long\nhelp: at most \"8760h\", a year"),
            ("99999999999999999999s", "`99999999999999999999s` is too long\nhelp: at most \"8760h\", a year"),
        ];
        for (value, want) in durations {
            assert_eq!(text(duration(value).map(drop)), want, "{value}");
        }
        let sizes = [
            ("1mib", "unknown unit `mib` in `1mib`\nhelp: did you mean `MiB`?"),
            ("1TB", "unknown unit `TB` in `1TB`\nhelp: known: B, KB, KiB, MB, MiB, GB, GiB"),
            ("KiB", "expected a size such as \"10MiB\", found `KiB`\nhelp: a whole number and a unit"),
            ("99999999999GiB", "`99999999999GiB` is too large\nhelp: at most \"1024GiB\""),
        ];
        for (value, want) in sizes {
            assert_eq!(text(size(value).map(drop)), want, "{value}");
        }
    }
}
