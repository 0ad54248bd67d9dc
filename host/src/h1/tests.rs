//! Driven from outside only: bytes in, events and bytes out.

mod cases;
mod driver;
mod output;
mod pipelining;
mod property;
mod reader;
mod requests;
mod split;
