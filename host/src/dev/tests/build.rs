//! Crates that are built when their sources change, by the real cargo or by a script in its place.

use crate::cargo_build::fixture::{Crates, PLUGIN};
use crate::cargo_build::{Cargo, Profile};
use crate::dev::{BuildEvent, BuildFailure, Builder};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// No test waits longer for what has to come.
const DEADLINE: Duration = Duration::from_secs(120);

/// A builder, and what it says.
struct Dev {
    builder: Builder,
    events: Receiver<BuildEvent>,
    shown: Arc<Mutex<String>>,
}

impl Dev {
    fn start(crates: &Crates, cargo: &Cargo, folders: &[&str]) -> Self {
        let (send, events) = mpsc::channel();
        let shown: Arc<Mutex<String>> = Arc::default();
        let show = shown.clone();
        let folders = folders.iter().map(|folder| crates.path(folder)).collect();
        let builder = Builder::start_with(
            cargo.clone(),
            folders,
            Profile::Dev,
            move |text| show.lock().unwrap().push_str(text),
            move |event| drop(send.send(event)),
        );
        Self { builder: builder.unwrap(), events, shown }
    }

    #[track_caller]
    fn next(&self) -> BuildEvent {
        loop {
            let event = self.events.recv_timeout(DEADLINE);
            match event.unwrap_or_else(|error| panic!("{error}\n{}", self.shown())) {
                BuildEvent::Rest { .. } => {}
                event => return event,
            }
        }
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    #[track_caller]
    fn assert_building(&self, name: &str, because: &str) {
        let event = self.next();
        let want = BuildEvent::Building { name: name.into(), because: because.into() };
        assert_eq!(event, want, "{}", self.shown());
    }

    #[track_caller]
    fn assert_built(&self, name: &str) {
        let event = self.next();
        let BuildEvent::Built { name: built, library, .. } = &event else {
            panic!("{event:?}\n{}", self.shown())
        };
        assert!(built == name && library.is_file(), "{event:?}");
    }

    #[track_caller]
    fn assert_recovered(&self, name: &str) {
        let event = self.next();
        assert!(matches!(&event, BuildEvent::Recovered { name: one, .. } if one == name), "{event:?}");
    }

    #[track_caller]
    fn failure(&self) -> BuildFailure {
        match self.next() {
            BuildEvent::Failed(failure) => failure,
            event => panic!("{event:?}\n{}", self.shown()),
        }
    }
}

/// A builder of the one crate, which was built.
fn one(crates: &Crates) -> Dev {
    let dev = Dev::start(crates, &crates.cargo, &["p"]);
    dev.assert_building("my-plugin", "there is no library yet");
    dev.assert_built("my-plugin");
    dev
}

#[test]
fn a_crate_is_built_at_the_beginning_if_it_must_be_and_whenever_a_source_changes() {
    let crates = Crates::one();
    let dev = one(&crates);
    assert!(dev.shown().contains("Compiling") && dev.shown().contains("my-plugin"), "{}", dev.shown());
    crates.write("p/src/other.rs", "");
    dev.assert_building("my-plugin", "src/other.rs changed");
    dev.assert_built("my-plugin");
    crates.write("p/src/lib.rs", "mod other; pub fn two() {}");
    dev.assert_building("my-plugin", "src/lib.rs changed");
    dev.assert_built("my-plugin");
}

#[test]
fn a_compile_error_is_shown_as_cargo_does_and_is_data_until_it_is_cured() {
    let crates = Crates::one();
    let dev = one(&crates);
    crates.write("p/src/lib.rs", "fn warned() { let _one = (1); }\npub fn one() -> u8 {\n    \"<b>\"\n}\n");
    dev.assert_building("my-plugin", "src/lib.rs changed");
    let failure = dev.failure();
    let places: Vec<_> =
        failure.errors.iter().map(|one| (one.file.as_deref(), one.line, one.column)).collect();
    assert_eq!(places, [(Some("src/lib.rs"), 3, 5)], "{failure:?}");
    assert_eq!(failure.errors[0].message, "mismatched types");
    assert_eq!((&*failure.cause, &failure.folder), ("cargo failed (exit 101)", &crates.path("p")));
    assert!(failure.rendered.contains("\x1b[") && failure.rendered.contains("E0308"), "{}", failure.rendered);
    assert!(!failure.rendered.contains("parentheses"), "no warnings: {}", failure.rendered);
    for text in ["E0308", "unnecessary parentheses", "could not compile"] {
        assert!(dev.shown().contains(text), "{text}:\n{}", dev.shown());
    }
    assert!(!dev.shown().contains("aborting due to"), "{}", dev.shown());
    crates.write("p/src/lib.rs", "pub fn one() {}");
    dev.assert_building("my-plugin", "src/lib.rs changed");
    dev.assert_recovered("my-plugin");
    dev.assert_built("my-plugin");
}

#[test]
fn a_crate_that_never_could_be_built_recovers() {
    let crates = Crates::one();
    crates.write("p/src/lib.rs", "oh");
    let dev = Dev::start(&crates, &crates.cargo, &["p"]);
    dev.assert_building("my-plugin", "there is no library yet");
    assert_eq!(dev.failure().name, "my-plugin");
    crates.write("p/src/lib.rs", "");
    dev.assert_building("my-plugin", "src/lib.rs changed");
    dev.assert_recovered("my-plugin");
    dev.assert_built("my-plugin");
}

#[test]
fn a_manifest_that_cannot_be_read_is_a_failure_like_any_other() {
    let crates = Crates::one();
    let dev = one(&crates);
    crates.write("p/Cargo.toml", "[package");
    let failure = dev.failure();
    assert!(
        failure.name == "my-plugin" && failure.cause.contains("Cargo.toml: cannot read it"),
        "{failure:?}"
    );
    assert!(dev.shown().contains("error: "), "{}", dev.shown());
    crates.write("p/Cargo.toml", &format!("{PLUGIN}[dependencies]\nnone = {{ path = 'none' }}\n"));
    dev.assert_building("my-plugin", "Cargo.toml changed");
    let failure = dev.failure();
    assert!(failure.rendered.contains("none") && failure.errors.is_empty(), "cargo's own words: {failure:?}");
    crates.write("p/Cargo.toml", PLUGIN);
    dev.assert_building("my-plugin", "Cargo.toml changed");
    dev.assert_recovered("my-plugin");
    dev.assert_built("my-plugin");
}

/// A workspace: `a` and `b` are plugins and need `dep`; `dep` includes a file of the workspace.
fn workspace() -> Crates {
    let needs = |name: &str| {
        let manifest = PLUGIN.replace("my-plugin", name);
        format!("{manifest}[dependencies]\ndep = {{ path = '../dep' }}\n")
    };
    Crates::new(&[
        ("Cargo.toml", "[workspace]\nresolver = '3'\nmembers = ['a', 'b', 'dep']\n"),
        ("a/Cargo.toml", &needs("a")),
        ("a/src/lib.rs", "pub use dep::F;"),
        ("b/Cargo.toml", &needs("b")),
        ("b/src/lib.rs", "pub use dep::F;"),
        ("dep/Cargo.toml", "[package]\nname = 'dep'\nversion = '0.1.0'\nedition = '2024'\n"),
        ("dep/src/lib.rs", "pub const F: &str = include_str!(\"../../shared.txt\");"),
        ("shared.txt", "1"),
    ])
}

#[test]
fn what_two_crates_need_builds_them_one_after_the_other() {
    let crates = workspace();
    let dev = Dev::start(&crates, &crates.cargo, &["a", "b", "a"]);
    for name in ["a", "b"] {
        dev.assert_building(name, "there is no library yet");
        dev.assert_built(name);
    }
    for file in ["dep/src/lib.rs", "shared.txt", "Cargo.toml"] {
        let text = std::fs::read_to_string(crates.path(file)).unwrap();
        crates.write(file, &format!("{text}\n"));
        for name in ["a", "b"] {
            dev.assert_building(name, &format!("{file} changed"));
            dev.assert_built(name);
        }
    }
    crates.write("a/src/lib.rs", "pub use dep::F as G;");
    dev.assert_building("a", "a/src/lib.rs changed");
    dev.assert_built("a");
}

#[test]
fn a_crate_that_is_up_to_date_is_not_built_at_the_beginning() {
    let crates = workspace();
    let dev = Dev::start(&crates, &crates.cargo, &["a"]);
    dev.assert_building("a", "there is no library yet");
    dev.assert_built("a");
    drop(dev);
    let dev = Dev::start(&crates, &crates.cargo, &["a", "b"]);
    dev.assert_building("b", "there is no library yet");
}

#[test]
fn the_set_of_crates_can_change() {
    let crates = workspace();
    let dev = Dev::start(&crates, &crates.cargo, &["a"]);
    dev.assert_building("a", "there is no library yet");
    dev.assert_built("a");
    dev.builder.set(vec![crates.path("b")]);
    dev.assert_building("b", "there is no library yet");
    dev.assert_built("b");
    crates.write("a/src/lib.rs", "");
    crates.write("b/src/lib.rs", "oh");
    dev.assert_building("b", "b/src/lib.rs changed");
    assert_eq!(dev.failure().name, "b");
    dev.builder.set(vec![]);
    dev.assert_recovered("b");
}

/// A cargo that first says something and then runs for ever, with another process, and the second time is the real one.
const FIRST_FOR_EVER: &str = "[ -e ../second ] && exec $REAL \"$@\"
touch ../second
echo 'what is not to be shown' >&2
exec 3>../alive
sleep 1000 &
echo started >&3
wait";

fn wait_until_started(alive: &Path) -> BufReader<File> {
    let mut alive = BufReader::new(File::open(alive).unwrap());
    let mut line = String::new();
    alive.read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    alive
}

#[test]
fn a_change_while_cargo_runs_ends_it_and_nothing_of_it_is_shown() {
    let crates = Crates::one();
    let fifo = crates.fifo("alive");
    let dev = Dev::start(&crates, &crates.script(FIRST_FOR_EVER), &["p"]);
    dev.assert_building("my-plugin", "there is no library yet");
    let mut alive = wait_until_started(&fifo);
    crates.write("p/src/lib.rs", "pub fn two() {}");
    dev.assert_building("my-plugin", "src/lib.rs changed");
    assert_eq!(alive.read_to_end(&mut Vec::new()).unwrap(), 0, "all processes of the first run have ended");
    dev.assert_built("my-plugin");
    assert!(!dev.shown().contains("not to be shown"), "{}", dev.shown());
}

#[test]
fn no_cargo_survives_the_builder() {
    let crates = Crates::one();
    let fifo = crates.fifo("alive");
    let dev = Dev::start(&crates, &crates.script(FIRST_FOR_EVER), &["p"]);
    let mut alive = wait_until_started(&fifo);
    drop(dev.builder);
    assert_eq!(alive.read_to_end(&mut Vec::new()).unwrap(), 0);
    dev.events.iter().for_each(drop);
    assert_eq!(dev.events.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_build_that_changes_its_own_sources_ends_all_the_same() {
    let crates = Crates::one();
    let runs = crates.path("runs");
    let cargo = crates.script(
        "echo run >> ../runs; echo \"// $$\" >> src/lib.rs
[ $(wc -l < ../runs) -gt 5 ] || exec sleep 1000
exec $REAL \"$@\"",
    );
    let dev = Dev::start(&crates, &cargo, &["p"]);
    let event =
        std::iter::from_fn(|| Some(dev.next())).find(|event| !matches!(event, BuildEvent::Building { .. }));
    assert!(matches!(event, Some(BuildEvent::Built { .. })), "{event:?}");
    let runs = std::fs::read_to_string(runs).unwrap().lines().count();
    assert!(runs >= 6, "five were given up: {runs}");
}

#[test]
fn a_process_that_cargo_leaves_does_not_keep_the_build_from_ending() {
    let crates = Crates::one();
    let fifo = crates.fifo("go");
    // A compiler cache starts its server like this, with cargo's standard error.
    let dev = Dev::start(&crates, &crates.script("(read line < ../go) &\nexec $REAL \"$@\""), &["p"]);
    dev.assert_building("my-plugin", "there is no library yet");
    dev.assert_built("my-plugin");
    drop(File::options().write(true).open(fifo).unwrap());
}

#[test]
fn where_there_is_no_cargo_the_failure_says_how_to_get_it() {
    let crates = Crates::one();
    let none = Cargo { program: "/no/such/cargo".into(), ..crates.cargo.clone() };
    let dev = Dev::start(&crates, &none, &["p"]);
    dev.assert_building("my-plugin", "there is no library yet");
    let failure = dev.failure();
    assert_eq!(failure.cause, "cannot build crate `my-plugin`: `/no/such/cargo` was not found");
    assert!(failure.rendered.contains("help: install Rust"), "{}", failure.rendered);
}
