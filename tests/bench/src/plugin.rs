//! What does a plugin cost? `plugins/hello` on the servers of `host` against plain actix-web with the same handler.

use crate::load::Load;
use crate::process::{Server, host};
use crate::reference;
use std::process::Command;

const REQUESTS: usize = 100_000;

/// Those that are compared, in this order.
const SERVERS: [&str; 3] = ["actix", "threaded", "pool"];

pub(crate) fn run(rounds: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = folder.path().join("app.toml");
    std::fs::write(&spec, crate::count::spec()).expect("a spec");
    let hosts = SERVERS.map(|server| host(&spec, server));
    let commands = std::iter::once(reference::command()).chain(hosts);
    let mut servers: Vec<(Server, Load)> = commands.map(start).collect();
    println!("CPU us a request: actix-web, host {}; ratios to actix-web", SERVERS.join(", host "));
    let mut ratios = SERVERS.map(|_| Vec::new());
    for _ in 0..rounds {
        let micros: Vec<f64> = servers.iter_mut().map(|(server, load)| measure(server, load)).collect();
        let of_round: Vec<f64> = micros[1..].iter().map(|one| one / micros[0]).collect();
        println!("  {}  ratios {}", shown(&micros, 2), shown(&of_round, 3));
        ratios.iter_mut().zip(of_round).for_each(|(ratios, ratio)| ratios.push(ratio));
    }
    let medians = ratios.map(crate::median);
    println!("  median ratios {}", shown(&medians, 3));
    println!("  pool to threaded {:.3}", medians[2] / medians[1]);
}

fn start(command: Command) -> (Server, Load) {
    let server = Server::start(command);
    let mut load = Load::new(server.address, "/hello/World");
    load.run(REQUESTS / 10);
    (server, load)
}

fn shown(numbers: &[f64], digits: usize) -> String {
    numbers.iter().map(|number| format!("{number:6.digits$}")).collect::<Vec<_>>().join(" ")
}

fn measure(server: &Server, load: &mut Load) -> f64 {
    let before = server.cpu_nanos();
    let requests = load.run(REQUESTS);
    (server.cpu_nanos() - before) as f64 / requests as f64 / 1000.0
}
