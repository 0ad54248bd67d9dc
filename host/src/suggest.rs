//! Names that are near another one, for "did you mean" and for "known: a, b, c".

use strsim::damerau_levenshtein;

/// The known name that was probably meant, if one is near enough to be worth saying.
///
/// Near enough is one typing mistake for three letters; upper and lower case are the same.
///
/// ```
/// use host::suggest::nearest;
/// assert_eq!(nearest("threded", &["single", "threaded"]), Some("threaded"));
/// assert_eq!(nearest("nginx", &["single", "threaded"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let best = *sorted(name, known).first()?;
    let mistakes_max = (name.chars().count().max(best.chars().count()) / 3).max(1);
    let near = distance(name, best) <= mistakes_max && best.chars().count() > distance(name, best);
    near.then_some(best)
}

/// All known names, the nearest first; names that are equally far keep their order.
///
/// ```
/// use host::suggest::sorted;
/// assert_eq!(sorted("wirte", &["head", "body", "write"])[0], "write");
/// ```
pub fn sorted<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let mut names = known.to_vec();
    names.sort_by_key(|known| distance(name, known));
    names
}

/// What to say about an unknown name: ``did you mean `x`?``, else `known: a, b, c`.
///
/// ```
/// assert_eq!(host::suggest::hint("nmae", &["name", "debug"]), "did you mean `name`?");
/// assert_eq!(host::suggest::hint("x", &[]), "there are none");
/// ```
pub fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none".into(),
        None => format!("known: {}", sorted(name, known).join(", ")),
    }
}

fn distance(a: &str, b: &str) -> usize {
    damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: &[&str] = &["single", "threaded", "forking", "pool", "prefork", "actix"];

    #[test]
    fn a_typing_mistake_finds_the_name_that_was_meant() {
        let cases = [
            ("nmae", &["name", "debug"][..], Some("name")),
            ("threded", SERVERS, Some("threaded")),
            ("THREADED", SERVERS, Some("threaded")),
            ("preforking", SERVERS, Some("forking")),
            ("pol", SERVERS, Some("pool")),
            ("x", &["y"], None),
            ("", SERVERS, None),
            ("gunicorn", SERVERS, None),
            ("anything", &[], None),
        ];
        for (name, known, want) in cases {
            assert_eq!(nearest(name, known), want, "nearest to `{name}` in {known:?}");
        }
    }

    #[test]
    fn the_list_of_known_names_starts_with_the_nearest() {
        assert_eq!(hint("gunicorn", &["actix", "corn", "unicorn"]), "did you mean `unicorn`?");
        assert_eq!(hint("bodies", &["a", "body_bytes", "headers"]), "known: body_bytes, headers, a");
        assert_eq!(sorted("x", &["b", "a"]), ["b", "a"], "equally far: the order stays");
    }
}
