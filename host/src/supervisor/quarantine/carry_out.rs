//! What the supervisor does about quarantine: it puts libraries in, lists them, and lifts it.

use super::super::Supervisor;
use super::super::event::Reply;
use super::super::generations::Generations;
use super::super::message::{Cause, ToWorker};
use super::super::process::Ending;
use super::store::Change;
use crate::control::Answer;
use crate::quarantine::{Ban, named};
use crate::scoreboard::GenerationOnBoard;
use serde_json::json;
use signal_hook::consts::SIGKILL;
use std::fs::File;
use std::time::Instant;

impl Supervisor {
    /// Bans the library of a generation, if there is something to serve instead, or if the app may be served without it; whether the
    /// next worker has none of it.
    pub(in super::super) fn put_in_quarantine(
        &mut self,
        culprit: &GenerationOnBoard,
        optional: &[String],
        why: &str,
    ) -> bool {
        if self.quarantine.list().iter().any(|ban| ban.digest == culprit.digest) {
            // One of several that had it, or one that is on its way out.
            return true;
        }
        let who = format!("{} {} (generation {})", culprit.plugin, culprit.version, culprit.number);
        let Some(bans) = self.bans_for(culprit, optional, why) else {
            tracing::error!(
                "{who} {why}: there is no earlier generation to serve instead, and it is started again"
            );
            return false;
        };
        for (ban, _) in &bans {
            tracing::error!("{ban} is in quarantine: it {why}; {}", instead(ban));
        }
        let served = &mut self.current.served.generations;
        let was_served = !served.served_by(&culprit.digest).is_empty();
        served.ban(&culprit.digest);
        self.policy.begin_anew();
        self.quarantine.list.extend(bans.iter().map(|(ban, _)| ban.clone()));
        self.tell_bans();
        self.quarantine.writer.write(Change::Add(bans), |written| {
            if let Err(error) = written {
                tracing::warn!("what is in quarantine will be forgotten when the host ends: {error}");
            }
        });
        if was_served {
            self.stop_who_begins_with_it();
            self.quarantine.replace_at = self.current.is_serving().then(Instant::now);
        }
        true
    }

    /// An entry for each plugin that has that library: all of them, or none.
    fn bans_for(
        &self,
        culprit: &GenerationOnBoard,
        optional: &[String],
        why: &str,
    ) -> Option<Vec<(Ban, Option<File>)>> {
        let served = &self.current.served.generations;
        let mut plugins = served.served_by(&culprit.digest);
        if !plugins.contains(&culprit.plugin) {
            plugins.push(culprit.plugin.clone());
        }
        let mut bans = plugins.into_iter().map(|plugin| ban(served, plugin, culprit, why));
        let may_be = |ban: &Ban| ban.instead.is_some() || optional.contains(&ban.plugin);
        bans.by_ref().map(|(ban, copy)| may_be(&ban).then_some((ban, copy))).collect()
    }

    /// Who has begun with what is banned now is not waited for.
    fn stop_who_begins_with_it(&mut self) {
        let Some(mut next) = self.next.take() else { return };
        next.was_late = true;
        next.kill();
        self.sockets.close_those_of(next.id);
        self.roll_failed(&next, Ending::Signal(SIGKILL));
        self.retiring.push(next);
    }

    /// A worker serves with what was banned after it had begun: others take over, as from those that served by then.
    pub(in super::super) fn serves_what_is_banned(&mut self, digests: &[String]) {
        if !digests.is_empty() {
            digests.iter().for_each(|digest| self.current.served.generations.ban(digest));
            self.quarantine.replace_at = Some(Instant::now());
        }
    }

    /// Workers that serve on with it are replaced, as soon as that can be.
    pub(in super::super) fn replace_what_is_banned(&mut self, now: Instant) {
        let is_due = self.quarantine.replace_at.is_some_and(|at| at <= now);
        if !is_due || self.why_not_replace().is_some() {
            return;
        }
        self.quarantine.replace_at = None;
        self.replace_for(Cause::Quarantine, Reply::Log);
        self.quarantine.replacement = self.next.as_ref().map(|next| next.id);
        if self.next.is_none() && self.current.is_serving() {
            self.quarantine.replace_at = Some(now + self.policy.pause_max());
        }
    }

    /// What is banned has changed.
    fn tell_bans(&self) {
        let bans = self.quarantine.list();
        for worker in self.workers() {
            // One that does not read is about to end.
            let _ = worker.tell(ToWorker::Banned { bans: bans.to_vec() });
        }
    }

    /// `host ctl quarantine`.
    pub(in super::super) fn list_quarantine(&self) -> Answer {
        listed(self.quarantine.list())
    }

    /// `host ctl quarantine lift NAME`. The answer comes when it is on disk.
    pub(in super::super) fn lift(&mut self, name: &str, reply: Reply) {
        let lifted: Vec<Ban> = match named(self.quarantine.list(), name) {
            Ok(lifted) => lifted.into_iter().cloned().collect(),
            Err(error) => return reply.send(error.into()),
        };
        let digests: Vec<String> = lifted.iter().map(|ban| ban.digest.clone()).collect();
        self.quarantine.list.retain(|ban| !digests.contains(&ban.digest));
        digests.iter().for_each(|digest| self.blame.forget(digest));
        self.tell_bans();
        lifted.iter().for_each(|ban| tracing::info!("{ban} is not in quarantine any more"));
        self.quarantine.writer.write(Change::Remove(digests), move |written| {
            let next = |ban: &Ban| format!("`host ctl swap {}` loads what its file has", ban.plugin);
            reply.send(written.map(|()| self::lifted(&lifted, next)).into());
        });
    }
}

/// An entry with the library that is to be served instead, if there is one.
fn ban(served: &Generations, plugin: String, culprit: &GenerationOnBoard, why: &str) -> (Ban, Option<File>) {
    // What a target names by its path has no source in the spec, and is loaded from that path again.
    let instead = served.without(&plugin, &culprit.digest).filter(|(instead, _)| !instead.source.is_empty());
    let (instead, copy) = instead.unzip();
    let of_plugin = served.current_of(&plugin).filter(|current| current.digest == culprit.digest);
    let ban = Ban {
        plugin,
        version: culprit.version.clone(),
        number: of_plugin.map_or(culprit.number, |current| current.number),
        digest: culprit.digest.clone(),
        file: culprit.file.clone().into(),
        since: jiff::Timestamp::now(),
        why: why.to_owned(),
        instead,
    };
    (ban, copy.map(File::from))
}

/// The list, for people and programs.
pub(super) fn listed(bans: &[Ban]) -> Answer {
    let lines: Vec<String> = bans.iter().map(line).collect();
    let text = if lines.is_empty() { "nothing is in quarantine".to_owned() } else { lines.join("\n") };
    Answer::done(text, json!({ "quarantine": bans }))
}

/// `shop 1.1 (ba7816bf8f01), since 2026-01-02T03:04:05Z: crashed its worker 3 times within 1m; shop 1.0 is served instead`.
pub(in super::super) fn line(ban: &Ban) -> String {
    format!("{ban}, since {:.0}: {}; {}", ban.since, ban.why, instead(ban))
}

fn instead(ban: &Ban) -> String {
    match &ban.instead {
        Some(instead) => format!("{instead} is served instead"),
        None => "the app goes on without it, because it is optional".to_owned(),
    }
}

/// What was lifted, and what comes next.
pub(super) fn lifted(bans: &[Ban], next: impl Fn(&Ban) -> String) -> Answer {
    if bans.is_empty() {
        return listed(bans);
    }
    let line = |ban: &Ban| format!("{ban} is not in quarantine any more: {}", next(ban));
    let lines: Vec<String> = bans.iter().map(line).collect();
    Answer::done(lines.join("\n"), json!({ "lifted": bans }))
}
