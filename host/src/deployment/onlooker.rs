//! Whoever wants to know what becomes of changes: `host dev`, which shows it in browsers.

use crate::spec::Spec;
use std::path::Path;

/// Is told of changes. Whatever it does takes a moment at most.
pub trait Onlooker: Send + Sync {
    /// A table was published, of that spec.
    fn published(&self, spec: &Spec);

    /// What changed on disk was not taken over: why.
    fn refused(&self, changed: &Path, why: &str);

    /// What changed on disk was taken over, or needed not to be.
    fn taken(&self, changed: &Path);
}

/// Nobody looks.
pub struct NoOnlooker;

impl Onlooker for NoOnlooker {
    fn published(&self, _: &Spec) {}

    fn refused(&self, _: &Path, _: &str) {}

    fn taken(&self, _: &Path) {}
}
