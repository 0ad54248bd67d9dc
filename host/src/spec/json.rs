//! TOML data as JSON, the form in which it crosses to plugins.

use serde_json::Value;

/// The same data as JSON; dates become strings, and a number that JSON cannot hold becomes null.
pub fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.iter().map(json).collect(),
        toml::Value::Table(table) => json_table(table),
    }
}

/// A table as a JSON object.
pub fn json_table(table: &toml::Table) -> Value {
    Value::Object(table.iter().map(|(key, value)| (key.clone(), json(value))).collect())
}
