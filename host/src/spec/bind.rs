//! Addresses to listen at.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::Error;

/// The port when an address names none, as Bottle's.
pub const PORT: u16 = 8080;
const FORMS: &str = "write `host:port`, `host`, `:port`, `[v6]:port`, `unix:PATH` or `fd:NAME`";

/// An address to listen at.
///
/// | written | means |
/// |---|---|
/// | `127.0.0.1:80`, `localhost:80` | this address, this port; port 0 is a free one |
/// | `127.0.0.1`, `localhost` | port 8080 |
/// | `:80` | every IPv4 address |
/// | `[::1]:80`, `[::1]`, `::1` | IPv6; without brackets all of it is the address, and the port is 8080 |
/// | `unix:shop.sock` | a Unix socket |
/// | `fd:http` | a socket that was inherited under this name (systemd) |
///
/// ```
/// use host::spec::Bind;
/// assert_eq!("::1".parse::<Bind>().unwrap().to_string(), "[::1]:8080");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bind {
    /// A TCP address; the host is an IP address without brackets, or a name to be looked up.
    Tcp {
        /// The IP address or the name.
        host: String,
        /// The port; 0 is a free one.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// The name of an inherited socket.
    Fd(String),
}

impl Default for Bind {
    fn default() -> Self {
        Self::Tcp { host: Ipv4Addr::LOCALHOST.to_string(), port: PORT }
    }
}

impl FromStr for Bind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("unix:") {
            return non_empty(path, text, "a path").map(|path| Self::Unix(path.into()));
        }
        if let Some(name) = text.strip_prefix("fd:") {
            return non_empty(name, text, "a name").map(|name| Self::Fd(name.into()));
        }
        let (host, port) = split(text)?;
        check_host(host, text)?;
        Ok(Self::Tcp { host: if host.is_empty() { "0.0.0.0".into() } else { host.into() }, port })
    }
}

impl Bind {
    /// The same address with a relative socket path below `base`.
    #[must_use]
    pub fn below(self, base: &Path) -> Self {
        match self {
            Self::Unix(path) => Self::Unix(base.join(path)),
            other => other,
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Fd(name) => write!(f, "fd:{name}"),
        }
    }
}

fn split(text: &str) -> Result<(&str, u16), Error> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, PORT));
    }
    if let Some(rest) = text.strip_prefix('[') {
        return split_v6(rest, text);
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(bad(text, "it is no IPv6 address")
            .help("an IPv6 address with a port needs brackets: `[::1]:8080`")),
        Some((host, port)) => Ok((host, parse_port(port, text)?)),
        None if text.is_empty() => Err(bad(text, "it is empty").help(FORMS)),
        None => Ok((text, PORT)),
    }
}

fn split_v6<'a>(rest: &'a str, text: &str) -> Result<(&'a str, u16), Error> {
    let (host, after) =
        rest.split_once(']').ok_or_else(|| bad(text, "`]` is missing").help("write `[::1]:8080`"))?;
    if host.parse::<Ipv6Addr>().is_err() {
        return Err(bad(text, &format!("`{host}` is no IPv6 address")).help(FORMS));
    }
    match after.strip_prefix(':') {
        Some(port) => Ok((host, parse_port(port, text)?)),
        None if after.is_empty() => Ok((host, PORT)),
        None => Err(bad(text, &format!("`{after}` after `]`")).help("write `[::1]:8080`")),
    }
}

fn parse_port(port: &str, text: &str) -> Result<u16, Error> {
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if digits => Ok(port),
        _ if digits => {
            Err(bad(text, &format!("port {port} is out of range")).help("ports go from 0 to 65535"))
        }
        _ => Err(bad(text, &format!("`{port}` is no port")).help(FORMS)),
    }
}

fn check_host(host: &str, text: &str) -> Result<(), Error> {
    let numeric = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err(bad(text, &format!("`{host}` is no IPv4 address")).help(FORMS));
    }
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    match host.chars().find(|c| !name(*c)) {
        Some(c) => Err(bad(text, &format!("{c:?} cannot stand in a host name")).help(FORMS)),
        None => Ok(()),
    }
}

fn non_empty<'a>(part: &'a str, text: &str, what: &str) -> Result<&'a str, Error> {
    match part.is_empty() || part.contains(char::is_control) {
        true => Err(bad(text, &format!("{what} must follow the `:`")).help(FORMS)),
        false => Ok(part),
    }
}

fn bad(text: &str, cause: &str) -> Error {
    Error::usage(format!("cannot listen at `{text}`: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_is_understood() {
        let cases = [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("localhost:0", "localhost:0"),
            ("localhost", "localhost:8080"),
            ("127.0.0.1", "127.0.0.1:8080"),
            (":80", "0.0.0.0:80"),
            ("[::1]:80", "[::1]:80"),
            ("[::1]", "[::1]:8080"),
            ("::1", "[::1]:8080"),
            ("::", "[::]:8080"),
            ("unix:/run/shop.sock", "unix:/run/shop.sock"),
            ("unix:a b", "unix:a b"),
            ("fd:http", "fd:http"),
        ];
        for (text, want) in cases {
            let bind: Bind = text.parse().expect(text);
            assert_eq!(bind.to_string(), want, "{text}");
            assert_eq!(want.parse::<Bind>().expect(want), bind, "shown and read again: {text}");
        }
    }

    #[test]
    fn a_bad_address_says_what_is_wrong() {
        let cases = [
            ("", "it is empty"),
            ("localhost:", "`` is no port"),
            ("localhost:http", "`http` is no port"),
            ("localhost:+80", "`+80` is no port"),
            ("localhost:65536", "port 65536 is out of range"),
            ("localhost:80:81", "it is no IPv6 address"),
            ("[::1", "`]` is missing"),
            ("[::1]80", "`80` after `]`"),
            ("[nope]:80", "`nope` is no IPv6 address"),
            ("127.0.0.1.5:80", "`127.0.0.1.5` is no IPv4 address"),
            ("127.0.0.256", "`127.0.0.256` is no IPv4 address"),
            ("http://localhost", "`//localhost` is no port"),
            ("my host:80", "' ' cannot stand in a host name"),
            ("unix:", "a path must follow the `:`"),
            ("fd:", "a name must follow the `:`"),
        ];
        for (text, cause) in cases {
            let error = text.parse::<Bind>().expect_err(text);
            assert_eq!(error.message(), format!("cannot listen at `{text}`: {cause}"));
            assert!(!error.helps().is_empty(), "{text}");
        }
    }

    #[test]
    fn only_relative_socket_paths_move() {
        let below = |text: &str| text.parse::<Bind>().expect(text).below(Path::new("shop")).to_string();
        assert_eq!(below("unix:a.sock"), "unix:shop/a.sock");
        assert_eq!(below("unix:/a.sock"), "unix:/a.sock");
        assert_eq!(below(":1"), "0.0.0.0:1");
    }
}
