use super::*;
use crate::library::fixture::{self, Folder};
use plugin_api::abi;

const FULL: &str = r#"
id = "hello"
version = "0.1.0"
sdk = "rust 0.1.0"
description = "says hello"
dynamic = true
requires = ["pa.timer/1"]
config = ["greeting"]
state_schema = 2
state_accepts = [1, 2]
watch = ["templates", "/srv/data"]
from_the_future = { any = "thing" }
[[route]]
method = "GET"
rule = "/hello/<name>"
handler = "hello"
name = "hello"
body = "whole"
blocking = true
app = "admin"
[[route]]
method = "GET"
rule = "/"
handler = "index"
[[error]]
status = 404
handler = "not_found"
[[app]]
name = "admin"
factory = true
args = ["title"]
[[middleware]]
name = "add-header"
"#;

fn parse(text: &str) -> Result<Manifest, String> {
    let note = Note { abi_major: 1, abi_minor: 2, flags: 0, text: text.into() };
    Manifest::parse(&note).map_err(|error| error.to_string())
}

#[test]
fn every_key_is_read_and_unknown_keys_are_ignored() {
    let manifest = parse(FULL).unwrap();
    assert_eq!((manifest.abi_major, manifest.abi_minor), (1, 2));
    assert_eq!((&*manifest.id, manifest.dynamic), ("hello", true));
    assert_eq!((manifest.state_schema, &*manifest.state_accepts), (Some(2), &[1, 2][..]));
    assert_eq!(manifest.watch, [Path::new("templates"), Path::new("/srv/data")]);
    assert_eq!(manifest.config.as_deref(), Some(&["greeting".to_owned()][..]));
    let [first, second] = &manifest.routes[..] else { panic!("{:?}", manifest.routes) };
    assert_eq!((&*first.app, first.body, first.blocking), ("admin", Body::Whole, true));
    assert_eq!((&*second.app, second.body, second.blocking, &second.name), ("", Body::None, false, &None));
    assert_eq!(
        manifest.errors,
        [ErrorHandler { status: 404, handler: "not_found".into(), app: String::new() }]
    );
    assert_eq!(manifest.apps[0].args.as_deref(), Some(&["title".to_owned()][..]));
    assert_eq!(manifest.middleware[0].name, "add-header");
}

#[test]
fn a_manifest_with_two_keys_is_complete() {
    let manifest = parse("id = 'x'\nversion = '1'").unwrap();
    assert!(manifest.routes.is_empty() && !manifest.dynamic && manifest.config.is_none());
}

#[test]
fn a_plugin_accepts_what_it_saves_unless_it_says_otherwise() {
    let accepts = |keys: &str| parse(&format!("id='x'\nversion='1'\n{keys}")).unwrap().state_accepts;
    assert_eq!(accepts("state_schema = 3"), [3]);
    assert_eq!(accepts("state_schema = 3\nstate_accepts = [2]"), [2]);
    assert_eq!(accepts("state_accepts = [1, 2]"), [1, 2], "it takes over, and saves no more");
    assert!(accepts("").is_empty());
}

#[test]
fn what_is_watched_is_below_the_folder_of_the_library_and_there() {
    let folder = Folder::new();
    let elsewhere = Folder::new();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    let keys = format!("watch = ['templates', 'gone', {:?}]", elsewhere.path());
    let manifest = parse(&format!("id='x'\nversion='1'\n{keys}")).unwrap();
    let watched = manifest.watched(&folder.path().join("libx.so"));
    assert_eq!(watched, [folder.path().join("templates"), elsewhere.path().to_owned()]);
}

#[test]
fn a_mistake_is_shown_with_its_line_and_its_key() {
    let route = "[[route]]\nmethod='GET'\nrule='/'\nhandler='h'\n";
    let cases = [
        ("version='1'", "manifest: line 1, `version='1'`: missing field `id`"),
        ("id = 3\nversion='1'", "manifest: line 1, `id = 3`: invalid type: integer `3`, expected a string"),
        (
            "id='x'\nversion='1'\ndynamic = 'no'",
            "line 3, `dynamic = 'no'`: invalid type: string \"no\", expected a boolean",
        ),
        (
            "id='x'\nversion='1'\nstate_schema = -1",
            "line 3, `state_schema = -1`: invalid value: integer `-1`, expected u32",
        ),
        (
            "id='x'\nversion='1'\nstate_accepts = 1",
            "line 3, `state_accepts = 1`: invalid type: integer `1`, expected a sequence",
        ),
        (
            "id='x'\nversion='1'\nstate_accepts = []",
            "line 3, `state_accepts = []`: it is empty, leave it out, or name the schemas that `load` reads",
        ),
        (
            "id='x'\nversion='1'\nstate_accepts = [1, 2, 1]",
            "manifest: key `state_accepts`: schema 1 stands there twice",
        ),
        (
            "id='x'\nversion='1'\nwatch = 'templates'",
            "line 3, `watch = 'templates'`: invalid type: string \"templates\", expected a sequence",
        ),
        ("id='x'\nversion='1'\nwatch = ['a', '']", "manifest: key `watch`: path 2 is empty, or has a NUL"),
        (
            &format!("id='x'\nversion='1'\nwatch = {:?}", vec!["a"; 65]),
            "manifest: key `watch`: 65 paths, at most 64 are watched\nhelp: name the folder that they are in",
        ),
        ("id='x'\nversion=", "manifest: line 2, `version=`: "),
        (
            "id='x'\nversion='1'\n[[route]]\nmethod='GET'\nrule='/'",
            "line 3, `[[route]]`: missing field `handler`",
        ),
        (
            &format!("id='x'\nversion='1'\n{route}body='hole'"),
            "line 7, `body='hole'`: unknown variant `hole`, expected one of",
        ),
        (
            "id='x'\nversion='1'\n[[app]]\nname='a'\n[[app]]\nname='a'",
            "manifest: two of [[app]] have the name `a`",
        ),
        (
            "id='x'\nversion='1'\n[[middleware]]\nname='a'\n[[middleware]]\nname='a'",
            "two of [[middleware]] have the name `a`",
        ),
        ("id='x'\nversion='1'\n[[middleware]]\nname=''", "manifest: middleware 1: key `name`: it is empty"),
        (
            "id='9x'\nversion='1'",
            "manifest: key `id`: `9x` is not an id\nhelp: an id is a letter, then letters",
        ),
        (
            "id='x'\nversion='1'\n[[error]]\nstatus=42\nhandler='h'",
            "error 42: key `status`: 42 is not a status, 100 to 599",
        ),
        (
            &format!("id='x'\nversion='1'\n{route}app='admim'\n[[app]]\nname='admin'"),
            "manifest: route GET `/`: key `app`: no app `admim` in this manifest\nhelp: did you mean `admin`?",
        ),
        (&format!("id='x'\nversion='1'\n{route}app='a'"), "help: declare it: `[[app]]` with `name = \"a\"`"),
    ];
    for (text, want) in cases {
        let error = parse(text).expect_err(text);
        assert!(error.contains(want), "{text}\n  said: {error}\n  want: {want}");
    }
}

#[test]
fn the_note_is_read_from_the_file_of_a_library() {
    let folder = Folder::new();
    let file =
        folder.library(&(fixture::note(1, abi::NOTE_PANIC_ABORT, fixture::LEAST) + fixture::ENTRY), &["-s"]);
    let manifest = Manifest::read(&file, &std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((&*manifest.id, &*manifest.version, manifest.flags), ("x", "1", 1));
    assert_eq!((manifest.abi_major, manifest.abi_minor), (1, 0));
}

#[test]
fn two_manifests_in_one_library_are_refused() {
    let folder = Folder::new();
    let two =
        fixture::note(1, 0, fixture::LEAST) + &fixture::note(1, 0, fixture::LEAST).replace("note_", "note_2");
    let file = folder.library(&two, &[]);
    let error = Manifest::read(Path::new("libx.so"), &std::fs::read(file).unwrap()).unwrap_err();
    assert_eq!(
        error.message(),
        "libx.so: manifest: two notes `.note.plugin-api`: a library holds one plugin"
    );
}

#[test]
fn a_library_without_a_note_says_what_writes_one() {
    let folder = Folder::new();
    let file = folder.library("int x;", &[]);
    let error = Manifest::read(Path::new("libx.so"), &std::fs::read(file).unwrap()).unwrap_err();
    assert_eq!(error.message(), "libx.so: no manifest: it has no note `.note.plugin-api`");
    assert!(error.helps()[0].contains("plugin_api::plugin!"));
    let error = Manifest::read(Path::new("a.txt"), b"text").unwrap_err();
    assert_eq!(error.message(), "a.txt: manifest: not an ELF file");
}
