//! `watch: ["templates"]`: paths, which are relative to the folder of the plugin's Cargo.toml.

use proc_macro2::TokenStream as Tokens;
use quote::quote_spanned;
use std::path::Path;
use syn::{Error, LitStr};

/// As many as a host watches.
const PATHS_MAX: usize = 64;

/// Paths that are there: a slip would show in nothing else but that a change is not seen.
pub(crate) fn check(paths: &[LitStr]) -> syn::Result<()> {
    if let Some(path) = paths.get(PATHS_MAX) {
        let message = format!("a host watches at most {PATHS_MAX} paths: name the folder that they are in");
        return Err(Error::new(path.span(), message));
    }
    // Set by cargo; where it is not, nothing can be said.
    let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") else { return Ok(()) };
    paths.iter().try_for_each(|path| match path.value() {
        value if value.is_empty() => Err(Error::new(path.span(), "an empty path: name a file or a folder")),
        value if is_there(Path::new(&folder), &value) => Ok(()),
        value => {
            let message = format!(
                "`{value}` is not there: a path is relative to the folder of the plugin's Cargo.toml"
            );
            Err(Error::new(path.span(), message))
        }
    })
}

/// A path from the root may be one of another machine.
fn is_there(folder: &Path, path: &str) -> bool {
    Path::new(path).is_absolute() || folder.join(path).exists()
}

/// The path as it stands in the manifest.
pub(crate) fn absolute(path: &LitStr) -> Tokens {
    if Path::new(&path.value()).is_absolute() {
        return quote_spanned!(path.span()=> #path);
    }
    quote_spanned!(path.span()=> ::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path))
}
