//! The same commands, where no host runs: they read and change what it left on disk.

use super::store::Change;
use super::{carry_out, store_of};
use crate::control::{Answer, Command};
use crate::error::Error;
use crate::quarantine::named;
use crate::spec::Spec;

/// Carries a command out, if it is one that needs no host.
///
/// # Errors
/// The folder of the state cannot be read or written.
pub(crate) fn carry_out_offline(spec: &Spec, command: &Command) -> Result<Option<Answer>, Error> {
    match command {
        Command::Quarantine => Ok(Some(carry_out::listed(&store_of(spec)?.read()?))),
        Command::Lift { name } => lift(spec, name).map(Some),
        _ => Ok(None),
    }
}

fn lift(spec: &Spec, name: &str) -> Result<Answer, Error> {
    let store = store_of(spec)?;
    let list = store.read()?;
    let lifted: Vec<_> = named(&list, name)?.into_iter().cloned().collect();
    if !lifted.is_empty() {
        store.change(Change::Remove(lifted.iter().map(|ban| ban.digest.clone()).collect()))?;
    }
    Ok(carry_out::lifted(&lifted, |_| "a host that is started now loads it".to_owned()))
}
