//! The process of one connection.

use crate::error::Error;
use crate::log;
use crate::server::conversation;
use crate::server::listening::Listening;
use crate::server::socket::Socket;
use crate::server::threads::{self, PluginThread};
use crate::server::wait::{Deadline, wait};
use crate::server::watch::{Crew, Place, Watch};
use crate::server::{Errands, Serving};
use crate::stack;
use crate::stop::Stop;
use rustix::event::PollFlags;
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use std::sync::Arc;

/// How a child ends whose handler does not return.
const STUCK: i32 = 1;

/// The processes above this one.
#[derive(Clone, Copy)]
pub(super) struct Parents {
    pub(super) worker: Pid,
    pub(super) supervisor: Option<Pid>,
}

/// Serves the connection, and ends the process. `is_last`: there may be no other child, so that the connection has one answer.
pub(super) fn run(
    parent: &Serving,
    parents: Parents,
    errands: &dyn Errands,
    socket: Socket,
    is_last: bool,
) -> ! {
    // The worker has said it for itself alone.
    stack::allow_tracers_of(parents.supervisor);
    let served = end_with(parents.worker).and_then(|()| serve(parent, errands, socket, is_last));
    let code = match served {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!("process {}: {error}", getpid());
            1
        }
    };
    // At once: what runs at the end of a process is for its parent's.
    signal_hook::low_level::exit(code)
}

fn serve(parent: &Serving, errands: &dyn Errands, socket: Socket, is_last: bool) -> Result<(), Error> {
    errands.begin_child()?;
    // Copies of a socket keep it open.
    parent.listening.close();
    let stop = Stop::new()?;
    follow(&parent.stop, &stop)?;
    log::after_fork();
    let serving = Arc::new(Serving {
        service: parent.service.clone(),
        listening: Listening::of([])?,
        workers: parent.workers,
        threads: Some(1),
        options: parent.options.clone(),
        stop: stop.clone(),
        access_log: parent.access_log.clone(),
        unfit: Arc::new(give_up),
        errands: None,
    });
    let watch = Watch::start(&serving, |crew| if crew == Crew::Connections { 1 } else { usize::MAX });
    let ends = Ends { stop, _place: watch.connection() };
    std::thread::scope(|threads| {
        let connection = || {
            let _ends = ends;
            converse(&serving, &watch, socket, is_last);
        };
        let started = std::thread::Builder::new().name("connection".into()).spawn_scoped(threads, connection);
        started.map_err(|cause| Error::failed(format!("cannot start a thread: {cause}")))?;
        let served = threads::see_out(&serving, &watch, |_| ());
        // Who is left behind would be waited for at the end of the scope.
        served.inspect_err(|error| {
            tracing::error!("process {}: {error}", getpid());
            log::flush();
            signal_hook::low_level::exit(STUCK);
        })
    })?;
    errands.end_child();
    log::flush();
    Ok(())
}

/// At the end of the connection, also of one that panics.
struct Ends {
    stop: Stop,
    _place: Place,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.stop.request();
    }
}

fn converse(serving: &Serving, watch: &Watch, socket: Socket, is_last: bool) {
    let thread = match PluginThread::new() {
        Ok(thread) => thread,
        Err(error) => return tracing::error!("cannot serve: {error}"),
    };
    let socket = Arc::new(socket);
    let slot = watch.slot(Crew::Connections, Some(socket.clone()));
    conversation::serve_while(&socket, serving, &slot, None, &thread, &|| !is_last);
}

/// The parent may be gone already.
fn end_with(parent: Pid) -> Result<(), Error> {
    let fail = |cause: rustix::io::Errno| Error::failed(format!("cannot begin: {cause}"));
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(fail)?;
    if getppid() == Some(parent) { Ok(()) } else { Err(Error::failed("the worker is gone")) }
}

/// Retires when the parent does, and stops when it does.
fn follow(parent: &Stop, stop: &Stop) -> Result<(), Error> {
    let (parent, stop) = (parent.clone(), stop.clone());
    let work = move || {
        wait([(parent.retiring_event(), PollFlags::IN)], Deadline::NEVER);
        stop.retire();
        wait([(parent.event(), PollFlags::IN)], Deadline::NEVER);
        stop.request();
    };
    let thread = std::thread::Builder::new().name("from parent".into()).spawn(work);
    thread.map(drop).map_err(|cause| Error::failed(format!("cannot start a thread: {cause}")))
}

/// Its client was answered, or cut off, and the handler has not returned: nothing else is here.
fn give_up(why: &str) {
    tracing::error!("process {}: {why}: it ends", getpid());
    signal_hook::low_level::exit(STUCK);
}
