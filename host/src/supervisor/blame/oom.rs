//! Whether the system's OOM killer was at work: the kernel counts that for each cgroup, which costs one file to read.

use std::path::{Path, PathBuf};

/// The counter of this process's cgroup.
pub(super) struct OomKills {
    file: Option<PathBuf>,
    /// As it was when we looked last.
    seen: Option<u64>,
}

impl OomKills {
    /// Looks for the first time.
    pub(super) fn of_this_cgroup() -> Self {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let file = file_of(&groups, Path::new("/sys/fs/cgroup"));
        let seen = file.as_deref().and_then(count);
        Self { file, seen }
    }

    /// Whether it killed anything of the cgroup since the last look.
    pub(super) fn has_killed(&mut self) -> bool {
        let now = self.file.as_deref().and_then(count);
        let before = std::mem::replace(&mut self.seen, now);
        before.zip(now).is_some_and(|(before, now)| now > before)
    }
}

/// Of the one hierarchy that there is with cgroup v2.
fn file_of(groups: &str, root: &Path) -> Option<PathBuf> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(root.join(group).join("memory.events"))
}

fn count(file: &Path) -> Option<u64> {
    let events = std::fs::read_to_string(file).ok()?;
    events.lines().find_map(|line| line.strip_prefix("oom_kill "))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_grew_says_that_it_was_at_work() {
        let folder = tempfile::tempdir().expect("a folder");
        let group = folder.path().join("a/b.service");
        std::fs::create_dir_all(&group).expect("a folder");
        let write = |kills: u64| {
            let text = format!("low 0\noom 9\noom_kill {kills}\noom_group_kill 0\n");
            std::fs::write(group.join("memory.events"), text).expect("a file");
        };
        write(3);
        let file = file_of("1:name=systemd:/x\n0::/a/b.service\n", folder.path());
        let mut kills = OomKills { seen: file.as_deref().and_then(count), file };
        assert!(!kills.has_killed());
        write(4);
        assert!(kills.has_killed());
        assert!(!kills.has_killed());
    }

    #[test]
    fn without_the_file_nothing_is_said() {
        assert_eq!(file_of("1:name=systemd:/x\n", Path::new("/")), None);
        let mut kills = OomKills { file: Some("/nowhere/memory.events".into()), seen: None };
        assert!(!kills.has_killed());
    }
}
