//! Sets of several workers, and rolls.

use super::stage::{Actor, Stage, text_of};
use super::{CRASH, Cause, SECOND, given, publish};
use crate::control::{Answer, Command, Counted};
use crate::deployment::{Change, Receipt, Standing};
use crate::supervisor::message::{FromWorker, ToWorker};
use crate::supervisor::process::Ending;
use serde_json::json;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// A set of so many that serves `shop 1`.
fn set_of(workers: usize) -> (Stage, Vec<Actor>) {
    let (mut stage, mut first) = Stage::new();
    publish(&mut stage, &first, "shop", 1);
    stage.says(&first, &FromWorker::Spec { text: "spec 1".to_owned() }, None);
    stage.serves_as(&mut first, workers, true);
    let mut actors = vec![first];
    stage.after(Duration::ZERO);
    for _ in 1..workers {
        let mut next = stage.started();
        let begun = stage.serves_as(&mut next, workers, true);
        assert_eq!((begun.cause, begun.spec.as_deref()), (Cause::Join, Some("spec 1")));
        assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
        actors.push(next);
    }
    assert!(stage.nothing_was_started());
    (stage, actors)
}

fn swap() -> Command {
    Command::Swap { plugin: "shop".to_owned(), file: None, force: true, without_state: false }
}

/// The answer of a worker that has swapped.
fn swapped() -> Answer {
    let receipt = Receipt { plugin: "shop".to_owned(), ..Receipt::default() };
    Answer::done(receipt.to_string(), json!({ "swaps": [receipt] }))
}

fn counts(requests: u64, in_flight: u64) -> Vec<Counted> {
    vec![Counted { plugin: "shop".to_owned(), generation: 1, requests, failed: 0, in_flight }]
}

fn says_counts(stage: &mut Stage, actor: &Actor, requests: u64, in_flight: u64, retires: bool) {
    stage.says(actor, &FromWorker::Counts { counts: counts(requests, in_flight), retires }, None);
}

/// A roll whose first worker has begun.
fn rolling(stage: &mut Stage) -> (Receiver<Answer>, Actor) {
    let answer = stage.asks(swap());
    let mut first = stage.started();
    let begun = first.begin();
    assert_eq!((begun.cause, begun.roll), (Cause::Roll, Some(Change::Asked { command: swap() })));
    assert_eq!(begun.spec.as_deref(), Some("spec 1"));
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    (answer, first)
}

fn rolls_over(stage: &mut Stage, first: &Actor, workers: usize) {
    publish(stage, first, "shop", 2);
    stage.says(first, &FromWorker::Spec { text: "spec 2".to_owned() }, None);
    stage.says(first, &FromWorker::Rolled { answer: swapped(), has_changed: true }, None);
    stage.says(first, &FromWorker::Ready { banner: String::new(), workers, rolls: true }, None);
    stage.after(Duration::ZERO);
}

fn is_told_to_retire(actor: &mut Actor) -> bool {
    loop {
        match actor.hears().0 {
            ToWorker::Count => {}
            other => return matches!(other, ToWorker::Retire),
        }
    }
}

#[test]
fn one_of_a_set_that_dies_is_started_again_and_the_others_serve_on() {
    let (mut stage, actors) = set_of(3);
    stage.ends(&actors[0], CRASH);
    assert!(stage.supervisor.current.is_serving());
    stage.after(Duration::ZERO);
    let mut again = stage.started();
    let begun = stage.serves_as(&mut again, 3, true);
    assert_eq!((begun.cause, begun.spec.as_deref()), (Cause::Died, Some("spec 1")));
    assert_eq!(given(begun.generations), [("shop 1".to_owned(), Standing::Current)]);
    stage.after(SECOND);
    assert!(stage.nothing_was_started());
}

#[test]
fn the_deaths_of_all_workers_of_a_set_count() {
    let (mut stage, actors) = set_of(3);
    for actor in &actors {
        assert_eq!(stage.end(), None);
        stage.ends(actor, CRASH);
    }
    let error = stage.end().expect("the end").clone().expect_err("it failed");
    assert!(error.message().ends_with("not starting another (3 of 3 within 1m)"), "{error}");
}

#[test]
fn a_restart_replaces_one_worker_after_the_other_and_reads_the_spec_again() {
    let (mut stage, mut old) = set_of(2);
    let answer = stage.asks(Command::Restart);
    let mut first = stage.started();
    let begun = first.begin();
    assert_eq!((begun.cause, begun.spec), (Cause::Replace, None));
    assert!(stage.nothing_was_started(), "one after the other");
    publish(&mut stage, &first, "shop", 1);
    stage.says(&first, &FromWorker::Ready { banner: String::new(), workers: 2, rolls: true }, None);
    assert!(is_told_to_retire(&mut old[0]) && answer.try_recv().is_err());
    stage.after(Duration::ZERO);
    let mut second = stage.started();
    assert_eq!(stage.supervisor.outgoing.len(), 1, "it serves until its place is taken");
    stage.serves_as(&mut second, 2, true);
    assert!(is_told_to_retire(&mut old[1]));
    assert_eq!(answer.try_recv().expect("an answer").text, "2 new workers serve");
}

#[test]
fn a_worker_that_has_served_for_long_enough_is_replaced_beside_the_others_one_at_a_time() {
    let (mut stage, mut old) = set_of(2);
    let asks = |reason: &str| FromWorker::ReplaceMe { reason: reason.to_owned() };
    stage.says(&old[1], &asks("enough requests"), None);
    let mut new = stage.started();
    stage.says(&old[0], &asks("enough requests"), None);
    assert!(stage.nothing_was_started(), "it asks again later");
    stage.serves_as(&mut new, 2, true);
    assert!(is_told_to_retire(&mut old[1]));
    stage.ends(&old[1], Ending::Exit(0));
    stage.after(SECOND);
    assert!(stage.nothing_was_started(), "nobody is missing");

    // One that does not get ready changes nothing.
    stage.says(&old[0], &asks("enough requests"), None);
    let new = stage.started();
    stage.ends(&new, CRASH);
    stage.after(SECOND);
    assert!(stage.nothing_was_started() && stage.supervisor.current.serving().count() == 2);
}

#[test]
fn a_worker_that_dies_while_its_place_is_about_to_be_taken_is_not_started_again_besides() {
    for workers in [1, 2] {
        let (mut stage, old) = set_of(workers);
        stage.says(&old[0], &FromWorker::ReplaceMe { reason: "enough requests".to_owned() }, None);
        let mut new = stage.started();
        stage.ends(&old[0], CRASH);
        stage.after(SECOND);
        assert!(stage.nothing_was_started(), "{workers}: there would be one more than there are to be");
        stage.serves_as(&mut new, workers, true);
        stage.after(SECOND);
        assert!(stage.nothing_was_started() && stage.supervisor.current.serving().count() == workers);

        // Nor is it forgotten when that one does not get ready either.
        stage.says(&new, &FromWorker::ReplaceMe { reason: "enough requests".to_owned() }, None);
        let newer = stage.started();
        stage.ends(&new, Ending::Exit(3));
        stage.ends(&newer, Ending::Exit(3));
        stage.after(SECOND);
        stage.started();
        assert!(stage.nothing_was_started());
    }
}

#[test]
fn a_roll_answers_when_the_old_workers_are_gone_with_the_counts_of_all() {
    let (mut stage, mut old) = set_of(2);
    let (answer, first) = rolling(&mut stage);
    for actor in &old {
        says_counts(&mut stage, actor, 100, 0, false);
    }
    rolls_over(&mut stage, &first, 2);
    assert!(is_told_to_retire(&mut old[0]));
    let mut second = stage.started();
    let begun = stage.serves_as(&mut second, 2, true);
    assert_eq!(begun.spec.as_deref(), Some("spec 2"));
    assert_eq!(given(begun.generations), [("shop 2".to_owned(), Standing::Current)]);
    assert!(is_told_to_retire(&mut old[1]));
    for (actor, requests) in old.into_iter().zip([103, 105]) {
        says_counts(&mut stage, &actor, requests - 2, 2, true);
        says_counts(&mut stage, &actor, requests, 0, true);
        stage.ends(&actor, Ending::Exit(0));
        assert!(answer.try_recv().is_err(), "its last words may not have been read");
        drop(actor);
        stage.step();
    }
    stage.after(Duration::ZERO);
    says_counts(&mut stage, &first, 7, 0, false);
    says_counts(&mut stage, &second, 2, 0, false);
    stage.after(Duration::ZERO);
    let answer = answer.try_recv().expect("an answer");
    let receipt: Receipt = serde_json::from_value(answer.data["swaps"][0].clone()).expect("a receipt");
    assert_eq!((receipt.requests, receipt.finished, receipt.cut), (3 + 5 + 7 + 2, 4, 0));
    assert_eq!((receipt.unloaded.as_slice(), receipt.is_roll), (&[1][..], true));
    assert_eq!(answer.text, receipt.to_string());
}

#[test]
fn where_the_first_worker_of_a_roll_is_refused_nothing_has_changed_and_its_answer_is_the_clients() {
    let (mut stage, _old) = set_of(2);
    let (answer, first) = rolling(&mut stage);
    let refused = Answer { exit: 78, ..Answer::done("no such file", json!({})) };
    stage.says(&first, &FromWorker::Rolled { answer: refused.clone(), has_changed: false }, None);
    assert_eq!(answer.try_recv().expect("an answer"), refused);
    stage.ends(&first, Ending::Exit(0));
    stage.after(SECOND);
    assert!(stage.nothing_was_started() && stage.supervisor.current.serving().count() == 2);

    let (answer, first) = rolling(&mut stage);
    stage.ends(&first, CRASH);
    let answer = answer.try_recv().expect("an answer");
    assert!(
        answer.text.contains("which was to carry the change out, was killed by SIGSEGV"),
        "{}",
        answer.text
    );
    assert_eq!((answer.exit, stage.end()), (1, None));
}

#[test]
fn what_the_first_worker_of_a_roll_said_last_counts_also_when_its_end_was_seen_before() {
    let (mut stage, _old) = set_of(2);
    let (answer, first) = rolling(&mut stage);
    let id = stage.supervisor.next.as_ref().expect("the first worker").id;
    stage.ends(&first, Ending::Exit(0));
    assert!(answer.try_recv().is_err(), "it has said why, and that is on its way");
    let refused = Answer { exit: 78, ..Answer::done("no such file", json!({})) };
    stage.supervisor.heard(id, FromWorker::Rolled { answer: refused.clone(), has_changed: false }, None);
    assert_eq!(answer.try_recv().expect("an answer"), refused);

    let (answer, first) = rolling(&mut stage);
    stage.ends(&first, Ending::Exit(0));
    stage.after(SECOND + SECOND);
    let answer = answer.try_recv().expect("an answer");
    assert!(
        answer.text.contains("which was to carry the change out, ended with exit code 0"),
        "{}",
        answer.text
    );
}

#[test]
fn equal_changes_that_wait_are_one() {
    let (mut stage, _old) = set_of(1);
    let (first_answer, first) = rolling(&mut stage);
    let waiting: Vec<Receiver<Answer>> = (0..1000).map(|_| stage.asks(swap())).collect();
    assert!(stage.nothing_was_started());
    let same = Answer::done("unchanged", json!({}));
    stage.says(&first, &FromWorker::Rolled { answer: same.clone(), has_changed: false }, None);
    stage.ends(&first, Ending::Exit(0));
    first_answer.try_recv().expect("an answer");
    stage.after(Duration::ZERO);
    let second = stage.started();
    stage.says(&second, &FromWorker::Rolled { answer: same, has_changed: false }, None);
    assert!(waiting.into_iter().all(|answer| answer.try_recv().is_ok()));
    stage.ends(&second, Ending::Exit(0));
    stage.after(Duration::ZERO);
    assert!(stage.nothing_was_started());
}

#[test]
fn a_worker_that_dies_while_a_roll_is_under_way_comes_back_with_what_its_set_serves() {
    let (mut stage, old) = set_of(2);
    let (_answer, first) = rolling(&mut stage);
    stage.ends(&old[0], CRASH);
    stage.after(Duration::ZERO);
    let mut again = stage.started();
    let begun = stage.serves_as(&mut again, 2, true);
    assert_eq!(
        (text_of(begun.generations.into_iter().next().expect("one").1), begun.spec.as_deref()),
        ("shop 1".to_owned(), Some("spec 1"))
    );
    rolls_over(&mut stage, &first, 2);
    let mut second = stage.started();
    stage.serves_as(&mut second, 2, true);
    assert_eq!((stage.supervisor.retiring.len(), stage.supervisor.outgoing.len()), (2, 0));
}

#[test]
fn a_host_that_stops_refuses_changes_and_ends_the_one_under_way() {
    let (mut stage, mut old) = set_of(1);
    let (answer, mut first) = rolling(&mut stage);
    let waits = stage.asks(Command::ReloadSpec);
    stage.supervisor.stop(None);
    for answer in [answer, waits, stage.asks(swap())] {
        assert_eq!(answer.try_recv().expect("an answer").text, "the host stops");
    }
    assert!(matches!(first.hears().0, ToWorker::Stop));
    assert!(matches!(old[0].hears().0, ToWorker::Count));
    assert!(matches!(old[0].hears().0, ToWorker::Stop));
    stage.ends(&first, Ending::Exit(0));
    stage.ends(&old[0], Ending::Exit(0));
    assert_eq!(stage.end(), Some(&Ok(0)));
}

#[test]
fn all_workers_name_generations_and_those_that_come_later_too() {
    let (mut stage, mut actors) = set_of(2);
    let _answer = stage.asks(Command::NameGenerations { on: true });
    for actor in &mut actors {
        let is_it = |message| {
            matches!(message, ToWorker::Execute { command: Command::NameGenerations { on: true }, .. })
        };
        assert!(is_it(actor.hears().0));
    }
    stage.ends(&actors[0], CRASH);
    stage.after(Duration::ZERO);
    let mut starting = stage.started();
    assert!(starting.begin().names_generations);
    // Before it serves.
    let _answer = stage.asks(Command::NameGenerations { on: false });
    let (heard, _) = starting.hears();
    assert!(matches!(heard, ToWorker::Execute { command: Command::NameGenerations { on: false }, .. }));
}

#[test]
fn the_status_of_a_set_is_one_list() {
    let (mut stage, mut actors) = set_of(2);
    let status = stage.asks(Command::Status);
    for (actor, requests) in actors.iter_mut().zip([3, 4]) {
        let (ToWorker::Execute { id, .. }, _) = actor.hears() else { panic!("a command") };
        let row = json!({ "plugin": "shop", "version": "1", "generation": 1, "state": "serving", "why": null,
            "requests": requests, "failed": 0, "in_flight": 1, "digest": "00", "file": "a.so" });
        let data = json!({ "server": "prefork", "generations": [row] });
        stage.says(actor, &FromWorker::Answer { id, answer: Answer::done("", data) }, None);
    }
    let status = status.try_recv().expect("an answer").data;
    assert_eq!(
        (&status["generations"][0]["requests"], &status["generations"][0]["in_flight"]),
        (&json!(7), &json!(2))
    );
    assert_eq!((status["workers"].as_array().map(Vec::len), &status["set"]["workers"]), (Some(2), &json!(2)));
    assert_eq!(status["workers"][1]["generations"]["shop"], 1);
}
