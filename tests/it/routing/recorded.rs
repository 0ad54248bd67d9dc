//! What Bottle answers, recorded from it; and what we do instead where a case has a `deviation`.

use super::cases::{cases, replay};

pub(crate) fn every_recorded_case_is_answered_as_bottle_does(server: &'static str) {
    let cases = cases(include_str!("../../cases/routing.json"));
    assert_eq!(cases.len(), 162);
    replay(&cases, server);
}

pub(crate) fn every_further_case_is_answered_as_bottle_does(server: &'static str) {
    let cases = cases(include_str!("../../cases/routing_more.json"));
    assert_eq!(cases.len(), 251);
    replay(&cases, server);
}
