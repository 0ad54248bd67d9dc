//! The control socket of a host that is measured.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long to wait before it is looked for again, and how often.
const MOMENT: Duration = Duration::from_millis(5);
const MOMENTS_MAX: usize = 1000;

/// A connection to it.
pub(crate) struct Control(BufReader<UnixStream>);

impl Control {
    pub(crate) fn connect(socket: &Path) -> Self {
        // It is there a moment after the listeners are.
        let connect = || {
            UnixStream::connect(socket).ok().or_else(|| {
                std::thread::sleep(MOMENT);
                None
            })
        };
        let stream = (0..MOMENTS_MAX).find_map(|_| connect()).expect("a host with a control socket");
        Self(BufReader::new(stream))
    }

    /// Has each answer name its generation.
    pub(crate) fn name_generations(&mut self) {
        self.send(&json!({ "command": "name-generations", "on": true }));
        self.answer();
    }

    /// Asks for a swap: of that file, or of the one that the plugin has.
    pub(crate) fn ask_for_swap(&mut self, plugin: &str, file: Option<&Path>) {
        self.send(&json!({ "command": "swap", "plugin": plugin, "file": file, "force": true }));
    }

    fn send(&mut self, command: &Value) {
        self.0.get_mut().write_all(format!("{command}\n").as_bytes()).expect("a host that listens");
    }

    /// The answer to what was sent.
    pub(crate) fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line).expect("an answer in JSON");
        assert_eq!(answer["exit"], 0, "{answer:#}");
        answer
    }
}
