//! Controlling a running host: what may be asked of it, and the answers.

mod message;

pub use message::{Answer, Command, Commands, NO_ANSWER};
