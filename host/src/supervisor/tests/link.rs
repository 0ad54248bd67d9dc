//! Both ends of the channel, in one process.

use super::stage::{Stage, copy_of, text_of};
use super::{CRASH, Cause, generation};
use crate::control::{Answer, Command, Commands};
use crate::deployment::Parent;
use crate::listener::Listener;
use crate::server::Shape;
use crate::stop::Stop;
use crate::supervisor::Link;
use serde_json::Value;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

struct Echo;

impl Commands for Echo {
    fn execute(&self, command: Command) -> Answer {
        Answer::done(format!("{command:?}"), Value::Null)
    }
}

/// A worker that serves, with its real link.
fn serving() -> (Stage, Link, Stop) {
    let (mut stage, first) = Stage::new();
    let stop = Stop::new().expect("a descriptor");
    let (opened, begin) = first.channel().begin().expect("a beginning");
    let link = opened.link_until(&stop, Arc::new(AtomicBool::new(false)), || {}).expect("a thread");
    assert_eq!((begin.cause, begin.listeners.len()), (Cause::Start, 1));
    link.ready("", Arc::new(Echo), Shape::default());
    stage.step();
    (stage, link, stop)
}

#[test]
fn a_command_is_carried_out_on_the_other_side() {
    let (mut stage, _link, _stop) = serving();
    let answer = stage.asks(Command::ReloadSpec);
    stage.step();
    assert_eq!(answer.try_recv().expect("an answer").text, "ReloadSpec");
}

#[test]
fn a_published_generation_outlives_its_worker() {
    let (mut stage, link, _stop) = serving();
    link.published(generation("shop", 4), copy_of("bytes"));
    stage.step();
    link.published(generation("shop", 5), copy_of("more bytes"));
    stage.step();
    link.forgotten("shop", 4);
    stage.step();
    let pid = stage.worker().pid;
    stage.supervisor.ended(pid, CRASH);
    stage.after(Duration::ZERO);
    let mut given = stage.started().begin().generations;
    let (published, copy) = given.remove(0);
    assert_eq!((published, text_of(copy), given.len()), (generation("shop", 5), "more bytes".to_owned(), 0));
}

/// Asks for an address while the supervisor works.
fn listen(stage: &mut Stage, link: &Link, bind: &str) -> Result<Listener, crate::error::Error> {
    let (link, bind) = (link.clone(), bind.parse().expect("an address"));
    let asking = std::thread::spawn(move || link.listen(&bind));
    while !asking.is_finished() {
        stage.try_step();
    }
    asking.join().expect("no panic")
}

#[test]
fn an_address_is_bound_by_the_supervisor_and_outlives_the_worker() {
    let (mut stage, link, _stop) = serving();
    let address = stage.address("second.sock");
    let listener = listen(&mut stage, &link, &address).expect("it is bound");
    assert_eq!(listener.url(), address);
    let path = address.strip_prefix("unix:").expect("a path").to_owned();
    drop(listener);
    UnixStream::connect(&path).expect("the supervisor still has it");
    listen(&mut stage, &link, &address).expect("it is handed out again");
    let pid = stage.worker().pid;
    stage.supervisor.ended(pid, CRASH);
    stage.after(Duration::ZERO);
    assert_eq!(stage.started().begin().listeners, [stage.address("first.sock"), address]);
}

#[test]
fn an_address_that_nobody_wants_any_more_is_closed() {
    let (mut stage, link, _stop) = serving();
    let address = stage.address("second.sock");
    let listener = listen(&mut stage, &link, &address).expect("it is bound");
    link.unlisten(&address.parse().expect("an address"), &listener);
    stage.step();
    assert_eq!(stage.supervisor.sockets.urls(), [stage.address("first.sock")]);
}

#[test]
fn a_free_port_is_another_one_each_time_and_closed_by_itself() {
    let (mut stage, link, _stop) = serving();
    let ports: Vec<Listener> =
        (0..3).map(|_| listen(&mut stage, &link, "127.0.0.1:0").expect("a free port")).collect();
    let urls: Vec<String> = ports.iter().map(Listener::url).collect();
    link.unlisten(&"127.0.0.1:0".parse().expect("an address"), &ports[1]);
    stage.step();
    assert_eq!(
        stage.supervisor.sockets.urls(),
        [stage.address("first.sock"), urls[0].clone(), urls[2].clone()]
    );
}

#[test]
fn an_address_that_cannot_be_had_is_an_error_with_its_cure() {
    let (mut stage, link, _stop) = serving();
    let address = stage.address("missing/x.sock");
    let error = listen(&mut stage, &link, &address).expect_err("no such folder");
    assert!(error.message().starts_with(&format!("cannot listen on {address}: ")), "{error}");
}

#[test]
fn the_supervisor_stops_its_worker_and_hears_when_the_worker_stops_by_itself() {
    let (mut stage, link, stop) = serving();
    let (requested, is_requested) = std::sync::mpsc::channel();
    stop.on_request(move || requested.send(()).expect("the test waits"));
    stage.supervisor.stop(None);
    is_requested.recv_timeout(Duration::from_secs(10)).expect("it is told to stop");
    link.end().expect("no reason to be started again");

    let (mut stage, _link, stop) = serving();
    stop.request();
    stage.step();
    assert!(stage.supervisor.stopping.is_some());
}
