//! What the attributes of handlers have in common: the function as it is, and beside it a type that says how to call it.

use crate::argument::{self, Argument, Source};
use crate::lifetimes;
use proc_macro2::TokenStream as Tokens;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, ItemFn, Type};

/// What an attribute says of its function.
pub(crate) struct Said {
    /// The fields of the SDK's `Spec`, but for `body`.
    pub(crate) spec: Tokens,
    /// The body mode that the attribute names.
    pub(crate) body: Option<Ident>,
    /// The trait that says which list of `plugin!` it belongs to.
    pub(crate) kind: Ident,
}

/// Reads the function under an attribute, and refuses what cannot be a handler.
pub(crate) fn read(attribute: &str, item: Tokens) -> syn::Result<ItemFn> {
    let function: ItemFn = syn::parse2(item)
        .map_err(|error| Error::new(error.span(), format!("`#[{attribute}]` belongs on a function")))?;
    let signature = &function.sig;
    if let Some(param) = signature.generics.type_params().next() {
        return Err(Error::new(
            param.span(),
            "a handler cannot be generic: the host would not know for which type",
        ));
    }
    if let Some(param) = signature.generics.const_params().next() {
        return Err(Error::new(
            param.span(),
            "a handler cannot be generic: the host would not know for which value",
        ));
    }
    if let syn::Safety::Unsafe(token) = &signature.safety {
        return Err(Error::new(
            token.span(),
            "a handler cannot be `unsafe`: the host calls it whenever a request comes",
        ));
    }
    Ok(function)
}

/// The function, and its type.
pub(crate) fn expand(mut function: ItemFn, arguments: &[Argument], said: &Said) -> Tokens {
    lifetimes::complete_arguments(&mut function.sig);
    let (name, visibility) = (&function.sig.ident, &function.vis);
    let is_async = function.sig.asyncness.is_some();
    let call = if is_async { async_call(name, arguments) } else { sync_call(name, arguments) };
    let body = body(arguments, said.body.as_ref(), is_async);
    let vt = if is_async { quote!(async_vt) } else { quote!(sync_vt) };
    let Said { spec, kind, .. } = said;
    let needs = needs(arguments);
    quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, reason = "a type beside the function, of its name")]
        #visibility struct #name {}

        const _: () = {
            use ::plugin_api::__ as __sdk;

            #call
            impl __sdk::Endpoint for #name {
                const SPEC: __sdk::Spec = __sdk::Spec { #spec, body: #body };
                const VT: &'static __sdk::HandlerVt = __sdk::#vt::<Self>();

                fn check(instance: &__sdk::Instance) -> ::core::result::Result<(), __sdk::Error> {
                    #(instance.state::<#needs>()?;)*
                    let _ = instance;
                    ::core::result::Result::Ok(())
                }
            }
            impl __sdk::#kind for #name {}
            impl<__P> __sdk::Needs<__P> for #name where #(__P: __sdk::Has<#needs>,)* {}
            const _: __sdk::Spec = <#name as __sdk::Endpoint>::SPEC;
        };
    }
}

fn sync_call(name: &Ident, arguments: &[Argument]) -> Tokens {
    let (bindings, locals) = argument::bindings(arguments);
    let answer = quote_spanned!(name.span()=> __sdk::IntoResponse::into_response(#name(#(#locals),*)));
    quote! {
        impl __sdk::SyncEndpoint for #name {
            fn call<'r>(
                request: &'r __sdk::Request,
                instance: &'r __sdk::Instance,
            ) -> ::core::result::Result<__sdk::Reply<'r>, __sdk::Error> {
                #(#bindings)*
                ::core::result::Result::Ok(#answer)
            }
        }
    }
}

fn async_call(name: &Ident, arguments: &[Argument]) -> Tokens {
    let (bindings, locals) = argument::bindings(arguments);
    let answer = quote_spanned!(name.span()=> __sdk::IntoResponse::into_response(#name(#(#locals),*).await));
    // The name's span: an error about a future that is not `Send` points at the function.
    let signature = quote_spanned! {name.span()=>
        fn call<'r>(
            request: &'r __sdk::Request,
            instance: &'r __sdk::Instance,
        ) -> impl ::core::future::Future<Output = ::core::result::Result<__sdk::Reply<'r>, __sdk::Error>> + ::core::marker::Send + 'r
    };
    quote! {
        impl __sdk::AsyncEndpoint for #name {
            #signature {
                async move {
                    let _ = (request, instance);
                    #(#bindings)*
                    ::core::result::Result::Ok(#answer)
                }
            }
        }
    }
}

/// What the arguments need of the body, and what the attribute says.
fn body(arguments: &[Argument], said: Option<&Ident>, is_async: bool) -> Tokens {
    let from_request = arguments.iter().filter(|argument| matches!(argument.from, Source::Request));
    let needs = from_request.map(|argument| {
        let ty = lifetimes::make_static(&argument.ty);
        quote_spanned!(argument.ty.span()=> <#ty as __sdk::FromRequest<'_>>::BODY)
    });
    let said = said.map(|mode| quote!(__sdk::BodyMode::#mode));
    let needs = needs.chain(said);
    let body = quote!(__sdk::body_of(&[#(#needs),*]));
    if is_async { body } else { quote!(__sdk::sync_body(#body)) }
}

/// The types of the states that the arguments take, each once.
pub(crate) fn needs(arguments: &[Argument]) -> Vec<&Type> {
    let mut needs: Vec<&Type> = Vec::new();
    for argument in arguments {
        if let Source::State(ty) = &argument.from
            && !needs.contains(&&**ty)
        {
            needs.push(ty);
        }
    }
    needs
}

/// Refuses a streamed body in a handler that is not asynchronous, with the cure.
pub(crate) fn check_stream(
    function: &ItemFn,
    arguments: &[Argument],
    said: Option<&Ident>,
) -> syn::Result<()> {
    let argument = arguments.iter().find(|argument| argument::is_named(&argument.ty, "BodyStream"));
    let said = said.filter(|mode| *mode == "Stream").map(Ident::span);
    match argument.map(|argument| argument.ty.span()).or(said) {
        Some(span) if function.sig.asyncness.is_none() => {
            let name = &function.sig.ident;
            let message = format!(
                "a body that is read as a stream needs a handler that can wait: write `async fn {name}`, or take the whole \
                 body as `&[u8]`"
            );
            Err(Error::new(span, message))
        }
        _ => Ok(()),
    }
}
