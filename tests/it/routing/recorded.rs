//! What Bottle answers, recorded from it; and what we do instead where a case has a `deviation`.

use super::cases::{cases, replay};
use crate::harness::for_each_server;

#[test]
fn every_recorded_case_is_answered_as_bottle_does() {
    let cases = cases(include_str!("../../cases/routing.json"));
    assert_eq!(cases.len(), 162);
    for_each_server(|server| replay(&cases, server));
}

#[test]
fn every_further_case_is_answered_as_bottle_does() {
    let cases = cases(include_str!("../../cases/routing_more.json"));
    assert_eq!(cases.len(), 251);
    for_each_server(|server| replay(&cases, server));
}
