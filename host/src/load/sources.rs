//! Where libraries come from: the plugins of the spec by name, files by path, and the search path.

use crate::deadline::Progress;
use crate::error::Error;
use crate::generation::Generation;
use crate::library::{Library, Sealed};
use crate::preflight;
use crate::run_handle::RunHandle;
use crate::suggest;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A plugin that the spec declares.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its name; what targets call it.
    pub name: String,
    /// Its library.
    pub file: PathBuf,
    /// Its configuration, a JSON object.
    pub config_json: String,
}

/// Where the libraries of one spec come from. A declared plugin is opened once, at its first use, and shared by all the
/// targets that name it; a library that a target names by its path or finds on the search path is an instance of its own
/// for each load.
#[derive(Default)]
pub struct Sources {
    declared: Vec<Declared>,
    base: PathBuf,
    search: Vec<PathBuf>,
    open: Mutex<Vec<(String, Arc<Generation>)>>,
}

impl Sources {
    /// The declared plugins of a spec, the folder that paths start from, and those where `lib<name>.so` is looked for.
    pub fn new(declared: Vec<Declared>, base: PathBuf, search: Vec<PathBuf>) -> Self {
        Self { declared, base, search, open: Mutex::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Arc<Generation>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The generation for the library part of a target.
    pub(crate) fn generation(
        &self,
        library: &str,
        control: &RunHandle,
        progress: &Progress,
    ) -> Result<Arc<Generation>, Error> {
        if let Some(declared) = self.declared.iter().find(|declared| declared.name == library) {
            return self.declared_generation(declared, control, progress);
        }
        let file = self.find(library)?;
        open(None, &file, "{}", control, progress)
    }

    fn declared_generation(
        &self,
        declared: &Declared,
        control: &RunHandle,
        progress: &Progress,
    ) -> Result<Arc<Generation>, Error> {
        if let Some((_, open)) = self.lock().iter().find(|(name, _)| *name == declared.name) {
            return Ok(open.clone());
        }
        let generation =
            open(Some(&declared.name), &declared.file, &declared.config_json, control, progress)?;
        self.lock().push((declared.name.clone(), generation.clone()));
        Ok(generation)
    }

    /// A path is a path; a bare name is looked up on the search path.
    fn find(&self, library: &str) -> Result<PathBuf, Error> {
        let path = self.base.join(library);
        if library.contains('/') || path.is_file() {
            return Ok(path);
        }
        let file = format!("lib{library}.so");
        let found = self.search.iter().map(|folder| folder.join(&file)).find(|path| path.is_file());
        found.ok_or_else(|| self.not_found(library, &file))
    }

    fn not_found(&self, library: &str, file: &str) -> Error {
        if library.ends_with(".so") {
            let error = Error::spec(format!("no library `{library}`: no plugin of that name, no such file"));
            return error.help("build the plugin first, or correct its path");
        }
        let error =
            Error::spec(format!("no library `{library}`: no plugin of that name, no such file, no `{file}`"));
        let known: Vec<&str> = self.declared.iter().map(|declared| declared.name.as_str()).collect();
        let error = match suggest::sorted(library, &known) {
            known if known.is_empty() => error,
            known => error.help(format!("plugins of the spec: {}", known.join(", "))),
        };
        let searched: Vec<String> = self.search.iter().map(|folder| folder.display().to_string()).collect();
        error.help(format!("searched: {}", searched.join(", ")))
    }
}

/// Manifest and preflight first, then a sealed copy; nothing of the plugin runs before both are accepted.
fn open(
    name: Option<&str>,
    file: &Path,
    config_json: &str,
    control: &RunHandle,
    progress: &Progress,
) -> Result<Arc<Generation>, Error> {
    let sealed = Sealed::copy(file)?;
    let manifest = preflight::accept(file, &sealed, crate::host_side::EXTENSIONS)?;
    let name = name.unwrap_or(&manifest.id).to_owned();
    progress.step(format!("plugin `{name}`: constructors of {}", file.display()));
    let library = Library::open(sealed)?;
    Generation::create(&name, file, manifest, library, config_json, control.clone(), progress)
}
