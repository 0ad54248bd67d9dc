//! The crates that are built, and which of them a change belongs to.

use crate::cargo_build::{Cargo, Package, Profile, Sources, reason_to_build, shown};
use crate::watch::Watched;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A crate that is built when its sources change.
#[derive(Debug)]
pub(super) struct Crate {
    /// As the spec has it.
    pub(super) folder: PathBuf,
    /// The one in its manifest, as far as that can be read.
    pub(super) name: String,
    pub(super) is_failing: bool,
    /// How often in a row a build of it was given up.
    pub(super) given_up: u32,
    sources: Sources,
    /// The folders of the packages that its builds named.
    packages: BTreeSet<PathBuf>,
}

impl Crate {
    pub(super) fn new(folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (sources, packages) = (Sources::of_folder(&folder), BTreeSet::new());
        Self { folder, name, is_failing: false, given_up: 0, sources, packages }
    }

    /// Looks again what it is made of; `packages` were named by its last build. Answers whether that is anything else now.
    pub(super) fn find_sources(
        &mut self,
        package: &Package,
        profile: Profile,
        packages: &BTreeSet<PathBuf>,
    ) -> bool {
        self.name.clone_from(&package.name);
        self.packages.extend(packages.iter().cloned());
        let sources = Sources::of(package, profile, &self.packages);
        let is_other = sources != self.sources;
        self.sources = sources;
        is_other
    }

    /// Why it has to be built at the beginning, if it has.
    pub(super) fn reason_to_build(&self, cargo: &Cargo, profile: Profile) -> Option<String> {
        match Package::read(&self.folder, &cargo.places) {
            Ok(package) => reason_to_build(&package, &package.library(profile)),
            // The build will say why not.
            Err(_) => Some("it was not looked at yet".into()),
        }
    }

    /// Whether it is made of something that is watched by that path.
    pub(super) fn is_made_of(&self, watched: &Path) -> bool {
        self.sources.folders.contains(watched) || self.sources.files.contains(watched)
    }

    /// A changed file for people.
    pub(super) fn shown(&self, cargo: &Cargo, file: &Path) -> String {
        let package = Package::read(&self.folder, &cargo.places);
        package.map_or_else(|_| file.display().to_string(), |package| shown(&package, file))
    }
}

/// What to watch for all of them: crates of one workspace have most of it in common.
pub(super) fn watched(crates: &[Crate]) -> Vec<Watched<()>> {
    let mut without: BTreeMap<&PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for one in crates {
        for path in one.sources.folders.iter().chain(&one.sources.files) {
            without.entry(path).or_default().extend(one.sources.without.iter().cloned());
        }
    }
    without.into_iter().map(|(path, without)| Watched::data((), path).without(without)).collect()
}
