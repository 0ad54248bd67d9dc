//! Answers, read as strictly as RFC 9112 allows: a server that is sloppy here fails its test.

/// An answer as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// In their order; names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Decoded.
    pub(crate) body: Vec<u8>,
    /// The statuses of the interim answers before it, such as 100.
    pub(crate) interim: Vec<u16>,
}

impl Response {
    /// The header of that name, in any case.
    ///
    /// # Panics
    /// It is there twice: use [`Response::all`].
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "header `{name}` is there {} times in {self:?}", all.len());
        all.first().copied()
    }

    /// All headers of that name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The body.
    ///
    /// # Panics
    /// It is not UTF-8.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body)
            .unwrap_or_else(|cause| panic!("the body is not text: {cause}: {self:?}"))
    }

    /// Itself, if it has that status.
    ///
    /// # Panics
    /// It has another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(1000)]);
        assert_eq!(self.status, status, "{:?}\n{text}", self.headers);
        self
    }
}

/// The answer at the beginning of `bytes` and how long it is; none: there is more to come.
pub(super) fn parse(bytes: &[u8], is_head: bool, at_end: bool) -> Result<Option<(Response, usize)>, String> {
    let Some(head_len) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let head =
        std::str::from_utf8(&bytes[..head_len - 4]).map_err(|_| "a head that is not UTF-8".to_owned())?;
    let mut lines = head.split("\r\n");
    let (status, reason) = status_line(lines.next().unwrap_or_default())?;
    let headers = lines.map(header).collect::<Result<Vec<_>, _>>()?;
    let mut response = Response { status, reason, headers, body: Vec::new(), interim: Vec::new() };
    let body = body(&response, &bytes[head_len..], is_head, at_end)?;
    Ok(body.map(|(body, used)| {
        response.body = body;
        (response, head_len + used)
    }))
}

fn status_line(line: &str) -> Result<(u16, String), String> {
    let wrong = || format!("a status line that is none: `{}`", line.escape_debug());
    let rest = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 ")).ok_or_else(wrong)?;
    let (status, reason) = rest.split_once(' ').ok_or_else(wrong)?;
    match status.parse() {
        Ok(number @ 100..=999) if status.len() == 3 => Ok((number, reason.to_owned())),
        _ => Err(wrong()),
    }
}

fn header(line: &str) -> Result<(String, String), String> {
    let wrong = || format!("a header that is none: `{}`", line.escape_debug());
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) || value.contains(['\r', '\n', '\0']) {
        return Err(wrong());
    }
    Ok((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
}

/// The decoded body and its length on the wire.
fn body(
    response: &Response,
    bytes: &[u8],
    is_head: bool,
    at_end: bool,
) -> Result<Option<(Vec<u8>, usize)>, String> {
    let length = match response.all("content-length").as_slice() {
        [] => None,
        [length] => Some(length.parse::<usize>().map_err(|_| format!("content-length `{length}`"))?),
        _ => return Err("two content-length headers".to_owned()),
    };
    let codings = response.all("transfer-encoding");
    let is_chunked = match codings.as_slice() {
        [] => false,
        ["chunked"] => true,
        other => return Err(format!("transfer-encoding {other:?}")),
    };
    if is_chunked && length.is_some() {
        return Err("two lengths: content-length and transfer-encoding".to_owned());
    }
    let has_none = is_head || response.status < 200 || matches!(response.status, 204 | 304);
    match (has_none, is_chunked, length) {
        (true, ..) => Ok(Some((Vec::new(), 0))),
        (_, true, _) => chunks(bytes),
        (_, _, Some(length)) => Ok(bytes.get(..length).map(|body| (body.to_vec(), length))),
        // Up to the end of the connection.
        _ => Ok(at_end.then(|| (bytes.to_vec(), bytes.len()))),
    }
}

fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line_len) = bytes[at..].windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let line = String::from_utf8_lossy(&bytes[at..at + line_len]).into_owned();
        let is_hex = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(&line, 16).ok().filter(|_| is_hex);
        let size = size.ok_or_else(|| format!("a chunk size that is none: `{}`", line.escape_debug()))?;
        let start = at + line_len + 2;
        let Some(chunk) = bytes.get(start..start + size + 2) else { return Ok(None) };
        let (data, end) = chunk.split_at(size);
        if end != b"\r\n" {
            return Err(format!("no line end behind a chunk of {size} bytes"));
        }
        body.extend_from_slice(data);
        at = start + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}
