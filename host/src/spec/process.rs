//! `[process]`

use super::Located;
use super::section::Section;
use super::tree::{Node, Value};
use crate::error::Error;

/// What a worker has open before its first client, and some more.
const NOFILE_MIN: u64 = 64;

/// `[process]`: what a worker may do. None: what the process that starts it may do.
#[derive(Debug, Clone, Default)]
pub struct ProcessSpec {
    /// The user that it runs as, by name or number.
    pub user: Option<Located<String>>,
    /// The group that it runs as; the user's own if there is none.
    pub group: Option<Located<String>>,
    /// Whether no program that it starts gains rights.
    pub no_new_privs: bool,
    /// Descriptors.
    pub nofile: Option<Located<u64>>,
    /// Processes and threads of its user.
    pub nproc: Option<Located<u64>>,
    /// Bytes of a core file.
    pub core: Option<Located<u64>>,
    /// Bytes of its address space.
    pub address_space: Option<Located<u64>>,
}

impl ProcessSpec {
    /// What it says, wherever it says so.
    fn values(&self) -> ([Option<&str>; 2], bool, [Option<u64>; 4]) {
        let names = [&self.user, &self.group].map(|name| name.as_ref().map(|name| name.as_str()));
        let limits = [&self.nofile, &self.nproc, &self.core, &self.address_space];
        (names, self.no_new_privs, limits.map(|limit| limit.as_ref().map(|limit| limit.value)))
    }
}

impl PartialEq for ProcessSpec {
    fn eq(&self, other: &Self) -> bool {
        self.values() == other.values()
    }
}

pub(super) fn process(node: &Node) -> Result<ProcessSpec, Error> {
    let known = &["user", "group", "no_new_privs", "nofile", "nproc", "core", "address_space"];
    let section = Section::open(node, "[process]", known)?;
    Ok(ProcessSpec {
        user: name_or_number(&section, "user")?,
        group: name_or_number(&section, "group")?,
        no_new_privs: section.boolean("no_new_privs", false)?,
        nofile: limit(&section, "nofile", Section::number)?.map(enough_files).transpose()?,
        nproc: limit(&section, "nproc", Section::number)?,
        core: core(&section)?,
        address_space: limit(&section, "address_space", Section::size)?,
    })
}

/// A number is one with quotes and without.
fn name_or_number(section: &Section<'_>, key: &str) -> Result<Option<Located<String>>, Error> {
    match section.get(key) {
        Some(Node { value: Value::Integer(id), at }) => Ok(Some(Located::new(id.to_string(), at.clone()))),
        _ => section.string(key),
    }
}

type Read<'a> = fn(&Section<'a>, &str, usize) -> Result<usize, Error>;

fn limit<'a>(section: &Section<'a>, key: &str, read: Read<'a>) -> Result<Option<Located<u64>>, Error> {
    let Some(node) = section.get(key) else { return Ok(None) };
    Ok(Some(Located::new(read(section, key, 1)? as u64, node.at.clone())))
}

/// A worker that cannot even begin says something else, again and again.
fn enough_files(limit: Located<u64>) -> Result<Located<u64>, Error> {
    match limit.value {
        NOFILE_MIN.. => Ok(limit),
        few => Err(limit.at.error_hint(
            format!("a worker cannot work with {few} descriptors"),
            format!("write {NOFILE_MIN} at least"),
        )),
    }
}

/// The one limit that may be nothing at all.
fn core(section: &Section<'_>) -> Result<Option<Located<u64>>, Error> {
    match section.get("core") {
        Some(Node { value: Value::Integer(0), at }) => Ok(Some(Located::new(0, at.clone()))),
        _ => limit(section, "core", Section::size),
    }
}
