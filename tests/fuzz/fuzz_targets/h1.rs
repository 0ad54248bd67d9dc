//! Any bytes, cut anywhere, into one HTTP/1 connection. It must not panic, must do the same as with the bytes
//! in one piece, and must send nothing but well-formed responses.
//!
//! An input is [`SETTINGS_BYTES`] of settings, and then the bytes of the client.
#![no_main]

use libfuzzer_sys::fuzz_target;

use driver::{Event, Plan, serve};
use h1::{BodyLength, Limits};

#[path = "../../../host/src/h1/mod.rs"]
#[allow(dead_code, unused_imports, reason = "a module of a library, of which the target needs a part")]
mod h1;

#[path = "../../../host/src/h1/tests/driver.rs"]
#[allow(dead_code, reason = "shared with the unit tests")]
mod driver;

#[path = "../../../host/src/h1/tests/reader.rs"]
#[allow(dead_code, reason = "shared with the unit tests")]
mod reader;

/// Two bytes for the limits and the application, six for the lengths of the pieces.
const SETTINGS_BYTES: usize = 8;

fuzz_target!(|input: &[u8]| {
    if let Some((settings, bytes)) = input.split_first_chunk::<SETTINGS_BYTES>() {
        check(settings, bytes);
    }
});

fn check(settings: &[u8; SETTINGS_BYTES], bytes: &[u8]) {
    let (limits, plan) = (limits(settings[0]), plan(settings[1]));
    let whole = serve([bytes], true, limits, plan);
    let cut = serve(Pieces { rest: bytes, lengths: settings[2..].iter().cycle() }, true, limits, plan);
    assert_eq!((&whole.events, &whole.out), (&cut.events, &cut.out), "the cuts make a difference");
    assert_eq!(whole.events.iter().filter(|event| **event == Event::Closed).count(), 1);
    reader::read_responses(&whole.out, &whole.is_head);
}

fn limits(setting: u8) -> Limits {
    match setting % 3 {
        0 => Limits::default(),
        1 => Limits { head_bytes_max: 120, headers_max: 4, uri_bytes_max: 12, body_bytes_max: 10 },
        _ => Limits { head_bytes_max: 40, headers_max: 1, uri_bytes_max: 1000, body_bytes_max: u64::MAX },
    }
}

fn plan(setting: u8) -> Plan {
    let lengths = [BodyLength::Known(0), BodyLength::Unknown, BodyLength::None];
    let length = lengths[usize::from(setting >> 1) % 3];
    let status = [200, 204, 205, 304, 404][usize::from(setting >> 3) % 5];
    let body = if length == BodyLength::None { "" } else { ["", "a body"][usize::from(setting >> 6) % 2] };
    Plan { reads_body: setting % 2 == 0, status, length, body: body.as_bytes() }
}

/// The bytes in pieces of the given lengths, over and over.
struct Pieces<'a, L> {
    rest: &'a [u8],
    lengths: L,
}

impl<'a, 'b, L: Iterator<Item = &'b u8>> Iterator for Pieces<'a, L> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(*self.lengths.next()?).clamp(1, self.rest.len().max(1));
        let (piece, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(piece)
    }
}
