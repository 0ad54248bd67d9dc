//! `known names when one is unknown, nearest first`, for messages.

/// The names between backquotes, with commas.
pub(crate) fn known(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The names, the most similar one first.
pub(crate) fn nearest(name: &str, names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_by_key(|other| strsim::damerau_levenshtein(name, other));
    known(&names)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_comes_first() {
        assert_eq!(nearest("route", &["config", "routes", "state"]), "`routes`, `state`, `config`");
    }
}
