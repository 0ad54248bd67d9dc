//! However the bytes are cut into reads, the same happens.

use super::cases::cases;
use super::driver::{OK, Plan, serve};
use crate::h1::{BodyLength, Limits};

/// Small enough that limits are met within the cases.
const SMALL: Limits = Limits { head_bytes_max: 90, headers_max: 3, uri_bytes_max: 20, body_bytes_max: 8 };

const IGNORES_BODY: Plan = Plan { reads_body: false, length: BodyLength::Unknown, ..OK };

/// Cuts at every place of a short case, at some hundred places of a long one.
fn check_every_cut(name: &str, bytes: &[u8], half_close: bool, limits: Limits, plan: Plan) {
    let whole = serve([bytes], half_close, limits, plan);
    for cut in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
        let (first, second) = bytes.split_at(cut);
        let run = serve([first, second], half_close, limits, plan);
        assert!(
            run == whole_without_continues(&whole, &run),
            "{name} cut at {cut}: {run:#?}\nwhole: {whole:#?}"
        );
    }
    let run = serve(bytes.chunks(1), half_close, limits, plan);
    assert!(run == whole_without_continues(&whole, &run), "{name} byte by byte: {run:#?}\nwhole: {whole:#?}");
}

/// Whether `100 Continue` is sent does depend on when the body comes.
fn whole_without_continues(whole: &super::driver::Run, run: &super::driver::Run) -> super::driver::Run {
    super::driver::Run { continues: run.continues, ..whole.clone() }
}

#[test]
fn every_case_is_the_same_at_every_cut() {
    for case in cases() {
        check_every_cut(&case.id, &case.bytes, case.half_close, Limits::default(), OK);
    }
}

#[test]
fn every_case_is_the_same_at_every_cut_with_small_limits() {
    for case in cases().iter().filter(|case| case.bytes.len() < 2000) {
        check_every_cut(&case.id, &case.bytes, case.half_close, SMALL, OK);
    }
}

#[test]
fn every_case_is_the_same_at_every_cut_when_bodies_are_left_unread() {
    for case in cases().iter().filter(|case| case.bytes.len() < 2000) {
        check_every_cut(&case.id, &case.bytes, case.half_close, Limits::default(), IGNORES_BODY);
    }
}
