//! `plugin!`: the manifest in its note, and the entry.

use crate::plugin_input::{Input, NamedApp, text};
use crate::watch;
use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{LitStr, Path};

pub(crate) fn expand(input: Input) -> Tokens {
    let definition = definition(&input);
    let checks = checks(&input);
    let states = input.config.iter().chain(input.state.iter().map(|(ty, _)| ty));
    let has = states.map(|ty| quote_spanned!(ty.span()=> impl __sdk::Has<#ty> for __Plugin {}));
    quote! {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals, reason = "the name is the contract's")]
        pub static pa_plugin_v1: ::plugin_api::__::Plugin = {
            use ::plugin_api::__ as __sdk;

            struct __Plugin;
            #(#has)*
            #definition
            #checks

            const __LEN: usize = __sdk::padded_len(&<__Plugin as __sdk::Definition>::MANIFEST);
            #[used]
            #[unsafe(link_section = ".note.plugin-api")]
            static __NOTE: __sdk::Note<__LEN> = __sdk::Note::new(&<__Plugin as __sdk::Definition>::MANIFEST);

            __sdk::plugin::<__Plugin>()
        };
    }
}

fn definition(input: &Input) -> Tokens {
    let manifest = manifest(input);
    let handlers = unique(input.all_handlers()).into_iter().map(|path| {
        let name = text(path);
        quote_spanned!(path.span()=> (#name, <#path as __sdk::Endpoint>::VT))
    });
    let factories = input.factories.iter().map(|(name, path)| factory(name, path));
    let default = input.default.iter().map(default_app);
    let middleware = input.middleware.iter().map(|path| {
        let name = text(path);
        quote_spanned!(path.span()=> (#name, __sdk::make_fn::<#path>()))
    });
    let (start, stop) = (life(input.start.as_ref()), life(input.stop.as_ref()));
    let (save, load) = (save(input.handover.save.as_ref()), load(input.handover.load.as_ref()));
    let create = create(input);
    quote! {
        impl __sdk::Definition for __Plugin {
            const MANIFEST: __sdk::Manifest = #manifest;
            const HANDLERS: &'static [(&'static str, &'static __sdk::HandlerVt)] = &[#(#handlers),*];
            const APPS: &'static [(&'static str, __sdk::RegisterFn)] = &[#(#factories,)* #(#default)*];
            const MIDDLEWARE: &'static [(&'static str, __sdk::MakeFn)] = &[#(#middleware),*];
            const START: ::core::option::Option<__sdk::LifeFn> = #start;
            const STOP: ::core::option::Option<__sdk::LifeFn> = #stop;
            const SAVE: ::core::option::Option<__sdk::SaveFn> = #save;
            const LOAD: ::core::option::Option<__sdk::LoadFn> = #load;

            #create
        }
    }
}

fn manifest(input: &Input) -> Tokens {
    let routes = bound(&input.routes, &input.apps, |app| &app.routes);
    let errors = bound(&input.errors, &input.apps, |app| &app.errors);
    let apps = input.apps.iter().map(|app| (&app.name, false));
    let apps = apps.chain(input.factories.iter().map(|(name, _)| (name, true)));
    let apps = apps.map(|(name, factory)| quote!(__sdk::AppEntry { name: #name, factory: #factory }));
    let middleware = input.middleware.iter().map(text);
    let (dynamic, requires) = (input.default.is_some(), &input.requires);
    let (schema, accepts) = (option(input.handover.schema.as_ref()), input.handover.accepted());
    let watch = input.watch.iter().map(watch::absolute);
    quote! {
        __sdk::Manifest {
            id: ::core::env!("CARGO_PKG_NAME"),
            version: ::core::env!("CARGO_PKG_VERSION"),
            description: ::core::env!("CARGO_PKG_DESCRIPTION"),
            dynamic: #dynamic,
            requires: &[#(#requires),*],
            state_schema: #schema,
            state_accepts: &[#(#accepts),*],
            watch: &[#(#watch),*],
            routes: &[#routes],
            errors: &[#errors],
            apps: &[#(#apps),*],
            middleware: &[#(#middleware),*],
        }
    }
}

/// The handlers of the default app and of the named apps, each with its app.
fn bound(default: &[Path], apps: &[NamedApp], of: impl Fn(&NamedApp) -> &Vec<Path>) -> Tokens {
    let default = default.iter().map(|path| (path, String::new()));
    let named = apps.iter().flat_map(|app| of(app).iter().map(|path| (path, app.name.value())));
    let bound = default.chain(named).map(|(path, app)| {
        let handler = text(path);
        quote_spanned! {path.span()=>
            __sdk::Bound { spec: <#path as __sdk::Endpoint>::SPEC, handler: #handler, app: #app }
        }
    });
    quote!(#(#bound),*)
}

fn factory(name: &LitStr, path: &Path) -> Tokens {
    let call = quote_spanned!(path.span()=> __sdk::Factory::register(&#path, instance, args, app));
    let register = register(&call);
    quote!((#name, #register))
}

fn default_app(path: &Path) -> Tokens {
    let call = quote_spanned!(path.span()=> __sdk::Register::register(&#path, instance, app));
    let register = register(&call);
    quote!(("", #register))
}

fn register(call: &Tokens) -> Tokens {
    quote! {{
        #[allow(unused_variables, reason = "the default app takes no arguments")]
        fn __register<'p>(
            instance: &'p __sdk::Instance,
            args: &str,
            app: &mut __sdk::App<'p>,
        ) -> ::core::result::Result<(), __sdk::Error> {
            #call
        }
        __register
    }}
}

fn life(path: Option<&Path>) -> Tokens {
    let Some(path) = path else { return quote!(::core::option::Option::None) };
    quote_spanned!(path.span()=> ::core::option::Option::Some({
        fn __life(instance: &__sdk::Instance) -> ::core::result::Result<(), __sdk::Error> {
            __sdk::call_life::<__Plugin, _, _>(&#path, instance)
        }
        __life
    }))
}

fn save(path: Option<&Path>) -> Tokens {
    let Some(path) = path else { return quote!(::core::option::Option::None) };
    quote_spanned!(path.span()=> ::core::option::Option::Some({
        fn __save(
            instance: &__sdk::Instance,
        ) -> ::core::result::Result<::core::option::Option<::std::vec::Vec<u8>>, __sdk::Error> {
            __sdk::call_save::<__Plugin, _, _>(&#path, instance)
        }
        __save
    }))
}

fn load(path: Option<&Path>) -> Tokens {
    let Some(path) = path else { return quote!(::core::option::Option::None) };
    quote_spanned!(path.span()=> ::core::option::Option::Some({
        fn __load(
            instance: &__sdk::Instance,
            from: u32,
            saved: &[u8],
        ) -> ::core::result::Result<(), __sdk::Error> {
            __sdk::call_load::<__Plugin, _, _>(&#path, instance, from, saved)
        }
        __load
    }))
}

fn option(value: Option<&impl ToTokens>) -> Tokens {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

fn create(input: &Input) -> Tokens {
    let config = input.config.as_ref().map_or(quote!(__sdk::NoConfig), |ty| quote!(#ty));
    let state = match &input.state {
        None => quote!(()),
        Some((ty, make)) => quote_spanned! {make.span()=>
            __sdk::Connect::<#config, #ty, _>::connect(#make, &config)?
        },
    };
    quote! {
        fn create(config_json: &str) -> ::core::result::Result<__sdk::Instance, __sdk::Error> {
            let config: #config = __sdk::read_config(config_json)?;
            let state = #state;
            ::core::result::Result::Ok(__sdk::Instance::new(config, state))
        }
    }
}

/// Each handler is of the kind that its list wants, and finds its state; no two routes of an app share a name.
fn checks(input: &Input) -> Tokens {
    let routes = input.routes.iter().chain(input.apps.iter().flat_map(|app| &app.routes));
    let routes = routes.map(|path| quote_spanned!(path.span()=> __sdk::is_route::<#path>();));
    let errors = input.errors.iter().chain(input.apps.iter().flat_map(|app| &app.errors));
    let errors = errors.map(|path| quote_spanned!(path.span()=> __sdk::is_error::<#path>();));
    let needs = unique(input.all_handlers()).into_iter().chain(&input.middleware);
    let needs = needs.map(|path| quote_spanned!(path.span()=> __sdk::check::<__Plugin, #path>();));
    quote! {
        const _: () = {
            #(#routes)*
            #(#errors)*
            #(#needs)*
            __sdk::assert_names_differ(<__Plugin as __sdk::Definition>::MANIFEST.routes);
        };
    }
}

impl Input {
    fn all_handlers(&self) -> impl Iterator<Item = &Path> {
        let named = self.apps.iter().flat_map(|app| app.routes.iter().chain(&app.errors));
        self.routes.iter().chain(&self.errors).chain(named)
    }
}

/// A handler may be in several apps.
fn unique<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<&'a Path> {
    let mut unique: Vec<&Path> = Vec::new();
    for path in paths {
        if !unique.iter().any(|known| text(known) == text(path)) {
            unique.push(path);
        }
    }
    unique
}
