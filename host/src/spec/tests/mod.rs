//! Tests of the whole way from text to [`Spec`].

mod accepted;
mod mutated;
mod references;
mod refused;

use std::path::Path;

use super::*;
use crate::error::Error;

/// Every key there is.
const FULL: &str = include_str!("full.toml");
/// The smallest spec.
const SMALLEST: &str = "spec = 1\n[app]\n[[plugin]]\npath = 'libshop.so'\n";

fn env(name: &str) -> Option<String> {
    let known = [("NAME", "env-shop"), ("EMPTY", ""), ("N", "4"), ("REFERENCE", "${NAME}")];
    known.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

fn parse_with(text: &str, sets: &[&str]) -> Result<Spec, Error> {
    let sets = sets.iter().map(|set| set.parse()).collect::<Result<Vec<Set>, Error>>()?;
    Spec::parse(text, "shop/app.toml", Path::new("shop"), &env, &sets)
}

fn parse(text: &str) -> Result<Spec, Error> {
    parse_with(text, &[])
}

fn accepted(text: &str) -> Spec {
    parse(text).unwrap_or_else(|error| panic!("refused:\n{text}\n{error}"))
}

fn refused(text: &str) -> Error {
    parse(text).err().unwrap_or_else(|| panic!("accepted:\n{text}"))
}
