//! Puts together what was seen, and decides whether that is a proof.

use super::baseline::Baseline;
use super::conductor::Conductor;
use super::judge::Judge;
use super::known::Steadiness;
use super::load::{Drive, Shared};
use super::report::{Generations, Mapped, PathReport, Report};
use super::resources::Resources;
use super::storm::Storm;
use super::subject::{Row, Status};

/// All that was seen.
pub(super) struct Seen<'a> {
    /// Before the first swap.
    pub(super) status: Status,
    pub(super) conductor: &'a Conductor<'a>,
    pub(super) storm: Storm,
    pub(super) baseline: Baseline,
    /// Those that were swapped.
    pub(super) plugins: Vec<String>,
    pub(super) clients: usize,
}

/// The receipt of all that was seen.
pub(super) fn of(seen: Seen<'_>) -> Report {
    let Seen { status, conductor, mut storm, baseline, plugins, clients } = seen;
    let judge = conductor.shared.judge();
    let resources = Resources::of(&storm.samples, storm.swaps);
    let reasons = reasons(&judge, &storm, &resources);
    let generations = generations(&judge, &storm);
    storm.first_answers_us.sort_unstable();
    Report {
        proved: reasons.is_empty(),
        reasons,
        plugins,
        clients,
        swaps: storm.swaps,
        seconds: storm.took.as_secs_f64(),
        requests: judge.counts.requests,
        failed: judge.counts.failed.clone(),
        failures: judge.failures.clone(),
        generations,
        latency_us: judge.counts.latency(),
        first_answer_us: storm.first_answers_us.get(storm.first_answers_us.len() / 2).copied(),
        resources,
        paths: paths(&judge, &conductor.shared),
        left_out: baseline.left_out,
        not_driven: baseline.more,
        notes: notes(&conductor.shared, &status),
        app: status.app,
        server: status.server,
    }
}

fn generations(judge: &Judge, storm: &Storm) -> Generations {
    let mapped = |row: &Row| {
        let why = row.why.clone().unwrap_or_else(|| format!("it is {}", row.state));
        Mapped { plugin: row.plugin.clone(), generation: row.generation, why }
    };
    Generations {
        answered: judge.generations_that_answered(),
        unloaded: storm.unloaded,
        kept: storm.kept,
        mapped: storm.mapped.iter().map(mapped).collect(),
    }
}

/// Why it is not proved.
fn reasons(judge: &Judge, storm: &Storm, resources: &Resources) -> Vec<String> {
    let (failed, requests) = (judge.counts.failed.sum(), judge.counts.requests.total);
    let mut reasons = storm.problems.clone();
    if failed > 0 {
        reasons.push(format!("{failed} of {requests} requests failed"));
    }
    if requests == 0 {
        reasons.push("nothing was asked".to_owned());
    }
    match storm.mapped.len() {
        0 => {}
        1 => reasons.push("a generation stays mapped".to_owned()),
        more => reasons.push(format!("{more} generations stay mapped")),
    }
    let leaks = resources.growth.map(|growth| growth.leaks()).unwrap_or_default();
    reasons.extend(leaks.into_iter().map(|leak| format!("there is a leak: {leak}")));
    reasons
}

fn paths(judge: &Judge, shared: &Shared) -> Vec<PathReport> {
    let of = |(place, drive): (usize, &Drive)| PathReport {
        request: drive.asked.to_string(),
        body_bytes: drive.body_bytes,
        streamed: drive.is_streamed,
        body: match judge.steadiness(place) {
            Steadiness::Fixed => "fixed",
            Steadiness::OfGeneration => "of_generation",
            Steadiness::Varies => "varies",
        },
    };
    shared.drives.iter().enumerate().map(of).collect()
}

/// An answer of that size is in the buffers of the system at once, and no reader is slow with it.
const SLOW_BYTES_MIN: usize = 256 << 10;

/// What was not tried.
fn notes(shared: &Shared, status: &Status) -> Vec<String> {
    let mut notes = Vec::new();
    if status.server == "single" {
        notes.push("one client, because `single` serves one connection at a time".to_owned());
    }
    if shared.streams.is_empty() {
        notes.push("no answer is streamed".to_owned());
    }
    let largest = shared.drives.get(shared.largest).map_or(0, |drive| drive.body_bytes);
    if largest < SLOW_BYTES_MIN {
        notes.push(format!(
            "the largest answer has {largest} bytes: slow readers hold nothing up with less than {SLOW_BYTES_MIN}"
        ));
    }
    notes
}
