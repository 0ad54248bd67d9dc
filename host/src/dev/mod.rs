//! What `host dev` needs: crates are built when their sources change, and browsers see what came of it.
//!
//! [`Builder`] watches the sources of crates and runs cargo. [`Events`] tells everybody who listens of failed builds and of
//! swaps; [`page()`] makes a page of a failure; [`inject`] puts a script into the pages of the app, which shows that page and
//! loads again after a swap. `Site` serves all that, and `Dev` is one run with all of it. Nothing here knows a server or a plugin.

mod build;
mod building;
mod crates;
pub mod events;
mod failure;
pub mod inject;
mod page;
mod session;
mod site;
#[cfg(test)]
mod tests;

pub use build::{BuildEvent, Builder, terminal};
pub use events::{Event, Events, Listener};
pub use failure::BuildFailure;
pub use page::{PAGE_TYPE, page};
pub(crate) use session::{DEV_PROFILE, Dev};
pub(crate) use site::PATHS;
