//! `unsafe` stands in few files, and each block says why it is sound.
//!
//! That each of these files says why it has any is the compiler's to check: `unsafe_code` is denied, and clippy wants a
//! reason where it is allowed. Here it is checked that every crate has these lints.

use super::{Source, all_rust, code_of, has_word, read};
use crate::harness::root;

/// Where it may stand; a folder ends with `/`. A new line here is a decision: say in the review why no file of the list
/// could hold it.
const ALLOWED: &[&str] = &[
    "host/src/cargo_build/group.rs",
    "host/src/deployment/ending.rs",
    "host/src/exchange/answer.rs",
    "host/src/exchange/begin.rs",
    "host/src/exchange/context.rs",
    "host/src/exchange/failing.rs",
    "host/src/exchange/mod.rs",
    "host/src/exchange/own.rs",
    "host/src/exchange/vtable.rs",
    "host/src/foreign/",
    "host/src/generation/",
    "host/src/host_side.rs",
    "host/src/ledger.rs",
    "host/src/library/open.rs",
    "host/src/listener.rs",
    "host/src/load/callbacks.rs",
    "host/src/plugin_threads.rs",
    "host/src/request_body.rs",
    "host/src/scoreboard/memory.rs",
    "host/src/scoreboard/thread.rs",
    "host/src/server/actix/connection.rs",
    "host/src/server/forking/fork.rs",
    "host/src/server/watch/slot.rs",
    "host/src/state.rs",
    "host/src/state/tests.rs",
    "host/src/store/table.rs",
    "host/src/store/tests.rs",
    "host/src/supervisor/alone.rs",
    "host/src/thread_exit/elsewhere.rs",
    "host/src/thread_exit/glibc/loading.rs",
    "host/src/thread_exit/glibc/lock.rs",
    "host/src/thread_exit/glibc/next.rs",
    "host/src/thread_exit/glibc/objects.rs",
    "host/src/thread_exit/glibc/own.rs",
    "host/src/thread_exit/glibc/owner.rs",
    "host/src/thread_exit/glibc/purge.rs",
    "host/src/thread_exit/glibc/state.rs",
    "host/src/thread_exit/glibc/symbols.rs",
    "host/src/thread_exit/glibc/thread.rs",
    "host/src/timer.rs",
    "host/src/waker.rs",
    "plugin-api/src/app.rs",
    "plugin-api/src/body_stream.rs",
    "plugin-api/src/chunk.rs",
    "plugin-api/src/endpoint.rs",
    "plugin-api/src/entry.rs",
    "plugin-api/src/filter.rs",
    "plugin-api/src/finish.rs",
    "plugin-api/src/host.rs",
    "plugin-api/src/memory.rs",
    "plugin-api/src/middleware.rs",
    "plugin-api/src/param.rs",
    "plugin-api/src/poll.rs",
    "plugin-api/src/request.rs",
    "plugin-api/src/run.rs",
    "plugin-api/src/store/table.rs",
    "plugin-api/src/stream.rs",
    "plugin-api/src/task.rs",
    "plugin-api/src/test/arena.rs",
    "plugin-api/src/test/call.rs",
    "plugin-api/src/test/exchange.rs",
    "plugin-api/src/test/filter.rs",
    "plugin-api/src/test/host.rs",
    "plugin-api/src/test/instance.rs",
    "plugin-api/src/test/load.rs",
    "plugin-api/src/test/owned.rs",
    "plugin-api/src/test/store_table.rs",
    "plugin-api/src/test/timer.rs",
    "plugin-api/src/test/waker.rs",
    "plugin-api/src/timer.rs",
    "plugin-api/src/waker.rs",
];

/// The functions of these write code with `unsafe` in it, and run none.
const WRITERS: &[&str] = &["plugin-api/macros/"];

/// Whether it has code that is unsafe: the type of a function is not.
fn has_unsafe(source: &Source) -> bool {
    source.text.lines().map(code_of).any(|line| has_word(&without_types(&line), "unsafe"))
}

fn without_types(code: &str) -> String {
    code.replace("unsafe extern  fn(", "").replace("unsafe fn(", "")
}

fn is_allowed(path: &str) -> bool {
    ALLOWED.iter().any(|allowed| covers(allowed, path))
}

fn covers(allowed: &str, path: &str) -> bool {
    path == allowed || allowed.ends_with('/') && path.starts_with(allowed)
}

fn is_writer(source: &Source) -> bool {
    WRITERS.iter().any(|folder| source.path.starts_with(folder))
}

#[test]
fn unsafe_code_stands_in_few_files() {
    let found: Vec<String> = all_rust()
        .into_iter()
        .filter(|source| has_unsafe(source) && !is_writer(source))
        .map(|source| source.path)
        .collect();
    let new: Vec<_> = found.iter().filter(|path| !is_allowed(path)).collect();
    assert!(new.is_empty(), "`unsafe` in files that are not on the list: {new:#?}");
    let gone: Vec<_> =
        ALLOWED.iter().filter(|allowed| !found.iter().any(|path| covers(allowed, path))).collect();
    assert!(gone.is_empty(), "on the list, and without `unsafe`: {gone:#?}");
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"deny\""), "`unsafe_code` is not denied");
    let plugins = std::fs::read_dir(root().join("plugins")).expect("plugins").flatten();
    let plugins = plugins.map(|folder| format!("plugins/{}", folder.file_name().to_string_lossy()));
    let crates = ["host", "plugin-api", "plugin-api/macros", "plugin-api/route", "tests"].map(str::to_owned);
    for folder in crates.into_iter().chain(plugins) {
        let manifest = format!("{folder}/Cargo.toml");
        // A plugin in C has none.
        if root().join(&manifest).is_file() {
            assert!(
                read(&manifest).contains("[lints]\nworkspace = true\n"),
                "{manifest}: `[lints]` is missing"
            );
        }
    }
}

#[test]
fn each_unsafe_block_has_its_reason_just_above() {
    let mut without = Vec::new();
    for source in all_rust().iter().filter(|source| !is_writer(source)) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = code_of(line);
            let begins = code.contains("unsafe {") || code.trim_start().starts_with("unsafe impl");
            if begins && !is_explained(&lines[..index]) {
                without.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    assert!(without.is_empty(), "no `// SAFETY:` just above: {without:#?}");
}

/// Whether a SAFETY comment is above, or only the beginning of the same statement is between.
fn is_explained(above: &[&str]) -> bool {
    let mut lines = above.iter().rev().map(|line| line.trim());
    let mut statement_lines = 0;
    lines.by_ref().find_map(|line| match line {
        _ if line.starts_with("// SAFETY:") => Some(true),
        _ if line.starts_with("//") => None,
        _ if line.is_empty() || line.ends_with([';', '}']) || statement_lines == STATEMENT_LINES_MAX => {
            Some(false)
        }
        _ => {
            statement_lines += 1;
            None
        }
    }) == Some(true)
}

/// How many lines of its statement may stand before the block.
const STATEMENT_LINES_MAX: usize = 3;
