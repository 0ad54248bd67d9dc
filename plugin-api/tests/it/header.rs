//! `include/plugin_api.h` is generated from `src/abi.rs`, and `include/tail.h` follows.

use cbindgen::{Builder, Config, DocumentationStyle, ExportConfig, Language, Style};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const REWRITE: &str = "PLUGIN_API_REWRITE_HEADER";

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_header_is_what_abi_rs_says() {
    let wanted = generate();
    if env::var_os(REWRITE).is_some() {
        fs::write(at("include/plugin_api.h"), &wanted).unwrap();
    }
    let found = fs::read_to_string(at("include/plugin_api.h")).unwrap_or_default();
    let differing = wanted.lines().zip(found.lines()).position(|(wanted, found)| wanted != found);
    assert!(
        found == wanted,
        "include/plugin_api.h is not what src/abi.rs and include/tail.h say, first in line {}\n\
         help: run the test again with {REWRITE}=1 and look at the difference",
        differing.unwrap_or_else(|| wanted.lines().count().min(found.lines().count())) + 1
    );
}

#[test]
fn the_header_is_c11() {
    compile("cc", &["-std=c11", "-x", "c", "-Wpedantic"]);
}

#[test]
fn the_header_is_cpp17() {
    compile("c++", &["-std=c++17", "-x", "c++"]);
}

/// Compiles a plugin that uses every helper of the header.
fn compile(compiler: &str, flags: &[&str]) {
    let source = at("tests/it/header.c");
    let mut command = Command::new(compiler);
    command
        .args(flags)
        .args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
        .arg(at("include"))
        .arg(source);
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The example, linked to a small host: what crosses is what the header says.
#[test]
fn a_plugin_in_c_hands_its_state_over() {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("visits-{}", std::process::id()));
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"]).arg(at("include"));
    command.arg("-I").arg(at("../plugins")).arg(at("tests/it/visits.c")).arg("-o").arg(&program);
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(&program).output().unwrap_or_else(|error| panic!("{program:?}: {error}"));
    fs::remove_file(&program).unwrap();
    assert!(output.status.success(), "visits.c, {}", String::from_utf8_lossy(&output.stdout));
}

fn generate() -> String {
    let abi = read("src/abi.rs");
    let bindings = Builder::new().with_config(config(&abi)).with_src(at("src/abi.rs")).generate();
    let mut body = Vec::new();
    bindings.unwrap_or_else(|error| panic!("cbindgen: {error}")).write(&mut body);
    let body = for_c(&String::from_utf8_lossy(&body));
    let names = names(&abi);
    let mut header = "/* Generated from src/abi.rs and include/tail.h: change these. */\n".to_owned();
    header += &format!("/*\n{} */\n#ifndef PLUGIN_API_H\n#define PLUGIN_API_H\n", contract(&abi, &names));
    header += "#include <stddef.h>\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    header += "/* An app while it is loaded: a handle, not a pointer to memory. Valid until the load that made it ends. */\n";
    header += "typedef struct pa_app pa_app;\n";
    header += &plain(&body, &names);
    header += &extensions(&abi, &names);
    header += "\n#ifdef __cplusplus\n}\n#endif\n\n";
    header += &read("include/tail.h");
    header
}

/// What has another name in C.
fn names(abi: &str) -> HashMap<String, String> {
    let types = types(abi).into_iter().map(|name| {
        let c = format!("pa_{}", snake(&name));
        (name, c)
    });
    let constants = abi.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let mut names: HashMap<_, _> =
        constants.map(|name| (name.to_owned(), format!("PA_{name}"))).chain(types).collect();
    names.extend([("App".into(), "pa_app".into()), ("covers!".into(), "PA_COVERS".into())]);
    names
}

fn config(abi: &str) -> Config {
    Config {
        language: Language::C,
        style: Style::Both,
        no_includes: true,
        usize_is_size_t: true,
        documentation: true,
        documentation_style: DocumentationStyle::C99,
        line_length: 110,
        tab_width: 4,
        export: ExportConfig {
            rename: names(abi),
            exclude: vec!["App".into()],
            include: types(abi),
            ..ExportConfig::default()
        },
        ..Config::default()
    }
}

/// Names that C has for itself, and numbers that would bind to what stands before them.
fn for_c(text: &str) -> String {
    let text = text.replace("int64_t int;", "int64_t as_int;").replace("double float;", "double as_float;");
    let text = text.replace("void *this", "void *self");
    let mut lines = String::new();
    for line in text.lines() {
        match line.rsplit_once(" -") {
            Some((define, number)) if line.starts_with("#define ") => {
                lines += &format!("{define} (-{number})\n")
            }
            _ => lines += &format!("{line}\n"),
        }
    }
    lines
}

/// Every type: none of them is used by a function that is exported.
fn types(abi: &str) -> Vec<String> {
    let item =
        |line: &str| line.strip_prefix("pub struct ").or(line.strip_prefix("pub union ")).map(str::to_owned);
    let names =
        abi.lines().filter_map(item).filter_map(|item| item.split([' ', ';']).next().map(str::to_owned));
    names.filter(|name| name != "App").collect()
}

fn snake(name: &str) -> String {
    name.char_indices().fold(String::new(), |mut snake, (at, c)| {
        if c.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}

/// The text at the top of `abi.rs`.
fn contract(abi: &str, names: &HashMap<String, String>) -> String {
    let lines = abi.lines().take_while(|line| line.starts_with("//!"));
    let text: String = lines.map(|line| format!(" *{}\n", line.trim_start_matches("//!"))).collect();
    plain(&text, names)
}

/// Rust's links between brackets as the names in C, and its brackets that are none as brackets.
fn plain(text: &str, names: &HashMap<String, String>) -> String {
    let text = text.replace("\\[", "[").replace("\\]", "]");
    let (mut plain, mut rest) = (String::new(), text.as_str());
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((name, tail)) = after.split_once("`]") else { break };
        let (ty, member) = name.split_once("::").map_or((name, None), |(ty, member)| (ty, Some(member)));
        let c = names.get(ty).map_or(ty, String::as_str);
        let _ =
            write!(plain, "{before}`{c}{}`", member.map(|member| format!("::{member}")).unwrap_or_default());
        rest = tail.strip_prefix('(').and_then(|link| link.split_once(')')).map_or(tail, |(_, tail)| tail);
    }
    plain + rest
}

/// The ids of extensions, which cbindgen leaves out.
fn extensions(abi: &str, names: &HashMap<String, String>) -> String {
    let mut text = String::new();
    for (before, line) in abi.lines().zip(abi.lines().skip(1)) {
        let Some((name, value)) =
            line.strip_prefix("pub const EXT_").and_then(|line| line.split_once(": &str = "))
        else {
            continue;
        };
        let _ = write!(
            text,
            "\n//{}\n#define PA_EXT_{name} {}\n",
            plain(&before[3..], names),
            value.trim_end_matches(';')
        );
    }
    text
}
