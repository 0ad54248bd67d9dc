//! What is asked of a deployment, and what it says of itself.

use super::Deployment;
use super::books::{Book, Kept, Pages};
use super::draft::Look;
use super::rows::{self, Row};
use super::swap::SwapHow;
use crate::control::{Answer, Command, Commands, Counted};
use crate::doing;
use crate::error::Error;
use crate::generation::Generation;
use crate::health::Health;
use crate::ledger::Ledger;
use crate::usage::Uses;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Commands for Deployment {
    fn execute(&self, command: Command) -> Answer {
        let done = catch_unwind(AssertUnwindSafe(|| self.carry_out(command)));
        done.unwrap_or_else(|_| Error::failed("the host panicked; the log says where").into())
    }

    fn counts(&self) -> Vec<Counted> {
        self.rows().into_iter().map(Row::counted).collect()
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
            Command::Stack { id } => doing::stacks_of_this_process(&id.into()),
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
            Command::Restart => alone("cannot start another worker"),
            Command::Quarantine | Command::Lift { .. } => alone("nothing is in quarantine"),
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
        let mut rows = self.rows();
        rows.extend(self.down().iter().map(|down| Row::of_down(down)));
        let server = self.running.get().map_or("", |running| running.server);
        let refused = self.service().map_or(0, |service| service.refused());
        let state = if self.setup.run.stop().is_requested() { "stopping" } else { "serving" };
        let generations: Vec<Value> = rows.iter().map(Row::json).collect();
        let data = json!({
            "app": self.app(), "state": state, "server": server, "refused": refused, "worker": { "pid": std::process::id() },
            "generations": generations, "process": Ledger::now(),
        });
        Answer::done(format!("{}\n{}", rows::heading(server, refused), rows::table(&rows)), data)
    }

    fn app(&self) -> String {
        self.served().map(|served| served.spec.app.name.value.clone()).unwrap_or_default()
    }

    fn rows(&self) -> Vec<Row> {
        let in_children = self.in_children();
        self.books.all().iter().flat_map(|book| self.rows_of(book, &in_children)).collect()
    }

    fn rows_of(&self, book: &Book, in_children: &[Arc<Uses>]) -> Vec<Row> {
        let pages = book.pages();
        let row = |generation: &Arc<Generation>, state: &'static str| {
            let row = self.row(generation, state);
            let of_children = in_children.iter().filter(|uses| uses.contains(generation)).count();
            Row { in_flight: row.in_flight + of_children, ..row }
        };
        let Pages { current, draining, kept, pinned, .. } = &*pages;
        let mut rows: Vec<Row> = current.iter().map(|one| row(one, "serving")).collect();
        rows.extend(draining.iter().rev().map(|one| row(one, "draining")));
        rows.extend(kept.iter().rev().map(|one| match one {
            Kept::Stopped(generation) => row(generation, "kept"),
            Kept::Copied(copied) => Row::of_copy(&book.name, copied),
        }));
        let of_pinned = |why: &str, row: Row| Row { why: Some(why.to_owned()), ..row };
        rows.extend(pinned.iter().rev().map(|one| of_pinned(&one.why, row(&one.generation, "pinned"))));
        rows
    }

    fn row(&self, generation: &Arc<Generation>, state: &'static str) -> Row {
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
            state: state.to_owned(),
            why: None,
            requests: count.requests,
            failed: count.failed,
            in_flight: in_use.requests + in_use.bodies,
        }
    }
}

/// What only a supervisor can do.
fn alone(what: &str) -> Answer {
    let error = Error::failed(format!("{what}: this host has no supervisor"));
    error.help("start it without --no-supervisor").into()
}
