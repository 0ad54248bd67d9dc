use super::fixture::{Crates, PLUGIN};
use super::*;
use crate::cargo_build::package::Places;

impl Crates {
    fn library(&self) -> Result<Built, Error> {
        library_by(&self.cargo, &self.path("p"), Profile::Dev, |_| {})
    }

    #[track_caller]
    fn assert_builds(&self, reason: &str) {
        let built = self.library().unwrap();
        assert!(built.built && built.reason.contains(reason), "want {reason}: {built:?}");
    }

    #[track_caller]
    fn assert_fresh(&self) {
        let no_cargo = Cargo { program: "/no/such/cargo".into(), ..self.cargo.clone() };
        let built = library_by(&no_cargo, &self.path("p"), Profile::Dev, |_| {}).unwrap();
        assert!(!built.built && built.path.is_file(), "{built:?}");
    }
}

#[test]
fn a_missing_library_is_built_and_then_nothing_runs_until_a_source_changes() {
    let crates = Crates::one();
    let mut said = Vec::new();
    let built = library_by(&crates.cargo, &crates.path("p"), Profile::Dev, |line| said.push(line.to_owned()))
        .unwrap();
    assert_eq!(built.path, crates.path("p/target/debug/libmy_plugin.so"));
    assert_eq!((built.built, &*built.reason), (true, "there is no library yet"));
    assert_eq!(said, ["building crate `my-plugin`: there is no library yet"]);
    crates.assert_fresh();
    crates.write("p/src/lib.rs", "mod other;");
    crates.write("p/src/other.rs", "");
    crates.assert_builds("src/lib.rs is newer than the library");
    crates.write("p/src/other.rs", "// changed");
    crates.assert_builds("src/other.rs is newer than the library");
    crates.assert_fresh();
    crates.write("p/Cargo.toml", &PLUGIN.replace("0.1.0", "0.2.0"));
    crates.assert_builds("Cargo.toml is newer than the library");
    let release = library_by(&crates.cargo, &crates.path("p"), Profile::Release, |_| {}).unwrap();
    assert_eq!(release.path, crates.path("p/target/release/libmy_plugin.so"));
}

#[test]
fn a_changed_dependency_of_the_workspace_builds() {
    let dep = "[package]\nname = 'dep'\nversion = '0.1.0'\nedition = '2024'\n";
    let crates = Crates::new(&[
        ("Cargo.toml", "[workspace]\nresolver = '3'\nmembers = ['p', 'dep']\n"),
        (
            "p/Cargo.toml",
            &format!("{PLUGIN}name = 'other_name'\n[dependencies]\ndep = {{ path = '../dep' }}"),
        ),
        ("p/src/lib.rs", "pub use dep::f;"),
        ("dep/Cargo.toml", dep),
        ("dep/src/lib.rs", "pub fn f() {}"),
    ]);
    let built = crates.library().unwrap();
    assert_eq!(built.path, crates.path("target/debug/libother_name.so"));
    crates.assert_fresh();
    crates.write("dep/src/lib.rs", "pub fn f() { g() } fn g() {}");
    crates.assert_builds("dep/src/lib.rs is newer than the library");
    crates.assert_fresh();
    crates.write("dep/Cargo.toml", &dep.replace("0.1.0", "0.2.0"));
    crates.assert_builds("dep/Cargo.toml is newer than the library");
    crates.write("dep/build.rs", "fn main() {}");
    assert_eq!(crates.library().unwrap().reason, "dep/build.rs may depend on anything");
}

#[test]
fn a_target_directory_of_the_configuration_or_the_environment_is_found() {
    let mut crates = Crates::one();
    crates.write(".cargo/config.toml", "[build]\ntarget-dir = 'out'");
    assert_eq!(crates.library().unwrap().path, crates.path("out/debug/libmy_plugin.so"));
    crates.assert_fresh();
    crates.cargo.places.target_dir = Some(crates.path("env"));
    assert_eq!(crates.library().unwrap().path, crates.path("env/debug/libmy_plugin.so"));
    crates.assert_fresh();
}

#[test]
fn a_crate_that_its_workspace_excludes_has_a_target_directory_of_its_own() {
    let crates = Crates::one();
    crates.write("Cargo.toml", "[workspace]\nexclude = ['p']\n");
    let package = Package::read(&crates.path("p"), &Places::default()).unwrap();
    assert_eq!(package.root, crates.path("p"));
    crates.write("Cargo.toml", "[workspace]\nmembers = ['p']\n");
    let package = Package::read(&crates.path("p"), &Places::default()).unwrap();
    assert_eq!(package.root, crates.path(""));
}

#[test]
fn a_compile_error_is_an_error_and_the_next_try_builds_again() {
    let crates = Crates::one();
    crates.library().unwrap();
    crates.write("p/src/lib.rs", "pub fn one() -> u8 {}");
    for _ in 0..2 {
        let error = crates.library().unwrap_err();
        assert!(
            error.message().starts_with("cannot build crate `my-plugin`: cargo failed (exit 101):\n"),
            "{error}"
        );
        assert!(error.message().contains("mismatched types"), "{error}");
    }
    crates.write("p/src/lib.rs", "pub fn one() -> u8 { 1 }");
    crates.assert_builds("src/lib.rs is newer");
}

#[test]
fn what_is_no_plugin_crate_says_what_is_missing() {
    let crates = Crates::one();
    let no_cargo = Cargo { program: "/no/such/cargo".into(), ..crates.cargo.clone() };
    let error = library_by(&no_cargo, &crates.path("p"), Profile::Dev, |_| {}).unwrap_err();
    assert_eq!(error.message(), "cannot build crate `my-plugin`: `/no/such/cargo` was not found");
    assert!(error.helps()[0].starts_with("install Rust from"));
    let error = Package::read(Path::new("no/such/folder"), &Places::default()).unwrap_err();
    assert_eq!(error.message(), "no/such/folder: not a crate: it has no Cargo.toml");
    crates.write("p/Cargo.toml", "[package]\nname = 'p'\n");
    let error = crates.library().unwrap_err().to_string();
    assert!(
        error.starts_with("crate `p` is no plugin: its library is not a cdylib\nhelp: add `crate-type"),
        "{error}"
    );
    crates.write("p/Cargo.toml", "[workspace]");
    let error = crates.library().unwrap_err();
    assert!(error.message().ends_with("p: not a crate: its Cargo.toml has no `package.name`"), "{error}");
}

#[test]
fn the_variables_of_an_outer_cargo_do_not_build_again() {
    let crates = Crates::one();
    crates.library().unwrap();
    let package = Package::read(&crates.path("p"), &Places::default()).unwrap();
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "this test runs under cargo");
    let mut clean = std::process::Command::new(&crates.cargo.program);
    let kept = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        !(name.starts_with("CARGO_") && name != "CARGO_HOME") && name != "LD_LIBRARY_PATH"
    });
    clean
        .env_clear()
        .envs(kept)
        .args(["build", "--lib", "--message-format=json", "--manifest-path"])
        .arg(package.manifest());
    let output = clean.current_dir(&package.folder).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"fresh\":true"), "{output:?}");
    assert!(crates.cargo.build(&package, Profile::Dev).unwrap().fresh);
}

#[test]
fn a_source_that_is_saved_while_cargo_compiles_is_built_too() {
    let crates = Crates::one();
    let source = crates.path("p/src/lib.rs");
    let slow = crates.script(&format!(
        "$REAL \"$@\" || exit\n[ -e saved ] && exit\ntouch saved\necho 'pub fn late() {{}}' > '{}'",
        source.display()
    ));
    let mut said = Vec::new();
    library_by(&slow, &crates.path("p"), Profile::Dev, |line| said.push(line.to_owned())).unwrap();
    assert_eq!(
        said[1..],
        ["building crate `my-plugin` again: src/lib.rs is newer than the start of the build"]
    );
    crates.assert_fresh();
    assert!(
        crates
            .cargo
            .build(&Package::read(&crates.path("p"), &Places::default()).unwrap(), Profile::Dev)
            .unwrap()
            .fresh
    );
}
