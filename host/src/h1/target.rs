//! Request targets (RFC 9112, 3.2) and host names (RFC 3986, 3.2.2).

use super::refusal::Refusal;

/// The parts of a target, as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// `host:port` of a target in absolute form.
    pub(super) authority: Option<&'a str>,
    /// Empty when a target in absolute form has none.
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Splits `target`, which a client sent with `method`.
    pub(super) fn parse(method: &str, target: &'a str) -> Result<Self, Refusal> {
        if method == "CONNECT" {
            return Err(Refusal::METHOD);
        }
        if target.contains('#') {
            return Err(Refusal::malformed("a fragment is not part of a request target"));
        }
        match target.as_bytes() {
            [b'/', ..] => Ok(Self::split(None, target)),
            b"*" if method == "OPTIONS" => Ok(Self { authority: None, path: target, query: None }),
            _ => Self::parse_absolute(target),
        }
    }

    fn parse_absolute(target: &'a str) -> Result<Self, Refusal> {
        let malformed = Refusal::malformed("malformed request target");
        let rest = strip_scheme(target).ok_or(malformed)?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || authority.starts_with(':') || !is_host(authority.as_bytes()) {
            return Err(malformed);
        }
        Ok(Self::split(Some(authority), rest))
    }

    fn split(authority: Option<&'a str>, path_and_query: &'a str) -> Self {
        match path_and_query.split_once('?') {
            Some((path, query)) => Self { authority, path, query: Some(query) },
            None => Self { authority, path: path_and_query, query: None },
        }
    }
}

fn strip_scheme(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let is_known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_known.then_some(rest)
}

/// Whether `value` is `host` or `host:port`. Empty is allowed: a client without a host to name sends that.
pub(super) fn is_host(value: &[u8]) -> bool {
    if value.first() == Some(&b'[') {
        return is_bracketed_host(value);
    }
    let name_len = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
    let (name, port) = value.split_at(name_len);
    is_name(name) && is_port(port)
}

/// An IPv6 address, or what may come after it, in brackets.
fn is_bracketed_host(value: &[u8]) -> bool {
    let Some(end) = value.iter().position(|&byte| byte == b']') else { return false };
    let (address, port) = (&value[1..end], &value[end + 1..]);
    let is_address_byte = |&byte: &u8| byte == b':' || is_name_byte(byte);
    address.len() >= 2 && address.iter().all(is_address_byte) && is_port(port)
}

/// A name or an IPv4 address; percent-encoding must be whole.
fn is_name(name: &[u8]) -> bool {
    let mut rest = name;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if is_name_byte(*byte) => rest,
            _ => return false,
        };
    }
}

/// The unreserved bytes and the sub-delimiters of RFC 3986.
fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'')
        || matches!(byte, b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
}

/// Nothing, or a colon and a port, which may be empty.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => super::bytes::parse_decimal(digits).is_some_and(|port| port <= 65_535),
        _ => false,
    }
}
