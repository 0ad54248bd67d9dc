//! Rules, checked with the grammar that the host matches them with.

use plugin_api_route::Rule;
use syn::{Error, LitStr};

/// The names of a rule's parameters, in order.
pub(crate) fn names(literal: &LitStr) -> syn::Result<Vec<String>> {
    let text = literal.value();
    let rule = Rule::parse(&text)
        .map_err(|error| Error::new(literal.span(), format!("{error}; {}", error.help())))?;
    if !text.starts_with('/') {
        return Err(Error::new(
            literal.span(),
            format!("rule `{text}`: a rule begins with a slash: write `/{text}`"),
        ));
    }
    if let Some(place) = unclosed(&text) {
        let message = format!(
            "rule `{text}`: byte {place}: this `<` opens no wildcard: write `<name>`, `<name:filter>`, \
             or `\\\\<` for the character itself"
        );
        return Err(Error::new(literal.span(), message));
    }
    Ok(rule.names().map(str::to_owned).collect())
}

/// A `<` that the grammar takes for text, though no backslash says so: a slip, most likely.
fn unclosed(text: &str) -> Option<usize> {
    let rule = Rule::parse(text).ok()?;
    let literal = |segment: &plugin_api_route::Segment| match segment {
        plugin_api_route::Segment::Literal(text) => text.matches('<').count(),
        plugin_api_route::Segment::Wildcard { .. } => 0,
    };
    let literals: usize = rule.segments().iter().map(literal).sum();
    let escaped = text.matches("\\<").count();
    (literals > escaped).then(|| text.rfind('<').unwrap_or_default())
}
