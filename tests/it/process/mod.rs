//! A host among the processes of its machine: its user, its limits, as the first process of a container, and under systemd.

mod first;
mod limits;
mod systemd;
mod user;

use crate::harness::{Host, Spec, Starting, plugin_from_c};
use std::os::unix::fs::PermissionsExt;

/// The app of these tests, in a folder that every user may enter. The library is in there, too: the project may be in a folder
/// that only its owner can enter.
fn rights(process: &str, server: &str) -> Starting {
    let spec = Spec::exactly(format!(
        "spec = 1\n[app]\nname = \"test\"\n[[plugin]]\npath = \"librights.so\"\n[process]\n{process}\n"
    ));
    let library = plugin_from_c("rights", include_str!("rights.c"));
    let starting = Host::with(spec, server).file("librights.so", std::fs::read(library).expect("a library"));
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(starting.folder().path(), open).expect("our own folder");
    starting
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A line of what the system says of a process, or of a thread.
fn line_of(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_else(|cause| panic!("{file}: {cause}"));
    line_in(&text, file, name)
}

fn line_in(text: &str, file: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{file} has no `{name}`")).split_whitespace().collect::<Vec<_>>().join(" ")
}
