//! What does a request allocate, and what does it ask of the kernel? Both as a slope: the difference between two numbers
//! of requests, so that start and end do not count.

use crate::load::Load;
use crate::process::{Server, built, host, host_args};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const REQUESTS: usize = 6_400;

pub(crate) fn spec() -> String {
    format!("spec = 1\n[app]\nname = 'bench'\n[[plugin]]\npath = '{}'\n", built("libhello.so").display())
}

pub(crate) fn run() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec_file = folder.path().join("app.toml");
    std::fs::write(&spec_file, spec()).expect("a spec");
    let counter = compile(folder.path());
    // `single` is the code of `threaded` for one connection at a time, and there are many here.
    for server in ["threaded", "actix", "pool"] {
        // `/` answers with a static text; `/hello/World` formats one, which takes allocations of the plugin's.
        for path in ["/", "/hello/World"] {
            let count = allocations(&counter, folder.path(), host(&spec_file, server), path);
            println!("{server:<9} {path:<13} {count:.2} allocations a request");
        }
        println!("{server:<9} {:<13} {}", "/", calls(folder.path(), &spec_file, server));
    }
    let count = allocations(&counter, folder.path(), crate::reference::command(), "/hello/World");
    println!("actix-web /hello/World {count:.2} allocations a request");
}

fn compile(folder: &Path) -> std::path::PathBuf {
    let (source, library) = (folder.join("count.c"), folder.join("count.so"));
    std::fs::write(&source, include_str!("count.c")).expect("a C file");
    let cc = Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(cc.is_ok_and(|status| status.success()), "cc cannot compile the counter");
    library
}

fn allocations(counter: &Path, folder: &Path, mut command: Command, path: &str) -> f64 {
    let file = folder.join("count");
    std::fs::write(&file, [0; 8]).expect("a file");
    let server = Server::start({
        command.env("LD_PRELOAD", counter).env("COUNT_FILE", &file);
        command
    });
    let mut load = Load::new(server.address, path);
    load.run(REQUESTS);
    let before = read(&file);
    let requests = load.run(REQUESTS);
    (read(&file) - before) as f64 / requests as f64
}

fn read(file: &Path) -> u64 {
    let bytes = std::fs::read(file).expect("the counter's file");
    u64::from_ne_bytes(bytes.try_into().expect("eight bytes"))
}

/// System calls a request, by strace.
fn calls(folder: &Path, spec: &Path, server: &str) -> String {
    let [few, many] = [REQUESTS, 2 * REQUESTS].map(|requests| traced(folder, spec, server, requests));
    let each = many.iter().filter_map(|(name, count)| {
        let more = count.saturating_sub(few.get(name).copied().unwrap_or_default());
        let each = more as f64 / REQUESTS as f64;
        (each >= 0.01).then(|| format!("{name} {each:.2}"))
    });
    format!("system calls a request: {}", each.collect::<Vec<_>>().join(", "))
}

fn traced(folder: &Path, spec: &Path, server: &str, requests: usize) -> BTreeMap<String, u64> {
    let report = folder.join("strace");
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-U", "calls,name", "-o"]).arg(&report).arg(built("host"));
    host_args(&mut command, spec, server);
    let traced = Server::start(command);
    Load::new(traced.address, "/").run(requests);
    drop(traced);
    let text = std::fs::read_to_string(&report).expect("strace is installed");
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let count = words.next()?.parse().ok()?;
        Some((words.next()?.to_owned(), count))
    };
    text.lines().filter_map(line).filter(|(name, _)| name != "total").collect()
}
