//! What servers say of themselves: for `host servers`, for `--server`, and for whoever has to choose one.

use crate::spec::Opt;
use serde::Serialize;

/// One server, as it stands in the registry.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct About {
    /// Its name in the registry.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// What it is good for, in a few words.
    pub good_for: &'static str,
    /// It has one connection at a time: an answer that does not end keeps everybody else out.
    pub is_single: bool,
    /// Whose HTTP/1 it speaks.
    pub http: Http,
    /// What it has `--workers` of, and how many are `auto`; none: it does not look at it.
    pub workers: Option<&'static str>,
    /// What it has `--threads` of, and how many are `auto`; none: it does not look at it.
    pub threads: Option<&'static str>,
    /// The keys of `[server.options]` that it takes.
    pub options: &'static [Opt],
    /// What to expect of it when something goes wrong.
    pub guarantees: Guarantees,
    /// Names of Bottle's servers that mean this one here.
    pub aliases: &'static [&'static str],
}

/// What costs what. Each is the rest of a sentence.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Guarantees {
    /// What a client does that sends or reads slowly.
    pub slow_client: &'static str,
    /// What a synchronous handler does that waits.
    pub blocking_handler: &'static str,
    /// What a crash in native code does.
    pub crash: &'static str,
    /// How another generation comes to be served.
    pub swap: Swap,
}

/// Who reads requests and writes answers. What differs between the two is recorded in `tests/cases/http1.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Http {
    /// The host itself: `h1/`.
    #[serde(rename = "host")]
    Host,
    /// actix-http.
    #[serde(rename = "actix-http")]
    Actix,
}

/// How another generation comes to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Swap {
    /// In the process that serves: state moves, and every connection is kept.
    InPlace,
    /// Another set of workers takes over: no state moves, and connections have one more answer.
    NewWorkers,
}

impl Swap {
    /// For people.
    pub fn described(self) -> &'static str {
        match self {
            Self::InPlace => {
                "is in place: every connection is kept, and state moves from one generation to the next"
            }
            Self::NewWorkers => {
                "puts a new set of workers beside the old one, which has one more answer for each connection; no state moves"
            }
        }
    }
}

/// What a crash costs where one process serves everything.
pub(super) const CRASH_OF_ALL: &str = "costs the worker, with every request in it; the next one is there in a moment, and who connects meanwhile waits";
