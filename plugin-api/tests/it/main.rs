//! The SDK, driven through the ABI by its test client.

mod plugin;

mod answers;
mod apps;
mod asynchronous;
mod compile_errors;
mod derive;
mod extractors;
mod faults;
mod header;
mod life;
mod manifest;
mod middleware;
mod parameters;
mod requests;
mod state;
mod store;

use plugin_api::test::TestClient;

/// The plugin of these tests: there is one entry in a binary.
fn client() -> TestClient {
    TestClient::new(&plugin::pa_plugin_v1, r#"{"greeting":"Hi"}"#)
}
