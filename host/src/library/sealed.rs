//! A copy of a library that nobody can change.

use super::{Digest, PART_BYTES};
use crate::error::Error;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fstat, memfd_create};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A larger library is refused. A debug build of a large Rust plugin has a tenth of it.
pub const LIBRARY_BYTES_MAX: u64 = 1 << 30;

/// A sealed copy of a library, in memory where the system allows it. It is gone when this is dropped and nothing maps it.
#[derive(Debug)]
pub struct Sealed {
    path: PathBuf,
    copy: File,
    bytes: u64,
    digest: Digest,
}

impl Sealed {
    /// Reads the file once, and copies and seals the bytes that were read. They are not looked at: see `preflight`.
    ///
    /// # Errors
    /// The file cannot be read or is larger than [`LIBRARY_BYTES_MAX`], or there is no place for the copy.
    pub fn copy(path: &Path) -> Result<Self, Error> {
        Self::of_bytes(path, &read(path)?)
    }

    fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let copy = in_memory(path, bytes)
            .or_else(|error| if forbidden(&error) { in_folder(bytes) } else { Err(error) });
        let copy = copy.map_err(|cause| {
            Error::failed(format!(
                "{}: cannot make a sealed copy of {} bytes: {cause}",
                path.display(),
                bytes.len()
            ))
        })?;
        Ok(Self { path: path.to_owned(), copy, bytes: bytes.len() as u64, digest: Digest::of(bytes) })
    }

    /// A copy that another process made and sealed of that file.
    ///
    /// # Errors
    /// It cannot be read back, or has become larger than [`LIBRARY_BYTES_MAX`].
    pub fn handed(path: &Path, copy: File) -> Result<Self, Error> {
        let fail = |cause: io::Error| {
            Error::failed(format!("{}: cannot read the copy that was handed over: {cause}", path.display()))
        };
        let bytes = copy.metadata().map_err(fail)?.len();
        if bytes > LIBRARY_BYTES_MAX {
            return Err(fail(io::ErrorKind::FileTooLarge.into()));
        }
        let sealed = Self { path: path.to_owned(), copy, bytes, digest: Digest::of(&[]) };
        let digest = Digest::of(&sealed.bytes()?);
        Ok(Self { digest, ..sealed })
    }

    /// Another copy of the same bytes: the loader takes the same inode for the same library.
    ///
    /// # Errors
    /// There is no place for it.
    pub fn again(&self) -> Result<Self, Error> {
        Self::of_bytes(&self.path, &self.bytes()?)
    }

    /// The file of the copy, for another process.
    pub fn file(&self) -> &File {
        &self.copy
    }

    /// The file that the user wrote; the copy has no name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The digest of the copy.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The size of the copy.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether the file was empty.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The copy's bytes, for the preflight: these are the ones that would run.
    ///
    /// # Errors
    /// The copy cannot be read back.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; self.bytes as usize];
        let parts = (0..).step_by(PART_BYTES).zip(bytes.chunks_mut(PART_BYTES));
        let read = parts.map(|(at, part)| {
            std::thread::yield_now();
            self.copy.read_exact_at(part, at)
        });
        read.collect::<io::Result<()>>().map_err(|cause| {
            Error::failed(format!("{}: cannot read its sealed copy: {cause}", self.path.display()))
        })?;
        Ok(bytes)
    }

    /// Where the loader finds the copy. Another file may get the same name once this is dropped, and the loader takes an
    /// equal name for the same library: so this must live as long as the library is mapped.
    pub(super) fn loader_path(&self) -> String {
        format!("/proc/self/fd/{}", self.copy.as_raw_fd())
    }

    /// Where this process maps the copy; none: nowhere.
    pub(super) fn mapped(&self) -> io::Result<Option<Range<u64>>> {
        let inode = fstat(&self.copy)?.st_ino;
        let name = std::fs::read_link(self.loader_path())?;
        Ok(range_of(&std::fs::read_to_string("/proc/self/maps")?, inode, &name.to_string_lossy()))
    }
}

/// The addresses of a file in a map of a process, whose lines are `from-to perms offset device inode path`. A file of another
/// device may have the same inode, but then it has another path. (The device itself is no help: of some file systems a map shows
/// another one than `stat`.)
fn range_of(maps: &str, inode: u64, name: &str) -> Option<Range<u64>> {
    let inode = inode.to_string();
    let is_of_file =
        |line: &&str| line.split_ascii_whitespace().nth(4) == Some(&inode) && line.ends_with(name);
    let parts = maps.lines().filter(is_of_file);
    let parts = parts.filter_map(|line| addresses(line.split_ascii_whitespace().next()?));
    parts.reduce(|whole, part| whole.start.min(part.start)..whole.end.max(part.end))
}

/// `7f00-7f08`.
fn addresses(range: &str) -> Option<Range<u64>> {
    let (from, to) = range.split_once('-')?;
    Some(u64::from_str_radix(from, 16).ok()?..u64::from_str_radix(to, 16).ok()?)
}

/// Reads a library, within its limit.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let fail = |cause: io::Error| {
        let why =
            if cause.kind() == io::ErrorKind::NotFound { "no such file".into() } else { cause.to_string() };
        Error::spec(format!("{}: cannot read the library: {why}", path.display()))
    };
    // A FIFO would block the open, a device the read.
    let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path);
    let file = file.map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => fail(cause).help("build the plugin first, or correct its path"),
        _ => fail(cause),
    })?;
    let meta = file.metadata().map_err(fail)?;
    if !meta.is_file() {
        let what = if meta.is_dir() { "it is a folder" } else { "it is no regular file" };
        return Err(Error::spec(format!("{}: cannot read the library: {what}", path.display())));
    }
    if meta.len() > LIBRARY_BYTES_MAX {
        let (size, max) = (meta.len(), LIBRARY_BYTES_MAX);
        let error =
            Error::spec(format!("{}: cannot read the library: {size} bytes, at most {max}", path.display()));
        return Err(error.help("strip it of its debug information: `strip --strip-debug`"));
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize + 1);
    file.take(LIBRARY_BYTES_MAX).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// The system, or a policy of it, has no memory files for us (`vm.memfd_noexec`, seccomp, SELinux).
fn forbidden(error: &io::Error) -> bool {
    let errnos = [Errno::NOSYS, Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::OPNOTSUPP];
    errnos.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn in_memory(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().filter(|char| *char != '\0').take(NAME_CHARS_MAX).collect();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = match memfd_create(&*name, flags | MemfdFlags::EXEC) {
        // Kernels before 6.3 do not know the flag, and do not need it.
        Err(Errno::INVAL) => memfd_create(&*name, flags)?,
        other => other?,
    };
    let mut copy = File::from(memory);
    for part in bytes.chunks(PART_BYTES) {
        copy.write_all(part)?;
        std::thread::yield_now();
    }
    seal(&copy)?;
    Ok(copy)
}

/// How often to try to seal a copy.
const SEAL_TRIES: usize = 20;

/// While the kernel itself holds a page of it, as it does when it moves pages, a file is busy.
fn seal(copy: &File) -> io::Result<()> {
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    let mut tries = 1;
    loop {
        match fcntl_add_seals(copy, seals) {
            Err(Errno::BUSY) if tries < SEAL_TRIES => std::thread::yield_now(),
            sealed => return Ok(sealed?),
        }
        tries += 1;
    }
}

/// The name of a memory file has 249 bytes at most, and a character up to four.
const NAME_CHARS_MAX: usize = 60;

/// A file in a private folder; both have no name any more when this answers, and the descriptor cannot write.
fn in_folder(bytes: &[u8]) -> io::Result<File> {
    let private = std::fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("host-").permissions(private).tempdir()?;
    let path = folder.path().join("library.so");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o500).open(&path)?;
    file.write_all(bytes)?;
    File::open(&path)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_of_another_device_with_the_same_inode_is_another_one() {
        let maps = "7f00-7f08 r--p 00000000 fe:00 326279    /usr/lib/libc.so.6\n\
                    7f10-7f18 r--p 00000000 00:01 326279    /memfd:libshop.so (deleted)\n\
                    7f18-7f20 r-xp 00008000 00:01 326279    /memfd:libshop.so (deleted)\n\
                    7f30-7f38 r--p 00000000 00:01 326280    /memfd:libshop.so (deleted)\n";
        let of = |inode, name| super::range_of(maps, inode, name);
        assert_eq!(of(326_279, "/memfd:libshop.so (deleted)"), Some(0x7f10..0x7f20));
        assert_eq!(of(326_279, "/usr/lib/libc.so.6"), Some(0x7f00..0x7f08));
        assert_eq!(of(326_281, "/memfd:libshop.so (deleted)"), None);
    }

    use super::*;
    use crate::library::fixture::{self, Folder};

    #[test]
    fn where_memory_files_are_forbidden_the_copy_is_a_file_without_a_name() {
        let copy = in_folder(b"bytes").unwrap();
        let mut back = [0; 5];
        copy.read_exact_at(&mut back, 0).unwrap();
        assert_eq!(&back, b"bytes");
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o500);
        assert_eq!(fstat(&copy).unwrap().st_nlink, 0, "it has no name any more");
        assert!((&copy).write_all(b"x").is_err(), "its descriptor cannot write");
        assert!(forbidden(&Errno::PERM.into()) && !forbidden(&Errno::NOSPC.into()));
    }

    #[test]
    fn a_copy_without_a_name_can_be_opened_by_the_loader() {
        let folder = Folder::new();
        let file = folder.library(&fixture::good(), &[]);
        let sealed = Sealed::copy(&file).unwrap();
        let copy = in_folder(&sealed.bytes().unwrap()).unwrap();
        let library = crate::library::Library::open(Sealed { copy, ..sealed }).unwrap();
        assert!(!library.entry().is_null());
    }

    #[test]
    fn a_copy_in_memory_cannot_be_changed() {
        let copy = in_memory(Path::new("/somewhere/libx.so"), b"bytes").unwrap();
        assert!((&copy).write_all(b"x").is_err() && copy.set_len(0).is_err() && copy.set_len(9).is_err());
        let link = std::fs::read_link(format!("/proc/self/fd/{}", copy.as_raw_fd())).unwrap();
        assert!(link.to_string_lossy().contains("memfd:libx.so"), "{link:?}");
    }

    #[test]
    fn a_sealed_copy_has_the_bytes_and_the_digest_of_the_file() {
        let folder = Folder::new();
        let file = folder.path().join("a.so");
        std::fs::write(&file, b"abc").unwrap();
        let sealed = Sealed::copy(&file).unwrap();
        std::fs::write(&file, b"other").unwrap();
        assert_eq!((sealed.bytes().unwrap(), sealed.len(), sealed.is_empty()), (b"abc".to_vec(), 3, false));
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sealed.digest().to_string(), known);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = Folder::new();
        let cases = [
            (folder.path().join("none.so"), "none.so: cannot read the library: no such file"),
            (folder.path().to_owned(), "cannot read the library: it is a folder"),
            ("/dev/null".into(), "/dev/null: cannot read the library: it is no regular file"),
        ];
        for (path, want) in cases {
            let error = Sealed::copy(&path).unwrap_err();
            assert!(error.message().contains(want), "{error}");
        }
        let huge = folder.path().join("huge.so");
        std::fs::File::create(&huge).unwrap().set_len(LIBRARY_BYTES_MAX + 1).unwrap();
        let error = Sealed::copy(&huge).unwrap_err();
        assert!(
            error.message().ends_with("cannot read the library: 1073741825 bytes, at most 1073741824"),
            "{error}"
        );
    }
}
