//! From a file, a text or a target to a spec.

use std::io;
use std::path::{Path, PathBuf};

use super::at::{At, Located};
use super::expand::{self, Env, Scope};
use super::section::Places;
use super::tree;
use super::{
    AppSpec, Bind, Count, HealthSpec, Limits, LogSpec, MountSpec, ProcessSpec, ServerSpec, Set, Spec,
    SpecFile, SupervisorSpec, SwapSpec, Timeouts, read,
};
use crate::error::Error;
use crate::library::Digest;
use crate::suggest;
use crate::target::Target;

/// A folder with more files than this is not searched for the one that was meant.
const FOLDER_FILES_MAX: usize = 1000;

impl Spec {
    /// Reads and checks a file; references see the environment of the process.
    ///
    /// # Errors
    /// The file cannot be read, or it is no valid spec: the error starts with `file:line:column:`.
    pub fn load(path: &Path, overrides: &[Set]) -> Result<Self, Error> {
        let bytes = expand::read_bytes(path).map_err(|error| unreadable(path, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(&path.display().to_string(), &error))?;
        Self::of_text(path, text, overrides)
    }

    /// The same of what was in the file at another time.
    ///
    /// # Errors
    /// It is no valid spec.
    pub fn of_text(path: &Path, text: String, overrides: &[Set]) -> Result<Self, Error> {
        let file = path.display().to_string();
        let digest = Digest::of(text.as_bytes());
        let base = path.parent().unwrap_or(Path::new(""));
        let spec = Self::parse(&text, &file, base, &|name| std::env::var(name).ok(), overrides)?;
        Ok(Self { file: Some(SpecFile { path: path.into(), digest, text: text.into() }), ..spec })
    }

    /// Checks a text; `file` names it in errors, relative paths start from `base`, `env` finds variables.
    ///
    /// ```
    /// # use {std::path::Path, host::spec::Spec};
    /// let text = "spec = 1\n[app]\nname = 'shop'\n[[plugin]]\npath = 'libshop.so'\n";
    /// let spec = Spec::parse(text, "app.toml", Path::new("/srv"), &|_| None, &[]).unwrap();
    /// assert_eq!(spec.plugins.len(), 1);
    /// ```
    ///
    /// # Errors
    /// It is no valid spec: the error starts with `file:line:column:`, or with `--set` for a bad override.
    pub fn parse(
        text: &str,
        file: &str,
        base: &Path,
        env: Env<'_>,
        overrides: &[Set],
    ) -> Result<Self, Error> {
        let mut root = tree::parse(text, &At::start_of(file, text))?;
        overrides.iter().try_for_each(|set| set.apply(&mut root))?;
        read::version(&root)?;
        Scope { env, base }.expand(&mut root)?;
        read::spec(&root, base)
    }

    /// The spec that `--app TARGET` means: defaults, and the target at `/`. Paths start from the current folder.
    pub fn for_target(target: Target) -> Self {
        let at = At::flag(format!("--app {target}"));
        let name = read::app_name(Path::new(&target.library));
        let here = Located::new("/".into(), at.clone());
        Self {
            file: None,
            base: PathBuf::new(),
            app: AppSpec { name: Located::new(name, at.clone()), debug: false },
            server: ServerSpec::default(),
            plugins: Vec::new(),
            mounts: vec![MountSpec {
                at: here,
                hosts: vec![],
                target: Located::new(target, at),
                skip: vec![],
            }],
            middleware: Vec::new(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            swap: SwapSpec::default(),
            supervisor: SupervisorSpec::default(),
            log: LogSpec::default(),
            health: HealthSpec::default(),
            process: ProcessSpec::default(),
        }
    }
}

impl Default for ServerSpec {
    fn default() -> Self {
        Self {
            name: None,
            bind: vec![Located::new(Bind::default(), At::default_value())],
            workers: Count::Auto,
            threads: Count::Auto,
            options: toml::Table::new(),
            options_at: Places::none("[server.options]", At::default_value()),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let message = format!("cannot read `{}`: {}", path.display(), expand::cause(error));
    match similar(path).filter(|_| error.kind() == io::ErrorKind::NotFound) {
        Some(hint) => Error::spec(message).help(hint),
        None => Error::spec(message),
    }
}

/// The spec in the same folder that was probably meant, else those that there are.
fn similar(path: &Path) -> Option<String> {
    let folder = path.parent()?;
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let files = std::fs::read_dir(here).ok()?.take(FOLDER_FILES_MAX).flatten();
    let mut names: Vec<String> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
    names.retain(|name| name.ends_with(".toml"));
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wanted = path.file_name()?.to_str()?;
    match suggest::nearest(wanted, &names) {
        Some(near) => Some(format!("did you mean `{}`?", folder.join(near).display())),
        None if names.is_empty() => None,
        None => Some(format!("in this folder: {}", suggest::sorted(wanted, &names).join(", "))),
    }
}

fn not_utf8(file: &str, error: &std::string::FromUtf8Error) -> Error {
    let start = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes()); // the text before `start` is the same in both
    At::start_of(file, text).span(start..start + 1).error_hint("this is not UTF-8", "save the file as UTF-8")
}
