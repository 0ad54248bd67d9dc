//! Puts the script that shows failures and loads a page again into the pages of the app.

use ansi_to_html::Esc;

/// The script, for the path that [`Script::src`] names.
pub const CLIENT: &str = include_str!("client.js");

/// The media type of [`CLIENT`].
pub const CLIENT_TYPE: &str = "text/javascript; charset=utf-8";

/// Where the script finds what it needs: paths on the server that the page came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The script itself.
    pub src: String,
    /// The stream of events.
    pub events: String,
    /// The page of what fails.
    pub page: String,
    /// The version that is being served now: see `Events::version`.
    pub version: String,
}

impl Script {
    /// The tag for a page.
    pub fn tag(&self) -> String {
        let Self { src, events, page, version } = self;
        let [src, events, page, version] = [src, events, page, version].map(Esc);
        format!(
            "<script src=\"{src}\" data-events=\"{events}\" data-page=\"{page}\" data-version=\"{version}\" defer></script>\n"
        )
    }
}

/// What a response says of itself, and what its request asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's `sec-fetch-dest`: where a browser wants to put it.
    pub fetch_dest: Option<&'a str>,
    /// The status.
    pub status: u16,
    /// Its `content-type`.
    pub content_type: Option<&'a str>,
    /// Its `content-encoding`.
    pub content_encoding: Option<&'a str>,
}

/// Statuses without a body, or with a part of one.
const NO_WHOLE_BODY: &[u16] = &[204, 205, 206, 304];

/// What a page is wanted for; anything else is a piece of one that a script asked for.
const WANTED_FOR: &[&str] = &["document", "iframe", "frame"];

impl Response<'_> {
    /// Whether it is a page that the script can be put into. Then its `content-length` changes, and its `etag` and
    /// `last-modified` do not tell any more what it is.
    pub fn takes_script(&self) -> bool {
        self.method != "HEAD"
            && !NO_WHOLE_BODY.contains(&self.status)
            && self.fetch_dest.is_none_or(|dest| WANTED_FOR.contains(&dest))
            && self.content_encoding.is_none_or(|encoding| encoding.eq_ignore_ascii_case("identity"))
            && self.content_type.is_some_and(is_html)
    }
}

/// Whether ASCII in it is ASCII: a page of UTF-16 would be broken.
fn is_html(content_type: &str) -> bool {
    let content_type = content_type.to_ascii_lowercase();
    let (media_type, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    media_type.trim() == "text/html" && !["utf-16", "utf-32"].iter().any(|wide| parameters.contains(wide))
}

/// Puts a tag into a page: before the last `</body`, else at its end.
pub fn inject(page: &[u8], tag: &str) -> Vec<u8> {
    let at = body_end(page).unwrap_or(page.len());
    [&page[..at], tag.as_bytes(), &page[at..]].concat()
}

fn body_end(page: &[u8]) -> Option<usize> {
    const END: &[u8] = b"</body";
    let ends_name =
        |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_whitespace() || b"/>".contains(byte));
    let is_end = |at: &usize| {
        let rest = &page[*at..];
        rest.len() >= END.len()
            && rest[..END.len()].eq_ignore_ascii_case(END)
            && ends_name(rest.get(END.len()))
    };
    memchr::memrchr_iter(b'<', page).find(is_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Response<'_> = Response {
        method: "GET",
        fetch_dest: None,
        status: 200,
        content_type: Some("text/html; charset=utf-8"),
        content_encoding: None,
    };

    #[track_caller]
    fn assert_injected(page: &str, want: &str) {
        assert_eq!(String::from_utf8(inject(page.as_bytes(), "<s>")).unwrap(), want);
    }

    #[test]
    fn the_tag_stands_before_the_end_of_the_body_or_at_the_end() {
        assert_injected("<body>hi</body></html>", "<body>hi<s></body></html>");
        assert_injected("<BODY>hi</BoDy\n></HTML>", "<BODY>hi<s></BoDy\n></HTML>");
        assert_injected("<script>'</body>'</script></body>", "<script>'</body>'</script><s></body>");
        assert_injected("<p>hi", "<p>hi<s>");
        assert_injected("<p></bodywork>", "<p></bodywork><s>");
        assert_injected("</body", "<s></body");
        assert_injected("", "<s>");
        assert_eq!(inject(b"\xff</body>\xfe", "<s>"), b"\xff<s></body>\xfe");
    }

    #[test]
    fn only_whole_pages_in_a_known_form_take_the_script() {
        assert!(PAGE.takes_script());
        let yes = [
            Response { content_type: Some("TEXT/HTML"), ..PAGE },
            Response { status: 500, method: "POST", ..PAGE },
            Response { fetch_dest: Some("document"), ..PAGE },
            Response { content_encoding: Some("identity"), ..PAGE },
        ];
        assert!(yes.iter().all(Response::takes_script));
        let no = [
            Response { method: "HEAD", ..PAGE },
            Response { status: 304, ..PAGE },
            Response { status: 206, ..PAGE },
            Response { content_encoding: Some("gzip"), ..PAGE },
            Response { content_type: None, ..PAGE },
            Response { content_type: Some("text/plain"), ..PAGE },
            Response { content_type: Some("text/html5"), ..PAGE },
            Response { content_type: Some("text/html; charset=UTF-16LE"), ..PAGE },
            Response { fetch_dest: Some("empty"), ..PAGE },
        ];
        no.iter().for_each(|response| assert!(!response.takes_script(), "{response:?}"));
    }

    #[test]
    fn what_is_in_the_tag_is_escaped() {
        let script = Script {
            src: "/a?b&c".into(),
            events: "/\"><b>".into(),
            page: "/'".into(),
            version: "1-2".into(),
        };
        assert_eq!(
            script.tag(),
            "<script src=\"/a?b&amp;c\" data-events=\"/&quot;&gt;&lt;b&gt;\" data-page=\"/&#39;\" \
             data-version=\"1-2\" defer></script>\n"
        );
    }
}
