//! What the supervisor decides, without a process.

mod blame;
mod hostile;
mod link;
mod sets;
mod stage;

use super::link::Channel;
use super::message::{FromWorker, ToWorker};
use super::process::Ending;
use super::{Cause, stopping, workers};
use crate::control::{Answer, Command};
use crate::deployment::{Published, Standing};
use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGKILL, SIGSEGV, SIGTERM};
use stage::{Actor, Stage, copy_of, text_of};
use std::os::fd::AsFd;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const CRASH: Ending = Ending::Signal(SIGSEGV);

fn generation(plugin: &str, number: u64) -> Published {
    let (plugin, version, digest) = (plugin.to_owned(), "1".to_owned(), String::new());
    let (path, source, config_json) = ("a.so".into(), String::new(), "{}".to_owned());
    let standing = Standing::Current;
    Published { plugin, number, version, path, source, digest, config_json, standing, by_name: None }
}

fn publish(stage: &mut Stage, actor: &Actor, plugin: &str, number: u64) {
    let copy = copy_of(&format!("{plugin} {number}"));
    let message = FromWorker::Published { generation: generation(plugin, number) };
    stage.says(actor, &message, Some(copy.as_fd()));
}

fn given(generations: Vec<(Published, std::os::fd::OwnedFd)>) -> Vec<(String, Standing)> {
    generations.into_iter().map(|(generation, copy)| (text_of(copy), generation.standing)).collect()
}

#[test]
fn a_worker_that_died_is_replaced_at_once_by_one_that_gets_the_sockets_and_what_was_served() {
    let (mut stage, mut first) = Stage::new();
    let begun = stage.serves(&mut first);
    assert_eq!((begun.listeners, begun.cause), (vec![stage.address("first.sock")], Cause::Start));
    assert!(begun.generations.is_empty());
    for (plugin, number) in [("shop", 1), ("blog", 1), ("shop", 2), ("shop", 3)] {
        publish(&mut stage, &first, plugin, number);
    }
    stage.says(&first, &FromWorker::Forgotten { plugin: "shop".to_owned(), number: 1 }, None);
    stage.ends(&first, CRASH);
    assert!(stage.nothing_was_started(), "it is started when the loop comes round");
    stage.after(Duration::ZERO);
    let begun = stage.started().begin();
    assert_eq!((begun.listeners.len(), begun.cause, begun.failures), (1, Cause::Died, 1));
    let want = [("blog 1", Standing::Current), ("shop 2", Standing::Kept), ("shop 3", Standing::Current)];
    assert_eq!(given(begun.generations), want.map(|(text, standing)| (text.to_owned(), standing)));
}

#[test]
fn what_a_worker_published_that_never_served_is_forgotten() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    publish(&mut stage, &first, "shop", 1);
    stage.ends(&first, CRASH);
    stage.after(Duration::ZERO);
    let second = stage.started();
    publish(&mut stage, &second, "shop", 2);
    stage.ends(&second, CRASH);
    stage.after(SECOND);
    let begun = stage.started().begin();
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    assert_eq!(begun.failures, 2);
}

#[test]
fn each_further_death_costs_a_pause_and_too_many_end_the_host() {
    let (mut stage, first) = Stage::new();
    stage.ends(&first, CRASH);
    stage.after(Duration::ZERO);
    let second = stage.started();
    stage.ends(&second, Ending::Exit(1));
    stage.after(Duration::ZERO);
    assert!(stage.nothing_was_started());
    stage.after(SECOND);
    let third = stage.started();
    stage.ends(&third, Ending::Exit(101));
    let error = stage.end().expect("the end").clone().expect_err("it failed");
    let last = "worker 1073741827 ended with exit code 101; not starting another (3 of 3 within 1m)";
    assert_eq!((error.message(), error.exit().code()), (last, 1));
    assert_eq!(error.helps()[0], "what it said above has the cause");
}

#[test]
fn a_bad_plugin_at_the_first_start_ends_the_host_and_later_it_is_a_death() {
    for code in [2, 78] {
        let (mut stage, first) = Stage::new();
        stage.ends(&first, Ending::Exit(code));
        assert_eq!(stage.end(), Some(&Ok(code)));

        let (mut stage, mut first) = Stage::new();
        stage.serves(&mut first);
        stage.ends(&first, CRASH);
        stage.after(Duration::ZERO);
        let second = stage.started();
        stage.ends(&second, Ending::Exit(code));
        assert_eq!(stage.end(), None);
        stage.after(SECOND);
        assert_eq!(stage.started().begin().cause, Cause::Died);
    }
}

#[test]
fn a_worker_may_end_the_host_or_ask_to_be_started_again() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    stage.ends(&first, Ending::Exit(0));
    assert_eq!(stage.end(), Some(&Ok(0)));

    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    stage.ends(&first, Ending::Exit(3));
    stage.after(Duration::ZERO);
    let mut second = stage.started();
    assert_eq!(stage.serves(&mut second).cause, Cause::StartAgain);
    stage.ends(&second, Ending::Exit(3));
    stage.after(Duration::ZERO);
    assert!(stage.nothing_was_started(), "a second time so soon costs a pause");
    stage.after(SECOND);
    let third = stage.started();
    stage.ends(&third, Ending::Exit(3));
    assert_eq!(stage.end(), None, "three deaths would end it: these are none");
}

#[test]
fn a_worker_that_does_not_get_ready_is_killed_and_so_is_one_that_closed_its_channel() {
    let (mut stage, first) = Stage::new();
    stage.after(workers::READY_MAX - SECOND);
    assert!(!stage.worker().was_late);
    stage.after(workers::READY_MAX + SECOND);
    assert!(stage.worker().was_late);
    drop(first);

    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    stage.after(workers::READY_MAX + SECOND);
    assert!(!stage.worker().was_late);
    drop(first);
    stage.step();
    stage.after(SECOND * 5);
    assert!(stage.worker().was_late);
}

#[test]
fn a_worker_that_waits_for_a_change_may_wait_for_ever() {
    let (mut stage, first) = Stage::new();
    stage.says(&first, &FromWorker::Waiting { error: "no such file".to_owned() }, None);
    stage.after(workers::READY_MAX * 2);
    assert!(!stage.worker().was_late);
    let status = stage.asks(Command::Status).try_recv().expect("an answer");
    assert_eq!(status.data["state"], "waiting");
    assert_eq!(status.data["worker"]["error"], "no such file");
    assert!(status.text.contains("waiting for a change: no such file"), "{}", status.text);
}

#[test]
fn a_new_worker_takes_over_when_it_is_ready_and_the_old_one_finishes() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    publish(&mut stage, &first, "shop", 1);
    let answer = stage.asks(Command::Restart);
    let mut second = stage.started();
    let again = stage.asks(Command::Restart).try_recv().expect("one at a time");
    assert_eq!(again.text, "cannot start another worker: worker 1073741826 is starting already");
    assert!(answer.try_recv().is_err());
    let begun = stage.serves(&mut second);
    assert_eq!(begun.cause, Cause::Replace);
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    assert_eq!(answer.try_recv().expect("an answer").text, "worker 1073741826 serves");
    assert!(matches!(first.hears().0, ToWorker::Retire));
    stage.ends(&first, Ending::Exit(0));
    assert_eq!((stage.end(), stage.supervisor.workers().count()), (None, 1));
}

#[test]
fn when_a_new_worker_does_not_get_ready_the_old_one_serves_on() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    let answer = stage.asks(Command::Restart);
    let second = stage.started();
    stage.ends(&second, Ending::Exit(78));
    let answer = answer.try_recv().expect("an answer");
    let want = "worker 1073741826, which was to take over, ended with exit code 78; 1073741825 serves on";
    assert_eq!((answer.exit, answer.text.as_str()), (1, want));
    assert!(stage.supervisor.current.is_serving());

    // A worker that asks for it by itself is not heard again so soon; a person is.
    stage.says(&first, &FromWorker::ReplaceMe { reason: "stuck".to_owned() }, None);
    assert!(stage.nothing_was_started());
    stage.asks(Command::Restart);
    assert!(!stage.nothing_was_started());
}

#[test]
fn a_worker_that_asks_to_be_replaced_serves_until_it_is() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    stage.says(&first, &FromWorker::ReplaceMe { reason: "65 handlers are stuck".to_owned() }, None);
    let mut second = stage.started();
    stage.says(&first, &FromWorker::ReplaceMe { reason: "66 handlers are stuck".to_owned() }, None);
    assert!(stage.nothing_was_started());
    stage.serves(&mut second);
    assert!(matches!(first.hears().0, ToWorker::Retire));
}

#[test]
fn a_worker_that_is_starting_takes_the_place_of_one_that_dies() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    let answer = stage.asks(Command::Restart);
    let mut second = stage.started();
    stage.ends(&first, CRASH);
    stage.after(SECOND);
    assert!(stage.nothing_was_started());
    stage.serves(&mut second);
    assert_eq!(answer.try_recv().expect("an answer").exit, 0);
}

#[test]
fn a_stop_closes_the_sockets_and_waits_for_every_worker() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    stage.asks(Command::Restart);
    let mut second = stage.started();
    stage.serves(&mut second);
    first.hears();
    stage.supervisor.stop_or_end(SIGINT);
    assert!(stage.supervisor.sockets.urls().is_empty());
    for actor in [&mut first, &mut second] {
        assert!(matches!(actor.hears().0, ToWorker::Stop));
    }
    let refused = stage.asks(Command::Restart).try_recv().expect("an answer");
    assert_eq!(refused.text, "cannot start another worker: the host stops");
    assert_eq!(stage.asks(Command::ReloadSpec).try_recv().expect("an answer").text, "the host stops");
    stage.ends(&second, Ending::Exit(1));
    assert_eq!(stage.end(), None);
    stage.ends(&first, Ending::Exit(0));
    assert_eq!(stage.end(), Some(&Ok(1)), "the code of the one that served");
}

#[test]
fn how_the_worker_ends_in_a_stop_is_how_the_host_ends() {
    let killed = "worker 1073741825 did not end in time, and was killed";
    let crashed = "worker 1073741825 was killed by SIGSEGV while it stopped";
    let cases = [
        (Ending::Exit(0), Ok(0)),
        (Ending::Exit(78), Ok(78)),
        // Both were sent to the whole group.
        (Ending::Exit(3), Ok(0)),
        (Ending::Signal(SIGINT), Ok(0)),
        (Ending::Signal(SIGKILL), Err(killed)),
        (CRASH, Err(crashed)),
    ];
    for (ending, want) in cases {
        let (mut stage, mut first) = Stage::new();
        stage.serves(&mut first);
        let answer = stage.asks(Command::Stop);
        if ending == Ending::Signal(SIGKILL) {
            stage.after(Duration::from_secs(600));
        }
        stage.ends(&first, ending);
        let end = stage.end().expect("the end").clone();
        assert_eq!(end.as_ref().map_err(|error| error.message()), want.as_ref().map_err(|error| *error));
        assert!(answer.try_recv().is_err(), "it is told at the end");
        let _ = stage.supervisor.finish(end);
        assert_eq!(answer.try_recv().expect("an answer").data["stopped"], true);
    }
}

#[test]
fn a_worker_that_ends_by_a_stop_of_the_whole_group_before_the_supervisor_hears_of_it_is_not_replaced() {
    let (mut stage, first) = Stage::new();
    let id = stage.worker().id;
    stage.supervisor.reaped(first.pid, Ending::Signal(SIGTERM));
    stage.supervisor.silent(id, None);
    assert_eq!(stage.worker().id, id, "nothing follows yet");
    stage.supervisor.stop_or_end(SIGTERM);
    stage.after(Duration::from_secs(1));
    assert_eq!(stage.end(), Some(&Ok(0)));
}

#[test]
fn a_worker_that_alone_ends_by_the_signal_of_a_stop_is_replaced() {
    let (mut stage, first) = Stage::new();
    stage.supervisor.reaped(first.pid, Ending::Signal(SIGTERM));
    stage.after(Duration::from_secs(1));
    stage.started();
}

#[test]
fn a_worker_that_crashes_before_it_is_heard_is_ended_once_it_is() {
    let (mut stage, first) = Stage::new();
    let id = stage.worker().id;
    stage.supervisor.reaped(first.pid, CRASH);
    assert_eq!(stage.worker().id, id, "where its scoreboard is may be on its way");
    stage.supervisor.silent(id, None);
    assert!(stage.supervisor.current.workers.is_empty(), "nothing more will come");
    stage.after(Duration::from_secs(1));
    stage.started();
}

#[test]
fn workers_that_have_been_killed_already_are_not_waited_for() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    let began = std::time::Instant::now();
    // Nobody has such a number.
    stage.supervisor.kill_all();
    assert!(began.elapsed() < stopping::KILL_MAX, "took {:?}", began.elapsed());
}

#[test]
fn a_stop_while_there_is_no_worker_ends_at_once() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    stage.ends(&first, CRASH);
    stage.asks(Command::Stop);
    assert_eq!(stage.end(), Some(&Ok(0)));
    stage.after(SECOND);
    assert!(stage.nothing_was_started());
}

#[test]
fn a_plugin_that_asks_the_host_to_stop_closes_the_sockets_at_once() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    stage.says(&first, &FromWorker::Stopping, None);
    assert!(stage.supervisor.sockets.urls().is_empty());
    stage.ends(&first, Ending::Exit(0));
    assert_eq!(stage.end(), Some(&Ok(0)));
}

#[test]
fn commands_go_to_the_worker_and_answers_to_who_asked() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    let (one, other) = (stage.asks(Command::ReloadSpec), stage.asks(Command::SwapChanged));
    let mut ids = Vec::new();
    for want in [Command::ReloadSpec, Command::SwapChanged] {
        let (ToWorker::Execute { id, command }, None) = first.hears() else { panic!("a command") };
        assert_eq!(command, want);
        ids.push(id);
    }
    for id in ids.into_iter().rev() {
        let answer = Answer::done(format!("done {id}"), Value::Null);
        stage.says(&first, &FromWorker::Answer { id, answer }, None);
    }
    assert_eq!(one.try_recv().expect("an answer").text, "done 1");
    assert_eq!(other.try_recv().expect("an answer").text, "done 2");
}

#[test]
fn a_command_waits_for_a_worker_that_serves_but_not_for_ever() {
    let (mut stage, mut first) = Stage::new();
    let (one, other) = (stage.asks(Command::SwapChanged), stage.asks(Command::ReloadSpec));
    assert!(one.try_recv().is_err());
    stage.serves(&mut first);
    assert!(matches!(first.hears().0, ToWorker::Execute { command: Command::SwapChanged, .. }));
    stage.ends(&first, CRASH);
    for answer in [one, other] {
        assert_eq!(answer.try_recv().expect("an answer").text, "the worker ended before it was done");
    }
    let late = stage.asks(Command::SwapChanged);
    stage.after(Duration::from_secs(61));
    let late = late.try_recv().expect("an answer");
    assert_eq!(late.data["error"], "no worker serves: nobody can carry it out");
}

#[test]
fn the_status_is_that_of_both_processes_and_of_one_when_the_other_is_silent() {
    let (mut stage, mut first) = Stage::new();
    stage.serves(&mut first);
    let status = stage.asks(Command::Status);
    let (ToWorker::Execute { id, .. }, _) = first.hears() else { panic!("a command") };
    let data = serde_json::json!({ "plugins": ["shop"], "worker": { "pid": 7 } });
    let answer = Answer::done("  plugin      shop\n", data);
    stage.says(&first, &FromWorker::Answer { id, answer }, None);
    let status = status.try_recv().expect("an answer");
    assert!(status.text.starts_with("shop: serving, up ") && status.text.ends_with("  plugin      shop"));
    assert_eq!(
        (&status.data["plugins"][0], &status.data["worker"]["pid"]),
        (&"shop".into(), &1_073_741_825.into())
    );

    let status = stage.asks(Command::Status);
    stage.after(SECOND * 6);
    let status = status.try_recv().expect("an answer");
    assert!(status.text.contains("the worker does not say how it is"), "{}", status.text);

    stage.ends(&first, CRASH);
    let status = stage.asks(Command::Status).try_recv().expect("an answer");
    assert_eq!((&status.data["state"], &status.data["worker"]), (&"pausing".into(), &Value::Null));
    assert_eq!(status.data["restarts"]["last"][0]["cause"], "worker 1073741825 was killed by SIGSEGV");
}
