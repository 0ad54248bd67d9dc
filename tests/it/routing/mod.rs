//! Routing over real sockets: what was recorded from Bottle, and what the host adds to it.

mod cases;
mod errors;
mod hosts;
mod many;
pub(crate) mod recorded;
mod urls;
