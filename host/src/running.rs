//! What may be asked of a host that serves.

use crate::control::{Answer, Command, Commands};
use crate::error::Error;
use crate::server::Chosen;
use crate::spec::Spec;
use crate::stop::Stop;
use serde_json::json;

/// A host that serves, and carries commands out.
pub(crate) struct Running {
    app: String,
    server: &'static str,
    stop: Stop,
}

impl Running {
    pub(crate) fn new(spec: &Spec, chosen: &Chosen, stop: Stop) -> Self {
        Self { app: spec.app.name.value.clone(), server: chosen.server.about().name, stop }
    }

    fn status(&self) -> Answer {
        let (app, server, pid) = (&self.app, self.server, std::process::id());
        let data = json!({ "app": app, "server": server, "worker": { "pid": pid } });
        Answer::done(format!("  {:10}  {server}\n", "server"), data)
    }

    fn stop(&self) -> Answer {
        self.stop.request();
        Answer::done(format!("`{}` stops", self.app), json!({ "stopped": false }))
    }
}

impl Commands for Running {
    fn execute(&self, command: Command) -> Answer {
        match command {
            Command::Status => self.status(),
            Command::Stop => self.stop(),
            Command::Restart => {
                let error = Error::failed("cannot start another worker: this host has no supervisor");
                error.help("start it without --no-supervisor").into()
            }
            Command::Swap { .. }
            | Command::Rollback { .. }
            | Command::SwapChanged
            | Command::ReloadSpec
            | Command::NameGenerations { .. } => {
                Error::failed("what this host serves is fixed until it is started again").into()
            }
        }
    }
}
