//! The grammar of `plugin!`: keys with values, each at most once.

use crate::handover::{self, Handover};
use crate::{list, watch};
use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, LitStr, Path, Token, Type, braced, bracketed};

const KEYS: [&str; 16] = [
    "config",
    "state",
    "routes",
    "errors",
    "apps",
    "factories",
    "default",
    "middleware",
    "start",
    "stop",
    "schema",
    "accepts",
    "save",
    "load",
    "watch",
    "requires",
];

/// What the author wrote.
#[derive(Default)]
pub(crate) struct Input {
    pub(crate) config: Option<Type>,
    pub(crate) state: Option<(Type, Expr)>,
    pub(crate) routes: Vec<Path>,
    pub(crate) errors: Vec<Path>,
    pub(crate) apps: Vec<NamedApp>,
    pub(crate) factories: Vec<(LitStr, Path)>,
    pub(crate) default: Option<Path>,
    pub(crate) middleware: Vec<Path>,
    pub(crate) start: Option<Path>,
    pub(crate) stop: Option<Path>,
    pub(crate) handover: Handover,
    pub(crate) watch: Vec<LitStr>,
    pub(crate) requires: Vec<LitStr>,
}

/// `name: [routes]`, or `name: { routes: [..], errors: [..] }`.
pub(crate) struct NamedApp {
    pub(crate) name: LitStr,
    pub(crate) routes: Vec<Path>,
    pub(crate) errors: Vec<Path>,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut parsed = Self::default();
        let mut seen: Vec<String> = Vec::new();
        each(input, |input| {
            let key: Ident = input.parse()?;
            input.parse::<Token![:]>()?;
            let text = key.to_string();
            if seen.contains(&text) {
                return Err(Error::new(key.span(), format!("`{key}` twice: put all of it in one place")));
            }
            seen.push(text);
            parsed.read(&key, input)
        })?;
        parsed.check()?;
        Ok(parsed)
    }
}

impl Input {
    fn read(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "config" => self.config = Some(input.parse()?),
            "state" => self.state = Some(state(input)?),
            "routes" => self.routes = paths(input)?,
            "errors" => self.errors = paths(input)?,
            "apps" => self.apps = named(input, app)?,
            "factories" => self.factories = named(input, |name, input| Ok((name, input.parse()?)))?,
            "default" => self.default = Some(input.parse()?),
            "middleware" => self.middleware = paths(input)?,
            "start" => self.start = Some(input.parse()?),
            "stop" => self.stop = Some(input.parse()?),
            "schema" => self.handover.schema = Some(input.parse()?),
            "accepts" => self.handover.accepts = Some(handover::accepts(key, bracket(input)?)?),
            "save" => self.handover.save = Some(input.parse()?),
            "load" => self.handover.load = Some(input.parse()?),
            "watch" => self.watch = bracket(input)?,
            "requires" => self.requires = bracket(input)?,
            _ => {
                let message = format!(
                    "unknown key `{key}` in `plugin!`: known are {}",
                    list::nearest(&key.to_string(), &KEYS)
                );
                return Err(Error::new(key.span(), message));
            }
        }
        Ok(())
    }

    /// Names have to differ; the same handler twice in one app is a slip.
    fn check(&self) -> syn::Result<()> {
        self.handover.check()?;
        watch::check(&self.watch)?;
        let watched = self.watch.iter().map(|path| (path.value(), path.span()));
        differ(watched, "twice in one list:")?;
        let apps = self.apps.iter().map(|app| &app.name);
        let names = apps.chain(self.factories.iter().map(|(name, _)| name));
        differ(names.map(|name| (name.value(), name.span())), "two apps are named")?;
        let lists = [&self.routes, &self.errors, &self.middleware];
        let lists = lists.into_iter().chain(self.apps.iter().flat_map(|app| [&app.routes, &app.errors]));
        lists.into_iter().try_for_each(|list| {
            differ(list.iter().map(|path| (text(path), span(path))), "twice in one list:")
        })
    }
}

fn differ(names: impl Iterator<Item = (String, Span)>, message: &str) -> syn::Result<()> {
    let mut seen: Vec<String> = Vec::new();
    for (name, span) in names {
        if seen.contains(&name) {
            return Err(Error::new(span, format!("{message} `{name}`")));
        }
        seen.push(name);
    }
    Ok(())
}

/// A path as written, without spaces: the handler's name in the manifest.
pub(crate) fn text(path: &Path) -> String {
    let segments: Vec<String> =
        path.segments.iter().map(|segment| segment.ident.to_string().replace("r#", "")).collect();
    segments.join("::")
}

fn span(path: &Path) -> Span {
    path.segments.last().map_or_else(Span::call_site, |last| last.ident.span())
}

fn state(input: ParseStream<'_>) -> syn::Result<(Type, Expr)> {
    let ty: Type = input.parse()?;
    if !input.peek(Token![=]) {
        let message = "a state needs the function that makes it: write `state: Db = connect`, with \
                       `fn connect(config: &Config) -> Result<Db, Error>`";
        return Err(Error::new(ty.span(), message));
    }
    input.parse::<Token![=]>()?;
    Ok((ty, input.parse()?))
}

fn app(name: LitStr, input: ParseStream<'_>) -> syn::Result<NamedApp> {
    let mut app = NamedApp { name, routes: Vec::new(), errors: Vec::new() };
    if input.peek(syn::token::Bracket) {
        app.routes = paths(input)?;
        return Ok(app);
    }
    let content;
    braced!(content in input);
    each(&content, |input| {
        let key: Ident = input.parse()?;
        input.parse::<Token![:]>()?;
        match key.to_string().as_str() {
            "routes" => app.routes = paths(input)?,
            "errors" => app.errors = paths(input)?,
            _ => {
                let known = list::nearest(&key.to_string(), &["routes", "errors"]);
                return Err(Error::new(
                    key.span(),
                    format!("unknown key `{key}` of an app: known are {known}"),
                ));
            }
        }
        Ok(())
    })?;
    Ok(app)
}

fn paths(input: ParseStream<'_>) -> syn::Result<Vec<Path>> {
    bracket(input)
}

/// `[a, b]`.
fn bracket<T: Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let content;
    bracketed!(content in input);
    let mut items = Vec::new();
    each(&content, |input| {
        items.push(input.parse()?);
        Ok(())
    })?;
    Ok(items)
}

/// `{ name: value, "other-name": value }`.
fn named<T>(
    input: ParseStream<'_>,
    value: impl Fn(LitStr, ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<Vec<T>> {
    let content;
    braced!(content in input);
    let mut items = Vec::new();
    each(&content, |input| {
        let name = if input.peek(LitStr) {
            input.parse()?
        } else {
            let name: Ident = input.parse()?;
            LitStr::new(&name.to_string(), name.span())
        };
        input.parse::<Token![:]>()?;
        items.push(value(name, input)?);
        Ok(())
    })?;
    Ok(items)
}

/// Items with commas between them, and perhaps one behind the last.
fn each(input: ParseStream<'_>, mut item: impl FnMut(ParseStream<'_>) -> syn::Result<()>) -> syn::Result<()> {
    while !input.is_empty() {
        item(input)?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(())
}
