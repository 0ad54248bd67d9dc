//! Every test that drives the real binary: one process of `host` for each test, on a free port, in a folder of its own.
//!
//! `harness` starts and talks to it; each other module is one topic, and each test in it one sentence about behaviour.
#![allow(clippy::print_stderr, reason = "a test that fails shows what it saw")]

mod asynchronous;
mod bad_input;
mod blame;
mod dev;
mod doing;
mod examples;
mod faults;
mod harness;
mod health;
mod inspect;
mod load;
mod logging;
mod middleware;
mod process;
mod processes;
mod prove;
mod respec;
mod routing;
mod servers;
mod spec_errors;
mod store;
mod supervisor;
mod swap;
mod tidy;
