//! Whose fault a crash was, from what the process wrote down in its last moment.

use super::signal::is_sent_by_another;
use crate::scoreboard::{Crashed, GenerationOnBoard, InFlight, View};

/// What the scoreboard of a process that has crashed says.
pub(super) struct Finding {
    pub(super) crashed: Option<Crashed>,
    pub(super) culprit: Option<Culprit>,
    /// What the thread was handling.
    pub(super) request: Option<InFlight>,
    /// All that was in flight, the oldest first.
    pub(super) in_flight: Vec<InFlight>,
    /// Plugins without which the app may be served.
    pub(super) optional: Vec<String>,
}

/// A generation that is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Culprit {
    pub(super) generation: GenerationOnBoard,
    pub(super) evidence: Evidence,
    /// Where in its library; none: nowhere that is known.
    pub(super) offset: Option<u64>,
}

/// What the blame rests on, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The instruction that crashed is in its library.
    Address,
    /// The instruction is elsewhere, as that of an `abort` is, and the thread was in a step of its life.
    Life,
    /// The innermost call on the stack that comes from a plugin comes from it.
    Stack,
    /// The thread was handling a request of its route.
    Request,
    /// It had started the thread.
    Thread,
}

impl Evidence {
    /// As people are told it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Address => "by the address of the instruction",
            Self::Stack => "by the calls that led to it",
            Self::Request => "by the request that its thread was handling",
            Self::Life => "by the step of its life that was under way",
            Self::Thread => "by the thread, which it had started",
        }
    }

    /// As programs are.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Stack => "stack",
            Self::Request => "request",
            Self::Life => "life",
            Self::Thread => "thread",
        }
    }
}

impl Finding {
    /// Of a process that had no board, or none yet.
    pub(super) fn nothing() -> Self {
        Self { crashed: None, culprit: None, request: None, in_flight: Vec::new(), optional: Vec::new() }
    }

    /// Looks at the board of a worker that has ended, and with it all processes that it forked: what was in flight there is lost, too.
    pub(super) fn of_worker(view: &View, pid: u32) -> Self {
        Self::among(view, pid, view.in_flight())
    }

    /// Looks at the board that a process has ended of that a worker forked. The others go on.
    pub(super) fn of_child(view: &View, pid: u32) -> Self {
        let in_flight = view.in_flight().into_iter().filter(|request| request.pid == pid);
        Self::among(view, pid, in_flight.collect())
    }

    fn among(view: &View, pid: u32, in_flight: Vec<InFlight>) -> Self {
        let crashed = view.crash_of(pid);
        let is_its = |request: &&InFlight| {
            crashed
                .is_some_and(|crashed| request.thread == Some(crashed.thread) && request.pid == crashed.pid)
        };
        let request = in_flight.iter().find(is_its).cloned();
        let blamed = crashed.filter(|crashed| !is_sent_by_another(crashed));
        let culprit = blamed.and_then(|crashed| culprit(view, &crashed, request.as_ref()));
        let optional = view.generations().into_iter().filter(|generation| generation.is_optional);
        let optional = optional.map(|generation| generation.plugin).collect();
        Self { crashed, culprit, request, in_flight, optional }
    }
}

fn culprit(view: &View, crashed: &Crashed, request: Option<&InFlight>) -> Option<Culprit> {
    let at = |generation: GenerationOnBoard, address: u64, evidence| {
        let offset = address.checked_sub(generation.mapped.start);
        Culprit { generation, evidence, offset }
    };
    let known = |generation, evidence| Culprit { generation, evidence, offset: None };
    let by_address =
        || Some(at(view.generation_at(crashed.instruction)?, crashed.instruction, Evidence::Address));
    // A thread in a step of a life runs the code of no other plugin.
    let by_life = || {
        let generation = view.generation(crashed.generation.checked_sub(1)?)?;
        let call = innermost_call(view, crashed.pid).filter(|(caller, _)| *caller == generation);
        Some(match call {
            Some((_, address)) => at(generation, address, Evidence::Life),
            None => known(generation, Evidence::Life),
        })
    };
    let by_stack =
        || innermost_call(view, crashed.pid).map(|(caller, address)| at(caller, address, Evidence::Stack));
    let by_request = || Some(known(request?.generation.clone()?, Evidence::Request));
    let by_thread = || Some(known(view.generation_at(crashed.origin)?, Evidence::Thread));
    by_address().or_else(by_life).or_else(by_stack).or_else(by_request).or_else(by_thread)
}

/// Whose code the innermost word on the stack is of that is in a plugin's code: most likely where it goes on when what it called
/// returns.
fn innermost_call(view: &View, pid: u32) -> Option<(GenerationOnBoard, u64)> {
    let mut words = view.crash_stack_of(pid).into_iter().filter(|word| *word != 0);
    words.find_map(|word| Some((view.generation_of_code(word)?, word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoreboard::{Board, Claim, Client, Crashing, Place, Request};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    const THREAD: u32 = 4712;

    /// Two plugins, and a request of the second that is being handled.
    struct Scene {
        board: Arc<Board>,
        view: View,
        _kept: (Vec<crate::scoreboard::OnBoard>, crate::scoreboard::RouteOnBoard, Place),
    }

    fn scene() -> Scene {
        let board = Arc::new(Board::create().expect("memory"));
        let view = View::of(board.file()).expect("a board");
        let add = |plugin: &str, mapped| {
            let text = str::to_owned;
            let (version, digest, build_id, file) = (text("1"), text("00"), text("11"), text("/a.so"));
            let plugin = text(plugin);
            let (number, is_optional) = (7, false);
            let generation =
                GenerationOnBoard { plugin, number, version, digest, build_id, file, is_optional, mapped };
            let place = board.add_generation(&generation).expect("room");
            place.has_code(&generation.mapped);
            place
        };
        let all = vec![add("wrap", 0x1000..0x2000), add("shop", 0x5000..0x6000), add("new", 0..0)];
        let route = board.add_route("GET", "/tea", Some(all[1].index())).expect("room");
        let place = board.slot();
        let client = Client::Unix;
        place.begin(&Request { id: 1, client, method: b"GET", path: b"/tea", began_ms: 1 });
        place.routed(Some(route.index()));
        place.in_handler(THREAD);
        Scene { board, view, _kept: (all, route, place) }
    }

    fn write(scene: &Scene, crashed: Crashed, copy_stack: impl FnOnce(&[AtomicU64])) {
        match scene.board.crashes().claim(crashed.pid, Crashing::Child) {
            Claim::Yours(record) => record.write(crashed, copy_stack),
            Claim::Anothers(_) | Claim::Full => panic!("the board is new"),
        }
    }

    fn crash(crashed: Crashed, stack: &[u64]) -> Finding {
        let scene = scene();
        let crashed = Crashed { signal: 11, code: 1, pid: std::process::id(), ..crashed };
        write(&scene, crashed, |words: &[AtomicU64]| {
            words.iter().zip(stack).for_each(|(word, value)| word.store(*value, Ordering::Relaxed));
        });
        Finding::of_child(&scene.view, std::process::id())
    }

    #[track_caller]
    fn blames(finding: &Finding, plugin: &str, evidence: Evidence, offset: Option<u64>) {
        let culprit = finding.culprit.as_ref().expect("somebody is to blame");
        let found = (culprit.generation.plugin.as_str(), culprit.evidence, culprit.offset);
        assert_eq!(found, (plugin, evidence, offset));
    }

    #[test]
    fn the_address_says_more_than_the_request_and_the_stack_too() {
        let all = Crashed {
            thread: THREAD,
            instruction: 0x1abc,
            generation: 3,
            origin: 0x5000,
            ..Crashed::default()
        };
        blames(&crash(all, &[0x5001]), "wrap", Evidence::Address, Some(0xabc));
        let in_libc = Crashed { instruction: 0x9000, ..all };
        let finding = crash(in_libc, &[0x1002, 0x5001]);
        blames(&finding, "new", Evidence::Life, None);
        assert_eq!(finding.request.map(|request| request.path).as_deref(), Some("/tea"));
        let of_shop = Crashed { generation: 2, ..in_libc };
        blames(&crash(of_shop, &[0x5001]), "shop", Evidence::Life, Some(1));
        let serving = Crashed { generation: 0, ..in_libc };
        blames(&crash(serving, &[0, 9, 0x1002, 0x5001]), "wrap", Evidence::Stack, Some(2));
        blames(&crash(serving, &[]), "shop", Evidence::Request, None);
        let elsewhere = Crashed { thread: 1, ..serving };
        let finding = crash(elsewhere, &[]);
        blames(&finding, "shop", Evidence::Thread, None);
        assert_eq!((finding.request, finding.in_flight.len()), (None, 1));
    }

    #[test]
    fn where_nothing_points_to_a_plugin_none_is_blamed() {
        let finding = crash(Crashed { thread: 1, instruction: 0x9000, ..Crashed::default() }, &[0x2000]);
        assert_eq!(finding.culprit, None);
        assert!(finding.crashed.is_some());
    }

    #[test]
    fn a_signal_of_another_process_blames_nobody() {
        let scene = scene();
        let own = std::process::id();
        let sent =
            Crashed { signal: 11, code: 0, pid: own, thread: THREAD, address: 1, ..Crashed::default() };
        write(&scene, sent, |_| {});
        assert_eq!(Finding::of_child(&scene.view, std::process::id()).culprit, None);
    }

    #[test]
    fn of_processes_with_one_board_only_that_which_ended_counts_unless_it_is_the_worker() {
        let scene = scene();
        let pid = std::process::id();
        write(&scene, Crashed { signal: 11, code: 1, pid, ..Crashed::default() }, |_| {});
        let other = Finding::of_child(&scene.view, 1);
        assert_eq!((other.crashed, other.in_flight.len()), (None, 0));
        let own = Finding::of_child(&scene.view, pid);
        assert_eq!((own.crashed.map(|crashed| crashed.pid), own.in_flight.len()), (Some(pid), 1));
        let worker = Finding::of_worker(&scene.view, 1);
        assert_eq!((worker.crashed, worker.in_flight.len()), (None, 1), "its children end with it");
    }
}
