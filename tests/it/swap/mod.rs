//! Swaps while requests run: none fails, each is answered by one generation, and the old library leaves the process.

mod drain;
mod fixture;
mod handover;
mod proof;
mod refused;
mod rollback;
mod spec;
mod watching;

use fixture::*;
