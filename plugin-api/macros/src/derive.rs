//! `Deserialize` and `Serialize` for plugins that do not depend on serde themselves.
//!
//! serde's derive names the crate `serde`, which such a plugin does not have. It takes another name from an attribute,
//! which a derive cannot add; so the type is copied, the copy gets serde's derive with that name and with `remote`, and
//! the type itself calls the copy.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{Attribute, DeriveInput, Generics, parse_quote};

/// `Deserialize`.
pub(crate) fn deserialize(input: DeriveInput) -> Tokens {
    let name = &input.ident;
    let copy = copy(&input, &quote!(Deserialize));
    let copy_name = &copy.ident;
    let (_, types, _) = input.generics.split_for_impl();
    let generics = with_de(&input.generics);
    let (params, _, bounds) = generics.split_for_impl();
    quote! {
        const _: () = {
            use ::plugin_api::serde as __serde;
            #copy
            impl #params __serde::Deserialize<'de> for #name #types #bounds {
                fn deserialize<__D: __serde::Deserializer<'de>>(
                    deserializer: __D,
                ) -> ::core::result::Result<Self, __D::Error> {
                    #copy_name::deserialize(deserializer)
                }
            }
        };
    }
}

/// `Serialize`.
pub(crate) fn serialize(input: DeriveInput) -> Tokens {
    let name = &input.ident;
    let copy = copy(&input, &quote!(Serialize));
    let copy_name = &copy.ident;
    let mut generics = input.generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(::plugin_api::serde::Serialize));
    }
    let (params, types, bounds) = generics.split_for_impl();
    let turbofish = types.as_turbofish();
    quote! {
        const _: () = {
            use ::plugin_api::serde as __serde;
            #copy
            impl #params __serde::Serialize for #name #types #bounds {
                fn serialize<__S: __serde::Serializer>(
                    &self,
                    serializer: __S,
                ) -> ::core::result::Result<__S::Ok, __S::Error> {
                    #copy_name #turbofish::serialize(self, serializer)
                }
            }
        };
    }
}

/// The type again, with serde's derive. It keeps what serde reads, and drops other attributes.
fn copy(input: &DeriveInput, derive: &Tokens) -> DeriveInput {
    let mut copy = input.clone();
    KeepSerde.visit_derive_input_mut(&mut copy);
    copy.ident = format_ident!("__{}", input.ident);
    let remote = input.ident.to_string();
    copy.attrs.insert(0, parse_quote!(#[derive(__serde::#derive)]));
    copy.attrs.insert(1, parse_quote!(#[serde(crate = "__serde", remote = #remote)]));
    copy.attrs.insert(0, parse_quote!(#[allow(dead_code, reason = "the copy is there for serde's derive")]));
    copy
}

struct KeepSerde;

impl VisitMut for KeepSerde {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|attribute| attribute.path().is_ident("serde"));
    }
}

/// `impl<'de, ...>`, with what serde's derive asks of parameters.
fn with_de(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(::plugin_api::serde::Deserialize<'de>));
    }
    let lifetimes: Vec<_> = generics.lifetimes().map(|param| param.lifetime.clone()).collect();
    generics.params.insert(0, parse_quote!('de: #(#lifetimes)+*));
    generics
}
