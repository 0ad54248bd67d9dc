use super::*;
use crate::library::fixture::{self, Folder};
use plugin_api::abi;

fn host() -> Host<'static> {
    Host::this(&["pa.timer/1"])
}

/// The whole error of `accept`, or `loads`.
fn verdict(bytes: &[u8], host: &Host<'_>) -> String {
    match Preflight::of(bytes, host).accept(Path::new("libx.so")) {
        Ok(manifest) => format!("loads {}", manifest.id),
        Err(error) => error.to_string(),
    }
}

fn compiled(source: &str, args: &[&str]) -> Vec<u8> {
    std::fs::read(Folder::new().library(source, args)).unwrap()
}

fn good() -> Vec<u8> {
    compiled(&fixture::good(), &[])
}

#[track_caller]
fn assert_says(bytes: &[u8], host: &Host<'_>, want: &[&str]) {
    let said = verdict(bytes, host);
    for want in want {
        assert!(said.contains(want), "said: {said}\nwant: {want}");
    }
}

#[test]
fn a_good_library_is_accepted_and_can_be_unloaded() {
    let preflight = Preflight::of(&good(), &host());
    assert_eq!((&preflight.refusals[..], &preflight.pins[..]), (&[][..], &[][..]));
    let facts = preflight.facts.unwrap();
    assert_eq!((facts.kind, facts.exports), (Kind::Shared, vec!["pa_plugin_v1".to_owned()]));
    assert_eq!(facts.entry, Some(Entry { kind: SymbolKind::Object, bytes: 8 }));
    assert_eq!(preflight.manifest.unwrap().id, "x");
}

#[test]
fn a_sealed_library_is_accepted_by_its_own_bytes() {
    let folder = Folder::new();
    let file = folder.library(&fixture::good(), &[]);
    let sealed = Sealed::copy(&file).unwrap();
    std::fs::write(&file, "changed").unwrap();
    assert_eq!(accept(&file, &sealed, &[]).unwrap().0.id, "x");
}

#[test]
fn files_that_are_no_library_say_what_they_are() {
    let cases: &[(&[u8], &str)] = &[
        (
            b"",
            "libx.so: not a shared library: it is empty\nhelp: set `crate-type = [\"cdylib\"]` under [lib]",
        ),
        (b"#!/bin/sh\necho hello", "not a shared library: it is text that starts with `#!/bin/sh`"),
        (b"!<arch>\nx", "it is a static library"),
        (b"MZ\x90\0", "it was built for Windows"),
        (b"\x7fELF", "it is an ELF file that ends within its header"),
        (b"\x01\x02\xff", "it starts with the bytes 01 02 ff, not with `7f 45 4c 46`"),
    ];
    for (bytes, want) in cases {
        assert_says(bytes, &host(), &[want]);
    }
}

#[test]
fn other_sorts_of_elf_files_are_refused() {
    let folder = Folder::new();
    let main = fixture::good() + "int main(void) { return 0; }";
    let build = |source: &str, args: &[&str]| std::fs::read(folder.compile("c", source, args)).unwrap();
    let executable = "libx.so: not a shared library: it is an executable\nhelp: set `crate-type";
    assert_says(&build(&main, &["-pie", "-fPIE"]), &host(), &[executable]);
    assert_says(&build(&main, &["-no-pie"]), &host(), &[executable]);
    let object = build(&fixture::good(), &["-c"]);
    assert_says(
        &object,
        &host(),
        &["it is an object file (.o) that was not linked", "help: link it: `cc -shared"],
    );
}

#[test]
fn both_machines_both_classes_and_both_byte_orders_are_said() {
    let mut bytes = good();
    bytes[18..20].copy_from_slice(&183_u16.to_le_bytes());
    let x86 = Host { machine: Some(62), ..host() };
    assert_says(
        &bytes,
        &x86,
        &["libx.so: wrong machine: built for aarch64, this host runs x86-64\nhelp: build it for"],
    );
    let small = Host { bits: 32, ..host() };
    assert_says(&good(), &small, &["wrong class: built for 64 bits, this host runs 32"]);
    let big = Host { little_endian: false, ..host() };
    assert_says(&good(), &big, &["wrong byte order: built for little-endian, this host is big-endian"]);
}

#[test]
fn a_library_that_is_no_plugin_lacks_its_manifest_first() {
    let want = [
        "libx.so: no manifest: it has no note `.note.plugin-api`",
        "help: call `plugin_api::plugin!`",
        "help: `host inspect libx.so` lists 1 more reason",
    ];
    assert_says(&compiled("int x;", &[]), &host(), &want);
}

#[test]
fn another_major_version_says_which_side_is_newer() {
    let newer = compiled(&(fixture::note(2, 0, "other = true") + fixture::ENTRY), &[]);
    let want = "libx.so: wrong ABI: built for 2.0, this host has 1.1: the plugin is newer\nhelp: use a host of ABI 2, or build";
    assert_says(&newer, &host(), &[want]);
    let older = compiled(&(fixture::note(0, 0, "other = true") + fixture::ENTRY), &[]);
    let want = "wrong ABI: built for 0.0, this host has 1.1: the host is newer\nhelp: build the plugin with plugin-api of ABI 1";
    assert_says(&older, &host(), &[want]);
}

#[test]
fn a_plugin_that_aborts_on_panic_is_refused() {
    let bytes = compiled(&(fixture::note(1, abi::NOTE_PANIC_ABORT, fixture::LEAST) + fixture::ENTRY), &[]);
    let want = "libx.so: built with `panic = \"abort\"`: a panic in it would end the host\nhelp: remove `panic = \"abort\"` from the \
                profile that builds it";
    assert_eq!(verdict(&bytes, &host()), want);
}

#[test]
fn a_manifest_that_does_not_parse_is_shown_with_its_line() {
    let bytes = compiled(&(fixture::note(1, 0, "id = 3") + fixture::ENTRY), &[]);
    assert_says(
        &bytes,
        &host(),
        &["libx.so: manifest: line 1, `id = 3`: invalid type: integer `3`, expected a string"],
    );
}

#[test]
fn extensions_that_this_host_has_not_are_named() {
    let toml = format!("{}requires = [\\\"pa.timers/1\\\", \\\"pa.timer/1\\\"]", fixture::LEAST);
    let bytes = compiled(&(fixture::note(1, 0, &toml) + fixture::ENTRY), &[]);
    let want = "libx.so: missing host extensions: it requires `pa.timers/1`, this host has not\nhelp: `pa.timers/1`: did you mean \
                `pa.timer/1`?";
    assert_eq!(verdict(&bytes, &host()), want);
}

#[test]
fn the_entry_must_be_there_and_be_data_of_eight_bytes() {
    let note = fixture::note(1, 0, fixture::LEAST);
    let cases = [
        (
            "",
            "libx.so: no entry: it does not export `pa_plugin_v1`\nhelp: a plugin exports `pa_plugin_v1`: call",
        ),
        (
            "const long pa_plugin_v2 = 8;",
            "help: it exports `pa_plugin_v2`, the entry of another ABI\nhelp: a plugin exports",
        ),
        (
            "void pa_plugin_v1(void) {}",
            "libx.so: wrong entry: `pa_plugin_v1` is a function, not a data object\nhelp: define it",
        ),
        (
            "__thread long pa_plugin_v1;",
            "wrong entry: `pa_plugin_v1` is a thread-local variable, not a data object",
        ),
        ("const int pa_plugin_v1 = 8;", "wrong entry: `pa_plugin_v1` has 4 bytes, its head alone has 8"),
        (
            "extern int pa_plugin_v1; int f(void) { return pa_plugin_v1; }",
            "no entry: it does not export `pa_plugin_v1`",
        ),
    ];
    for (entry, want) in cases {
        assert_says(&compiled(&format!("{note}{entry}"), &[]), &host(), &[want]);
    }
}

#[test]
fn a_library_without_section_headers_cannot_be_checked() {
    let mut bytes = good();
    bytes[40..48].fill(0);
    bytes[60..64].fill(0);
    assert_says(
        &bytes,
        &host(),
        &["libx.so: no symbols: its table of dynamic symbols cannot be read\nhelp: link it again"],
    );
}

#[test]
fn a_glibc_that_is_too_old_is_said_with_both_versions_and_a_symbol() {
    let source = fixture::good() + "#include <stdlib.h>\nvoid *f(void) { return malloc(1); }";
    let old = Host { glibc: Some(Glibc(2, 1)), ..host() };
    let bytes = compiled(&source, &[]);
    let (needed, symbol) = Preflight::of(&bytes, &old).facts.unwrap().glibc.unwrap();
    let symbol = symbol.unwrap();
    let want = format!(
        "libx.so: glibc too old: it needs {needed}, this host runs on 2.1: symbol `{symbol}`\nhelp: build it on"
    );
    assert_says(&bytes, &old, &[&want]);
    assert_eq!(verdict(&bytes, &host()), "loads x");
    assert_eq!(Glibc::of_symbol_version("GLIBC_2.2.5"), Some(Glibc(2, 2)));
    assert_eq!(Glibc::of_symbol_version("GLIBC_PRIVATE"), None);
}

#[test]
fn an_executable_stack_and_text_relocations_are_refused() {
    let bytes = compiled(&fixture::good(), &["-Wl,-z,execstack"]);
    assert_says(
        &bytes,
        &host(),
        &["libx.so: executable stack: it asks for one", "help: link with `-z noexecstack`"],
    );
    let assembly = ".section .note.GNU-stack,\"\",@progbits\n.text\n.globl f\nf: .quad f\n";
    let folder = Folder::new();
    let bytes =
        std::fs::read(folder.compile("s", assembly, &["-shared", "-Wl,-z,notext", "-nostdlib"])).unwrap();
    let preflight = Preflight::of(&bytes, &host());
    assert!(preflight.refusals.contains(&Refusal::TextRelocations), "{:?}", preflight.refusals);
}

#[test]
fn what_pins_a_library_is_named_and_does_not_refuse_it() {
    let tls = fixture::good()
        + "__attribute__((tls_model(\"initial-exec\"))) __thread int t; int f(void) { return t++; }";
    let cases: &[(&str, &[&str], Pin)] = &[
        (&tls, &[], Pin::StaticTls),
        (&fixture::good(), &["-Wl,-z,nodelete"], Pin::NoDelete),
        (
            &(fixture::good()
                + "__asm__(\".section .note.go.buildid,\\\"a\\\",@note\\n.long 3,4,4\\n.asciz \\\"Go\\\"\\n.align 4\\n.long 0\\n.text\");"),
            &[],
            Pin::Go,
        ),
        (
            &(fixture::good()
                + "__asm__(\".data\\n.globl u\\n.type u,@gnu_unique_object\\n.size u,4\\nu: .long 0\\n.text\");"),
            &[],
            Pin::UniqueSymbols(1, "u".into()),
        ),
    ];
    for (source, args, pin) in cases {
        let preflight = Preflight::of(&compiled(source, args), &host());
        assert_eq!((preflight.refusals, preflight.pins), (vec![], vec![pin.clone()]));
    }
}

#[test]
fn a_shared_standard_library_pins() {
    let folder = Folder::new();
    let std = folder.library("int s;", &["-Wl,-soname,libstd-0123.so"]);
    let other = Folder::new();
    let file = other.library(&fixture::good(), &["-Wl,--no-as-needed", &std.display().to_string()]);
    let preflight = Preflight::of(&std::fs::read(file).unwrap(), &host());
    assert_eq!(preflight.pins, [Pin::SharedStd("libstd-0123.so".into())]);
}

#[test]
fn a_file_that_was_cut_off_never_panics_and_is_refused_where_its_segments_are_cut() {
    let (bytes, mut cut) = (good(), 0);
    let end = Preflight::of(&bytes, &host()).facts.unwrap().segments_end as usize;
    for length in (0..bytes.len()).step_by(64) {
        let said = verdict(&bytes[..length], &host());
        assert!(!said.starts_with("loads"), "{length} bytes: {said}");
        cut +=
            usize::from(said.contains(&format!(
                "libx.so: truncated: its segments end at byte {end}, the file has {length}"
            )));
    }
    assert!(cut > end / 128, "only {cut} of the lengths below {end} were seen as truncated");
}

#[test]
fn changed_bytes_never_panic() {
    let good = good();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as usize % below
    };
    // Headers matter most: every byte of the first kilobyte and of the section headers, then bytes at random.
    let tail = good.len().saturating_sub(2048);
    for index in (0..1024.min(good.len())).chain(tail..good.len()) {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[index] = value;
            verdict(&bytes, &host());
        }
    }
    for _ in 0..3000 {
        let mut bytes = good.clone();
        for _ in 0..=next(8) {
            bytes[next(good.len())] = next(256) as u8;
        }
        verdict(&bytes, &host());
    }
}
