//! Where libraries come from: the plugins of the spec by name, files by path, and the search path.

use super::open::Identity;
use super::{Numbers, open};
use crate::deadline::Progress;
use crate::error::Error;
use crate::generation::Generation;
use crate::run_handle::RunHandle;
use crate::suggest;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the libraries of one spec come from. A declared plugin has one generation, shared by all the targets that name it;
/// a library that a target names by its path or finds on the search path is an instance of its own for each load.
#[derive(Default)]
pub struct Sources {
    declared: Vec<Arc<Generation>>,
    base: PathBuf,
    search: Vec<PathBuf>,
    numbers: Arc<Numbers>,
}

impl Sources {
    /// The declared plugins of a spec, the folder that paths start from, and those where `lib<name>.so` is looked for.
    pub(crate) fn new(
        declared: Vec<Arc<Generation>>,
        base: PathBuf,
        search: Vec<PathBuf>,
        numbers: Arc<Numbers>,
    ) -> Self {
        Self { declared, base, search, numbers }
    }

    /// The generation for the library part of a target.
    pub(crate) fn generation(
        &self,
        library: &str,
        run: &RunHandle,
        progress: &Progress,
    ) -> Result<Arc<Generation>, Error> {
        if let Some(declared) = self.declared.iter().find(|declared| declared.name() == library) {
            return Ok(declared.clone());
        }
        let opened = open::seal(&self.find(library)?)?;
        let name = opened.manifest.id.clone();
        let number = self.numbers.next(&name);
        let (source, config_json) = (String::new(), "{}".to_owned());
        let identity = Identity { name, number, source, config_json, is_optional: false };
        let generation = open::create(opened, identity, run.clone(), progress)?;
        if run.starts_plugins() {
            generation.start(progress)?;
        }
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
        let known: Vec<&str> = self.declared.iter().map(|declared| declared.name()).collect();
        let error = match suggest::sorted(library, &known) {
            known if known.is_empty() => error,
            known => error.help(format!("plugins of the spec: {}", known.join(", "))),
        };
        let searched: Vec<String> = self.search.iter().map(|folder| folder.display().to_string()).collect();
        error.help(format!("searched: {}", searched.join(", ")))
    }
}
