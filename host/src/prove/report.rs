//! The receipt of a proof: for people, and for programs.

use super::baseline::LeftOut;
use super::counts::{Latency, Requests};
use super::failed::FailedCounts;
use super::judge::Failure;
use super::resources::Resources;
use serde::Serialize;
use std::fmt;

/// What was proved, or not.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(super) proved: bool,
    /// Why it is not proved.
    pub(super) reasons: Vec<String>,
    pub(super) app: String,
    pub(super) server: String,
    /// Those that were swapped.
    pub(super) plugins: Vec<String>,
    pub(super) clients: usize,
    pub(super) swaps: usize,
    pub(super) seconds: f64,
    pub(super) requests: Requests,
    pub(super) failed: FailedCounts,
    /// The first ones.
    pub(super) failures: Vec<Failure>,
    pub(super) generations: Generations,
    pub(super) latency_us: Latency,
    /// From the command to swap to the first answer of the new generation: the median.
    pub(super) first_answer_us: Option<u64>,
    pub(super) resources: Resources,
    pub(super) paths: Vec<PathReport>,
    pub(super) left_out: Vec<LeftOut>,
    /// Routes that could have been driven, past the limit of how many are.
    pub(super) not_driven: usize,
    pub(super) notes: Vec<String>,
}

/// What became of generations.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Generations {
    pub(super) answered: usize,
    pub(super) unloaded: usize,
    pub(super) kept: usize,
    pub(super) mapped: Vec<Mapped>,
}

/// A generation that should be gone.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Mapped {
    pub(super) plugin: String,
    pub(super) generation: u64,
    pub(super) why: String,
}

/// A request that was driven.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PathReport {
    pub(super) request: String,
    pub(super) body_bytes: usize,
    pub(super) streamed: bool,
    /// `fixed`, `of_generation` or `varies`: then bodies could not be compared.
    pub(super) body: &'static str,
}

impl Report {
    /// Whether it was proved.
    pub(crate) fn is_proved(&self) -> bool {
        self.proved
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.proved { "proved" } else { "not proved" };
        let plugins: Vec<String> = self.plugins.iter().map(|name| format!("`{name}`")).collect();
        let Self { app, server, swaps, seconds, .. } = self;
        writeln!(
            f,
            "{verdict}: {app} on {server}, {swaps} swaps of {} in {seconds:.1}s",
            plugins.join(", ")
        )?;
        self.reasons.iter().try_for_each(|reason| writeln!(f, "  because {reason}"))?;
        self.requests(f)?;
        self.failed(f)?;
        self.generations(f)?;
        self.times(f)?;
        self.resources(f)?;
        for LeftOut { request, why } in &self.left_out {
            writeln!(f, "  left out: {request} {why}")?;
        }
        if self.not_driven > 0 {
            writeln!(f, "  left out: {} more routes; --path names those to drive", self.not_driven)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  note: {note}"))
    }
}

impl Report {
    fn requests(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Requests { total, kept, new, streams, slow } = self.requests;
        let paths = counted(self.paths.len(), "path");
        writeln!(
            f,
            "  {total} requests of {paths}: {kept} on kept connections, {new} on new ones, {streams} streams, {slow} by \
             slow readers"
        )?;
        let varying = self.paths.iter().filter(|path| path.body == "varies");
        for path in varying {
            writeln!(f, "  {}: its body varies, and was not compared", path.request)?;
        }
        Ok(())
    }

    fn failed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {} failed: {}", self.failed.sum(), self.failed)?;
        self.failures.iter().try_for_each(|failure| writeln!(f, "    {failure}"))
    }

    fn generations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Generations { answered, unloaded, kept, mapped } = &self.generations;
        let stay = mapped.len();
        writeln!(
            f,
            "  {answered} generations answered; {unloaded} unloaded, {kept} kept, {stay} still mapped"
        )?;
        for Mapped { plugin, generation, why } in mapped.iter().take(MAPPED_TOLD_MAX) {
            writeln!(f, "    generation {generation} of `{plugin}`: {why}")?;
        }
        Ok(())
    }

    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |micros: u64| format!("{:.1} ms", micros as f64 / 1000.0);
        let Latency { p50, p99, worst } = self.latency_us;
        write!(f, "  p50 {}, p99 {}, worst {}", ms(p50), ms(p99), ms(worst))?;
        match self.first_answer_us {
            Some(median) => writeln!(f, "; swap to first answer {} (median)", ms(median)),
            None => writeln!(f),
        }
    }

    fn resources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resources { warm_up_swaps, warm_samples, growth, .. } = &self.resources;
        match growth {
            Some(growth) => {
                writeln!(f, "  resources after a warm-up of {warm_up_swaps} swaps: {}", growth.text())
            }
            None => writeln!(
                f,
                "  resources: {warm_samples} samples are too few to say whether they grow; try --swaps 200"
            ),
        }
    }
}

/// `1 swap`, `2 swaps`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// So many generations that stay are told one by one.
const MAPPED_TOLD_MAX: usize = 5;
