//! Columns of text.

use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// Lines of cells, below each other; the first line has the names of the columns.
pub(super) fn table<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(text, "  {cell}{:1$}", "", width - cell.width());
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// What a client sent, as it may be shown on a terminal.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() { out.extend(char.escape_default()) } else { out.push(char) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other_whatever_their_letters() {
        let lines = [["id", "path"], ["1", "/\u{4f60}"], ["23", "/"]].map(|line| line.map(str::to_owned));
        assert_eq!(table(&lines), "  id  path\n  1   /\u{4f60}\n  23  /\n");
    }

    #[test]
    fn what_a_client_sent_cannot_move_the_cursor() {
        assert_eq!(harmless("/a\u{1b}[2J\n\u{e4}"), "/a\\u{1b}[2J\\n\u{e4}");
    }
}
