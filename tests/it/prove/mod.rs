//! `host prove`, and what it proves: on hosts that are well, and on such that are broken on purpose.

mod broken;
mod leaks;
mod many;
mod proved;
mod proxy;
mod refused;
mod soak;
mod wrk;

use crate::harness::{Host, Output, Spec, plugin_from_c, run_for};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

/// How long a proof may take: far more than it takes on a busy machine.
const PROOF_MAX: Duration = Duration::from_secs(120);

/// How long an answer may take where that is not what a test is about.
const ANSWER_MAX: &str = "--timeout=60s";

/// A build of `pages.c`, whose pages are of that letter.
fn pages(letter: char) -> PathBuf {
    let source = include_str!("pages.c");
    plugin_from_c(&format!("pages_{letter}"), &format!("#define LETTER '{letter}'\n{source}"))
}

/// The app of most of these tests.
fn app() -> Spec {
    Spec::new().plugin("pages", &pages('A'))
}

/// All that `pages.c` answers.
const PATHS: [&str; 5] =
    ["--path=/", "--path=/large", "--path=/stream", "--path=/pending", "--path=POST /echo"];

/// The one that its only plugin serves with.
fn generation(host: &Host) -> u64 {
    let status = host.status();
    let rows = status["generations"].as_array().expect("generations");
    let serving = rows.iter().find(|row| row["state"] == "serving").expect("one that serves");
    serving["generation"].as_u64().expect("a number")
}

/// A receipt, with how the command ended.
struct Receipt {
    output: Output,
    data: Value,
}

impl Receipt {
    #[track_caller]
    fn of(output: Output) -> Self {
        let data = serde_json::from_str(&output.stdout);
        Self { data: data.unwrap_or_else(|cause| panic!("no receipt: {cause}: {output:?}")), output }
    }

    /// `host prove` with these arguments, on a host of its own.
    #[track_caller]
    fn by(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        if !args.iter().any(|arg| arg.to_string_lossy().starts_with("--timeout=")) {
            args.push(ANSWER_MAX.into());
        }
        Self::of(run_for(PROOF_MAX, ["prove", "--format=json"].map(OsString::from).into_iter().chain(args)))
    }

    /// The same, on a host that runs.
    #[track_caller]
    fn on(host: &Host, url: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let control = host.folder().join("host/test.sock");
        let own = ["--url".into(), url.into(), "--control".into(), control.into_os_string()];
        Self::by(own.into_iter().chain(args.into_iter().map(|arg| arg.as_ref().to_owned())))
    }

    #[track_caller]
    fn number(&self, pointer: &str) -> u64 {
        let number = self.data.pointer(pointer).and_then(Value::as_u64);
        number.unwrap_or_else(|| panic!("no number at {pointer}: {:#}", self.data))
    }

    /// How many requests failed in which way; ways in which none did are left out.
    fn failed(&self) -> Vec<(String, u64)> {
        let failed = self.data["failed"].as_object().expect("ways to fail");
        let counts = failed.iter().map(|(way, count)| (way.clone(), count.as_u64().expect("a number")));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Itself, if it is one of a host that is well.
    #[track_caller]
    fn proved(self) -> Self {
        let Self { output, data } = &self;
        assert_eq!((output.code, &data["proved"]), (Some(0), &Value::Bool(true)), "{output:?}");
        assert_eq!(self.failed(), [], "{output:?}");
        self
    }

    /// Why it is not.
    #[track_caller]
    fn reasons(&self) -> Vec<&str> {
        let Self { output, data } = self;
        assert_eq!((output.code, &data["proved"]), (Some(1), &Value::Bool(false)), "{output:?}");
        data["reasons"].as_array().expect("reasons").iter().filter_map(Value::as_str).collect()
    }
}
