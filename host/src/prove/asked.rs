//! A request that the load asks again and again.

use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::fmt;
use std::str::FromStr;

use http_body_util::Full;

/// What is sent with a method that has a body.
const BODY: &str = "0123456789abcdef";
/// How often: 4 KiB.
const BODY_REPEATS: usize = 256;

/// What may not stand in a path or a query as it is.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}');

/// A request, checked: it can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    method: Method,
    /// None: any host name does.
    host: Option<HeaderValue>,
    target: Uri,
}

impl Asked {
    pub(super) fn new(method: &str, host: &str, path: &str) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err(format!("`{path}` does not begin with `/`"));
        }
        let target: Uri = utf8_percent_encode(path, ENCODED)
            .to_string()
            .parse()
            .map_err(|cause| format!("`{path}` is no path: {cause}"))?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|cause| format!("`{method}`: {cause}"))?;
        let host = match host {
            "" => None,
            host => Some(host.parse().map_err(|cause| format!("host name `{host}`: {cause}"))?),
        };
        Ok(Self { method, host, target })
    }

    /// The request, to be sent; `is_last`: the server is told to close the connection behind its answer.
    pub(super) fn request(&self, is_last: bool) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        let host = self.host.clone().unwrap_or(HeaderValue::from_static("localhost"));
        request.headers_mut().insert(HOST, host);
        if is_last {
            request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        request
    }

    fn body(&self) -> Bytes {
        match self.method {
            Method::POST | Method::PUT | Method::PATCH => BODY.repeat(BODY_REPEATS).into(),
            _ => Bytes::new(),
        }
    }
}

/// `/path`, or `METHOD /path`; what `--path` takes.
impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some((method, path)) if !method.starts_with('/') => Self::new(method, "", path),
            _ => Self::new("GET", "", text),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default();
        write!(f, "{} {host}{}", self.method, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_asked_with_get_unless_it_says_otherwise() {
        let shown = |text: &str| text.parse::<Asked>().map(|asked| asked.to_string());
        assert_eq!(shown("/a?b=c d").as_deref(), Ok("GET /a?b=c%20d"));
        assert_eq!(shown("POST /a").as_deref(), Ok("POST /a"));
        assert_eq!(shown("/café").as_deref(), Ok("GET /caf%C3%A9"));
        assert_eq!(shown("a"), Err("`a` does not begin with `/`".to_owned()));
        assert!(shown("P@ST /a").is_err() && shown("POST  /a").is_err());
        let named = Asked::new("GET", "shop.example.com", "/a").map(|asked| asked.to_string());
        assert_eq!(named.as_deref(), Ok("GET shop.example.com/a"));
    }

    #[test]
    fn a_body_goes_with_methods_that_have_one() {
        let bytes = |text: &str| text.parse::<Asked>().map(|asked| asked.body().len());
        assert_eq!((bytes("/a"), bytes("POST /a")), (Ok(0), Ok(4096)));
    }
}
