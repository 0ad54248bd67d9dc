//! Random rules and paths: the router answers what the slow matcher answers.

use plugin_api_route::Router;

use crate::random::Random;
use crate::reference::{Entry, Part, Reference};
use crate::support::answer;

const PARTS: &[Part] = &[
    ("/", "", 'l'),
    ("/", "", 'l'),
    ("/", "", 'l'),
    ("/", "", 'l'),
    ("a", "", 'l'),
    ("ab", "", 'l'),
    ("/b", "", 'l'),
    ("a/", "", 'l'),
    (".", "", 'l'),
    ("-", "", 'l'),
    ("1", "", 'l'),
    ("", "[^/]+", 't'),
    ("", "[^/]+", 't'),
    ("", "[^/]+", 't'),
    (":int", r"-?\d+", 'i'),
    (":float", r"-?[\d.]+", 'f'),
    (":path", ".+?", 't'),
    (":re:.*", ".*", 't'),
    (":re:[ab]+", "[ab]+", 't'),
    (":re:a|b1", "a|b1", 't'),
    (":re:ab*", "ab*", 't'),
    (":re:(/.*)?", "(?:/.*)?", 't'),
    (":re:a?", "a?", 't'),
    (r":re:[^a]+\n", r"[^a]+\n", 't'),
    (r":re:a/\w", r"a/[a-z0-9]", 't'),
];
const PIECES: &[&str] = &["/", "/", "/", "/", "a", "a", "b", "ab", "1", "-", ".", "1.5", "-3", "\n", "x"];
const METHODS: &[&str] = &["GET", "GET", "GET", "POST", "ANY", "PROXY", "HEAD"];

fn entry(random: &mut Random) -> Entry {
    let parts: Vec<Part> = (0..=random.below(6)).map(|_| random.pick(PARTS)).collect();
    Entry::new(random.pick(METHODS), &parts)
}

fn path(random: &mut Random) -> String {
    (0..random.below(8)).map(|_| random.pick(PIECES)).collect()
}

#[test]
fn the_router_answers_as_a_linear_scan_does() {
    let (mut found, mut asked) = (0, 0);
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let (mut router, mut reference) = (Router::new(), Reference::default());
        for _ in 0..=random.below(40) {
            let entry = entry(&mut random);
            router.add(&entry.method, &entry.rule, None, entry.rule.clone()).unwrap();
            reference.add(entry);
        }
        for _ in 0..200 {
            let (method, path) = (random.pick(METHODS), path(&mut random));
            let (expected, got) = (reference.answer(method, &path), answer(&router, method, &path));
            assert_eq!(got, expected, "seed {seed}: {method} {path:?} among {router:#?}");
            asked += 1;
            found += usize::from(got.starts_with(['/', '<', 'a', '1', '.', '-']));
        }
    }
    assert!(found * 5 > asked, "only {found} of {asked} requests found a route");
}
