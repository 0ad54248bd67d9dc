//! Libraries that are not to run any more, because they crashed their worker too often. The supervisor decides which these are
//! (`supervisor/quarantine`); a worker refuses them before anything of them runs.

use crate::deployment::Published;
use crate::error::Error;
use crate::library::Digest;
use crate::suggest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// So much of a digest is enough to tell two apart.
const DIGEST_CHARS: usize = 12;

/// A library that is not to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The plugin that it was.
    pub plugin: String,
    /// The version in its manifest.
    pub version: String,
    /// The last generation of the plugin that ran it.
    pub number: u64,
    /// Of its bytes, in hexadecimal: this is what is banned, wherever it comes from.
    pub digest: String,
    /// The file that it came from.
    pub file: PathBuf,
    /// Since when.
    pub since: jiff::Timestamp,
    /// What it did: `crashed its worker 3 times within 1m, the last time with SIGSEGV in GET /boom`.
    pub why: String,
    /// What is served in its place; none: the plugin is optional, and the app is served without it.
    pub instead: Option<Published>,
}

impl Ban {
    /// The beginning of its digest.
    pub fn short_digest(&self) -> &str {
        self.digest.get(..DIGEST_CHARS).unwrap_or(&self.digest)
    }

    /// Whether this is meant: by the name of its plugin, or the beginning of its digest, as far as it is shown.
    pub fn is_named(&self, name: &str) -> bool {
        self.plugin == name || name.len() >= DIGEST_CHARS && self.digest.starts_with(name)
    }
}

/// `shop 1.1 (ba7816bf8f01)`.
impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.plugin, self.version, self.short_digest())
    }
}

/// Those that a word of a command means; `all` means all.
///
/// # Errors
/// None.
pub(crate) fn named<'a>(bans: &'a [Ban], name: &str) -> Result<Vec<&'a Ban>, Error> {
    let named: Vec<&Ban> = bans.iter().filter(|ban| name == "all" || ban.is_named(name)).collect();
    if !named.is_empty() || name == "all" {
        return Ok(named);
    }
    let mut known: Vec<&str> = bans.iter().map(|ban| ban.plugin.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    let error = Error::usage(format!("`{name}` is not in quarantine"));
    Err(match suggest::sorted(name, &known) {
        known if known.is_empty() => error.help("nothing is"),
        known => error.help(format!("there are: {}", known.join(", "))),
    })
}

/// What a worker refuses. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Bans(Arc<RwLock<Vec<Ban>>>);

impl Bans {
    /// What is banned from now on, instead of what was.
    pub fn set(&self, bans: Vec<Ban>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = bans;
    }

    /// All of them.
    pub fn all(&self) -> Vec<Ban> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a library may run.
    ///
    /// # Errors
    /// It may not.
    pub fn check(&self, file: &Path, digest: Digest) -> Result<(), Error> {
        let digest = digest.to_string();
        let bans = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match bans.iter().find(|ban| ban.digest == digest) {
            Some(ban) => Err(refusal(file, ban)),
            None => Ok(()),
        }
    }
}

fn refusal(file: &Path, ban: &Ban) -> Error {
    let (file, short, plugin) = (file.display(), ban.short_digest(), &ban.plugin);
    let error = Error::spec(format!("{file}: {short} is in quarantine: it {}", ban.why));
    let error = error.help("a build without the fault has another digest, and is taken at once");
    error.help(format!(
        "`host ctl quarantine lift {plugin}` lets this one run again; with --app FILE also while no host runs"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(plugin: &str, digest: &Digest) -> Ban {
        Ban {
            plugin: plugin.to_owned(),
            version: "1.1".to_owned(),
            number: 2,
            digest: digest.to_string(),
            file: "libshop.so".into(),
            since: jiff::Timestamp::UNIX_EPOCH,
            why: "crashed its worker 3 times within 1m".to_owned(),
            instead: None,
        }
    }

    #[test]
    fn what_is_banned_is_refused_by_its_bytes_and_the_error_tells_the_cure() {
        let (bad, good) = (Digest::of(b"bad"), Digest::of(b"good"));
        let bans = Bans::default();
        let file = Path::new("/srv/other-name.so");
        assert_eq!(bans.check(file, bad), Ok(()));
        bans.clone().set(vec![ban("shop", &bad)]);
        assert_eq!(bans.check(file, good), Ok(()));
        let error = bans.check(file, bad).expect_err("it is banned");
        let short = &bad.to_string()[..12];
        let want =
            format!("/srv/other-name.so: {short} is in quarantine: it crashed its worker 3 times within 1m");
        assert_eq!((error.message(), error.exit().code()), (want.as_str(), 78));
        assert!(error.helps()[1].starts_with("`host ctl quarantine lift shop` lets"), "{error}");
        bans.set(Vec::new());
        assert_eq!(bans.check(file, bad), Ok(()));
    }

    #[test]
    fn one_is_named_by_its_plugin_or_its_digest() {
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        let bans = [ban("shop", &one), ban("blog", &other), ban("shop", &other)];
        let names = |name: &str| named(&bans, name).map(|found| found.len());
        assert_eq!((names("shop"), names("blog"), names("all")), (Ok(2), Ok(1), Ok(3)));
        assert_eq!(names(&one.to_string()[..12]), Ok(1));
        assert_eq!(names(&one.to_string()), Ok(1));
        let error = named(&bans, "shpo").expect_err("no such one");
        assert_eq!(error.to_string(), "`shpo` is not in quarantine\nhelp: there are: shop, blog");
        assert_eq!(named(&[], "all"), Ok(Vec::new()));
        assert!(named(&bans, &one.to_string()[..6]).is_err(), "too short to be sure");
    }
}
