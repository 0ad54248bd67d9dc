//! `host`: a container for web apps made of native plugins.
//!
//! The library behind the program. Read it in this order: [`run`] walks through a whole run, as Bottle's `run()` does;
//! [`spec`] is what the user writes; [`load`] makes apps of plugins; [`table`] composes them; [`server`] serves them. All of it
//! happens in a worker; [`supervisor`] is the process that starts it, and [`control`] what may be asked of the two.
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
pub mod ledger;
pub mod load;
mod own_pages;
mod plugin_threads;
mod quarantine;
pub mod run_handle;
pub mod state;
pub mod store;
pub mod table;
pub mod thread_exit;
mod timer;
mod waker;

mod arena;
mod clock;
mod crash;
mod date;
pub mod errands;
mod error_page;
mod exchange;
mod request_body;
mod request_id;
mod scoreboard;
pub mod service;
mod stack;
mod usage;

pub mod access_log;
pub mod h1;
pub mod listener;
pub mod server;
pub mod stop;

pub mod control;
pub mod deployment;
mod doing;
mod health;
mod prove;
pub mod supervisor;

pub mod banner;
pub mod cli;
pub mod log;
mod privileges;
mod retry;
pub mod run;
mod systemd;
mod units;
