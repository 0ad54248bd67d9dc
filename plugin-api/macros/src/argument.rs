//! The arguments of a handler: which are parameters, which the state, and which are made from the request.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, GenericArgument, Ident, Pat, PatType, PathArguments, Signature, Type};

/// An argument, and where it comes from.
pub(crate) struct Argument {
    pub(crate) ty: Type,
    pub(crate) from: Source,
}

/// Where an argument comes from.
pub(crate) enum Source {
    /// The parameter at that place of the rule.
    Param { index: usize, name: String },
    /// The plugin's configuration or state of that type.
    State(Box<Type>),
    /// The request.
    Request,
}

/// Sorts the arguments of a handler. `params` are the names in its rule.
pub(crate) fn of(signature: &Signature, params: &[String]) -> syn::Result<Vec<Argument>> {
    signature.inputs.iter().map(|input| argument(typed(input)?, params)).collect()
}

/// An argument with a type, which `self` is not.
pub(crate) fn typed(input: &FnArg) -> syn::Result<&PatType> {
    match input {
        FnArg::Typed(argument) => Ok(argument),
        FnArg::Receiver(receiver) => Err(Error::new(
            receiver.span(),
            "a handler is a function, not a method: what it needs comes from `State<T>`",
        )),
    }
}

fn argument(argument: &PatType, params: &[String]) -> syn::Result<Argument> {
    let ty = (*argument.ty).clone();
    let name = name_of(&argument.pat).map(unraw).unwrap_or_default();
    if let Some(index) = params.iter().position(|param| *param == name) {
        return Ok(Argument { ty, from: Source::Param { index, name } });
    }
    if let Some(state) = inner(&ty, "State") {
        let from = Source::State(Box::new(state.clone()));
        return Ok(Argument { ty, from });
    }
    match plain(&ty) {
        Some(plain) => Err(no_param(argument, &name, &plain, params)),
        None => Ok(Argument { ty, from: Source::Request }),
    }
}

/// The message for an argument that looks like a parameter, though the rule has none of its name.
fn no_param(argument: &PatType, name: &str, plain: &str, params: &[String]) -> Error {
    let has = match params {
        [] => "it has no parameters".to_owned(),
        _ => format!(
            "it has {}",
            params.iter().map(|param| format!("`<{param}>`")).collect::<Vec<_>>().join(", ")
        ),
    };
    let body = if matches!(plain, "&str" | "String") { "; for the body take `Text`" } else { "" };
    let message = format!(
        "the rule has no parameter for the argument `{name}`: {has}; write `<{name}>` where it belongs, or rename the \
         argument{body}"
    );
    Error::new(argument.span(), message)
}

fn name_of(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(pat) => Some(&pat.ident),
        _ => None,
    }
}

fn unraw(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").unwrap_or(&text).to_owned()
}

/// The `T` of `Name<T>`.
pub(crate) fn inner<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(list) = &last.arguments else { return None };
    list.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether the type is that of the SDK with this name, by its name.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// Types that no extractor has: they can only be meant as parameters.
fn plain(ty: &Type) -> Option<String> {
    const PLAIN: [&str; 18] = [
        "String", "str", "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8",
        "u16", "u32", "u64", "u128", "usize",
    ];
    let (prefix, ty) = match ty {
        Type::Reference(reference) => ("&", &*reference.elem),
        ty => ("", ty),
    };
    let Type::Path(path) = ty else { return None };
    let name = path.path.get_ident()?.to_string();
    PLAIN.contains(&name.as_str()).then(|| format!("{prefix}{name}"))
}

/// The expressions that make the arguments, and the names that they are bound to.
pub(crate) fn bindings(arguments: &[Argument]) -> (Vec<Tokens>, Vec<Ident>) {
    let bind = |(index, argument): (usize, &Argument)| {
        let local = format_ident!("argument{index}");
        let span = argument.ty.span();
        let value = match &argument.from {
            Source::Param { index, name } => quote_spanned!(span=> __sdk::param(request, #index, #name)?),
            Source::State(state) => quote_spanned!(span=> instance.state::<#state>()?),
            Source::Request => quote_spanned!(span=> __sdk::extract(request, instance)?),
        };
        (quote!(let #local = #value;), local)
    };
    arguments.iter().enumerate().map(bind).unzip()
}
