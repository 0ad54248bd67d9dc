//! A client that reads responses strictly, to prove that what was sent is well-formed.

/// One response as a client would see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

/// Reads `bytes` as the answers to requests, of which `is_head` tells whether they were HEAD.
///
/// # Panics
/// When there are fewer or more responses, or one is not well-formed.
pub(crate) fn read_responses(mut bytes: &[u8], is_head: &[bool]) -> Vec<Response> {
    let mut responses = Vec::new();
    for &is_head in is_head {
        let (response, used) = read_response(bytes, is_head);
        responses.push(response);
        bytes = &bytes[used..];
    }
    assert!(bytes.is_empty(), "bytes behind the last response: {}", bytes.escape_ascii());
    responses
}

fn read_response(bytes: &[u8], is_head: bool) -> (Response, usize) {
    let mut table = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut table);
    let Ok(httparse::Status::Complete(head_len)) = head.parse(bytes) else {
        panic!("no response head: {}", bytes.escape_ascii());
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers: Vec<_> =
        head.headers.iter().map(|field| (field.name.to_ascii_lowercase(), text(field.value))).collect();
    let status = head.code.expect("a status");
    let mut response = Response { status, headers, body: Vec::new() };
    let body_len = read_body(&mut response, &bytes[head_len..], is_head);
    (response, head_len + body_len)
}

fn read_body(response: &mut Response, bytes: &[u8], is_head: bool) -> usize {
    let length = response.header("content-length").map(|text| text.parse::<usize>().expect("a length"));
    let is_chunked = response.header("transfer-encoding").is_some();
    assert!(!(is_chunked && length.is_some()), "two lengths in {response:?}");
    let used = match (length, is_chunked) {
        _ if is_head || matches!(response.status, 204 | 304) => 0,
        (Some(length), _) => length,
        (None, true) => return read_chunks(response, bytes),
        (None, false) => bytes.len(),
    };
    response.body.extend_from_slice(&bytes[..used]);
    used
}

fn read_chunks(response: &mut Response, bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Ok(httparse::Status::Complete((line_len, size))) = httparse::parse_chunk_size(&bytes[at..])
        else {
            panic!("no chunk size: {}", bytes[at..].escape_ascii());
        };
        let start = at + line_len;
        let end = start + usize::try_from(size).expect("a chunk that fits memory");
        response.body.extend_from_slice(&bytes[start..end]);
        assert_eq!(&bytes[end..end + 2], b"\r\n");
        at = end + 2;
        if size == 0 {
            return at;
        }
    }
}
