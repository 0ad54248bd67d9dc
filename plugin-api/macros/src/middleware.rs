//! `#[middleware]`.

use crate::argument;
use crate::{function, lifetimes};
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Ident, ItemFn, Path, ReturnType, Token, Type};

struct Attribute {
    applies: Option<Path>,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Ok(Self { applies: None });
        }
        let key: Ident = input.parse()?;
        if key != "applies" {
            return Err(Error::new(key.span(), format!("unknown key `{key}`: write `applies = function`")));
        }
        input.parse::<Token![=]>()?;
        Ok(Self { applies: Some(input.parse()?) })
    }
}

pub(crate) fn expand(attribute: Tokens, item: Tokens) -> syn::Result<Tokens> {
    let mut function = function::read("middleware", item)?;
    let Attribute { applies } = syn::parse2(attribute)?;
    if let ReturnType::Default = function.sig.output {
        let wanted = if function.sig.asyncness.is_some() { "Reply" } else { "Run" };
        return Err(Error::new(
            function.sig.ident.span(),
            format!("a middleware answers: write `-> {wanted}`"),
        ));
    }
    let arguments = arguments(&function)?;
    let settings = arguments.settings.as_ref().map_or(quote!(__sdk::Nothing), |ty| quote!(#ty));
    lifetimes::unify(&mut function.sig);
    let (name, visibility) = (&function.sig.ident, &function.vis);
    let applies = applies.map_or(quote!(true), |applies| quote!(#applies(route)));
    let run = run(&function, &arguments);
    let needs = &arguments.states;
    Ok(quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, reason = "a type beside the function, of its name")]
        #visibility struct #name {}

        const _: () = {
            use ::plugin_api::__ as __sdk;

            impl __sdk::MiddlewareItem for #name {
                type Settings = #settings;

                fn check(instance: &__sdk::Instance) -> ::core::result::Result<(), __sdk::Error> {
                    #(instance.state::<#needs>()?;)*
                    let _ = instance;
                    ::core::result::Result::Ok(())
                }

                fn applies(route: &__sdk::RouteInfo) -> bool {
                    let _ = route;
                    #applies
                }

                fn run<'r>(
                    in_use: &'r __sdk::Use<Self>,
                    request: &'r __sdk::Request,
                    next: __sdk::Next<'r>,
                ) -> __sdk::Run<'r> {
                    #run
                }
            }
            impl<__P> __sdk::Needs<__P> for #name where #(__P: __sdk::Has<#needs>,)* {}
        };
    })
}

struct Arguments {
    /// An expression for each.
    values: Vec<Tokens>,
    /// The type of the settings.
    settings: Option<Type>,
    states: Vec<Type>,
}

fn arguments(function: &ItemFn) -> syn::Result<Arguments> {
    let mut arguments = Arguments { values: Vec::new(), settings: None, states: Vec::new() };
    for (index, input) in function.sig.inputs.iter().enumerate() {
        let ty = &*argument::typed(input)?.ty;
        let local = format_ident!("argument{index}");
        let value = if argument::is_named(ty, "Next") {
            quote!(let #local = next;)
        } else if let Some(settings) = argument::inner(ty, "Settings") {
            arguments.settings = Some(settings.clone());
            quote!(let #local = in_use.settings();)
        } else if let Some(state) = argument::inner(ty, "State") {
            if !arguments.states.contains(state) {
                arguments.states.push(state.clone());
            }
            state_of(&local, state)
        } else if is_request(ty) {
            quote!(let #local = request;)
        } else {
            let message = "a middleware takes `&Request`, `Next`, `Settings<T>` and `State<T>`, in any order";
            return Err(Error::new(ty.span(), message));
        };
        arguments.values.push(value);
    }
    Ok(arguments)
}

fn is_request(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if argument::is_named(&reference.elem, "Request"))
}

fn state_of(local: &Ident, state: &Type) -> Tokens {
    quote_spanned! {state.span()=>
        let #local = match in_use.instance().state::<#state>() {
            ::core::result::Result::Ok(state) => state,
            ::core::result::Result::Err(error) => return error.into(),
        };
    }
}

/// Calls the function; an `async fn` becomes a future that answers.
fn run(function: &ItemFn, arguments: &Arguments) -> Tokens {
    let name = &function.sig.ident;
    let values = &arguments.values;
    let locals = (0..values.len()).map(|index| format_ident!("argument{index}"));
    let call = quote_spanned!(name.span()=> #name(#(#locals),*));
    if function.sig.asyncness.is_some() {
        quote! {
            #(#values)*
            __sdk::Run::future(async move { __sdk::IntoRun::into_run(#call.await).await })
        }
    } else {
        quote! {
            #(#values)*
            __sdk::IntoRun::into_run(#call)
        }
    }
}
