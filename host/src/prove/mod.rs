//! `host prove`: drives a load of its own against a host while it swaps plugins of it, and checks every answer.
//!
//! 1. `baseline`: finds out what can be asked, and what it is answered with.
//! 2. A rehearsal: each plugin is swapped once to each of its files, so that it is known what belongs to which library.
//! 3. `storm`: a `load` of `client`s asks without a pause for thought, while the `conductor` swaps, waits for each receipt,
//!    and looks at the process in moments of rest.
//! 4. `judge`: each answer has to be, to the byte, that of the generation that it names, and that generation has to have been
//!    current while the request ran. Nothing is tried twice: what has no whole answer has failed.
//! 5. `report`: the receipt. It is proved if no request failed, every old generation is gone, and nothing grows.
//!
//! It knows no more of the host than what any client of its control socket and its listener does.

mod account;
mod address;
mod asked;
mod baseline;
mod child;
mod client;
mod conductor;
mod counts;
mod epochs;
mod failed;
mod judge;
mod known;
mod load;
mod report;
mod resources;
mod rest;
mod schedule;
mod storm;
mod subject;
mod wire;

pub(crate) use asked::Asked;
pub(crate) use report::Report;
pub(crate) use subject::Subject;

use crate::error::Error;
use baseline::Baseline;
use client::Part;
use conductor::Conductor;
use epochs::Epochs;
use judge::Judge;
use load::{Load, Shared};
use schedule::Schedule;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use storm::Storm;
use subject::{Row, Status};
use tokio::runtime::Runtime;

/// How a host is to be proved.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) swaps: usize,
    /// The plugins to swap; none: all.
    pub(crate) plugins: Vec<String>,
    /// Other files of some of them, which take turns with their own.
    pub(crate) with: Vec<(String, PathBuf)>,
    /// What to ask; none: what the host lists.
    pub(crate) paths: Vec<Asked>,
    pub(crate) clients: usize,
    /// How long a request may take.
    pub(crate) timeout: Duration,
    /// Between two swaps.
    pub(crate) pause: Duration,
}

/// Proves a host.
///
/// # Errors
/// It could not be tried: nobody answers, there is nothing to ask, a plugin is not there, the first swaps fail.
pub(crate) fn prove(subject: &Subject, options: &Options) -> Result<Report, Error> {
    let status = subject.status()?;
    let mut schedule = Schedule::new(&status, &options.plugins, &options.with)?;
    let _named = Named::of(subject)?;
    let runtime = runtime()?;
    let routes = subject.routes()?;
    let mut baseline = baseline::take(&runtime, &subject.address, &routes, &options.paths, options.timeout)?;
    let shared = Arc::new(shared(subject, &status, &mut baseline, options));
    let plugins = status.serving().map(|row| row.plugin.clone()).collect();
    let conductor = Conductor { subject, runtime: &runtime, shared: shared.clone(), plugins };
    if let Err(error) = rehearse(&conductor, &mut schedule) {
        // Whatever becomes of that: the first error says what is wrong.
        let _ = put_back(&conductor, &schedule);
        return Err(error);
    }
    let parts = parts(&status, &shared, options);
    let load = Load::begin(&runtime, shared, &parts);
    let mut storm = Storm::run(&conductor, &load, &mut schedule, options);
    load.end();
    let seen = storm.look_back(&conductor).and_then(|()| put_back(&conductor, &schedule));
    storm.problems.extend(seen.err().map(|error| error.to_string()));
    let plugins = schedule.plugins();
    Ok(account::of(account::Seen {
        status,
        conductor: &conductor,
        storm,
        baseline,
        plugins,
        clients: parts.len(),
    }))
}

/// Answers name their generations as long as this lives.
struct Named<'a>(&'a Subject);

impl<'a> Named<'a> {
    fn of(subject: &'a Subject) -> Result<Self, Error> {
        subject.name_generations(true)?;
        let named = Self(subject);
        subject.wait_for_all()?;
        Ok(named)
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        // A host that is gone names none.
        let _ = self.0.name_generations(false);
    }
}

/// One thread for the whole load: the others are the host's.
fn runtime() -> Result<Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|cause| Error::failed(format!("cannot start the load: {cause}")))
}

fn shared(subject: &Subject, status: &Status, baseline: &mut Baseline, options: &Options) -> Shared {
    let drives = baseline.drives.clone();
    let requests: Vec<String> = drives.iter().map(|drive| drive.asked.to_string()).collect();
    let rows: Vec<&Row> = status.serving().collect();
    let plugins = rows.iter().map(|row| row.plugin.clone()).collect();
    let generations = rows.iter().map(|row| row.generation).collect();
    let digests = rows.iter().map(|row| row.digest.clone()).collect();
    let epochs = Epochs::new(generations, digests, drives.len(), options.timeout);
    let mut judge = Judge::new(plugins, requests, epochs);
    let surveys = std::mem::take(&mut baseline.surveys);
    surveys.into_iter().enumerate().for_each(|(asked, surveyed)| judge.learn(asked, surveyed));
    Shared::new(subject.address.clone(), drives, options.timeout, judge)
}

/// Each plugin once to each of its files, while nobody asks.
fn rehearse(conductor: &Conductor<'_>, schedule: &mut Schedule) -> Result<(), Error> {
    let all: Vec<usize> = (0..conductor.shared.drives.len()).collect();
    for _ in 0..schedule.period() {
        conductor.swap(&schedule.next())?;
        conductor.learn(&all)?;
        conductor.shared.judge().settle();
    }
    Ok(())
}

/// `single` serves one connection at a time: more than one client would prove only that.
fn parts(status: &Status, shared: &Shared, options: &Options) -> Vec<Part> {
    let clients = if status.server == "single" { 1 } else { options.clients };
    client::parts(clients, !shared.streams.is_empty())
}

/// A host that runs on has the files that it had.
fn put_back(conductor: &Conductor<'_>, schedule: &Schedule) -> Result<(), Error> {
    if conductor.subject.is_own() {
        return Ok(());
    }
    schedule.back().iter().try_for_each(|next| conductor.swap(next).map(drop))
}
