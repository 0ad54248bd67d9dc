//! The list on disk, and the libraries that are served in the place of those on it.
//!
//! ```text
//! STATE/quarantine.json       the list
//! STATE/instead/DIGEST.so     what is served instead
//! ```
//! Several hosts may have one folder, and a command may change it while none runs: each change reads the list, changes it and puts
//! it back whole, under a lock.

use super::place;
use crate::deployment::Published;
use crate::error::Error;
use crate::library::Sealed;
use crate::quarantine::Ban;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const LIST: &str = "quarantine.json";
const LOCK: &str = "quarantine.lock";
const COPIES: &str = "instead";
/// What a list that cannot be read is called from then on.
const BROKEN: &str = "quarantine.json.broken";
/// The version of the list.
const VERSION: u32 = 1;

/// A folder with a list.
#[derive(Clone, Debug)]
pub(super) struct Store(pub(super) PathBuf);

#[derive(Serialize, Deserialize)]
struct List {
    version: u32,
    quarantine: Vec<Ban>,
}

/// A change of the list.
pub(super) enum Change {
    /// More, each with the library that is served instead, if there is one.
    Add(Vec<(Ban, Option<File>)>),
    /// These digests, no more.
    Remove(Vec<String>),
}

impl Store {
    /// The list; empty, if there is none.
    ///
    /// # Errors
    /// It cannot be read, or is none, or is anybody's.
    pub(super) fn read(&self) -> Result<Vec<Ban>, Error> {
        place::check(&self.0)?;
        let file = self.0.join(LIST);
        let fail = |cause: &dyn std::fmt::Display| {
            Error::failed(format!("{}: cannot read what is in quarantine: {cause}", file.display()))
        };
        let text = match std::fs::read(&file) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(|cause| fail(&cause))?,
        };
        let list: List = serde_json::from_slice(&text).map_err(|cause| fail(&cause))?;
        match list.version {
            VERSION => Ok(list.quarantine),
            other => Err(fail(&format!("version {other}, and this host knows {VERSION}"))),
        }
    }

    /// Changes the list; what it is then.
    ///
    /// # Errors
    /// The disk is full, say. Nothing has changed.
    pub(super) fn change(&self, change: Change) -> Result<Vec<Ban>, Error> {
        place::make(&self.0)?;
        place::check(&self.0)?;
        let fail = |cause: std::io::Error| {
            let folder = self.0.display();
            Error::failed(format!("{folder}: cannot write down what is in quarantine: {cause}"))
        };
        let lock = File::create(self.0.join(LOCK)).map_err(fail)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|cause| fail(cause.into()))?;
        let mut list = self.read().or_else(|_| self.set_aside()).map_err(fail)?;
        match change {
            Change::Add(bans) => {
                for (ban, copy) in bans {
                    list.retain(|known| (&known.plugin, &known.digest) != (&ban.plugin, &ban.digest));
                    if let Some((instead, copy)) = ban.instead.as_ref().zip(copy.as_ref()) {
                        self.keep(instead, copy)?;
                    }
                    list.push(ban);
                }
            }
            Change::Remove(digests) => list.retain(|known| !digests.contains(&known.digest)),
        }
        let text = serde_json::to_vec_pretty(&List { version: VERSION, quarantine: list.clone() });
        let text = text.map_err(|cause| fail(cause.into()))?;
        self.put(Path::new(LIST), &text).map_err(fail)?;
        self.remove_copies(&list);
        Ok(list)
    }

    /// What is served instead of the ones on the list, as far as it is there and is what it was.
    pub(super) fn copies(&self, list: &[Ban]) -> Vec<(Published, File)> {
        let instead = list.iter().filter_map(|ban| ban.instead.clone());
        let found = instead.map(|published| (self.copy(&published), published));
        found.filter_map(|(copy, published)| Some((published, copy?))).collect()
    }

    /// Sealed, as everything is that runs.
    fn copy(&self, published: &Published) -> Option<File> {
        let sealed = Sealed::copy(&self.path_of(&published.digest)).and_then(|sealed| {
            let is_it = sealed.digest().to_string() == published.digest;
            if is_it { Ok(sealed) } else { Err(Error::failed("its bytes have changed")) }
        });
        let copy = sealed
            .and_then(|sealed| sealed.file().try_clone().map_err(|cause| Error::failed(cause.to_string())));
        copy.inspect_err(|error| tracing::warn!("{published} is lost: {error}")).ok()
    }

    fn path_of(&self, digest: &str) -> PathBuf {
        self.0.join(COPIES).join(format!("{digest}.so"))
    }

    fn keep(&self, instead: &Published, copy: &File) -> Result<(), Error> {
        let fail = |cause: std::io::Error| Error::failed(format!("cannot keep {instead}: {cause}"));
        let sealed = Sealed::handed(&instead.path, copy.try_clone().map_err(fail)?)?;
        // The digest names the file, and a worker has said it, which may not be who it was: no other name than the bytes have.
        if sealed.digest().to_string() != instead.digest {
            let error = format!("cannot keep {instead}: its bytes have the digest {}", sealed.digest());
            return Err(Error::failed(error));
        }
        let path = self.path_of(&instead.digest);
        if path.exists() {
            return Ok(());
        }
        place::make(&self.0.join(COPIES))?;
        self.put(&path, &sealed.bytes()?).map_err(fail)
    }

    /// A file is there whole or not at all, also after a crash of the machine.
    fn put(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let path = self.0.join(path);
        let folder = path.parent().unwrap_or(&self.0);
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(bytes)?;
        new.as_file().sync_all()?;
        new.persist(&path)?;
        File::open(folder)?.sync_all()
    }

    /// A list that cannot be read is nobody's to throw away.
    fn set_aside(&self) -> std::io::Result<Vec<Ban>> {
        std::fs::rename(self.0.join(LIST), self.0.join(BROKEN))?;
        Ok(Vec::new())
    }

    /// Those that no entry of the list needs any more.
    fn remove_copies(&self, list: &[Ban]) {
        let needed = |path: &Path| {
            let mut instead = list.iter().filter_map(|ban| ban.instead.as_ref());
            instead.any(|published| self.path_of(&published.digest) == path)
        };
        let files = std::fs::read_dir(self.0.join(COPIES)).into_iter().flatten().flatten();
        for file in files.map(|file| file.path()).filter(|path| !needed(path)) {
            let _ = std::fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Standing;
    use crate::library::Digest;

    /// A library that was bad, and one that is served instead.
    fn ban(plugin: &str, bad: &str, good: &[u8]) -> (Ban, Option<File>) {
        let text = str::to_owned;
        let copy = tempfile::tempfile().expect("a file");
        (&copy).write_all(good).expect("room");
        let instead = Published {
            plugin: text(plugin),
            number: 1,
            version: text("1.0"),
            path: "/srv/libshop.so".into(),
            source: text("path /srv/libshop.so"),
            digest: Digest::of(good).to_string(),
            config_json: text("{}"),
            standing: Standing::Kept,
            by_name: None,
        };
        let ban = Ban {
            plugin: text(plugin),
            version: text("1.1"),
            number: 2,
            digest: text(bad),
            file: "/srv/libshop.so".into(),
            since: jiff::Timestamp::UNIX_EPOCH,
            why: text("crashed its worker"),
            instead: Some(instead),
        };
        (ban, Some(copy))
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store(folder.path().join("state/shop"));
        (folder, store)
    }

    fn copies(store: &Store) -> Vec<Vec<u8>> {
        let list = store.read().expect("a list");
        let read = |copy: File| Sealed::handed(Path::new("x"), copy).and_then(|copy| copy.bytes());
        store.copies(&list).into_iter().map(|(_, copy)| read(copy).expect("bytes")).collect()
    }

    #[test]
    fn a_copy_is_kept_by_the_digest_that_it_has_and_by_no_other_name() {
        let (folder, store) = store();
        let (mut bad, copy) = ban("shop", "aa", b"shop 1");
        for name in ["../../escaped", "/tmp/escaped", "", &Digest::of(b"shop 2").to_string()] {
            name.clone_into(&mut bad.instead.as_mut().expect("one").digest);
            let error = store.change(Change::Add(vec![(bad.clone(), copy.as_ref().map(again))]));
            let error = error.expect_err("it is another one");
            assert!(error.message().contains(": its bytes have the digest "), "{error}");
            assert_eq!(store.read(), Ok(Vec::new()), "nothing has changed");
        }
        assert!(!folder.path().join("escaped.so").exists());
    }

    fn again(copy: &File) -> File {
        copy.try_clone().expect("a descriptor")
    }

    /// What another program, a bad disk or a crash of the machine has made of it.
    #[test]
    fn a_list_that_was_cut_or_changed_anywhere_is_read_or_refused() {
        let (_folder, store) = store();
        store.change(Change::Add(vec![ban("shop", "aa", b"shop 1")])).expect("room");
        let (file, mut refused) = (store.0.join(LIST), 0);
        let whole = std::fs::read(&file).expect("a list");
        let mut check = |bytes: &[u8]| {
            std::fs::write(&file, bytes).expect("room");
            match store.read() {
                Ok(list) => drop(store.copies(&list)),
                Err(error) => {
                    assert!(error.message().contains(": cannot read what is in quarantine: "), "{error}");
                    refused += 1;
                }
            }
        };
        for at in 0..whole.len() {
            check(&whole[..at]);
            for new in [b'"', b'\\', b'{', b'9', b'-', 0, 0xff] {
                let mut changed = whole.clone();
                changed[at] = new;
                check(&changed);
            }
        }
        check("[".repeat(100_000).as_bytes());
        assert!(refused > whole.len(), "{refused}");
        // Whatever it was, the next change begins a new one.
        let list = store.change(Change::Add(vec![ban("blog", "bb", b"blog 1")])).expect("room");
        assert_eq!(list.len(), 1);
    }

    #[test]
    fn what_is_written_down_is_there_again_with_what_is_served_instead() {
        let (_folder, store) = store();
        assert_eq!(store.read(), Ok(Vec::new()), "nothing was made so far");
        let (shop, blog) = (ban("shop", "aa", b"shop 1"), ban("blog", "bb", b"blog 1"));
        let want = vec![shop.0.clone(), blog.0.clone()];
        store.change(Change::Add(vec![shop])).expect("room");
        assert_eq!(store.change(Change::Add(vec![blog])), Ok(want.clone()));
        assert_eq!(store.read(), Ok(want));
        assert_eq!(copies(&store), [b"shop 1", b"blog 1"]);
        // Once more is not twice.
        store.change(Change::Add(vec![ban("shop", "aa", b"shop 1")])).expect("room");
        assert_eq!(copies(&store), [b"blog 1", b"shop 1"]);
        store.change(Change::Remove(vec!["aa".to_owned()])).expect("room");
        assert_eq!(copies(&store), [b"blog 1"]);
        let left = std::fs::read_dir(store.0.join(COPIES)).expect("a folder").count();
        assert_eq!(left, 1, "what nobody needs takes no room");
    }

    #[test]
    fn a_copy_that_is_not_what_it_was_is_lost_and_no_more() {
        let (_folder, store) = store();
        store.change(Change::Add(vec![ban("shop", "aa", b"shop 1")])).expect("room");
        let list = store.read().expect("a list");
        let digest = &list[0].instead.as_ref().expect("a generation").digest;
        std::fs::write(store.path_of(digest), b"shop X").expect("our own file");
        assert_eq!((store.copies(&list).len(), list.len()), (0, 1));
        std::fs::remove_file(store.path_of(digest)).expect("our own file");
        assert_eq!(store.copies(&list).len(), 0);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_said_and_set_aside() {
        for (text, why) in
            [("", "EOF"), ("{\"version\":9,\"quarantine\":[]}", "version 9, and this host knows 1")]
        {
            let (_folder, store) = store();
            place::make(&store.0).expect("a folder");
            std::fs::write(store.0.join(LIST), text).expect("our own file");
            let error = store.read().expect_err("no list");
            assert!(
                error.message().contains("quarantine.json: cannot read what is in quarantine: "),
                "{error}"
            );
            assert!(error.message().contains(why), "{error}");
            let list = store.change(Change::Add(vec![ban("shop", "aa", b"shop 1")])).expect("room");
            assert_eq!(list.len(), 1);
            assert_eq!(std::fs::read_to_string(store.0.join(BROKEN)).expect("it is kept"), text);
        }
    }
}
