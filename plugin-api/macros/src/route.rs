//! `#[get("/rule")]` and its like.

use crate::argument::{self, Argument, Source};
use crate::function::{self, Said};
use crate::{list, rule};
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, ItemFn, Lit, LitStr, Token};

const KEYS: [&str; 4] = ["method", "name", "body", "blocking"];

/// What the attribute says, as written.
struct Attribute {
    rule: LitStr,
    options: Vec<Setting>,
}

struct Setting {
    key: Ident,
    value: Option<Expr>,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let rule = input.parse()?;
        let mut options = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key = input.parse()?;
            let value =
                if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
            options.push(Setting { key, value });
        }
        Ok(Self { rule, options })
    }
}

#[derive(Default)]
struct Options {
    methods: Option<Vec<String>>,
    name: Option<LitStr>,
    body: Option<Ident>,
    blocking: bool,
}

/// Expands the attribute `word`; the short ones have their method.
pub(crate) fn expand(
    word: &str,
    method: Option<String>,
    attribute: Tokens,
    item: Tokens,
) -> syn::Result<Tokens> {
    let function = function::read(word, item)?;
    let Attribute { rule, options } = parse(word, attribute)?;
    let options = read(options, method)?;
    let names = rule::names(&rule)?;
    let arguments = argument::of(&function.sig, &names)?;
    check_params(&rule, &names, &arguments, &function)?;
    function::check_stream(&function, &arguments, options.body.as_ref())?;
    let methods = options.methods.unwrap_or_else(|| vec!["GET".into()]);
    let blocking = options.blocking;
    let name = match options.name {
        Some(name) => quote!(::core::option::Option::Some(#name)),
        None => quote!(::core::option::Option::None),
    };
    let spec = quote!(methods: &[#(#methods),*], rule: #rule, name: #name, blocking: #blocking, status: 0);
    let said = Said { spec, body: options.body, kind: format_ident!("RouteEndpoint") };
    Ok(function::expand(function, &arguments, &said))
}

fn parse(word: &str, attribute: Tokens) -> syn::Result<Attribute> {
    if attribute.is_empty() {
        let message = format!("`#[{word}]` needs a rule: write `#[{word}(\"/path/<name>\")]`");
        return Err(Error::new(Span::call_site(), message));
    }
    syn::parse2(attribute).map_err(|error| {
        let message =
            format!("{error}: write `#[{word}(\"/path/<name>\")]`, then perhaps {}", list::known(&KEYS));
        Error::new(error.span(), message)
    })
}

fn read(settings: Vec<Setting>, method: Option<String>) -> syn::Result<Options> {
    let is_short = method.is_some();
    let mut options = Options { methods: method.map(|method| vec![method]), ..Options::default() };
    for Setting { key, value } in settings {
        match (key.to_string().as_str(), value) {
            ("method", Some(value)) if !is_short => options.methods = Some(methods(&value)?),
            ("method", _) if is_short => {
                return Err(Error::new(
                    key.span(),
                    "this attribute has its method: `#[route(..)]` takes `method`",
                ));
            }
            ("name", Some(value)) => options.name = Some(text(&value)?),
            ("body", Some(value)) => options.body = Some(body_mode(&value)?),
            ("blocking", None) => options.blocking = true,
            ("method" | "name" | "body", None) => {
                return Err(Error::new(key.span(), format!("`{key}` needs a value: `{key} = \"..\"`")));
            }
            ("blocking", Some(_)) => return Err(Error::new(key.span(), "`blocking` takes no value")),
            _ => {
                return Err(Error::new(
                    key.span(),
                    format!("unknown key `{key}`: known are {}", list::nearest(&key.to_string(), &KEYS)),
                ));
            }
        }
    }
    Ok(options)
}

/// `"GET"` or `["GET", "POST"]`.
fn methods(value: &Expr) -> syn::Result<Vec<String>> {
    let list: Punctuated<Expr, Token![,]> = match value {
        Expr::Array(array) => array.elems.clone(),
        single => std::iter::once(single.clone()).collect(),
    };
    if list.is_empty() {
        return Err(Error::new(value.span(), "no method: write `\"GET\"`, or `\"ANY\"` for all of them"));
    }
    let mut methods: Vec<String> = Vec::new();
    for one in &list {
        let literal = text(one)?;
        let method = literal.value().to_uppercase();
        if method.is_empty()
            || !method.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_".contains(&byte))
        {
            return Err(Error::new(literal.span(), format!("`{}` is no method of HTTP", literal.value())));
        }
        if methods.contains(&method) {
            return Err(Error::new(literal.span(), format!("`{method}` twice")));
        }
        methods.push(method);
    }
    Ok(methods)
}

fn text(value: &Expr) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Ok(text.clone()),
            other => Err(Error::new(other.span(), "a string is wanted here, as in `name = \"index\"`")),
        },
        other => Err(Error::new(other.span(), "a string is wanted here, as in `name = \"index\"`")),
    }
}

fn body_mode(value: &Expr) -> syn::Result<Ident> {
    let literal = text(value)?;
    match literal.value().as_str() {
        "none" => Ok(Ident::new("None", literal.span())),
        "whole" => Ok(Ident::new("Whole", literal.span())),
        "stream" => Ok(Ident::new("Stream", literal.span())),
        other => {
            let known = list::nearest(other, &["none", "whole", "stream"]);
            Err(Error::new(literal.span(), format!("unknown body mode `{other}`: known are {known}")))
        }
    }
}

/// Each parameter of the rule has to be taken by an argument.
fn check_params(
    rule: &LitStr,
    names: &[String],
    arguments: &[Argument],
    function: &ItemFn,
) -> syn::Result<()> {
    let taken = |name: &String| {
        arguments
            .iter()
            .any(|argument| matches!(&argument.from, Source::Param { name: taken, .. } if taken == name))
    };
    // A handler that takes the request may look the parameter up by itself.
    let has_request = function.sig.inputs.iter().any(|input| {
        argument::typed(input).is_ok_and(|argument| match &*argument.ty {
            syn::Type::Reference(reference) => argument::is_named(&reference.elem, "Request"),
            _ => false,
        })
    });
    match names.iter().find(|name| !taken(name)) {
        Some(missing) if !has_request => {
            let handler = &function.sig.ident;
            let message = format!(
                "no argument of `{handler}` takes the parameter `<{missing}>`: add `{missing}: &str`, or leave its name out \
                 of the rule to match without passing"
            );
            Err(Error::new(rule.span(), message))
        }
        _ => Ok(()),
    }
}
