//! What a manifest may not say, although its types are right.

use super::Manifest;
use crate::error::Error;
use crate::suggest;
use std::path::{Path, PathBuf};

/// Checks in the order of the keys; the first that fails is the error, which does not name the file.
pub(super) fn check(manifest: &Manifest) -> Result<(), Error> {
    check_id(&manifest.id)?;
    check_accepts(&manifest.state_accepts)?;
    check_watch(&manifest.watch)?;
    let apps: Vec<&str> = manifest.apps.iter().map(|app| app.name.as_str()).collect();
    let middleware: Vec<&str> = manifest.middleware.iter().map(|one| one.name.as_str()).collect();
    check_names("app", &apps)?;
    check_names("middleware", &middleware)?;
    for route in &manifest.routes {
        check_app(&format!("route {} `{}`", route.method, route.rule), &route.app, &apps)?;
    }
    for error in &manifest.errors {
        let place = format!("error {}", error.status);
        check_status(&place, error.status)?;
        check_app(&place, &error.app, &apps)?;
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), Error> {
    let mut chars = id.chars();
    let first = chars.next().is_some_and(|char| char.is_ascii_alphabetic());
    if first && chars.all(|char| char.is_ascii_alphanumeric() || "_-".contains(char)) {
        return Ok(());
    }
    Err(Error::spec(format!("manifest: key `id`: `{id}` is not an id"))
        .help("an id is a letter, then letters, digits, `_` and `-`"))
}

fn check_accepts(accepts: &[u32]) -> Result<(), Error> {
    match (1..accepts.len()).find(|index| accepts[..*index].contains(&accepts[*index])) {
        None => Ok(()),
        Some(index) => {
            let schema = accepts[index];
            Err(Error::spec(format!("manifest: key `state_accepts`: schema {schema} stands there twice")))
        }
    }
}

/// A plugin that wants more watched names the folder around it.
const WATCH_PATHS_MAX: usize = 64;

fn check_watch(paths: &[PathBuf]) -> Result<(), Error> {
    let fail = |why: String| Err(Error::spec(format!("manifest: key `watch`: {why}")));
    if paths.len() > WATCH_PATHS_MAX {
        return fail(format!("{} paths, at most {WATCH_PATHS_MAX} are watched", paths.len()))
            .map_err(|error| error.help("name the folder that they are in"));
    }
    match paths.iter().position(|path| path.as_os_str().is_empty() || has_nul(path)) {
        None => Ok(()),
        Some(index) => fail(format!("path {} is empty, or has a NUL", index + 1)),
    }
}

fn has_nul(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().contains(&0)
}

fn check_names(what: &str, names: &[&str]) -> Result<(), Error> {
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(Error::spec(format!("manifest: {what} {}: key `name`: it is empty", index + 1)));
        }
        if names[..index].contains(name) {
            let error = Error::spec(format!("manifest: two of [[{what}]] have the name `{name}`"));
            return Err(error.help("give one of them another name"));
        }
    }
    Ok(())
}

fn check_app(place: &str, app: &str, apps: &[&str]) -> Result<(), Error> {
    if app.is_empty() || apps.contains(&app) {
        return Ok(());
    }
    let error = Error::spec(format!("manifest: {place}: key `app`: no app `{app}` in this manifest"));
    Err(match apps {
        [] => error.help(format!("declare it: `[[app]]` with `name = \"{app}\"`")),
        known => error.help(suggest::hint(app, known)),
    })
}

fn check_status(place: &str, status: u16) -> Result<(), Error> {
    match status {
        100..=599 => Ok(()),
        _ => {
            Err(Error::spec(format!("manifest: {place}: key `status`: {status} is not a status, 100 to 599")))
        }
    }
}
