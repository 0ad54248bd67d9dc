//! Controlling a running host: what may be asked of it, and the answers.
//!
//! A host listens on a Unix socket of its user's. A client sends a [`Command`] as one line of JSON and reads an [`Answer`]
//! as another, any number of times. `place` says where the socket is, `socket` makes it, `server` answers on it and
//! `client` asks.

mod client;
mod http;
mod line;
mod message;
mod peer;
mod place;
mod server;
mod socket;

pub(crate) use client::Client;
pub(crate) use line::{LineBuffer, TooLong};
pub use message::{Answer, Command, Commands, Counted, NO_ANSWER};
pub(crate) use place::the_socket;
pub(crate) use server::ControlServer;
pub(crate) use socket::ControlSocket;
