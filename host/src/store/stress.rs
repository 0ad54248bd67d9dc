//! The store under many threads: nothing is lost, and the bytes add up.

use super::*;
use entry::ENTRY_BYTES;
use std::sync::atomic::AtomicBool;
use std::thread;

const THREADS: usize = 8;
const ROUNDS: usize = 2_000;

/// A fixed sequence of numbers for each thread: a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        // Constants of Knuth's MMIX; the high bits are the good ones.
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }
}

/// Runs `work` on all threads at once, each with its number.
fn at_once(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for number in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(number));
        }
    });
}

fn store(limit: usize) -> Arc<Store> {
    Stores::new(limit).of("shop")
}

/// What the entries take, counted one by one.
fn counted(store: &Store) -> usize {
    store.entries.iter().map(|entry| entry.value().bytes_with(entry.key())).sum()
}

fn clear(store: &Store) {
    for key in store.keys(b"") {
        assert!(store.remove(&key));
    }
}

#[test]
fn counters_are_exact() {
    let store = store(1 << 20);
    at_once(|number| {
        for round in 0..ROUNDS {
            store.add("all", 1).unwrap();
            store.add(&format!("some/{}", round % 7), number as i64).unwrap();
        }
    });
    assert_eq!(store.count("all"), Ok(Some((THREADS * ROUNDS) as i64)));
    let some: i64 = (0..7).map(|n| store.count(&format!("some/{n}")).unwrap().unwrap()).sum();
    assert_eq!(some, (ROUNDS * (0..THREADS).sum::<usize>()) as i64);
    assert_eq!((store.len(), store.used_bytes()), (8, counted(&store)));
}

#[test]
fn compare_and_set_loses_nothing() {
    let store = store(1 << 20);
    at_once(|_| {
        for _ in 0..ROUNDS / 4 {
            loop {
                let old = store.get("sum").unwrap();
                let sum: usize =
                    old.as_deref().map_or(0, |old| str::from_utf8(old).unwrap().parse().unwrap());
                let new = (sum + 1).to_string();
                if store.compare_and_set("sum", old.as_deref(), Some(new.as_bytes())).unwrap() {
                    break;
                }
                thread::yield_now();
            }
        }
    });
    let sum = (THREADS * (ROUNDS / 4)).to_string();
    assert_eq!(store.get("sum").unwrap().as_deref(), Some(sum.as_bytes()));
}

#[test]
fn one_of_many_takes_what_is_there_once() {
    let store = store(1 << 20);
    at_once(|_| {
        for round in 0..ROUNDS {
            let key = format!("ticket/{}", round % 3);
            if store.compare_and_set(&key, None, Some(b"taken")).unwrap() {
                store.add("taken", 1).unwrap();
                assert!(
                    store.compare_and_set(&key, Some(b"taken"), None).unwrap(),
                    "only its owner gives it back"
                );
                store.add("given", 1).unwrap();
            }
        }
    });
    assert_eq!(store.count("taken"), store.count("given"));
    assert_eq!(store.len(), 2);
}

#[test]
fn the_bytes_add_up_whatever_happens_at_once() {
    let limit = 40 * ENTRY_BYTES;
    let store = store(limit);
    let is_over = AtomicBool::new(false);
    at_once(|number| {
        let mut random = Random(number as u64);
        let value = [b'v'; 256];
        for _ in 0..ROUNDS {
            let key = format!("key/{}", random.below(64));
            let (some, other) = (&value[..random.below(256)], &value[..random.below(256)]);
            // A refusal is as good as an answer here: the store is full, or it is a counter.
            let _ = match random.below(6) {
                0 | 1 => store.set(&key, some).is_ok(),
                2 => store.compare_and_set(&key, Some(some), Some(other)).is_ok(),
                3 => store.compare_and_set(&key, None, Some(other)).is_ok(),
                4 => store.add(&key, 1).is_ok(),
                _ => store.remove(&key),
            };
            is_over.fetch_or(store.used_bytes() > limit, Ordering::Relaxed);
        }
    });
    assert!(!is_over.load(Ordering::Relaxed), "it kept more than its limit");
    assert_eq!(store.used_bytes(), counted(&store));
    assert!(!store.is_empty(), "nothing was put to the test");
    clear(&store);
    assert_eq!((store.len(), store.used_bytes()), (0, 0));
}

#[test]
fn the_last_place_is_taken_once() {
    for _ in 0..50 {
        let store = store(3 * ENTRY_BYTES + 3);
        at_once(|number| {
            let _ = store.set(&number.to_string(), b"");
        });
        assert_eq!((store.len(), store.used_bytes()), (3, 3 * ENTRY_BYTES + 3));
    }
}

#[test]
fn what_was_read_is_whole_while_others_write() {
    let store = store(1 << 20);
    at_once(|number| {
        let value = vec![number as u8; 1000 + number];
        for _ in 0..ROUNDS / 4 {
            store.set("shared", &value).unwrap();
            let read = store.get("shared").unwrap().unwrap();
            let writer = read[0];
            assert!(read.len() == 1000 + usize::from(writer) && read.iter().all(|byte| *byte == writer));
        }
    });
}

#[test]
fn many_ask_for_a_store_and_get_the_same() {
    let stores = Stores::new(1 << 20);
    at_once(|_| {
        let _ = stores.of("shop").add("asked", 1);
    });
    assert_eq!(stores.of("shop").count("asked"), Ok(Some(THREADS as i64)));
}
