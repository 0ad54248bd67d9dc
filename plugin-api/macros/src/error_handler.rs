//! `#[error(404)]`.

use crate::argument;
use crate::function::{self, Said};
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::{Error, LitInt};

pub(crate) fn expand(attribute: Tokens, item: Tokens) -> syn::Result<Tokens> {
    let function = function::read("error", item)?;
    let status = status(attribute)?;
    let arguments = argument::of(&function.sig, &[])?;
    function::check_stream(&function, &arguments, None)?;
    let spec = quote! {
        methods: &[], rule: "", name: ::core::option::Option::None, blocking: false, status: #status
    };
    let said = Said { spec, body: None, kind: format_ident!("ErrorEndpoint") };
    Ok(function::expand(function, &arguments, &said))
}

fn status(attribute: Tokens) -> syn::Result<u16> {
    let wanted = "`#[error]` needs the status that it answers: write `#[error(404)]`";
    if attribute.is_empty() {
        return Err(Error::new(Span::call_site(), wanted));
    }
    let literal: LitInt = syn::parse2(attribute).map_err(|error| Error::new(error.span(), wanted))?;
    let status = literal.base10_parse::<u16>().ok().filter(|status| (400..=599).contains(status));
    status.ok_or_else(|| {
        Error::new(literal.span(), format!("{literal} is no status of an error: use 400 to 599"))
    })
}
