//! What follows from crashes, and from silence.

use super::stage::{Actor, Stage, copy_of};
use super::{Cause, SECOND, given};
use crate::control::Command;
use crate::deployment::{Published, Standing};
use crate::supervisor::message::{FromWorker, ToWorker};
use crate::supervisor::process::Ending;
use signal_hook::consts::SIGKILL;
use std::os::fd::AsFd;
use std::time::Duration;

/// Generation 2 of a plugin is served, and 1 is kept.
fn serving_the_second(change: impl FnOnce(&mut crate::spec::Spec)) -> (Stage, Actor) {
    let (mut stage, mut first) = Stage::with(change);
    stage.serves(&mut first);
    publish(&mut stage, &first, 1, "good");
    publish(&mut stage, &first, 2, "bad");
    (stage, first)
}

fn publish(stage: &mut Stage, actor: &Actor, number: u64, digest: &str) {
    let (source, digest) = ("path a.so".to_owned(), digest.to_owned());
    let generation = Published { source, digest, ..super::generation("shop", number) };
    let copy = copy_of(&format!("shop {number}"));
    stage.says(actor, &FromWorker::Published { generation }, Some(copy.as_fd()));
}

fn banned(stage: &Stage) -> Vec<&str> {
    stage.supervisor.quarantine.list().iter().map(|ban| ban.digest.as_str()).collect()
}

#[test]
fn too_many_crashes_put_the_generation_before_in_its_place_without_a_pause() {
    let (mut stage, mut worker) = serving_the_second(|spec| spec.supervisor.crashes = 2);
    stage.crashes(&worker, "shop", 2, "bad");
    stage.after(Duration::ZERO);
    worker = stage.started();
    let begun = stage.serves(&mut worker);
    assert_eq!((begun.generations.len(), begun.bans.len()), (2, 0));
    publish(&mut stage, &worker, 1, "good");
    publish(&mut stage, &worker, 2, "bad");
    stage.crashes(&worker, "shop", 2, "bad");
    stage.after(Duration::ZERO);
    let begun = stage.started().begin();
    assert_eq!((begun.cause, begun.failures), (Cause::Died, 0));
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    let bans: Vec<(String, u64)> = begun.bans.iter().map(|ban| (ban.digest.clone(), ban.number)).collect();
    assert_eq!(bans, [("bad".to_owned(), 2)]);
}

#[test]
fn crashes_of_processes_that_a_worker_forked_count_and_the_worker_is_replaced_without_an_end() {
    let (mut stage, first) = serving_the_second(|spec| spec.supervisor.crashes = 2);
    for pid in [7001, 7002] {
        assert!(stage.nothing_was_started());
        stage.child_crashes(&first, pid, ("shop", 2, "bad"));
        stage.after(Duration::ZERO);
    }
    let begun = stage.started().begin();
    assert_eq!(begun.cause, Cause::Quarantine);
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    let status = stage.asks(Command::Quarantine).try_recv().expect("an answer");
    assert!(status.text.contains("crashed its worker 2 times within 1m"), "{}", status.text);
}

#[test]
fn who_is_to_replace_what_is_banned_has_the_spec_of_its_set_and_another_is_tried_when_it_ends() {
    let (mut stage, mut first) = Stage::with(|spec| spec.supervisor.crashes = 1);
    publish(&mut stage, &first, 1, "good");
    publish(&mut stage, &first, 2, "bad");
    stage.says(&first, &FromWorker::Spec { text: "of the set".to_owned() }, None);
    stage.serves_as(&mut first, 1, true);
    stage.child_crashes(&first, 7001, ("shop", 2, "bad"));
    stage.after(Duration::ZERO);
    for _ in 0..2 {
        let mut next = stage.started();
        let begun = next.begin();
        assert_eq!((begun.cause, begun.spec.as_deref()), (Cause::Quarantine, Some("of the set")));
        assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
        stage.ends(&next, super::CRASH);
        stage.after(Duration::ZERO);
        assert!(stage.nothing_was_started(), "not at once");
        stage.after(stage.supervisor.policy.pause_max());
    }
    let mut next = stage.started();
    stage.serves_as(&mut next, 1, true);
    stage.after(Duration::from_secs(3600));
    assert!(stage.nothing_was_started());
}

#[test]
fn a_worker_that_gets_ready_with_what_was_banned_meanwhile_is_replaced() {
    let (mut stage, mut first) = Stage::with(|spec| spec.supervisor.crashes = 2);
    publish(&mut stage, &first, 1, "good");
    publish(&mut stage, &first, 2, "bad");
    stage.serves_as(&mut first, 2, true);
    stage.after(Duration::ZERO);
    let mut second = stage.started();
    stage.serves_as(&mut second, 2, true);
    stage.crashes(&first, "shop", 2, "bad");
    stage.after(Duration::ZERO);
    let mut begun_before = stage.started();
    stage.crashes(&second, "shop", 2, "bad");
    stage.after(Duration::ZERO);
    assert_eq!(banned(&stage), ["bad"]);
    let mut begun_after = stage.started();
    assert_eq!(given(begun_after.begin().generations), [("shop 1".to_owned(), Standing::Current)]);
    // It had loaded it by then.
    publish(&mut stage, &begun_before, 1, "good");
    publish(&mut stage, &begun_before, 2, "bad");
    assert_eq!(stage.serves_as(&mut begun_before, 2, true).generations.len(), 2);
    stage.after(Duration::ZERO);
    let begun = stage.started().begin();
    assert_eq!(begun.cause, Cause::Quarantine);
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
}

#[test]
fn workers_that_crash_with_what_was_banned_just_before_are_no_deaths() {
    // One more than it takes to end the host.
    const WORKERS: usize = 5;
    let (mut stage, mut first) =
        Stage::with(|spec| (spec.supervisor.crashes, spec.supervisor.failures) = (2, 3));
    publish(&mut stage, &first, 1, "good");
    publish(&mut stage, &first, 2, "bad");
    stage.serves_as(&mut first, WORKERS, true);
    stage.after(Duration::ZERO);
    let mut workers = vec![first];
    for _ in 1..WORKERS {
        let mut next = stage.started();
        stage.serves_as(&mut next, WORKERS, true);
        workers.push(next);
    }
    workers.iter().for_each(|worker| stage.crashes(worker, "shop", 2, "bad"));
    assert_eq!((stage.end(), banned(&stage)), (None, vec!["bad"]));
    stage.after(Duration::ZERO);
    let begun = stage.started().begin();
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
}

#[test]
fn crashes_of_others_and_other_deaths_do_not_add_up() {
    let (mut stage, mut worker) = serving_the_second(|spec| {
        spec.supervisor.crashes = 2;
        spec.supervisor.failures = 10;
    });
    for count in 0..4 {
        match count {
            0 => stage.crashes(&worker, "shop", 2, "bad"),
            1 => stage.crashes(&worker, "blog", 1, "other"),
            _ => stage.ends(&worker, super::CRASH),
        }
        stage.after(SECOND * 5);
        worker = stage.started();
        stage.serves(&mut worker);
    }
    assert!(banned(&stage).is_empty());
}

#[test]
fn where_there_is_nothing_else_to_serve_nothing_is_banned() {
    let (mut stage, mut first) = Stage::with(|spec| spec.supervisor.crashes = 1);
    stage.serves(&mut first);
    publish(&mut stage, &first, 1, "bad");
    stage.crashes(&first, "shop", 1, "bad");
    stage.after(Duration::ZERO);
    let begun = stage.started().begin();
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    assert!(begun.bans.is_empty() && banned(&stage).is_empty());
}

#[test]
fn a_worker_that_was_started_with_what_is_banned_now_is_not_waited_for() {
    let (mut stage, first) = serving_the_second(|spec| spec.supervisor.crashes = 1);
    let _restarted = stage.asks(Command::Restart);
    let mut next = stage.started();
    assert_eq!(next.begin().generations.len(), 2);
    stage.crashes(&first, "shop", 2, "bad");
    stage.after(Duration::ZERO);
    let begun = stage.started().begin();
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    stage.ends(&next, Ending::Signal(SIGKILL));
    assert_eq!(stage.end(), None);
}

#[test]
fn when_a_worker_that_retires_crashes_the_one_that_serves_the_same_is_replaced() {
    let (mut stage, first) = serving_the_second(|spec| spec.supervisor.crashes = 1);
    let _restarted = stage.asks(Command::Restart);
    let mut second = stage.started();
    publish(&mut stage, &second, 1, "good");
    publish(&mut stage, &second, 2, "bad");
    stage.serves(&mut second);
    stage.crashes(&first, "shop", 2, "bad");
    let (ToWorker::Banned { bans }, _) = second.hears() else { panic!("it is told") };
    assert_eq!(bans.len(), 1);
    stage.after(Duration::ZERO);
    let mut third = stage.started();
    let begun = stage.serves(&mut third);
    assert_eq!(begun.cause, Cause::Quarantine);
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    let (ToWorker::Retire, _) = second.hears() else { panic!("it has been replaced") };
}

#[test]
fn what_is_lifted_may_run_again_and_workers_are_told() {
    let (mut stage, first) = serving_the_second(|spec| spec.supervisor.crashes = 1);
    stage.crashes(&first, "shop", 2, "bad");
    stage.after(Duration::ZERO);
    let mut second = stage.started();
    stage.serves(&mut second);
    let listed = stage.asks(Command::Quarantine).try_recv().expect("an answer");
    assert!(listed.text.starts_with("shop 1 (bad), since "), "{}", listed.text);
    let refused = stage.asks(Command::Lift { name: "blog".to_owned() }).try_recv().expect("an answer");
    assert_eq!(refused.exit, 2);
    let lifted = stage.asks(Command::Lift { name: "shop".to_owned() }).try_recv().expect("an answer");
    assert_eq!((lifted.exit, banned(&stage).len()), (0, 0));
    assert!(matches!(second.hears(), (ToWorker::Banned { bans }, _) if bans.is_empty()));
}

#[test]
fn a_worker_that_does_not_answer_is_killed_and_that_is_its_cause() {
    let (mut stage, mut first) = Stage::with(|spec| spec.supervisor.heartbeat = Some(SECOND * 4));
    stage.serves(&mut first);
    for seconds in 1..20 {
        stage.after(SECOND * seconds);
    }
    stage.ends(&first, Ending::Signal(SIGKILL));
    let status = stage.asks(Command::Status).try_recv().expect("an answer");
    let why = "did not answer for 4s, and was killed";
    assert_eq!(status.data["crashes"]["last"][0]["what"], why);
    assert_eq!(status.data["restarts"]["last"][0]["cause"], format!("worker 1073741825 {why}"));
}

#[test]
fn a_worker_that_answers_and_one_that_was_never_up_are_left_alone() {
    let (mut stage, mut first) = Stage::with(|spec| spec.supervisor.heartbeat = Some(SECOND * 4));
    for seconds in 1..20 {
        stage.after(SECOND * seconds);
    }
    stage.serves(&mut first);
    for seconds in 20..40 {
        stage.says(&first, &FromWorker::Pong, None);
        stage.after(SECOND * seconds);
    }
    // What it says instead of an answer is one.
    for seconds in 40..60 {
        stage.says(&first, &FromWorker::Counts { counts: Vec::new(), retires: false }, None);
        stage.after(SECOND * seconds);
    }
    stage.ends(&first, Ending::Signal(SIGKILL));
    let status = stage.asks(Command::Status).try_recv().expect("an answer");
    assert_eq!(status.data["crashes"]["last"][0]["what"], "was killed by SIGKILL");
}

#[test]
fn what_is_optional_is_banned_also_where_nothing_can_be_served_instead() {
    for plugins_are_optional in [true, false] {
        let (mut stage, mut first) = Stage::with(|spec| spec.supervisor.crashes = 1);
        stage.plugins_are_optional = plugins_are_optional;
        stage.serves(&mut first);
        publish(&mut stage, &first, 1, "bad");
        stage.crashes(&first, "shop", 1, "bad");
        stage.after(Duration::ZERO);
        let mut worker = stage.started();
        let begun = stage.serves(&mut worker);
        let want = if plugins_are_optional { (0, 1) } else { (1, 0) };
        assert_eq!((begun.generations.len(), begun.bans.len()), want);
        assert_eq!(stage.supervisor.quarantine.list().iter().filter(|ban| ban.instead.is_some()).count(), 0);
    }
}

#[test]
fn plugins_of_one_library_are_banned_only_where_the_app_can_do_without_each_of_them() {
    let (mut stage, mut first) = Stage::with(|spec| spec.supervisor.crashes = 1);
    stage.plugins_are_optional = true;
    stage.serves(&mut first);
    for plugin in ["shop", "blog"] {
        let (source, digest) = ("path a.so".to_owned(), "bad".to_owned());
        let generation = Published { source, digest, ..super::generation(plugin, 1) };
        stage.says(&first, &FromWorker::Published { generation }, Some(copy_of(plugin).as_fd()));
    }
    // Its board says so of `shop` alone.
    stage.crashes(&first, "shop", 1, "bad");
    assert_eq!(banned(&stage), Vec::<&str>::new());
}
