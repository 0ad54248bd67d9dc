//! What a client sees of an error: a status and a short sentence, in the form that it asked for. The cause is in the log.

use std::fmt::Write;

/// The forms of an error page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Html,
    Json,
}

/// A rendered page.
pub(crate) struct Page {
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// Renders the page. `accept` is the request's header; `id` is the request's id, where the log says more.
pub(crate) fn render(status: u16, message: &str, id: Option<&str>, accept: Option<&[u8]>) -> Page {
    let reason = reason(status);
    let form = form(accept);
    let mut body = String::new();
    // Writing to a string cannot fail.
    let _ = match form {
        Form::Text => text(&mut body, status, reason, message, id),
        Form::Html => html(&mut body, status, reason, message, id),
        Form::Json => json(&mut body, status, reason, message, id),
    };
    Page { content_type: form.content_type(), body }
}

impl Form {
    fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// Browsers name `text/html`, programs that want JSON name it; whoever accepts anything gets text.
fn form(accept: Option<&[u8]>) -> Form {
    let accept = accept.and_then(|accept| std::str::from_utf8(accept).ok()).unwrap_or_default();
    match (accept.find("text/html"), accept.find("json")) {
        (Some(html), Some(json)) if json < html => Form::Json,
        (Some(_), _) => Form::Html,
        (None, Some(_)) => Form::Json,
        (None, None) => Form::Text,
    }
}

fn text(out: &mut String, status: u16, reason: &str, message: &str, id: Option<&str>) -> std::fmt::Result {
    writeln!(out, "{status} {reason}")?;
    if !message.is_empty() {
        writeln!(out, "{message}")?;
    }
    id.map_or(Ok(()), |id| writeln!(out, "request {id}"))
}

fn html(out: &mut String, status: u16, reason: &str, message: &str, id: Option<&str>) -> std::fmt::Result {
    write!(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><title>{status} {reason}</title></head>\n")?;
    write!(out, "<body><h1>{status} {reason}</h1>\n<p>{}</p>\n", escape(message))?;
    id.map_or(Ok(()), |id| writeln!(out, "<p>request {}</p>", escape(id)))?;
    writeln!(out, "</body></html>")
}

fn json(out: &mut String, status: u16, reason: &str, message: &str, id: Option<&str>) -> std::fmt::Result {
    let page = serde_json::json!({ "status": status, "error": reason, "message": message, "request": id });
    writeln!(out, "{page}")
}

/// Text for HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The reason phrase of a status, from the table of the HTTP library; `Unknown` for the rest, as Bottle says.
pub(crate) fn reason(status: u16) -> &'static str {
    actix_web::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_form_that_the_client_asks_for() {
        assert_eq!(form(None), Form::Text);
        assert_eq!(form(Some(b"*/*")), Form::Text);
        assert_eq!(form(Some(b"text/html,application/xhtml+xml;q=0.9")), Form::Html);
        assert_eq!(form(Some(b"application/json")), Form::Json);
    }

    #[test]
    fn what_the_client_sent_is_escaped_in_html() {
        let page = render(404, "not found: /<script>", None, Some(b"text/html"));
        assert!(page.body.contains("/&lt;script&gt;"), "{}", page.body);
    }

    #[test]
    fn an_unknown_status_has_a_reason_all_the_same() {
        assert_eq!(render(999, "", None, None).body, "999 Unknown\n");
    }
}
