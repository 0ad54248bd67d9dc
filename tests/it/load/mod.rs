//! Loading: `load`, `load_app` and the app stack, on the semantics of Bottle's. `tests/cases/bottle.md` lists every
//! recorded case of them with the test that covers it.

mod fixture;
mod instances;
mod isolation;
mod recorded;
mod running;
mod sealed;
mod targets;

pub(crate) use fixture::{Files, Plugin, declared, only};
