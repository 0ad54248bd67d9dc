//! The keys of `plugin!` about state that a swap hands over: `schema`, `accepts`, `save` and `load`.

use proc_macro2::{Span, TokenStream as Tokens};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Ident, LitInt, Path};

/// What the author wrote.
#[derive(Default)]
pub(crate) struct Handover {
    pub(crate) schema: Option<Schema>,
    pub(crate) accepts: Option<Accepts>,
    pub(crate) save: Option<Path>,
    pub(crate) load: Option<Path>,
}

/// The number of a format.
#[derive(Clone)]
pub(crate) struct Schema {
    number: u32,
    span: Span,
}

/// The schemas that `load` reads.
pub(crate) struct Accepts {
    schemas: Vec<Schema>,
    key: Span,
}

impl Parse for Schema {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let known = "a schema is a number from 0 to 4294967295, written as one: `1`";
        let literal: LitInt = input.parse().map_err(|error| Error::new(error.span(), known))?;
        let number = literal.base10_parse().map_err(|error| Error::new(error.span(), known))?;
        Ok(Self { number, span: literal.span() })
    }
}

impl ToTokens for Schema {
    fn to_tokens(&self, tokens: &mut Tokens) {
        self.number.to_tokens(tokens);
    }
}

/// A list that names each schema once.
pub(crate) fn accepts(key: &Ident, schemas: Vec<Schema>) -> syn::Result<Accepts> {
    if schemas.is_empty() {
        let message = "`accepts` names no schema: leave it out, or name those that `load` reads";
        return Err(Error::new(key.span(), message));
    }
    for (index, Schema { number, span }) in schemas.iter().enumerate() {
        if schemas[..index].iter().any(|other| other.number == *number) {
            return Err(Error::new(*span, format!("schema {number} twice in one list")));
        }
    }
    Ok(Accepts { schemas, key: key.span() })
}

const SAVE: &str = "`save: save`, with `fn save(state: State<Db>) -> Json<Saved>`";
const LOAD: &str =
    "`load: load`, with `fn load(state: State<Db>, from: u32, saved: Json<Saved>) -> Result<(), Error>`";

impl Handover {
    /// What it takes over: what it saves, if it does not say.
    pub(crate) fn accepted(&self) -> Vec<Schema> {
        match &self.accepts {
            Some(accepts) => accepts.schemas.clone(),
            None => self.schema.iter().cloned().collect(),
        }
    }

    /// Nothing is saved that nobody could take over, and nothing is accepted that nobody reads.
    pub(crate) fn check(&self) -> syn::Result<()> {
        match (&self.schema, &self.accepts, &self.save, &self.load) {
            (None, _, Some(save), _) => {
                let message = "a saved state has a schema: add `schema: 1`, and count it up when what `save` writes \
                               changes";
                Err(Error::new(save.span(), message))
            }
            (Some(schema), _, None, _) => {
                Err(Error::new(schema.span, format!("nothing is saved in this schema: add {SAVE}")))
            }
            (_, _, Some(save), None) => {
                Err(Error::new(save.span(), format!("nothing takes over what is saved here: add {LOAD}")))
            }
            (_, Some(accepts), _, None) => {
                Err(Error::new(accepts.key, format!("nothing takes these over: add {LOAD}")))
            }
            (None, None, None, Some(load)) => {
                let message =
                    format!("nothing says what this reads: add `accepts: [1]`, or `schema: 1` and {SAVE}");
                Err(Error::new(load.span(), message))
            }
            (Some(schema), Some(accepts), ..) => accepts.contains(schema),
            _ => Ok(()),
        }
    }
}

impl Accepts {
    /// A plugin that is swapped for a build of the same version takes over its own state.
    fn contains(&self, schema: &Schema) -> syn::Result<()> {
        if self.schemas.iter().any(|accepted| accepted.number == schema.number) {
            return Ok(());
        }
        let all = self.schemas.iter().chain([schema]).map(|schema| schema.number.to_string());
        let all = all.collect::<Vec<_>>().join(", ");
        let message = format!(
            "this lacks the schema that the plugin saves: it would refuse its own state: write `accepts: [{all}]`"
        );
        Err(Error::new(self.key, message))
    }
}
