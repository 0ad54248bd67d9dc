//! Whatever a worker has in the memory that it shares, and whatever it says: the supervisor decides on, and comes to an end of it.

use super::stage::{Actor, Stage, copy_of};
use super::{CRASH, SECOND, generation};
use crate::control::{Answer, Command, Counted};
use crate::scoreboard::Board;
use crate::supervisor::message::FromWorker;
use serde_json::{Value, json};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// Changed messages that are said.
const ROUNDS: u64 = 3000;

/// Behind the number that says what memory it is: everything in it may be anything.
const MAGIC_BYTES: u64 = 8;

/// The generations, what it crashed of, and a thousand requests: enough, where all of it takes longer.
const PART: u64 = 1 << 20;

/// A small generator of numbers, so that each round can be repeated from its seed.
struct Numbers(u64);

impl Numbers {
    fn of(round: u64) -> Self {
        Self((round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// A board with its bytes made by `byte`, up to that one.
fn board_of(end: u64, mut byte: impl FnMut(u64) -> u8) -> File {
    let file = Board::create().expect("memory").file().try_clone().expect("a descriptor");
    let len = file.metadata().expect("a size").len();
    let bytes: Vec<u8> = (MAGIC_BYTES..len.min(end)).map(&mut byte).collect();
    file.write_all_at(&bytes, MAGIC_BYTES).expect("room");
    file
}

/// Boards on which every number, length and text is wrong in another way.
fn hostile_boards() -> Vec<File> {
    let mut numbers = Numbers::of(1);
    let random = board_of(u64::MAX, move |_| numbers.next() as u8);
    let mut numbers = Numbers::of(2);
    // Small numbers, which are a state, a length, an index more often.
    let small = board_of(PART, move |at| if at % 4 == 0 { numbers.below(5) as u8 } else { 0 });
    let same = |byte| board_of(PART, move |_| byte);
    vec![random, small, same(0xff), same(1), same(0x1b)]
}

/// Asks for all that is told of workers.
fn asks_for_all(stage: &mut Stage) {
    for command in [Command::Status, Command::Ready, Command::Quarantine, Command::Requests { limit: None }] {
        stage.asks(command);
    }
    stage.supervisor.say_what_we_do();
}

#[test]
fn whatever_the_memory_of_a_worker_holds_its_end_is_reported_and_another_one_is_started() {
    for board in hostile_boards() {
        let (mut stage, mut worker) = Stage::with(|spec| spec.timeouts.stuck_after = Some(SECOND));
        stage.serves(&mut worker);
        stage.says(&worker, &FromWorker::Scoreboard, Some(board.as_fd()));
        for pid in [0, 0x0101_0101] {
            stage.says(&worker, &FromWorker::ChildDied { pid, signal: i32::MAX }, None);
        }
        asks_for_all(&mut stage);
        stage.after(SECOND);
        stage.ends(&worker, CRASH);
        stage.after(SECOND);
        asks_for_all(&mut stage);
        stage.serves(&mut stage.started());
    }
}

/// One of each message that has anything in it.
fn messages() -> Vec<Value> {
    let text = str::to_owned;
    let answer = || Answer::done("done", json!({ "swaps": [], "refused": 1, "generations": [{}] }));
    let counts = vec![Counted { plugin: text("shop"), generation: 1, requests: 2, failed: 1, in_flight: 1 }];
    let limit = Some(Duration::from_millis(1500));
    let all = [
        FromWorker::Rolled { answer: answer(), has_changed: true },
        FromWorker::Spec { text: text("spec = 1") },
        FromWorker::Counts { counts, retires: true },
        FromWorker::ChildDied { pid: 4711, signal: 11 },
        FromWorker::Waiting { error: text("no such file") },
        FromWorker::Published { generation: generation("shop", 2) },
        FromWorker::Forgotten { plugin: text("shop"), number: 1 },
        FromWorker::Answer { id: 1, answer: answer() },
        FromWorker::ReplaceMe { reason: text("it is old") },
        FromWorker::Listen { listen: 1, bind: text("unix:/nowhere/at.sock") },
        FromWorker::Deadlines { shutdown: limit, drain: limit, stuck_after: limit },
    ];
    all.iter().map(|message| serde_json::to_value(message).expect("JSON")).collect()
}

/// Changes a part of it, but for what it is.
fn change(value: &mut Value, numbers: &mut Numbers) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter_mut().filter(|(name, _)| *name != "message").collect();
            if !fields.is_empty() {
                let index = numbers.below(fields.len());
                change(fields[index].1, numbers);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let index = numbers.below(items.len());
            change(&mut items[index], numbers);
        }
        Value::Number(_) => {
            let all =
                [json!(0), json!(1), json!(999_999_999), json!(i32::MAX), json!(u32::MAX), json!(u64::MAX)];
            *value = all[numbers.below(all.len())].clone();
        }
        Value::String(text) => {
            let all = ["", "shop", "..", "../../x", "\u{1b}[2J\n", "unix:", "all", "\0"];
            *text = all[numbers.below(all.len())].repeat(1 + numbers.below(3));
        }
        Value::Bool(one) => *one = !*one,
        Value::Array(_) | Value::Null => {}
    }
}

fn says_anything(stage: &mut Stage, worker: &Actor, round: u64) {
    let mut numbers = Numbers::of(round);
    let all = messages();
    let mut message = all[numbers.below(all.len())].clone();
    (0..numbers.below(4)).for_each(|_| change(&mut message, &mut numbers));
    // What is no message ends the channel, which is tested there.
    let Ok(message) = serde_json::from_value::<FromWorker>(message) else { return };
    let copy = copy_of("a library");
    let copy = matches!(message, FromWorker::Published { .. }).then(|| copy.as_fd());
    stage.says(worker, &message, copy);
}

#[test]
fn whatever_a_worker_says_the_supervisor_goes_on() {
    let (mut stage, mut worker) = Stage::with(|spec| {
        spec.supervisor.failures = usize::MAX;
        (spec.supervisor.backoff, spec.supervisor.backoff_max) = (Duration::ZERO, Duration::ZERO);
    });
    stage.serves(&mut worker);
    for round in 0..ROUNDS {
        says_anything(&mut stage, &worker, round);
        if round % 50 == 0 {
            stage.after(Duration::ZERO);
            asks_for_all(&mut stage);
        }
        if round % 500 == 499 {
            // The next one is to take its place; or it dies, and the next one gets whatever it said that it served.
            stage.supervisor.next.take();
            stage.ends(&worker, CRASH);
            stage.after(SECOND);
            let started = std::iter::from_fn(|| stage.try_started());
            worker = started.filter(|one| stage.worker().pid == one.pid).last().expect("the next one");
            stage.serves(&mut worker);
        }
    }
    assert!(stage.end().is_none());
    let ever = Some(Duration::MAX);
    stage.says(&worker, &FromWorker::Deadlines { shutdown: ever, drain: ever, stuck_after: ever }, None);
    stage.after(SECOND);
    stage.asks(Command::Stop);
    stage.ends(&worker, CRASH);
}

#[test]
fn a_worker_that_says_there_are_too_many_of_it_has_as_many_as_a_spec_may_ask_for() {
    let said = |workers| crate::supervisor::workers::shape_of(workers, true).workers;
    assert_eq!((said(0), said(7), said(usize::MAX)), (1, 7, crate::spec::COUNT_MAX));
}
