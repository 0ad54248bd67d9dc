//! What `Cargo.toml` and cargo's configuration say of a crate: its name, its workspace, and where its library goes.

use super::Profile;
use crate::error::Error;
use std::env;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A cdylib crate.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The absolute folder of its `Cargo.toml`.
    pub(crate) folder: PathBuf,
    /// The folder of its workspace's `Cargo.toml`: its own, if it is in none.
    pub(crate) root: PathBuf,
    /// Cargo's configuration files for it, the nearest first.
    pub(super) configs: Vec<PathBuf>,
    pub(super) target_dir: PathBuf,
    /// The folder in the target directory of a build for a named target.
    target: Option<String>,
    lib_name: String,
}

/// What the environment says of cargo's places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// The target directory, absolute.
    pub(super) target_dir: Option<PathBuf>,
    /// The target to build for.
    pub(super) target: Option<String>,
    /// Where cargo's last configuration file is.
    pub(super) cargo_home: Option<PathBuf>,
}

impl Places {
    pub(super) fn from_env() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let target_dir = set("CARGO_TARGET_DIR").or_else(|| set("CARGO_BUILD_TARGET_DIR"));
        let home = set("HOME").map(|home| Path::new(&home).join(".cargo"));
        Self {
            target_dir: target_dir.map(|dir| std::path::absolute(&dir).unwrap_or_else(|_| dir.into())),
            target: env::var("CARGO_BUILD_TARGET").ok().filter(|target| !target.is_empty()),
            cargo_home: set("CARGO_HOME").map(PathBuf::from).or(home),
        }
    }
}

impl Package {
    /// Reads the crate in a folder.
    pub(crate) fn read(folder: &Path, places: &Places) -> Result<Self, Error> {
        let no_crate = |what: &str| Error::spec(format!("{}: not a crate: {what}", folder.display()));
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            let error = no_crate("it has no Cargo.toml");
            return Err(error.help("name the folder of a cdylib crate, or a library file"));
        }
        let folder = folder.canonicalize().map_err(|cause| no_crate(&cause.to_string()))?;
        let table = read_toml(&manifest)?;
        let name = text_at(&table, &["package", "name"]).ok_or_else(|| {
            no_crate("its Cargo.toml has no `package.name`")
                .help("name the folder of a package, not of a workspace")
        })?;
        if !is_cdylib(&table) {
            let error = Error::spec(format!("crate `{name}` is no plugin: its library is not a cdylib"));
            return Err(
                error.help(format!("add `crate-type = [\"cdylib\"]` under [lib] in {}", manifest.display()))
            );
        }
        let lib_name =
            text_at(&table, &["lib", "name"]).map_or_else(|| name.replace('-', "_"), str::to_owned);
        let root = workspace_root(&folder, &table);
        let configs = config_files(&folder, places.cargo_home.as_deref());
        let target_dir = places.target_dir.clone().or_else(|| configured_target_dir(&configs));
        let target =
            places.target.clone().or_else(|| configured(&configs, "target").map(|(_, target)| target));
        Ok(Self {
            name: name.to_owned(),
            target_dir: target_dir.unwrap_or_else(|| root.join("target")),
            target,
            folder,
            root,
            configs,
            lib_name,
        })
    }

    /// Where cargo puts its library.
    pub(crate) fn library(&self, profile: Profile) -> PathBuf {
        let target = self
            .target
            .as_ref()
            .map_or_else(|| self.target_dir.clone(), |target| self.target_dir.join(target));
        target.join(profile.folder()).join(format!("lib{}.so", self.lib_name))
    }

    /// The lock of its workspace, which cargo writes when it has to.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("Cargo.lock")
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }
}

fn read_toml(path: &Path) -> Result<Table, Error> {
    let fail = |cause: String| Error::spec(format!("{}: cannot read it: {cause}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|cause| fail(cause.to_string()))?;
    text.parse().map_err(|cause: toml::de::Error| fail(cause.message().to_owned()))
}

fn at<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a Value> {
    let (last, path) = keys.split_last()?;
    path.iter().try_fold(table, |table, key| table.get(*key)?.as_table())?.get(*last)
}

fn text_at<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a str> {
    at(table, keys)?.as_str()
}

fn is_cdylib(manifest: &Table) -> bool {
    let types = at(manifest, &["lib", "crate-type"]).or_else(|| at(manifest, &["lib", "crate_type"]));
    let types = types.and_then(Value::as_array);
    types.is_some_and(|types| types.iter().any(|one| one.as_str() == Some("cdylib")))
}

/// The folder of the workspace, as cargo finds it: named by the package, else the nearest above that does not exclude it.
/// Whether it is a member is not asked: if it is not, cargo says so, better than we could.
fn workspace_root(folder: &Path, manifest: &Table) -> PathBuf {
    if let Some(named) = text_at(manifest, &["package", "workspace"]) {
        return folder.join(named).canonicalize().unwrap_or_else(|_| folder.join(named));
    }
    if manifest.contains_key("workspace") {
        return folder.to_owned();
    }
    let above = folder.ancestors().skip(1).find(|above| is_root_of(above, folder));
    above.unwrap_or(folder).to_owned()
}

fn is_root_of(above: &Path, folder: &Path) -> bool {
    let manifest = above.join("Cargo.toml");
    let Some(table) = manifest.is_file().then(|| read_toml(&manifest).ok()).flatten() else { return false };
    let lists = |key| {
        let paths = at(&table, &["workspace", key]).and_then(Value::as_array).into_iter().flatten();
        paths.filter_map(Value::as_str).any(|path| folder.starts_with(above.join(path)))
    };
    table.contains_key("workspace") && (lists("members") || !lists("exclude"))
}

/// Cargo's configuration files for a folder that exist, the nearest first.
fn config_files(folder: &Path, cargo_home: Option<&Path>) -> Vec<PathBuf> {
    let dot_cargo = folder.ancestors().map(|above| above.join(".cargo"));
    let folders = dot_cargo.chain(cargo_home.map(Path::to_owned));
    // If both are there, cargo reads the one without extension.
    let found = folders.filter_map(|folder| {
        let files = ["config", "config.toml"].map(|name| folder.join(name));
        files.into_iter().find(|file| file.is_file())
    });
    found.collect()
}

/// The nearest value of a key under `[build]`, and the file it is in.
fn configured(configs: &[PathBuf], key: &str) -> Option<(PathBuf, String)> {
    configs.iter().find_map(|file| {
        let value = text_at(&read_toml(file).ok()?, &["build", key])?.to_owned();
        Some((file.clone(), value))
    })
}

/// A path in a configuration file is relative to the folder that `.cargo` is in.
fn configured_target_dir(configs: &[PathBuf]) -> Option<PathBuf> {
    let (file, value) = configured(configs, "target-dir")?;
    Some(file.parent()?.parent()?.join(value))
}
