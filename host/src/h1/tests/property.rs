//! Whatever bytes come: no panic, the same events at any cut, and nothing but well-formed responses out.
//! The fuzz target asks the same with better bytes; this one runs with every test.

use super::driver::{Event, Plan, serve};
use super::reader::read_responses;
use crate::h1::{BodyLength, Limits};

const ROUNDS: u32 = 20_000;

/// Pieces of requests: enough of them in the right order are one, most are nearly.
const PARTS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "HEAD /a?b HTTP/1.1\r\n",
    "POST http://b/ HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
    "Host: a\r\n",
    "Host: [::1]:80\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: keep-alive\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    "X-A: b\r\n",
    "\r\n",
    "\r",
    "\n",
    " ",
    ":",
    "hello",
    "5\r\nhello\r\n",
    "1;a=b\r\nx\r\n",
    "0\r\n\r\n",
    "0\r\nX: y\r\n\r\n",
    "\0",
    "\u{e9}",
];

/// A small generator of numbers, so that each round can be repeated from its seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(14)).flat_map(|_| PARTS[self.below(PARTS.len())].bytes()).collect()
    }

    fn plan(&mut self) -> Plan {
        let length = [BodyLength::Known(0), BodyLength::Unknown, BodyLength::None][self.below(3)];
        let status = [200, 204, 304, 404][self.below(4)];
        let body =
            if length == BodyLength::None { "" } else { ["", "hi", "a body of some length"][self.below(3)] };
        Plan { reads_body: self.below(3) > 0, status, length, body: body.as_bytes() }
    }
}

#[test]
fn any_bytes_at_any_cut_give_the_same_well_formed_responses() {
    let mut responses = 0;
    for round in 1..=ROUNDS {
        let mut numbers = Numbers(u64::from(round).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (bytes, plan) = (numbers.bytes(), numbers.plan());
        let limits = Limits { head_bytes_max: 120, headers_max: 5, uri_bytes_max: 12, body_bytes_max: 10 };
        let whole = serve([bytes.as_slice()], true, limits, plan);
        let cut = serve(bytes.chunks(1 + numbers.below(9)), true, limits, plan);
        assert_eq!(
            (&whole.events, &whole.out),
            (&cut.events, &cut.out),
            "round {round}: {}",
            bytes.escape_ascii()
        );
        assert_eq!(whole.events.iter().filter(|event| **event == Event::Closed).count(), 1);
        responses += read_responses(&whole.out, &whole.is_head).len();
    }
    assert!(responses > ROUNDS as usize / 2, "too few of the bytes were requests: {responses}");
}
