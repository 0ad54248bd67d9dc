//! One line of a text with carets under a part of it.

use std::fmt::Write;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// Wider lines are cut around the carets, so that these stay visible in a terminal.
const WIDTH_MAX: usize = 100;
/// What is kept before the carets when a line is cut.
const WIDTH_BEFORE: usize = 40;
const TAB: &str = "    ";

/// A line and the part of it to point at, in bytes.
pub(crate) struct Snippet<'a> {
    pub(crate) number: Option<usize>,
    pub(crate) line: &'a str,
    pub(crate) span: Range<usize>,
    pub(crate) hint: &'a str,
}

impl Snippet<'_> {
    /// Three lines without a line break at the end: an empty one, the text, the carets and the hint.
    pub(crate) fn render(&self) -> String {
        let number = self.number.map(|number| number.to_string()).unwrap_or_default();
        let gutter = " ".repeat(number.len());
        let window = Window::around(&cells(self.line), &self.span);
        let pad = " ".repeat(window.before);
        let carets = "^".repeat(window.carets);
        let mut out = format!("{gutter} |\n");
        let _ = writeln!(out, "{}", format!("{number} | {}", window.text).trim_end());
        let _ = write!(out, "{}", format!("{gutter} | {pad}{carets} {}", self.hint).trim_end());
        out
    }
}

/// A character as it is shown: a tab is four spaces, a control character is never sent to the terminal.
struct Cell {
    offset: usize,
    shown: String,
    width: usize,
}

fn cells(line: &str) -> Vec<Cell> {
    line.char_indices().map(|(offset, character)| cell(offset, character)).collect()
}

fn cell(offset: usize, character: char) -> Cell {
    match (character, character.width()) {
        ('\t', _) => Cell { offset, shown: TAB.into(), width: TAB.len() },
        (_, None) => Cell { offset, shown: '\u{fffd}'.into(), width: 1 },
        (_, Some(width)) => Cell { offset, shown: character.into(), width },
    }
}

/// The part of a line that is shown, and where the carets go below it.
struct Window {
    text: String,
    before: usize,
    carets: usize,
}

impl Window {
    fn around(cells: &[Cell], span: &Range<usize>) -> Self {
        let first = cells.partition_point(|cell| cell.offset < span.start);
        let last = cells.partition_point(|cell| cell.offset < span.end).max(first);
        let (from, to) = bounds(cells, first);
        let mut text: String = cells[from..to].iter().map(|cell| cell.shown.as_str()).collect();
        let mut before = width(&cells[from..first]);
        if from > 0 {
            text.insert(0, '…');
            before += 1;
        }
        if to < cells.len() {
            text.push('…');
        }
        Self { text, before, carets: width(&cells[first..last.clamp(first, to.max(first))]).max(1) }
    }
}

/// Which cells are shown: all of them, or as many as fit, starting a little before `first`.
fn bounds(cells: &[Cell], first: usize) -> (usize, usize) {
    if width(cells) <= WIDTH_MAX {
        return (0, cells.len());
    }
    let mut from = first;
    while from > 0 && width(&cells[from - 1..first]) <= WIDTH_BEFORE {
        from -= 1;
    }
    let mut shown = 0;
    let fitting = cells[from..].iter().take_while(|cell| {
        shown += cell.width;
        shown <= WIDTH_MAX
    });
    (from, from + fitting.count())
}

fn width(cells: &[Cell]) -> usize {
    cells.iter().map(|cell| cell.width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carets(line: &str, span: Range<usize>) -> String {
        Snippet { number: Some(7), line, span, hint: "here" }.render()
    }

    #[test]
    fn the_gutter_follows_the_line_number() {
        let snippet = Snippet { number: Some(120), line: "a = 1", span: 4..5, hint: "" };
        assert_eq!(snippet.render(), "    |\n120 | a = 1\n    |     ^");
        let snippet = Snippet { number: None, line: "a", span: 1..1, hint: "more" };
        assert_eq!(snippet.render(), " |\n | a\n |  ^ more");
    }

    #[test]
    fn tabs_wide_and_control_characters_keep_the_carets_in_place() {
        let cases = [
            ("\tx = 1", 1..2, "7 |     x = 1\n  |     ^ here"),
            ("'日本' x", 9..10, "7 | '日本' x\n  |        ^ here"),
            ("'日本' x", 0..8, "7 | '日本' x\n  | ^^^^^^ here"),
            ("e\u{301} x", 4..5, "7 | e\u{301} x\n  |   ^ here"),
            ("a\u{1b}[2J", 1..2, "7 | a\u{fffd}[2J\n  |  ^ here"),
            ("", 0..0, "7 |\n  | ^ here"),
        ];
        for (line, span, want) in cases {
            assert_eq!(carets(line, span), format!("  |\n{want}"), "{line:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_carets() {
        let line = format!("a = '{}' ! {}", "x".repeat(300), "y".repeat(300));
        let at = line.find('!').expect("it is there");
        let shown = carets(&line, at..at + 1);
        let lines: Vec<&str> = shown.lines().collect();
        let place = lines[2].find('^').expect("carets");
        assert_eq!(lines[1].chars().nth(place), Some('!'), "{shown}");
        assert!(lines[1].contains("| …xxx") && lines[1].ends_with("yyy…"), "{shown}");
        assert!(lines.iter().all(|line| line.chars().count() < 115), "{shown}");
    }
}
