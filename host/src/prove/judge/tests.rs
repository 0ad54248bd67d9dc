use super::*;
use crate::prove::epochs::Change;

/// Two plugins, one request of the first one. The second generation came 100 to 150 ms after the beginning, the third one
/// 200 to 250 ms: the library is `a`, then `b`, then `a` again.
struct Court {
    judge: Judge,
    start: Instant,
}

const LIBRARIES: [&str; 2] = ["a", "b"];

impl Court {
    fn new() -> Self {
        let start = Instant::now();
        let digests = vec!["a".to_owned(), "x".to_owned()];
        let epochs = Epochs::new(vec![1, 1], digests, 1, Duration::from_secs(10));
        let plugins = vec!["shop".to_owned(), "other".to_owned()];
        let mut court = Self { judge: Judge::new(plugins, vec!["GET /".to_owned()], epochs), start };
        court.learn("aaaa");
        court
    }

    fn swapped_twice() -> Self {
        let mut court = Self::new();
        court.swap(2, 100, 150);
        court.learn("bbbb");
        court.judge.settle();
        court.swap(3, 200, 250);
        court.judge.settle();
        court
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn learn(&mut self, body: &str) {
        let bodies = vec![body.as_bytes().to_vec(); 2];
        let named = Some("shop/1".to_owned());
        self.judge.learn(0, Surveyed { status: 200, named, bodies, is_streamed: false });
    }

    fn swap(&mut self, generation: u64, asked: u64, left: u64) {
        let digest = LIBRARIES[usize::from(generation == 2)].to_owned();
        let (asked, left) = (self.at(asked), self.at(left));
        self.judge.begin_swap();
        self.judge.end_swap(&Swapped {
            changes: vec![Change { plugin: 0, generation, digest }],
            asked,
            left,
        });
    }

    fn answer(&mut self, from: u64, to: u64, status: u16, named: Option<&str>, body: &str) {
        let request = Request {
            asked: 0,
            kind: Kind::Kept,
            began: self.at(from),
            ended: self.at(to),
            connection: (Duration::from_millis(7), 3),
        };
        let (named, body) = (named.map(str::to_owned), body.as_bytes().to_vec());
        let answer = Answer { status, named, body, is_streamed: false, closes: false };
        self.judge.record(request, Ok(answer));
    }

    /// What became of an answer of status 200.
    fn verdict(&mut self, from: u64, to: u64, named: &str, body: &str) -> Option<(Failed, String)> {
        let had = self.judge.failures.len();
        self.answer(from, to, 200, Some(named), body);
        self.judge.failures.get(had).map(|failure| (failure.failed, failure.said.clone()))
    }
}

#[test]
fn an_answer_of_the_generation_that_it_names_is_right() {
    let mut court = Court::swapped_twice();
    for (from, to, named, body) in [
        (10, 20, "shop/1", "aaaa"),
        (10, 120, "shop/1", "aaaa"),
        (10, 120, "shop/2", "bbbb"),
        (160, 170, "shop/2", "bbbb"),
        (160, 210, "shop/3", "aaaa"),
        (260, 270, "shop/3", "aaaa"),
    ] {
        assert_eq!(court.verdict(from, to, named, body), None, "{named} from {from} to {to}");
    }
    assert_eq!((court.judge.counts.requests.total, court.judge.counts.failed.sum()), (6, 0));
    assert_eq!(court.judge.generations_that_answered(), 3);
    assert_eq!(court.judge.first_answer(0, 2), Some(court.at(120)));
}

#[test]
fn the_body_of_another_generation_is_mixed_and_so_is_one_of_two() {
    let mut court = Court::swapped_twice();
    let said = "4 bytes, and 4 were expected; from byte 0 on it is `aaaa` instead of `bbbb`".to_owned();
    assert_eq!(court.verdict(160, 170, "shop/2", "aaaa"), Some((Failed::Mixed, said)));
    for body in ["aabb", "bbba", "bbb", "bbbbb", ""] {
        let failed = court.verdict(110, 170, "shop/2", body).map(|(failed, _)| failed);
        assert_eq!(failed, Some(Failed::Mixed), "{body}");
    }
}

#[test]
fn a_generation_that_was_not_current_during_the_request_is_wrong() {
    let mut court = Court::swapped_twice();
    let mut said = |from, to, named: &str, body: &str| {
        let (failed, said) = court.verdict(from, to, named, body).expect("a failure");
        assert_eq!(failed, Failed::Stranger, "{said}");
        said
    };
    assert_eq!(said(170, 180, "shop/1", "aaaa"), "it was replaced 20ms before the request began");
    let never = "it was not current at any moment of the request";
    assert_eq!(said(10, 99, "shop/2", "bbbb"), never, "before it was there");
    assert_eq!(said(260, 270, "shop/99", "aaaa"), never);
    assert_eq!(said(260, 270, "other/1", "aaaa"), never, "of another plugin");
    assert_eq!(said(260, 270, "nobody/3", "aaaa"), "there is no such plugin");
    assert_eq!(said(260, 270, "shop", "aaaa"), "there is no such plugin");
}

#[test]
fn another_status_and_a_missing_name_are_failures_of_their_own() {
    let mut court = Court::swapped_twice();
    court.answer(260, 270, 500, Some("shop/3"), "aaaa");
    court.answer(260, 270, 200, None, "aaaa");
    let told: Vec<String> = court.judge.failures.iter().map(ToString::to_string).collect();
    let behind = "; it took 10ms, as request 3 of a connection of 7ms";
    assert_eq!(
        told[0].split_once(": ").map(|(_, told)| told.to_owned()),
        Some(format!(
            "GET / on a kept connection: of another status: 500 instead of 200; it names shop/3{behind}"
        ))
    );
    assert!(told[1].ends_with(&format!("without a generation: no header `x-host-generation`{behind}")));
}

#[test]
fn answers_during_a_swap_wait_until_it_is_known_what_was_current() {
    let mut court = Court::new();
    court.judge.begin_swap();
    court.answer(110, 130, 200, Some("shop/2"), "bbbb");
    court.answer(110, 130, 200, Some("shop/2"), "aaaa");
    court.answer(170, 180, 200, Some("shop/1"), "aaaa");
    assert_eq!(court.judge.counts.failed.sum(), 0);
    court.swap(2, 100, 150);
    assert_eq!(court.judge.unlearned(), [0]);
    court.learn("bbbb");
    court.judge.settle();
    let failed: Vec<Failed> = court.judge.failures.iter().map(|failure| failure.failed).collect();
    assert_eq!(failed, [Failed::Mixed, Failed::Stranger]);
}

#[test]
fn only_the_first_failures_are_told_and_all_are_counted() {
    let mut court = Court::new();
    for _ in 0..25 {
        let trouble = Trouble::new(Failed::Reset, "before the answer");
        let (began, ended) = (court.at(1), court.at(2));
        let request = Request { asked: 0, kind: Kind::New, began, ended, connection: (Duration::ZERO, 1) };
        court.judge.record(request, Err(trouble));
    }
    assert_eq!((court.judge.failures.len(), court.judge.counts.failed.sum()), (FAILURES_TOLD_MAX, 25));
}
