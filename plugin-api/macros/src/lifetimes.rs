//! Lifetimes that an author need not write: `State<Config>` for `State<'_, Config>` in an `async fn`, where Rust asks for
//! it, and in a middleware the one lifetime of everything that belongs to the request.

use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericArgument, Lifetime, PathArguments, PathSegment, ReturnType, Signature, TypeReference, parse_quote,
};

/// Types of the SDK that borrow from the request or from the instance.
const BORROWING: [&str; 6] = ["State", "Settings", "BodyStream", "Next", "Run", "Reply"];

/// Writes `'_` where the types of the SDK have a lifetime, in the arguments of an `async fn`.
pub(crate) fn complete_arguments(signature: &mut Signature) {
    if signature.asyncness.is_some() {
        let mut fill = Fill { lifetime: parse_quote!('_), references: false };
        signature.inputs.iter_mut().for_each(|input| fill.visit_fn_arg_mut(input));
    }
}

/// Gives all that borrows one lifetime, in arguments and answer, unless the author named lifetimes.
pub(crate) fn unify(signature: &mut Signature) {
    if signature.generics.lifetimes().next().is_some() {
        return;
    }
    signature.generics.params.insert(0, parse_quote!('request));
    let mut fill = Fill { lifetime: parse_quote!('request), references: true };
    signature.inputs.iter_mut().for_each(|input| fill.visit_fn_arg_mut(input));
    if let ReturnType::Type(_, answer) = &mut signature.output {
        fill.visit_type_mut(answer);
    }
}

/// The type with `'static` for every lifetime: for constants, where no other is there.
pub(crate) fn make_static(ty: &syn::Type) -> syn::Type {
    let mut ty = ty.clone();
    Static.visit_type_mut(&mut ty);
    ty
}

struct Fill {
    lifetime: Lifetime,
    /// Whether `&T` and `'_` get the lifetime, too.
    references: bool,
}

impl VisitMut for Fill {
    fn visit_path_segment_mut(&mut self, segment: &mut PathSegment) {
        visit_mut::visit_path_segment_mut(self, segment);
        if BORROWING.iter().any(|name| segment.ident == name) {
            insert(&mut segment.arguments, &self.lifetime);
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        visit_mut::visit_type_reference_mut(self, reference);
        if self.references && reference.lifetime.is_none() {
            reference.lifetime = Some(self.lifetime.clone());
        }
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if self.references && lifetime.ident == "_" {
            *lifetime = self.lifetime.clone();
        }
    }
}

fn insert(arguments: &mut PathArguments, lifetime: &Lifetime) {
    match arguments {
        PathArguments::None => *arguments = PathArguments::AngleBracketed(parse_quote!(<#lifetime>)),
        PathArguments::AngleBracketed(list) if !list.args.iter().any(is_lifetime) => {
            list.args.insert(0, GenericArgument::Lifetime(lifetime.clone()));
        }
        _ => {}
    }
}

fn is_lifetime(argument: &GenericArgument) -> bool {
    matches!(argument, GenericArgument::Lifetime(_))
}

struct Static;

impl VisitMut for Static {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        visit_mut::visit_type_reference_mut(self, reference);
        reference.lifetime = Some(parse_quote!('static));
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        *lifetime = parse_quote!('static);
    }
}
