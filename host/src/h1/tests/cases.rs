//! The list of conformance and smuggling cases that every server is held to: `tests/cases/http1.json`.
//!
//! One element is one connection:
//! - `id`, `note`: its name, and why it is there.
//! - `bytes`: what the client sends at once. One character is one byte, U+0000 to U+00FF. With `repeat`, a
//!   pair of text and number, `{repeat}` stands for the text so many times.
//! - `half_close`: the client then says that it sends no more. Otherwise it waits.
//! - `head`: the responses answer HEAD, and have no body whatever their length says.
//! - `expect`: the statuses of the responses in order, interim ones left out.
//! - `closes`: whether the server closes after them, without being asked to.
//! - `host`: what every server of the program does instead, where the case is one for the router: `expect` and
//!   `closes` where they differ, and the `reason`.
//! - `actix-http`: what the servers on actix-http 3.20 (`actix`, `pool`) are known to do instead.
//!
//! The application behind the server reads every body, then answers 200 with a small body to every method and
//! path; to a body that cannot be read it answers 400 where the server leaves that to it, as actix does.
//! Limits are the defaults of [`Limits`]; no deadline passes.

use serde_json::Value;

use super::driver::{OK, serve};
use super::reader::read_responses;
use crate::h1::Limits;

const TEXT: &str = include_str!("../../../../tests/cases/http1.json");

/// One connection of the list.
pub(super) struct Case {
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
    pub(super) half_close: bool,
    pub(super) head: bool,
    pub(super) expect: Vec<u16>,
    pub(super) closes: bool,
}

/// The whole list.
pub(super) fn cases() -> Vec<Case> {
    let list: Value = serde_json::from_str(TEXT).expect("http1.json is JSON");
    list.as_array().expect("http1.json is a list").iter().map(read_case).collect()
}

fn read_case(case: &Value) -> Case {
    let text =
        |key: &str| case[key].as_str().unwrap_or_else(|| panic!("`{key}` is missing in {case}")).to_owned();
    let statuses = case["expect"].as_array().expect("`expect` is a list");
    Case {
        id: text("id"),
        bytes: read_bytes(&text("bytes"), &case["repeat"]),
        half_close: case["half_close"] == true,
        head: case["head"] == true,
        expect: statuses.iter().map(|status| status.as_u64().expect("a status") as u16).collect(),
        closes: case["closes"].as_bool().expect("`closes` is missing"),
    }
}

fn read_bytes(text: &str, repeat: &Value) -> Vec<u8> {
    let repeated = match repeat.as_array().map(Vec::as_slice) {
        Some([part, times]) => {
            part.as_str().expect("a text").repeat(times.as_u64().expect("a number") as usize)
        }
        _ => String::new(),
    };
    let text = text.replace("{repeat}", &repeated);
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a character is a byte")).collect()
}

#[test]
fn every_case_gets_its_statuses_and_its_close() {
    for case in cases() {
        let run = serve([case.bytes.as_slice()], case.half_close, Limits::default(), OK);
        let is_head = vec![case.head; run.is_head.len()];
        let statuses: Vec<u16> =
            read_responses(&run.out, &is_head).iter().map(|response| response.status).collect();
        assert_eq!(
            (statuses, run.has_closed()),
            (case.expect, case.closes),
            "{}: {:#?}",
            case.id,
            run.events
        );
    }
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut ids: Vec<String> = cases().into_iter().map(|case| case.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is there twice");
}
