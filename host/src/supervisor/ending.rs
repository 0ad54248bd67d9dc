//! What follows the end of a worker.

use super::Supervisor;
use super::message::Cause;
use super::policy::Verdict;
use super::process::{Ending, Worker};
use super::retiring::LAST_WORDS_MAX;
use crate::error::{Error, Exit};
use crate::units;
use rustix::process::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::time::{Duration, Instant};

/// What helps when workers are killed by a signal.
const DEBUGGER: &str = "find the plugin that crashes with a debugger: gdb --args host --no-supervisor ...";
/// What helps when they end by themselves.
const SAID_WHY: &str = "what it said above has the cause";
/// What helps when they cannot be started.
pub(super) const NO_PROCESS: &str =
    "the system has no process or memory left for it: see `ulimit -a` and the log of the kernel";
/// Where the limits are.
const LIMITS: &str = "`failures` and `window` in [supervisor] say how often is too often";

/// How long our own signal may be behind the end of a worker by the same one, when both were sent to a whole group.
const GROUP_MAX: Duration = Duration::from_millis(100);

/// Whether it ended by a signal that stops a host. A worker takes those, but for the first moments of its life.
fn is_of_a_stop(ending: Ending) -> bool {
    matches!(ending, Ending::Signal(SIGINT | SIGTERM))
}

impl Supervisor {
    /// A process has ended. What follows may have to wait for a word that is on its way.
    pub(super) fn reaped(&mut self, pid: Pid, ending: Ending) {
        match self.word_max(pid, ending) {
            Some(wait) => self.unheard.push((pid, ending, Instant::now() + wait)),
            None => self.ended(pid, ending),
        }
    }

    /// How long something may be on its way that says what the end of a worker means: that the signal was sent to all of
    /// us, or where the scoreboard is of a worker that died before it was heard.
    fn word_max(&self, pid: Pid, ending: Ending) -> Option<Duration> {
        let worker = self.workers().find(|worker| worker.pid == pid)?;
        if is_of_a_stop(ending) && self.stopping.is_none() {
            return Some(GROUP_MAX);
        }
        let is_unheard = worker.board.is_none() && !worker.is_silent;
        (is_unheard && matches!(ending, Ending::Signal(_))).then_some(LAST_WORDS_MAX)
    }

    pub(super) fn end_the_unheard(&mut self, now: Instant) {
        self.end_unheard(|_, _, until| until <= now);
    }

    /// The worker says nothing more. Whether its signal was sent to all of us is not for it to say.
    pub(super) fn end_the_silent(&mut self, pid: Pid) {
        self.end_unheard(|of, ending, _| of == pid && !is_of_a_stop(ending));
    }

    fn end_unheard(&mut self, is_one: impl Fn(Pid, Ending, Instant) -> bool) {
        let ended = self.unheard.extract_if(.., |(pid, ending, until)| is_one(*pid, *ending, *until));
        for (pid, ending, _) in ended.collect::<Vec<_>>() {
            self.ended(pid, ending);
        }
    }

    pub(super) fn ended(&mut self, pid: Pid, ending: Ending) {
        if let Some(worker) = self.current.take(|worker| worker.pid == pid) {
            self.current_ended(&worker, ending);
        } else if let Some(worker) = self.next.take_if(|worker| worker.pid == pid) {
            self.blame(&worker, ending);
            self.next_ended(&worker, ending);
        } else {
            self.leaver_ended(pid, ending);
        }
        self.end_if_all_have_stopped();
    }

    /// One of the set has. The others serve on.
    fn current_ended(&mut self, worker: &Worker, ending: Ending) {
        self.lose_commands_of(worker.id);
        self.sockets.close_those_of(worker.id);
        let was_put_in_quarantine = self.blame(worker, ending);
        if let Some(stopping) = &mut self.stopping {
            return stopping.ended(worker, ending);
        }
        let takes_a_place = worker.replaces.is_some_and(|replaced| self.is_current(replaced));
        if takes_a_place && !worker.is_serving() {
            self.not_taken_over(worker, ending);
            return;
        }
        let served = worker.served();
        if was_put_in_quarantine {
            self.history.add(worker.end(ending));
            return self.start_after(Duration::ZERO, Cause::Died);
        }
        let code = if let Ending::Exit(code) = ending { Some(code) } else { None };
        let is_bad = |code| code == Exit::Usage.code() || code == Exit::Spec.code();
        match code {
            Some(code) if code == 0 || is_bad(code) && !self.has_served => self.stop_with(code),
            Some(code) if code == Exit::StartAgain.code() => self.start_again(worker.pid, served),
            _ => {
                let cure = if code.is_some() { SAID_WHY } else { DEBUGGER };
                self.died(&worker.end(ending), served, cure);
            }
        }
    }

    fn start_again(&mut self, pid: Pid, served: Duration) {
        let pause = self.policy.asked(served);
        tracing::info!("worker {pid} asked to be started again; starting another{}", in_(pause));
        self.history.add(format!("worker {pid} asked to be started again"));
        self.start_after(pause, Cause::StartAgain);
    }

    /// A worker died, or could not even be started; the cure is what helps if that happens too often.
    pub(super) fn died(&mut self, why: &str, served: Duration, cure: &str) {
        let verdict = self.policy.died(Instant::now(), served);
        self.history.add(why.to_owned());
        let count = self.history.of_deaths(self.policy.deaths());
        match verdict {
            Verdict::StartAfter(pause) => {
                tracing::warn!("{why}; starting another{} ({count})", in_(pause));
                self.start_after(pause, Cause::Died);
            }
            Verdict::GiveUp => {
                let error = Error::failed(format!("{why}; not starting another ({count})"));
                self.end = Some(Err(error.help(cure).help(LIMITS)));
            }
        }
    }

    /// If a worker is being started already that is to take the place of this one, that is the one.
    fn start_after(&mut self, pause: Duration, cause: Cause) {
        let is_alone = self.current.workers.is_empty() && !self.rolls.is_under_way();
        // Whoever was to take its place counts for it from now on.
        let is_full = self.current.count() + self.starts.len() >= self.current.shape.workers;
        match self.next.take_if(|_| is_alone) {
            Some(next) => self.current.workers.push(next),
            None if is_full => {}
            None => self.starts.push((Instant::now() + pause, cause)),
        }
    }
}

impl Worker {
    /// `worker 4712 was killed by SIGSEGV`.
    fn end(&self, ending: Ending) -> String {
        match &self.hangs {
            Some(why) => format!("worker {} {why}", self.pid),
            None => format!("worker {} {ending}", self.pid),
        }
    }
}

/// ` in 400ms`; nothing for at once.
fn in_(pause: Duration) -> String {
    if pause.is_zero() { String::new() } else { format!(" in {}", units::duration(pause)) }
}
