//! The list of generations that `status` answers with: of one process, or put together of several.

use super::books::Copied;
use super::down::Down;
use crate::control::Counted;
use crate::load::open::Accepted;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;

/// One generation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(super) plugin: String,
    pub(super) version: String,
    #[serde(rename = "generation")]
    pub(super) number: u64,
    pub(super) state: String,
    pub(super) why: Option<String>,
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) in_flight: usize,
    pub(super) digest: String,
    pub(super) file: PathBuf,
}

/// The rows that an answer to `status` has.
pub(crate) fn of(data: &Value) -> Vec<Row> {
    let rows = data["generations"].as_array().into_iter().flatten();
    rows.filter_map(|row| Row::deserialize(row).ok()).collect()
}

/// The same generations in another process of the same set.
pub(crate) fn add(mut rows: Vec<Row>, others: Vec<Row>) -> Vec<Row> {
    for other in others {
        match rows.iter_mut().find(|row| row.is(&other)) {
            Some(row) => row.add(&other),
            None => rows.push(other),
        }
    }
    rows
}

/// Those of a process that is on its way out: what it serves drains.
pub(crate) fn add_old(mut rows: Vec<Row>, others: Vec<Row>) -> Vec<Row> {
    for mut other in others.into_iter().filter(|other| other.state == "serving") {
        match rows.iter_mut().find(|row| row.is(&other)) {
            Some(row) => {
                row.add(&other);
                if row.state == "kept" {
                    "draining".clone_into(&mut row.state);
                }
            }
            None => {
                "draining".clone_into(&mut other.state);
                rows.push(other);
            }
        }
    }
    rows
}

impl Row {
    /// One of the process before, which has no instance in this one.
    pub(super) fn of_copy(plugin: &str, copied: &Copied) -> Self {
        let Accepted { sealed, manifest, .. } = &copied.accepted;
        Self {
            plugin: plugin.to_owned(),
            version: manifest.version.clone(),
            number: copied.number,
            digest: sealed.digest().to_string(),
            file: sealed.path().to_owned(),
            state: "kept".to_owned(),
            ..Self::default()
        }
    }

    /// One that is optional, and could not be loaded.
    pub(super) fn of_down(down: &Down) -> Self {
        Self { plugin: down.name.clone(), state: "down".to_owned(), why: Some(down.why()), ..Self::default() }
    }

    fn is(&self, other: &Self) -> bool {
        self.plugin == other.plugin && self.number == other.number
    }

    fn add(&mut self, other: &Self) {
        // Another process may say anything.
        self.requests = self.requests.saturating_add(other.requests);
        self.failed = self.failed.saturating_add(other.failed);
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
    }

    /// What it answered.
    pub(super) fn counted(self) -> Counted {
        let Self { plugin, number, requests, failed, in_flight, .. } = self;
        Counted { plugin, generation: number, requests, failed, in_flight: in_flight as u64 }
    }

    pub(crate) fn json(&self) -> Value {
        json!(self)
    }

    fn cells(&self) -> [String; 8] {
        [
            self.plugin.clone(),
            self.version.clone(),
            self.number.to_string(),
            self.state.clone(),
            self.requests.to_string(),
            self.failed.to_string(),
            self.in_flight.to_string(),
            self.digest.get(..DIGEST_CHARS).unwrap_or(&self.digest).to_owned(),
        ]
    }
}

/// So much of a digest is enough to tell two apart.
const DIGEST_CHARS: usize = 12;

const HEADINGS: [&str; 8] =
    ["PLUGIN", "VERSION", "GENERATION", "STATE", "REQUESTS", "FAILED", "IN FLIGHT", "DIGEST"];

/// What stands before the table: the server, and how many requests it answered with 503 because there were too many, if any.
pub(crate) fn heading(server: &str, refused: u64) -> String {
    let said = format!("{refused} requests, with 503: there were too many at once");
    let refused = if refused == 0 { String::new() } else { format!("  {:10}  {said}\n", "refused") };
    format!("  {:10}  {server}\n{refused}", "server")
}

/// For people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let cells: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
        let why = index.checked_sub(1).and_then(|index| rows[index].why.as_ref());
        if let Some(why) = why {
            let _ = writeln!(out, "    {why}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, state: &str, requests: u64) -> Row {
        Row { plugin: "shop".to_owned(), number, state: state.to_owned(), requests, ..Row::default() }
    }

    #[test]
    fn rows_of_processes_are_one_list_and_what_old_ones_serve_drains() {
        let set =
            add(vec![row(8, "serving", 3), row(7, "kept", 0)], vec![row(8, "serving", 4), row(7, "kept", 0)]);
        let all = add_old(set, vec![row(7, "serving", 10), row(6, "kept", 5)]);
        assert_eq!(all, [row(8, "serving", 7), row(7, "draining", 10)]);
        let all = add_old(all, vec![row(5, "serving", 1)]);
        assert_eq!(all[2], row(5, "draining", 1));
        assert_eq!(add(all, vec![row(5, "draining", u64::MAX)])[2].requests, u64::MAX);
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let rows = vec![row(1, "serving", 2)];
        assert_eq!(of(&json!({ "generations": rows })), rows);
        assert_eq!(of(&Value::Null), []);
    }
}
