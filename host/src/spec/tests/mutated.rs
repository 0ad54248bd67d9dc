//! A spec that was cut or changed anywhere is accepted or refused with a place, and never panics.

use super::*;

fn check(text: &str) {
    let Err(error) = parse(text) else { return };
    let place: Vec<&str> = error.message().splitn(4, ':').collect();
    let numbers = place.iter().skip(1).take(2).filter_map(|number| number.parse::<usize>().ok());
    assert!(
        place[0] == "shop/app.toml" && numbers.filter(|number| *number > 0).count() == 2,
        "{text}\n{error}"
    );
    assert!(error.message().lines().count() >= 4 && error.message().contains('^'), "{text}\n{error}");
}

#[test]
fn a_cut_spec_is_accepted_or_refused_with_a_place() {
    for (place, _) in FULL.char_indices() {
        check(&FULL[..place]);
        check(&format!("spec = 1\n{}", &FULL[place..]));
    }
}

#[test]
fn a_changed_spec_is_accepted_or_refused_with_a_place() {
    for (place, old) in FULL.char_indices() {
        for new in ["", "\"", "'", "[", "]", "=", "\n", "\0", "é", "日", "${", "-", "9"] {
            check(&format!("{}{new}{}", &FULL[..place], &FULL[place + old.len_utf8()..]));
        }
    }
}

#[test]
fn a_spec_without_one_of_its_lines_or_with_it_twice_is_accepted_or_refused_with_a_place() {
    let lines: Vec<&str> = FULL.lines().collect();
    for (place, line) in lines.iter().enumerate() {
        let rest = lines[place + 1..].join("\r\n");
        let before = lines[..place].join("\r\n");
        check(&format!("{before}\r\n{rest}"));
        check(&format!("{before}\r\n{line}\r\n{line}\r\n{rest}"));
    }
}

#[test]
fn deep_nesting_is_refused() {
    for (open, count) in [("[", 100_000), ("{a=", 100_000), ("a.", 100_000)] {
        check(&format!("spec = 1\nx = {}", open.repeat(count)));
        check(&format!("spec = 1\n{}a = 1", open.repeat(count)));
    }
}
