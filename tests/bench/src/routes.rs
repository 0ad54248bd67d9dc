//! Is routing flat? The same request to hosts with 10 and with 10,000 routes, in turns.

use crate::load::Load;
use crate::process::{Server, built, host};
use std::fmt::Write;

/// At most so much may a request with 10,000 routes cost, in requests with 10.
const RATIO_MAX: f64 = 2.0;
const REQUESTS: usize = 40_000;

pub(crate) fn run(rounds: usize) {
    for server in ["threaded", "actix"] {
        let sizes = [10, 10_000].map(|count| Site::start(count, server));
        let ratio = compare(sizes, rounds, server);
        assert!(ratio <= RATIO_MAX, "{server}: {ratio:.2}, and at most {RATIO_MAX} is promised");
    }
}

struct Site {
    server: Server,
    load: Load,
    _folder: tempfile::TempDir,
}

impl Site {
    fn start(count: usize, server: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let spec = folder.path().join("app.toml");
        std::fs::write(&spec, text(count)).expect("a spec");
        let server = Server::start(host(&spec, server));
        let mut load = Load::new(server.address, &rule(count, count - 1).replace("<x>", "value"));
        load.run(REQUESTS / 10);
        Self { server, load, _folder: folder }
    }

    /// Microseconds a request.
    fn measure(&mut self) -> f64 {
        let before = self.server.cpu_nanos();
        let requests = self.load.run(REQUESTS);
        (self.server.cpu_nanos() - before) as f64 / requests as f64 / 1000.0
    }
}

/// A third static, a third with a wildcard at the end, a third with one at the start; the last one is asked for. Numbers
/// have five digits, so that answers are of one length.
fn rule(count: usize, number: usize) -> String {
    match number * 3 / count {
        0 => format!("/static/{number:05}"),
        1 => format!("/end/{number:05}/<x>"),
        _ => format!("/<x>/start/{number:05}"),
    }
}

fn text(count: usize) -> String {
    let library = built("libecho.so");
    let mut text = format!(
        "spec = 1\n[app]\nname = 'bench'\n[[plugin]]\npath = '{}'\nconfig.routes = [\n",
        library.display()
    );
    for number in 0..count {
        let _ =
            writeln!(text, "{{ method = 'GET', rule = '{}', tag = '{number:05}' }},", rule(count, number));
    }
    text + "]\n"
}

fn compare([mut few, mut many]: [Site; 2], rounds: usize, server: &str) -> f64 {
    println!("{server}: CPU us a request with 10 and with 10,000 routes");
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let (few, many) = (few.measure(), many.measure());
        println!("  {few:6.2} {many:6.2}  ratio {:.3}", many / few);
        ratios.push(many / few);
    }
    let ratio = crate::median(ratios);
    println!("  median ratio {ratio:.3}");
    ratio
}
