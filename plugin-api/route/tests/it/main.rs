//! The router, driven from outside.
#![allow(clippy::unwrap_used, reason = "a failed step fails its test")]

mod adding;
mod grammar;
mod matching;
mod property;
mod random;
mod recorded;
mod reference;
mod regexes;
mod support;
mod urls;
