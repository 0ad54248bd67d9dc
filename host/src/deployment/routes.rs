//! What can be asked of what is served: its routes, and the paths that its plugins test themselves with.

use super::Deployment;
use crate::banner;
use crate::control::Answer;
use crate::spec::PluginSpec;
use crate::table::Listed;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The data of the answer to `routes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// In the order of mounts and registration.
    pub routes: Vec<Listed>,
    /// `self_test` of the spec.
    pub self_tests: Vec<SelfTest>,
}

/// A path that must be answered well before a generation is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// The host name to ask for; empty for any.
    pub host: String,
    /// The path, with its query.
    pub path: String,
}

impl Deployment {
    pub(super) fn routes(&self) -> Answer {
        let routes = self.table().map(|table| table.listing()).unwrap_or_default();
        let plugins = self.served().map(|served| served.spec.plugins.clone()).unwrap_or_default();
        let self_tests = plugins.iter().flat_map(self_tests_of).collect();
        let text = banner::table(&routes);
        let routes = Routes { routes, self_tests };
        Answer::done(text.trim_end(), json!(routes))
    }
}

fn self_tests_of(plugin: &PluginSpec) -> impl Iterator<Item = SelfTest> {
    let host = plugin.hosts.first().map(|host| host.value.clone()).unwrap_or_default();
    plugin.self_test.iter().map(move |path| SelfTest { host: host.clone(), path: path.value.clone() })
}
