//! The map from names to servers.

use super::{
    About, Server, actix::Actix, forking::Forking, pool::Pool, prefork::Prefork, single::Single,
    threaded::Threaded,
};
use crate::error::Error;
use crate::suggest;
use dashmap::DashMap;
use std::sync::Arc;

/// Servers by name, aliases included.
pub struct ServerRegistry {
    servers: DashMap<&'static str, Arc<dyn Server>>,
}

/// A server that was chosen by a name.
#[derive(Clone)]
pub struct Chosen {
    /// The server.
    pub server: Arc<dyn Server>,
    /// The alias that it was asked for by, if it was not its own name.
    pub alias: Option<&'static str>,
}

/// The server where nothing else is asked for.
pub const DEFAULT: &str = "threaded";

impl Default for ServerRegistry {
    /// The servers that come with the host.
    fn default() -> Self {
        let registry = Self { servers: DashMap::new() };
        registry.add(Arc::new(Single));
        registry.add(Arc::new(Threaded));
        registry.add(Arc::new(Actix));
        registry.add(Arc::new(Prefork));
        registry.add(Arc::new(Forking));
        registry.add(Arc::new(Pool));
        registry
    }
}

impl ServerRegistry {
    /// Adds a server under its name and its aliases; one of the same name is replaced.
    pub fn add(&self, server: Arc<dyn Server>) {
        let about = server.about();
        for name in about.aliases.iter().chain([&about.name]) {
            self.servers.insert(name, server.clone());
        }
    }

    /// The server of that name.
    ///
    /// # Errors
    /// There is none: the known names are listed, nearest first.
    pub fn get(&self, name: &str) -> Result<Chosen, Error> {
        if let Some(found) = self.servers.get(name) {
            let alias = (found.value().about().name != *found.key()).then_some(*found.key());
            return Ok(Chosen { server: found.value().clone(), alias });
        }
        let names: Vec<&str> = self
            .list()
            .into_iter()
            .flat_map(|about| about.aliases.iter().copied().chain([about.name]))
            .collect();
        let own: Vec<&str> = self.list().iter().map(|about| about.name).collect();
        let error = Error::usage(format!("unknown server `{name}`"));
        let error = match suggest::nearest(name, &names) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        };
        Err(error
            .help(format!("known: {}; `host servers` tells more", suggest::sorted(name, &own).join(", "))))
    }

    /// What there is, by name.
    pub fn list(&self) -> Vec<About> {
        let mut list: Vec<About> = self.servers.iter().map(|server| server.value().about()).collect();
        list.sort_by_key(|about| about.name);
        list.dedup_by_key(|about| about.name);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Swap;
    use crate::spec::Opt;

    #[test]
    fn nothing_is_swapped_in_place_where_plugins_run_in_children() {
        for server in ServerRegistry::default().servers.iter().filter(|server| server.forks()) {
            assert_eq!(server.about().guarantees.swap, Swap::NewWorkers, "{}", server.key());
        }
    }

    #[test]
    fn every_default_of_an_option_can_be_read() {
        for about in ServerRegistry::default().list() {
            assert!(about.options.iter().all(Opt::is_sound), "{about:?}");
        }
    }

    #[test]
    fn no_name_means_two_servers() {
        let list = ServerRegistry::default().list();
        let mut names: Vec<&str> = list.iter().flat_map(|about| about.aliases).copied().collect();
        names.extend(list.iter().map(|about| about.name));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{names:?}");
    }
}
