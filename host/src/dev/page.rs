//! The page of what fails: one file that needs no other, for light and dark, and for any width.

use super::failure::BuildFailure;
use crate::cargo_build::Problem;
use ansi_to_html::{Esc, convert};
use std::fmt::Write;

/// The media type of the page.
pub const PAGE_TYPE: &str = "text/html; charset=utf-8";

const STYLE: &str = include_str!("page.css");

/// More errors of one crate are counted, not listed: whoever cures the first ones builds again.
const ERRORS_MAX: usize = 50;

/// More of what the compiler says is cut off.
const RENDERED_BYTES_MAX: usize = 256 << 10;

/// The page of these failures, which are of that revision; see `Events::failures`. Without any it says that all is well.
pub fn page(revision: u64, failures: &[BuildFailure]) -> String {
    let title = match failures {
        [] => "Everything builds".to_owned(),
        [one] => format!("{}: {}", one.name, one.cause),
        more => format!("{} crates fail", more.len()),
    };
    let mut body = String::new();
    if failures.is_empty() {
        body.push_str("<h1>Everything builds</h1>\n");
    }
    failures.iter().for_each(|failure| section(&mut body, failure));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\" data-host-failure=\"{revision}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        Esc(&title)
    )
}

fn section(out: &mut String, failure: &BuildFailure) {
    let folder = failure.folder.to_string_lossy();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "<section>\n<h1>{}: <span>{}</span></h1>", Esc(&failure.name), Esc(&failure.cause));
    let _ = writeln!(out, "<p>{}</p>", Esc(&folder));
    if !failure.errors.is_empty() {
        errors(out, &failure.errors);
    }
    let _ = writeln!(out, "<pre>{}</pre>\n</section>", rendered(&failure.rendered));
}

fn errors(out: &mut String, errors: &[Problem]) {
    out.push_str("<ol>\n");
    for error in errors.iter().take(ERRORS_MAX) {
        let _ = match &error.file {
            Some(file) => {
                let (file, message) = (Esc(file), Esc(&error.message));
                writeln!(out, "<li><b>{file}:{}:{}</b>{message}</li>", error.line, error.column)
            }
            None => writeln!(out, "<li>{}</li>", Esc(&error.message)),
        };
    }
    if let Some(more) = errors.len().checked_sub(ERRORS_MAX).filter(|more| *more > 0) {
        let _ = writeln!(out, "<li>and {more} more</li>");
    }
    out.push_str("</ol>\n");
}

/// What a terminal shows, with its colours; without them where they are none that are known.
fn rendered(text: &str) -> String {
    let (text, rest) = text.split_at(text.floor_char_boundary(RENDERED_BYTES_MAX));
    let plain = || Esc(anstream::adapter::strip_str(text).to_string()).to_string();
    let mut html = convert(text).unwrap_or_else(|_| plain());
    if !rest.is_empty() {
        let _ = write!(html, "\n… and {} bytes more: see the terminal", rest.len());
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> BuildFailure {
        let problem = |line, message: &str| Problem {
            file: Some("src/<lib>.rs".into()),
            line,
            column: 5,
            message: message.into(),
        };
        BuildFailure {
            name: "shop & co".into(),
            folder: "/w/<shop>".into(),
            cause: "cargo failed (exit 101)".into(),
            rendered: "\x1b[1m\x1b[91merror[E0308]\x1b[0m\x1b[1m: expected `Vec<u8>`, found `&str`\x1b[0m\n"
                .into(),
            errors: vec![problem(3, "expected `Vec<u8>`"), problem(7, "</li><script>")],
        }
    }

    #[test]
    fn every_error_has_its_place_and_every_text_is_escaped() {
        let page = page(7, &[failure()]);
        for part in [
            "data-host-failure=\"7\"",
            "<title>shop &amp; co: cargo failed (exit 101)</title>",
            "<p>/w/&lt;shop&gt;</p>",
            "<b>src/&lt;lib&gt;.rs:3:5</b>expected `Vec&lt;u8&gt;`",
            "&lt;/li&gt;&lt;script&gt;",
            "<pre><b><span style='color:var(--bright-red,#f55)'>error[E0308]</span>: expected",
            "found `&amp;str`",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("<script") && !page.contains("http"), "it needs nothing else: {page}");
    }

    #[test]
    fn colours_that_are_not_known_are_left_out() {
        let odd = BuildFailure {
            rendered: "\x1b[38;9;1mred\x1b[0m <b>\x1b]8;;x\x1b\\link\x1b]8;;\x1b\\".into(),
            ..failure()
        };
        let page = page(1, &[odd]);
        assert!(page.contains("<pre>red &lt;b&gt;link</pre>"), "{page}");
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let mut long = failure();
        long.errors = vec![long.errors[0].clone(); ERRORS_MAX + 2];
        long.rendered = "é".repeat(RENDERED_BYTES_MAX);
        let page = page(1, &[long]);
        assert!(page.contains("<li>and 2 more</li>"));
        assert!(
            page.contains(&format!("and {RENDERED_BYTES_MAX} bytes more"))
                && page.len() < 2 * RENDERED_BYTES_MAX
        );
    }

    #[test]
    fn no_text_makes_the_page_panic_or_leaves_a_tag_in_it() {
        const PIECES: &[&str] =
            &["\x1b", "[", "]", "38;5;", "1m", "999", ";", "<script>", "é", "\x07", "\\", "(B", "\n"];
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..5000 {
            let mut text = String::new();
            for _ in 0..12 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                text.push_str(PIECES[seed as usize % PIECES.len()]);
            }
            assert!(!rendered(&text).contains("<script"), "{text:?}");
        }
    }

    #[test]
    fn several_failures_are_on_one_page_and_none_is_a_page_too() {
        let two = page(1, &[failure(), BuildFailure { name: "other".into(), ..failure() }]);
        assert!(two.contains("<title>2 crates fail</title>") && two.contains("<h1>other: "), "{two}");
        assert!(page(2, &[]).contains("Everything builds"));
    }
}
