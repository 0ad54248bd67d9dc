//! Options of servers: numbers with a default, checked before anything is served.

use super::{ServerSpec, quantity};
use crate::error::Error;
use serde::Serialize;
use toml::{Table, Value};

/// One key of `[server.options]`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Opt {
    /// The key.
    pub name: &'static str,
    /// What is counted.
    pub unit: Unit,
    /// Its value where nobody writes one, as the spec writes it.
    pub default: &'static str,
    /// What it does.
    pub what: &'static str,
}

/// What an option counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things.
    Number,
    /// Things, and 0 is off.
    Limit,
    /// Milliseconds, written as `"30s"`; `"0s"` is off.
    Time,
    /// Bytes, written as `"10MiB"`.
    Size,
}

impl Opt {
    /// What the spec says, else the default: a number, milliseconds or bytes. Call it when they were [checked](ServerSpec::check_options).
    pub(crate) fn value(&self, options: &Table) -> u64 {
        let written = options.get(self.name).and_then(|value| self.read(value).ok());
        written.or_else(|| self.parse(self.default).ok()).unwrap_or_default()
    }

    /// Whether its default can be read.
    #[cfg(test)]
    pub(crate) fn is_sound(&self) -> bool {
        self.parse(self.default).is_ok()
    }

    fn read(&self, value: &Value) -> Result<u64, Error> {
        match value {
            Value::String(text) => self.parse(text),
            Value::Integer(number) if self.unit != Unit::Time => self.parse(&number.to_string()),
            other => Err(Error::spec(format!("expected {}, found `{other}`", self.unit.described()))),
        }
    }

    fn parse(&self, text: &str) -> Result<u64, Error> {
        let number = match self.unit {
            Unit::Number | Unit::Limit => quantity::count(text),
            Unit::Size => quantity::size(text),
            Unit::Time => quantity::duration(text).map(|time| time.map_or(0, |time| time.as_millis() as u64)),
        }?;
        match self.unit {
            Unit::Number if !(1..=NUMBER_MAX).contains(&number) => {
                Err(Error::spec(format!("{number} is out of range"))
                    .help(format!("it goes from 1 to {NUMBER_MAX}")))
            }
            Unit::Limit if number > LIMIT_MAX => {
                Err(Error::spec(format!("{number} is out of range")).help("0 is off"))
            }
            _ => Ok(number),
        }
    }
}

/// A higher limit is a mistake: none is 0.
const LIMIT_MAX: u64 = 1_000_000_000_000;

/// More of anything is a mistake.
const NUMBER_MAX: u64 = 1_000_000;

impl Unit {
    fn described(self) -> &'static str {
        match self {
            Self::Number | Self::Limit => "a whole number",
            Self::Time => "a duration such as \"30s\"",
            Self::Size => "a size such as \"10MiB\"",
        }
    }
}

impl ServerSpec {
    /// Whether a server that knows these options can take what was written.
    ///
    /// # Errors
    /// The first one that it cannot take, with its place.
    pub fn check_options(&self, known: &[Opt]) -> Result<(), Error> {
        self.options_at.check(&known.iter().map(|opt| opt.name).collect::<Vec<_>>())?;
        let mut written = known.iter().filter_map(|opt| Some((opt, self.options.get(opt.name)?)));
        written.try_for_each(|(opt, value)| {
            opt.read(value).map(drop).map_err(|error| self.options_at.value(opt.name).place(&error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opt(unit: Unit, default: &'static str) -> Opt {
        Opt { name: "this", unit, default, what: "" }
    }

    fn table(text: &str) -> Table {
        text.parse().expect("TOML")
    }

    #[test]
    fn an_option_is_what_is_written_else_its_default() {
        let number = opt(Unit::Number, "7");
        assert_eq!(number.value(&table("")), 7);
        assert_eq!(number.value(&table("this = 8")), 8);
        assert_eq!(number.value(&table("this = '9'")), 9, "a reference to the environment is a text");
        assert_eq!(opt(Unit::Time, "30s").value(&table("this = '2m'")), 120_000);
        assert_eq!(opt(Unit::Size, "1KiB").value(&table("")), 1024);
    }

    #[test]
    fn what_is_no_number_of_its_unit_is_refused() {
        let refused =
            |unit, text: &str| opt(unit, "1").read(&table(text)["this"]).expect_err(text).to_string();
        assert_eq!(refused(Unit::Number, "this = 0"), "0 is out of range\nhelp: it goes from 1 to 1000000");
        assert_eq!(refused(Unit::Number, "this = true"), "expected a whole number, found `true`");
        assert_eq!(refused(Unit::Time, "this = 5"), "expected a duration such as \"30s\", found `5`");
        assert!(refused(Unit::Size, "this = '1mib'").contains("did you mean `MiB`?"));
        assert!(refused(Unit::Number, "this = -1").contains("is not a whole number"));
    }
}
