//! Whether a library is older than anything it was made of.

use super::package::Package;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Why cargo has to be asked; none when the library is certainly up to date.
pub(crate) fn reason_to_build(package: &Package, library: &Path) -> Option<String> {
    let Some(made) = modified(library) else { return Some("there is no library yet".into()) };
    let Some(sources) = sources(library) else { return Some("cargo did not list its sources".into()) };
    let packages = packages(package, &sources);
    if let Some(script) =
        packages.iter().map(|folder| folder.join("build.rs")).find(|script| script.is_file())
    {
        return Some(format!("{} may depend on anything", shown(package, &script)));
    }
    let manifests = packages.iter().map(|folder| folder.join("Cargo.toml"));
    let settings = [package.root.join("Cargo.toml"), package.root.join("Cargo.lock")];
    let all = sources.iter().cloned().chain(manifests).chain(settings).chain(package.configs.iter().cloned());
    newer(package, all, made, "the library")
}

/// A source that was changed since a time. What cargo itself makes in the target directory is none.
pub(crate) fn changed_since(package: &Package, library: &Path, started: SystemTime) -> Option<String> {
    let sources = sources(library)?.into_iter().filter(|source| !source.starts_with(&package.target_dir));
    newer(package, sources, started, "the start of the build")
}

fn newer(
    package: &Package,
    files: impl IntoIterator<Item = PathBuf>,
    than: SystemTime,
    what: &str,
) -> Option<String> {
    files.into_iter().find_map(|file| match modified(&file) {
        None => Some(format!("{} is gone", shown(package, &file))),
        Some(time) if time > than => Some(format!("{} is newer than {what}", shown(package, &file))),
        Some(_) => None,
    })
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|meta| meta.modified()).ok()
}

pub(crate) fn shown(package: &Package, file: &Path) -> String {
    file.strip_prefix(&package.root).unwrap_or(file).display().to_string()
}

/// The packages that the sources belong to: for each, the nearest folder above it with a `Cargo.toml`.
pub(super) fn packages(package: &Package, sources: &[PathBuf]) -> BTreeSet<PathBuf> {
    let folders: BTreeSet<&Path> = sources.iter().filter_map(|source| source.parent()).collect();
    let package_of = |folder: &Path| {
        folder.ancestors().find(|above| above.join("Cargo.toml").is_file()).map(Path::to_owned)
    };
    folders.into_iter().filter_map(package_of).chain([package.folder.clone()]).collect()
}

/// The sources of the library and of the local crates that it is made of, from cargo's file beside it. None when that cannot
/// be trusted: a relative path does not say what it is relative to.
pub(super) fn sources(library: &Path) -> Option<Vec<PathBuf>> {
    let text = std::fs::read_to_string(library.with_extension("d")).ok()?;
    let sources = dependencies(&text);
    (!sources.is_empty() && sources.iter().all(|source| source.is_absolute())).then_some(sources)
}

/// What a rule of a makefile depends on. A space in a path is written `\ `.
fn dependencies(text: &str) -> Vec<PathBuf> {
    let Some((_, list)) = text.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    let words = list.replace("\\ ", "\0");
    words.split_ascii_whitespace().map(|word| PathBuf::from(word.replace('\0', " "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_in_a_path_is_escaped() {
        let text = "/t/libx.so: /a/my\\ code/lib.rs /b.rs\n\n/a/my\\ code/lib.rs:\n";
        assert_eq!(dependencies(text), [Path::new("/a/my code/lib.rs"), Path::new("/b.rs")]);
        assert_eq!(dependencies(""), Vec::<PathBuf>::new());
    }
}
