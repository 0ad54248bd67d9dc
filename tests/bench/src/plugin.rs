//! What does a plugin cost? `host --server actix` with `plugins/hello` against plain actix-web with the same handler.

use crate::load::Load;
use crate::process::{Server, host};
use crate::reference;

const REQUESTS: usize = 100_000;

pub(crate) fn run(rounds: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = folder.path().join("app.toml");
    std::fs::write(&spec, crate::count::spec()).expect("a spec");
    let commands = [reference::command(), host(&spec, "actix"), host(&spec, "threaded")];
    let mut servers = commands.map(|command| {
        let server = Server::start(command);
        let mut load = Load::new(server.address, "/hello/World");
        load.run(REQUESTS / 10);
        (server, load)
    });
    println!("CPU us a request: actix-web, host actix, host threaded; ratios to actix-web");
    let mut ratios = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let micros: Vec<f64> = servers.iter_mut().map(|(server, load)| measure(server, load)).collect();
        let [actix, threaded] = [micros[1] / micros[0], micros[2] / micros[0]];
        println!("  {:6.2} {:6.2} {:6.2}  ratios {actix:.3} {threaded:.3}", micros[0], micros[1], micros[2]);
        ratios[0].push(actix);
        ratios[1].push(threaded);
    }
    let [actix, threaded] = ratios.map(crate::median);
    println!("  median ratios {actix:.3} {threaded:.3}");
}

fn measure(server: &Server, load: &mut Load) -> f64 {
    let before = server.cpu_nanos();
    let requests = load.run(REQUESTS);
    (server.cpu_nanos() - before) as f64 / requests as f64 / 1000.0
}
