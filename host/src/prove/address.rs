//! Where the host under proof listens.

use crate::error::Error;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// The address of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// `http://host:port/` or `unix:PATH`, as a host prints it.
    pub(super) fn of_url(url: &str) -> Result<Self, Error> {
        if let Some(path) = url.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let Some(authority) = url.strip_prefix("http://") else {
            let error = Error::usage(format!("--url: `{url}` is no address of a host"));
            return Err(
                error.help("http://HOST:PORT or unix:PATH; a proof goes to the host itself, without TLS")
            );
        };
        let authority = authority.trim_end_matches('/');
        let named = if authority.rsplit(']').next().is_some_and(|rest| rest.contains(':')) {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let found = named.to_socket_addrs().map(|mut all| all.next());
        match found {
            Ok(Some(address)) => Ok(Self::Tcp(address)),
            Ok(None) => Err(Error::usage(format!("--url: `{authority}` has no address"))),
            Err(cause) => Err(Error::usage(format!("--url: cannot find `{authority}`: {cause}"))),
        }
    }
}

/// As [`Address::of_url`] takes it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}/"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_a_host_prints() {
        let tcp = |text: &str| Ok(Address::Tcp(text.parse().unwrap()));
        assert_eq!(Address::of_url("http://127.0.0.1:8080/"), tcp("127.0.0.1:8080"));
        assert_eq!(Address::of_url("http://127.0.0.1"), tcp("127.0.0.1:80"));
        assert_eq!(Address::of_url("http://[::1]:81/"), tcp("[::1]:81"));
        assert_eq!(Address::of_url("http://[::1]/"), tcp("[::1]:80"));
        assert_eq!(Address::of_url("unix:/a/b.sock"), Ok(Address::Unix("/a/b.sock".into())));
        for wrong in ["https://127.0.0.1/", "127.0.0.1:80", "http://"] {
            assert!(Address::of_url(wrong).is_err(), "{wrong}");
        }
    }
}
