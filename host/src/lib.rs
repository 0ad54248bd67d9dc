//! `host`: a container for web apps made of native plugins.
//!
//! The library behind the program. Read it in this order: [`run`] walks through a whole run, as Bottle's `run()` does;
//! [`spec`] is what the user writes; [`load`] makes apps of plugins; [`table`] composes them; [`server`] serves them.
#![warn(missing_docs)]

pub mod error;
pub mod suggest;

pub mod spec;
pub mod target;

pub mod cargo_build;
pub mod dev;
pub mod inspect;
pub mod library;
pub mod manifest;
pub mod preflight;
pub mod watch;

pub mod app;
pub mod app_stack;
mod deadline;
mod filters;
mod foreign;
pub mod generation;
mod host_side;
pub mod load;
pub mod run_handle;
pub mod table;
pub mod thread_exit;
mod timer;
mod waker;

mod arena;
mod date;
mod error_page;
mod exchange;
mod request_body;
mod request_id;
pub mod service;

pub mod access_log;
pub mod h1;
pub mod listener;
pub mod server;
pub mod stop;

pub mod control;

pub mod banner;
pub mod cli;
pub mod log;
pub mod run;
mod units;
