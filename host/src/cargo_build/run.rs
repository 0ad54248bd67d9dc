//! Runs `cargo build`.

use super::Profile;
use super::message::{self, Artifact};
use super::package::{Package, Places};
use crate::error::Error;
use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// How cargo is run.
#[derive(Clone, Debug)]
pub(crate) struct Cargo {
    pub(crate) program: OsString,
    pub(crate) places: Places,
    pub(crate) output: Output,
}

/// Where cargo's words for people go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// To our stderr, with its colours.
    Shown,
    /// Into the error, if there is one.
    Kept,
}

/// In which form the compiler's words come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Messages {
    /// Cargo renders them, between its own words.
    Rendered,
    /// They are in its JSON, as data and rendered with colours.
    AsData,
}

impl Cargo {
    /// As the environment says. Cargo sets `CARGO` for what it runs: then it is that very cargo.
    pub(crate) fn from_env(output: Output) -> Self {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self { program, places: Places::from_env(), output }
    }

    pub(super) fn build(&self, package: &Package, profile: Profile) -> Result<Artifact, Error> {
        let name = &package.name;
        let fail = |cause: String| Error::spec(format!("cannot build crate `{name}`: {cause}"));
        let mut command = self.command(package, profile, Messages::Rendered);
        let output = command.spawn().and_then(std::process::Child::wait_with_output);
        let output = output.map_err(|cause| self.cannot_run(name, &cause))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = if said.is_empty() { String::new() } else { format!(":\n{}", said.trim_end()) };
            return Err(fail(format!("cargo failed ({}){said}", ending(output.status))));
        }
        let artifact =
            String::from_utf8_lossy(&output.stdout).lines().find_map(|line| artifact(package, line));
        artifact.ok_or_else(|| fail("cargo made no shared library".into()))
    }

    /// Why cargo did not even start.
    pub(super) fn cannot_run(&self, crate_name: &str, cause: &io::Error) -> Error {
        let fail = |cause: String| Error::spec(format!("cannot build crate `{crate_name}`: {cause}"));
        match cause.kind() {
            io::ErrorKind::NotFound => {
                fail(format!("`{}` was not found", Path::new(&self.program).display()))
                    .help("install Rust from https://rustup.rs, or set CARGO to the path of cargo")
                    .help("a plugin that is named by its library file needs no cargo")
            }
            _ => fail(format!("cannot run cargo: {cause}")),
        }
    }

    /// In the folder of the crate, so that cargo's configuration and the toolchain are those of the crate, wherever we are.
    ///
    /// The variables that an outer cargo left (`CARGO_PKG_*`, `CARGO_MANIFEST_DIR`, `LD_LIBRARY_PATH`) stay: cargo sets its
    /// own for each crate and none of them changes a fingerprint; a test sees to it.
    pub(super) fn command(&self, package: &Package, profile: Profile, messages: Messages) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("build").args(if profile == Profile::Release { &["--release"][..] } else { &[] });
        command.arg("--manifest-path").arg(package.manifest());
        command.arg("--lib").args(match messages {
            Messages::Rendered => &["--message-format=json-render-diagnostics"][..],
            // Nobody sees them before they are whole: whoever shows them takes the colours out where there are none.
            Messages::AsData => &["--message-format=json-diagnostic-rendered-ansi", "--color=always"],
        });
        command.current_dir(&package.folder).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(if self.output == Output::Kept { Stdio::piped() } else { Stdio::inherit() });
        // A relative one means our folder, not that of the crate.
        command.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET_DIR");
        command.envs(self.places.target_dir.iter().map(|folder| ("CARGO_TARGET_DIR", folder)));
        command
    }
}

pub(super) fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// The library in a line of cargo's JSON, if the line is about it.
fn artifact(package: &Package, line: &str) -> Option<Artifact> {
    message::artifact(&package.manifest(), &serde_json::from_str(line).ok()?)
}
