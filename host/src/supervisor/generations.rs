//! What a worker serves, kept outside of it: its generations with their sealed copies.
//!
//! When a worker dies, the next one gets them: it serves what was served, whatever has become of the files on the disk.

use crate::deployment::{Published, Standing};
use std::os::fd::OwnedFd;

/// More than this of one worker are not kept: each has a descriptor here.
const GENERATIONS_MAX: usize = 512;

/// The generations of a worker, in the order in which it published them.
#[derive(Default)]
pub(super) struct Generations(Vec<Kept>);

struct Kept {
    generation: Published,
    copy: OwnedFd,
}

impl Generations {
    /// Keeps a generation. A new current one makes that before it a kept one.
    pub(super) fn publish(&mut self, generation: Published, copy: OwnedFd) {
        self.forget(&generation.plugin, generation.number);
        if generation.standing == Standing::Current {
            for kept in self.0.iter_mut().filter(|kept| kept.generation.plugin == generation.plugin) {
                kept.generation.standing = Standing::Kept;
            }
        }
        self.0.push(Kept { generation, copy });
        self.make_room(GENERATIONS_MAX);
    }

    pub(super) fn forget(&mut self, plugin: &str, number: u64) {
        self.0.retain(|kept| kept.generation.plugin != plugin || kept.generation.number != number);
    }

    /// Each with a descriptor of its own, for another worker. One that cannot be had is left out: the worker loads the
    /// file instead.
    pub(super) fn copies(&self) -> Vec<(Published, OwnedFd)> {
        let copies = self.0.iter().map(|kept| Some((kept.generation.clone(), kept.copy.try_clone().ok()?)));
        copies.flatten().collect()
    }

    /// Plugins, with the numbers of their current generations.
    pub(super) fn current(&self) -> impl Iterator<Item = (&str, u64)> {
        let current = self.0.iter().filter(|kept| kept.generation.standing == Standing::Current);
        current.map(|kept| (kept.generation.plugin.as_str(), kept.generation.number))
    }

    /// Plugins and numbers.
    pub(super) fn numbers(&self) -> Vec<(String, u64)> {
        let numbers = self.0.iter().map(|kept| (kept.generation.plugin.clone(), kept.generation.number));
        numbers.collect()
    }

    /// The oldest that is not current goes first.
    fn make_room(&mut self, most: usize) {
        while self.0.len() > most {
            let oldest = self.0.iter().position(|kept| kept.generation.standing == Standing::Kept);
            let oldest = self.0.remove(oldest.unwrap_or(0)).generation;
            tracing::warn!(
                "generation {} of plugin `{}` will not outlive its worker: {most} are kept already",
                oldest.number,
                oldest.plugin
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(plugin: &str, number: u64, standing: Standing) -> Published {
        let (plugin, version, digest) = (plugin.to_owned(), "1".to_owned(), String::new());
        let (path, source, config_json) = ("a.so".into(), "path a.so".to_owned(), "{}".to_owned());
        Published { plugin, number, version, path, source, digest, config_json, standing, by_name: None }
    }

    fn publish(generations: &mut Generations, plugin: &str, number: u64, standing: Standing) {
        let copy = tempfile::tempfile().expect("a file");
        generations.publish(generation(plugin, number, standing), copy.into());
    }

    fn listed(generations: &Generations) -> Vec<String> {
        let copies = generations.copies().into_iter().map(|(generation, _)| generation);
        copies.map(|one| format!("{} {} {:?}", one.plugin, one.number, one.standing)).collect()
    }

    #[test]
    fn a_new_current_generation_makes_the_one_before_a_kept_one() {
        let mut generations = Generations::default();
        publish(&mut generations, "shop", 1, Standing::Current);
        publish(&mut generations, "blog", 1, Standing::Current);
        publish(&mut generations, "shop", 2, Standing::Current);
        assert_eq!(listed(&generations), ["shop 1 Kept", "blog 1 Current", "shop 2 Current"]);
        // Back to the first, as in a rollback.
        publish(&mut generations, "shop", 1, Standing::Current);
        assert_eq!(listed(&generations), ["blog 1 Current", "shop 2 Kept", "shop 1 Current"]);
        generations.forget("shop", 2);
        generations.forget("shop", 7);
        assert_eq!(listed(&generations), ["blog 1 Current", "shop 1 Current"]);
    }

    #[test]
    fn a_kept_generation_changes_no_other() {
        let mut generations = Generations::default();
        publish(&mut generations, "shop", 8, Standing::Current);
        publish(&mut generations, "shop", 7, Standing::Kept);
        assert_eq!(listed(&generations), ["shop 8 Current", "shop 7 Kept"]);
    }

    #[test]
    fn the_oldest_kept_one_makes_room() {
        let mut generations = Generations::default();
        publish(&mut generations, "blog", 1, Standing::Current);
        for number in 1..=4 {
            publish(&mut generations, "shop", number, Standing::Current);
        }
        generations.make_room(3);
        assert_eq!(listed(&generations), ["blog 1 Current", "shop 3 Kept", "shop 4 Current"]);
    }
}
