//! What is asked of a deployment, and what it says of itself.

use super::Deployment;
use super::books::{Book, Copied, Kept, Pages};
use super::down::Down;
use super::draft::Look;
use super::swap::SwapHow;
use crate::control::{Answer, Command, Commands};
use crate::doing;
use crate::error::Error;
use crate::generation::Generation;
use crate::health::Health;
use crate::ledger::Ledger;
use crate::load::open::Accepted;
use serde_json::{Value, json};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

impl Commands for Deployment {
    fn execute(&self, command: Command) -> Answer {
        let done = catch_unwind(AssertUnwindSafe(|| self.carry_out(command)));
        done.unwrap_or_else(|_| Error::failed("the host panicked; the log says where").into())
    }
}

impl Deployment {
    fn carry_out(&self, command: Command) -> Answer {
        match command {
            Command::Status => self.status(),
            Command::Health => Health::Live.into(),
            Command::Ready if self.setup.run.stop().is_requested() => {
                Health::NotReady("the host stops".to_owned()).into()
            }
            Command::Ready => Health::Ready.into(),
            Command::Routes => self.routes(),
            Command::Requests { limit } => doing::list_of_this_process(limit.unwrap_or(doing::LISTED_MAX)),
            Command::Swap { plugin, file, force, without_state } => {
                self.swap(&plugin, SwapHow { file, force, without_state, as_is: false })
            }
            Command::Rollback { plugin } => self.rollback(&plugin),
            Command::SwapChanged => self.reload_spec(Look::AtFiles),
            Command::ReloadSpec => self.reload_spec(Look::AtSpec),
            Command::NameGenerations { on } => self.name_generations(on),
            Command::Stop => {
                self.setup.run.stop().request();
                Answer::done(format!("`{}` stops", self.app()), json!({ "stopped": false }))
            }
            Command::Restart => {
                let error = Error::failed("cannot start another worker: this host has no supervisor");
                error.help("start it without --no-supervisor").into()
            }
        }
    }

    fn name_generations(&self, on: bool) -> Answer {
        if let Some(service) = self.service() {
            service.name_generations(on);
        }
        Answer::done(
            if on { "answers name their generation" } else { "answers name no generation" },
            Value::Null,
        )
    }

    fn status(&self) -> Answer {
        let mut rows: Vec<Row> = self.books.all().iter().flat_map(|book| self.rows(book)).collect();
        rows.extend(self.down().iter().map(|down| Row::of_down(down)));
        let server = self.running.get().map_or("", |running| running.server);
        let generations: Vec<Value> = rows.iter().map(Row::json).collect();
        let data = json!({
            "app": self.app(), "server": server, "worker": { "pid": std::process::id() },
            "generations": generations, "process": Ledger::now(),
        });
        Answer::done(format!("  {:10}  {server}\n\n{}", "server", table(&rows)), data)
    }

    fn app(&self) -> String {
        self.served().map(|served| served.spec.app.name.value.clone()).unwrap_or_default()
    }

    fn rows(&self, book: &Book) -> Vec<Row> {
        let pages = book.pages();
        let row = |generation: &Arc<Generation>, state: &'static str| self.row(generation, state, None);
        let Pages { current, draining, kept, pinned, .. } = &*pages;
        let mut rows: Vec<Row> = current.iter().map(|one| row(one, "serving")).collect();
        rows.extend(draining.iter().rev().map(|one| row(one, "draining")));
        rows.extend(kept.iter().rev().map(|one| match one {
            Kept::Stopped(generation) => row(generation, "kept"),
            Kept::Copied(copied) => Row::of_copy(&book.name, copied),
        }));
        rows.extend(
            pinned.iter().rev().map(|one| self.row(&one.generation, "pinned", Some(one.why.clone()))),
        );
        rows
    }

    fn row(&self, generation: &Arc<Generation>, state: &'static str, why: Option<String>) -> Row {
        let count = self.count(generation);
        let service = self.service();
        let in_use = service.map(|service| service.slots.in_use(generation, 0)).unwrap_or_default();
        let label = generation.label();
        Row {
            plugin: label.name.clone(),
            version: label.manifest.version.clone(),
            number: label.number,
            digest: label.digest.to_string(),
            file: label.file.clone(),
            state,
            why,
            requests: count.requests,
            failed: count.failed,
            in_flight: in_use.requests + in_use.bodies,
        }
    }
}

/// One generation.
struct Row {
    plugin: String,
    version: String,
    number: u64,
    digest: String,
    file: PathBuf,
    state: &'static str,
    why: Option<String>,
    requests: u64,
    failed: u64,
    in_flight: usize,
}

impl Row {
    /// One of the process before, which has no instance in this one.
    fn of_copy(plugin: &str, copied: &Copied) -> Self {
        let Accepted { sealed, manifest, .. } = &copied.accepted;
        Self {
            plugin: plugin.to_owned(),
            version: manifest.version.clone(),
            number: copied.number,
            digest: sealed.digest().to_string(),
            file: sealed.path().to_owned(),
            state: "kept",
            why: None,
            requests: 0,
            failed: 0,
            in_flight: 0,
        }
    }

    /// One that is optional, and could not be loaded.
    fn of_down(down: &Down) -> Self {
        Self {
            plugin: down.name.clone(),
            version: String::new(),
            number: 0,
            digest: String::new(),
            file: PathBuf::new(),
            state: "down",
            why: Some(down.why().to_owned()),
            requests: 0,
            failed: 0,
            in_flight: 0,
        }
    }

    fn json(&self) -> Value {
        json!({
            "plugin": self.plugin, "version": self.version, "generation": self.number,
            "state": self.state, "why": self.why, "requests": self.requests, "failed": self.failed,
            "in_flight": self.in_flight, "digest": self.digest, "file": self.file,
        })
    }

    fn cells(&self) -> [String; 8] {
        [
            self.plugin.clone(),
            self.version.clone(),
            self.number.to_string(),
            self.state.to_owned(),
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

fn table(rows: &[Row]) -> String {
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
