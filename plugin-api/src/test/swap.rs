//! What a swap does to a plugin: state that is saved and taken over, and a store that stays.

use super::client::{TestClient, Use};
use super::instance::{Snapshot, TestInstance};
use crate::abi::Plugin;
use std::sync::Arc;

impl TestClient {
    /// What the plugin hands over to its next generation, while it serves on.
    ///
    /// # Panics
    /// It has no state, nothing to hand over, or cannot save it. [`TestClient::try_save`] does not.
    #[track_caller]
    pub fn save(&self) -> Vec<u8> {
        match self.try_save() {
            Ok(Some(saved)) => saved,
            Ok(None) => panic!("the plugin has nothing to hand over"),
            Err(error) => panic!("the plugin cannot hand its state over: {error}"),
        }
    }

    /// What the plugin hands over to its next generation; none where it has no state, or nothing to hand over.
    ///
    /// # Errors
    /// It cannot save it.
    pub fn try_save(&self) -> Result<Option<Vec<u8>>, String> {
        Ok(self.instance.save()?.map(|(_, saved)| saved))
    }

    /// Loads a plugin that takes over what was saved in that schema, and serves its default app.
    ///
    /// ```standalone_crate
    /// use plugin_api::prelude::*;
    /// use plugin_api::test::TestClient;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// struct Hits(AtomicU64);
    ///
    /// fn none() -> Result<Hits, Error> {
    ///     Ok(Hits(AtomicU64::new(0)))
    /// }
    ///
    /// #[get("/")]
    /// fn hit(hits: State<Hits>) -> String {
    ///     (hits.0.fetch_add(1, Relaxed) + 1).to_string()
    /// }
    ///
    /// fn save(hits: State<Hits>) -> Json<u64> {
    ///     Json(hits.0.load(Relaxed))
    /// }
    ///
    /// fn load(hits: State<Hits>, _from: u32, saved: Json<u64>) {
    ///     hits.0.store(*saved, Relaxed);
    /// }
    ///
    /// plugin! { state: Hits = none, routes: [hit], schema: 1, save: save, load: load }
    ///
    /// # fn main() {
    /// let client = TestClient::with_state(&pa_plugin_v1, "{}", 1, b"41");
    /// assert_eq!(client.get("/").text(), "42");
    /// assert_eq!(client.save(), b"42");
    /// assert_eq!(client.swap_to(&pa_plugin_v1).get("/").text(), "43");
    /// # }
    /// ```
    ///
    /// # Panics
    /// It cannot be loaded, or refuses the state; the message says why. [`TestClient::try_with_state`] does not.
    #[track_caller]
    pub fn with_state(entry: &'static Plugin, config_json: &str, schema: u32, saved: &[u8]) -> Self {
        Self::try_with_state(entry, config_json, schema, saved)
            .unwrap_or_else(|error| panic!("the plugin cannot be loaded with this state: {error}"))
    }

    /// Loads a plugin with a state, as [`TestClient::with_state`] does.
    ///
    /// # Errors
    /// It cannot be loaded, or refuses the state.
    pub fn try_with_state(
        entry: &'static Plugin,
        config_json: &str,
        schema: u32,
        saved: &[u8],
    ) -> Result<Self, String> {
        let state: Snapshot = (schema, saved.to_vec());
        let instance = TestInstance::new(entry, config_json, Arc::default(), Some(&state))?;
        Self::serve(Arc::new(instance), (String::new(), None), Vec::new())
    }

    /// The next generation, loaded with the same configuration: it takes over what this one hands over, has the same
    /// store, and serves the same app with the same middleware. This one serves on until it is dropped, as in a swap.
    ///
    /// # Panics
    /// The swap would be cancelled; the message says why. [`TestClient::try_swap_to`] does not.
    #[track_caller]
    pub fn swap_to(&self, entry: &'static Plugin) -> Self {
        self.try_swap_to(entry).unwrap_or_else(|error| panic!("the swap is cancelled: {error}"))
    }

    /// The next generation, as [`TestClient::swap_to`] makes it.
    ///
    /// # Errors
    /// The swap would be cancelled: this one cannot save its state, the next one refuses it, or cannot be loaded.
    pub fn try_swap_to(&self, entry: &'static Plugin) -> Result<Self, String> {
        let old = &self.instance;
        let takes = !super::instance::manifest_of(entry).state_accepts.is_empty();
        let state = if takes { old.save()? } else { None };
        let new = TestInstance::new(entry, &old.config_json, old.store.clone(), state.as_ref())?;
        let around = self.around.iter().map(|made| Use::new(&new, &made.name, &made.settings_json));
        let around = around.collect::<Result<_, _>>()?;
        Self::serve(Arc::new(new), self.app.clone(), around)
    }

    /// Limits what the store of this client may keep, as `store_bytes` of the spec's `[limits]` does: 64 MiB if nothing is
    /// said.
    pub fn set_store_bytes(&self, limit: usize) {
        self.instance.store.set_limit(limit);
    }
}
