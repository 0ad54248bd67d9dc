use super::generations::Mapped;
use super::*;
use crate::usage::Count;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn new() -> (Arc<Board>, View) {
    let board = Arc::new(Board::create().expect("memory"));
    let view = View::of(board.file()).expect("a board");
    (board, view)
}

fn generation(plugin: &str, mapped: Mapped) -> GenerationOnBoard {
    GenerationOnBoard {
        plugin: plugin.into(),
        number: 7,
        version: "1.4.2".into(),
        digest: "ba78".repeat(16),
        build_id: "c0ffee".into(),
        file: "/srv/plugins/libshop.so".into(),
        is_optional: false,
        mapped,
    }
}

fn request(id: u64, path: &str) -> Request<'_> {
    let client = Client::At("192.0.2.7:4711".parse::<SocketAddr>().unwrap());
    Request { id, client, method: b"GET", path: path.as_bytes(), began_ms: id }
}

#[test]
fn a_request_is_seen_from_its_head_to_its_end() {
    let (board, view) = new();
    assert_eq!(view.in_flight(), []);
    let on_board = board.add_generation(&generation("shop", 0x1000..0x2000)).expect("room");
    let route = board.add_route("GET", "/tea/<name>", Some(on_board.index())).expect("room");
    let place = board.slot();
    assert_eq!(view.in_flight(), [], "no request yet");
    place.begin(&request(5, "/tea/oolong"));
    let seen = &view.in_flight()[0];
    assert_eq!(
        (seen.state, seen.began_ms, &*seen.method, &*seen.path),
        (State::Reading, 5, "GET", "/tea/oolong")
    );
    assert_eq!((seen.client, &seen.route), (request(0, "").client, &None));
    place.routed(Some(route.index()));
    place.in_handler(4712);
    let seen = &view.in_flight()[0];
    assert_eq!(seen.route, Some(("GET".into(), "/tea/<name>".into())));
    assert_eq!(seen.generation, Some(generation("shop", 0x1000..0x2000)));
    assert_eq!((seen.state, seen.thread), (State::InHandler, Some(4712)));
    place.is(State::Writing);
    assert_eq!((view.in_flight()[0].state, view.in_flight()[0].thread), (State::Writing, None));
    place.is(State::Idle);
    assert_eq!(view.in_flight(), []);
}

#[test]
fn the_oldest_request_comes_first() {
    let (board, view) = new();
    let places: Vec<Place> = (0..3).map(|_| board.slot()).collect();
    for (place, id) in places.iter().zip([9, 3, 6]) {
        place.begin(&request(id, "/"));
    }
    assert_eq!(view.in_flight().iter().map(|one| one.began_ms).collect::<Vec<_>>(), [3, 6, 9]);
}

#[test]
fn what_is_too_long_is_cut_off() {
    let (board, view) = new();
    let place = board.slot();
    let path = format!("/{}", "ä".repeat(200));
    place.begin(&Request { method: b"VERSION-CONTROL", ..request(1, &path) });
    let seen = &view.in_flight()[0];
    assert_eq!(seen.method, "VERSION-…");
    assert!(path.starts_with(seen.path.trim_end_matches('…')) && seen.path.ends_with('…'), "{}", seen.path);
    assert_eq!(seen.path.len(), 143 + '…'.len_utf8(), "a part of a letter is none");
}

#[test]
fn every_sort_of_client_is_shown() {
    let (board, view) = new();
    let place = board.slot();
    for client in ["127.0.0.1:80", "[2001:db8::7]:65535"] {
        let client = Client::At(client.parse().unwrap());
        place.begin(&Request { client, ..request(1, "/") });
        assert_eq!(view.in_flight()[0].client, client);
    }
    place.begin(&Request { client: Client::Unix, ..request(1, "/") });
    assert_eq!(view.in_flight()[0].client, Client::Unix);
}

#[test]
fn ids_of_one_board_differ() {
    let (board, _) = new();
    let (one, other) = (board.slot(), board.slot());
    let mut ids: Vec<u64> =
        (0..100).flat_map(|_| [one.next_id().unwrap(), other.next_id().unwrap()]).collect();
    drop(one);
    ids.push(board.slot().next_id().unwrap());
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn a_place_is_used_again_and_a_full_board_shows_no_more() {
    let (board, view) = new();
    let places: Vec<Place> = (0..memory::SLOTS).map(|_| board.slot()).collect();
    let none = board.slot();
    none.begin(&request(1, "/"));
    assert!(none.next_id().is_none());
    assert_eq!(view.in_flight(), []);
    drop(places);
    let again = board.slot();
    again.begin(&request(1, "/"));
    assert_eq!(view.in_flight().len(), 1);
}

#[test]
fn a_process_that_has_ended_gives_back_what_it_had() {
    let (board, view) = new();
    let place = board.slot();
    place.begin(&request(1, "/"));
    board.give_back_of(1);
    assert_eq!(view.in_flight().len(), 1, "it is another one's");
    view.forget(std::process::id());
    assert_eq!(view.in_flight(), []);
    std::mem::forget(place);
}

#[test]
fn processes_that_come_and_go_need_no_more_places_than_there_are_of_them_at_once() {
    let (board, view) = new();
    // This process was forked, then.
    board.layout().pid.store(1, Ordering::Relaxed);
    for _ in 0..10 {
        std::mem::forget(board.slot());
        view.forget(std::process::id());
    }
    assert_eq!(board.layout().slots_used.load(Ordering::Relaxed), 1);
}

#[test]
fn what_other_processes_are_at_is_told_by_their_routes() {
    let (board, _) = new();
    let (own, route) = (board.slot(), board.add_route("GET", "/tea", None).expect("room"));
    let show = |place: &Place| {
        place.begin(&request(1, "/tea"));
        place.routed(Some(route.index()));
    };
    show(&own);
    assert_eq!(board.in_flight_elsewhere(), [], "it is this one's");
    drop(board.slot());
    assert!(board.layout().slots[1].take(7));
    let other = Place::of(Some((board.clone(), 1)));
    assert_eq!(board.in_flight_elsewhere(), [], "no request yet");
    show(&other);
    assert_eq!(board.in_flight_elsewhere(), [(7, route.index() as usize)]);
    other.is(State::Idle);
    assert_eq!(board.in_flight_elsewhere(), []);
}

#[test]
fn counts_begin_with_none_also_where_others_were_before() {
    let (board, _) = new();
    let add = || board.add_counts().expect("room");
    let (one, other) = (add(), add());
    let count = Count { requests: 3, failed: 1 };
    one.get().add(count);
    assert_eq!((one.get().get(), other.get().get()), (count, Count::default()));
    drop(one);
    assert_eq!(add().get().get(), Count::default());
}

#[test]
fn routes_come_and_go_with_their_tables() {
    let (board, view) = new();
    let place = board.slot();
    place.begin(&request(1, "/"));
    let route = board.add_route("GET", "/old", None).expect("room");
    place.routed(Some(route.index()));
    assert_eq!(view.in_flight()[0].route, Some(("GET".into(), "/old".into())));
    assert_eq!(view.in_flight()[0].generation, None);
    let index = route.index();
    drop(route);
    assert_eq!(view.in_flight()[0].route, None);
    assert_eq!(board.add_route("GET", "/new", None).expect("room").index(), index);
}

#[test]
fn an_address_is_traced_to_its_generation() {
    let (board, view) = new();
    let shop = board.add_generation(&generation("shop", 0..0)).expect("room");
    let _blog = board.add_generation(&generation("blog", 0x5000..0x6000)).expect("room");
    assert_eq!(view.generation_at(0), None, "it is not mapped yet");
    shop.map(&(0x1000..0x2000));
    let at = |address| view.generation_at(address).map(|generation| generation.plugin);
    assert_eq!(
        [0xfff, 0x1000, 0x1fff, 0x2000, 0x5fff].map(at),
        [None, Some("shop".into()), Some("shop".into()), None, Some("blog".into())]
    );
    shop.has_code(&(0x1800..0x1900));
    let code_at = |address| view.generation_of_code(address).map(|generation| generation.plugin);
    assert_eq!([0x17ff, 0x1800, 0x1900, 0].map(code_at), [None, Some("shop".into()), None, None]);
    drop(shop);
    assert_eq!((at(0x1000), code_at(0x1800)), (None, None));
    assert_eq!(view.generations().len(), 1);
}

fn write(board: &Board, who: Crashing, crashed: Crashed, word: u64) -> bool {
    let copy_stack = |words: &[AtomicU64]| words[1].store(word, Ordering::Relaxed);
    match board.crashes().claim(crashed.pid, who) {
        Claim::Yours(record) => record.write(crashed, copy_stack),
        Claim::Anothers(_) | Claim::Full => return false,
    }
    true
}

#[test]
fn the_first_crash_of_a_process_is_kept_until_it_was_read() {
    let (board, view) = new();
    assert_eq!(view.crash_of(1), None);
    let first = Crashed {
        signal: 11,
        code: 1,
        pid: 1,
        thread: 2,
        address: 3,
        instruction: 4,
        stack: 5,
        generation: 6,
        origin: 7,
    };
    for who in [Crashing::Worker, Crashing::Child] {
        assert!(write(&board, who, first, 8));
        assert!(!write(&board, who, Crashed { signal: 6, ..first }, 9), "it is kept");
        assert_eq!((view.crash_of(1), &view.crash_stack_of(1)[..3]), (Some(first), &[0, 8, 0][..]));
        assert_eq!((view.crash_of(2), view.crash_stack_of(2)[1]), (None, 0));
        view.forget(2);
        assert_eq!(view.crash_of(1), Some(first), "it is another one's");
        view.forget(1);
        assert_eq!((view.crash_of(1), view.crash_stack_of(1)[1]), (None, 0));
    }
}

#[test]
fn processes_that_crash_at_once_each_have_a_record_and_the_worker_has_one_in_any_case() {
    let (board, view) = new();
    let crashed = |pid| Crashed { signal: 11, pid, ..Crashed::default() };
    let children = crash::CHILDREN as u32;
    assert!((1..=children).all(|pid| write(&board, Crashing::Child, crashed(pid), pid.into())));
    assert!(!write(&board, Crashing::Child, crashed(children + 1), 0), "there is no more room");
    assert!(write(&board, Crashing::Worker, crashed(children + 2), 7));
    assert_eq!([1, children].map(|pid| view.crash_stack_of(pid)[1]), [1, children.into()]);
    assert_eq!(view.crash_of(children + 2), Some(crashed(children + 2)));
    board.give_back_of(1);
    assert!(write(&board, Crashing::Child, crashed(children + 1), 0));
}

#[test]
fn what_is_no_board_is_refused() {
    let file = tempfile::tempfile().expect("a file");
    let error = |file| View::of(file).map(drop).expect_err("no board").to_string();
    assert!(error(&file).starts_with("cannot look at a worker's scoreboard: "), "{}", error(&file));
    let memfd = rustix::fs::memfd_create(c"x", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap();
    let memfd = std::fs::File::from(memfd);
    memfd.set_len(size_of::<memory::Layout>() as u64).unwrap();
    assert!(error(&memfd).contains("sealed"), "it could shrink while we look: {}", error(&memfd));
    let seals = rustix::fs::SealFlags::SHRINK | rustix::fs::SealFlags::GROW | rustix::fs::SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&memfd, seals).unwrap();
    assert!(error(&memfd).contains("it begins with 0x0"), "{}", error(&memfd));
}

/// The protocol of a slot: one thread writes requests whose parts belong together, others never see a mixture.
#[test]
fn a_reader_never_sees_parts_of_two_requests() {
    let (board, view) = new();
    let (place, ended) = (board.slot(), AtomicBool::new(false));
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    for seen in view.in_flight() {
                        let expected = path_of(seen.began_ms);
                        assert_eq!(seen.path, expected);
                        assert!(seen.id.ends_with(&format!("-{:x}", seen.began_ms)));
                    }
                }
            });
        }
        for id in 1..200_000 {
            place.begin(&request(id, &path_of(id)));
        }
        ended.store(true, Ordering::Relaxed);
    });
}

/// Paths of all lengths, which tell the number that they were made of.
fn path_of(id: u64) -> String {
    format!("/{}", id.to_string().repeat(id as usize % 20))
}
