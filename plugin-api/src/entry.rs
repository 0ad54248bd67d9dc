//! The entry of a plugin: what stands behind `pa_plugin_v1`.
#![allow(unsafe_code, reason = "the functions that the host calls while it loads a plugin")]

use crate::abi::{
    self, Buf, Handler, HandlerVt, Host, Plugin, PluginApps, PluginHandlers, PluginState, PluginWrap, Slice,
    Wrapper,
};
use crate::app::{App, host_app};
use crate::error::Error;
use crate::guard;
use crate::host::{self, log_error};
use crate::instance::Instance;
use crate::manifest::Manifest;
use crate::middleware::{self, MiddlewareItem};
use std::ffi::c_void;

/// A plugin, as `plugin!` describes it.
pub trait Definition: 'static {
    /// What the note says.
    const MANIFEST: Manifest;
    /// Handlers by their names in the manifest.
    const HANDLERS: &'static [(&'static str, &'static HandlerVt)];
    /// Apps that are made at load, by name; an empty name is the default app.
    const APPS: &'static [(&'static str, RegisterFn)];
    /// Middleware by name.
    const MIDDLEWARE: &'static [(&'static str, MakeFn)];
    /// What to do when it starts.
    const START: Option<LifeFn>;
    /// What to do when it stops.
    const STOP: Option<LifeFn>;
    /// How its state is saved.
    const SAVE: Option<SaveFn>;
    /// How a state is taken over.
    const LOAD: Option<LoadFn>;

    /// Makes the instance from its configuration.
    ///
    /// # Errors
    /// The configuration does not fit, or the state cannot be made.
    fn create(config_json: &str) -> Result<Instance, Error>;
}

/// Makes an app: the instance, the arguments as JSON, the app.
pub type RegisterFn = for<'p> fn(&'p Instance, &str, &mut App<'p>) -> Result<(), Error>;
/// Starts or stops.
pub type LifeFn = fn(&Instance) -> Result<(), Error>;
/// Saves the state; none: there is nothing to hand over.
pub type SaveFn = fn(&Instance) -> Result<Option<Vec<u8>>, Error>;
/// Takes over a state: the instance, the schema that it was saved in, what was saved.
pub type LoadFn = fn(&Instance, u32, &[u8]) -> Result<(), Error>;
/// Makes a use of a middleware from its settings.
#[derive(Clone, Copy, Debug)]
pub struct MakeFn(unsafe fn(&Instance, &str) -> Result<Wrapper, Error>);

/// How a use of that middleware is made.
pub const fn make_fn<M: MiddlewareItem>() -> MakeFn {
    MakeFn(middleware::make::<M>)
}

/// The entry, as the host reads it.
pub const fn plugin<D: Definition>() -> Plugin {
    Plugin {
        size: size_of::<Plugin>() as u32,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        create: create::<D>,
        start: if D::START.is_some() { Some(start::<D>) } else { None },
        stop: if D::STOP.is_some() { Some(stop::<D>) } else { None },
        destroy,
        extension: Some(extension::<D>),
    }
}

/// Reads the configuration, which is a JSON object.
///
/// # Errors
/// It does not fit the type.
pub fn read_config<C: serde::de::DeserializeOwned>(json: &str) -> Result<C, Error> {
    crate::config::read("config", json)
}

/// The host's id of itself when it is the test client: then panics print as tests expect.
pub(crate) const EXT_TEST_HOST: &str = "pa.test/1";
/// The manifest, for the test client.
pub(crate) const EXT_TEST_MANIFEST: &str = "pa.test.manifest/1";

unsafe extern "C" fn create<D: Definition>(
    host: *const Host,
    config: Slice,
    out: *mut *mut c_void,
    err: *mut Buf,
) -> i32 {
    // SAFETY: the host lives as long as the plugin is loaded.
    unsafe { host::attach(host) };
    // SAFETY: `err` is this call's.
    let failed = |error| unsafe { fail(err, error) };
    guard::run(log_error, || {
        if host::extension::<c_void>(EXT_TEST_HOST).is_none() {
            guard::install_hook();
        }
        // SAFETY: the configuration is lent for this call.
        let config = unsafe { config.str() }.unwrap_or("{}");
        match D::create(config) {
            Ok(instance) => {
                let instance = Box::into_raw(Box::new(instance));
                // SAFETY: a place for one pointer.
                unsafe { out.write(instance.cast()) };
                abi::READY
            }
            Err(error) => failed(error),
        }
    })
}

/// Answers a call with an error.
///
/// # Safety
/// `err` is a place for one buffer.
unsafe fn fail(err: *mut Buf, error: Error) -> i32 {
    let text = match error.message() {
        "" => error.report(),
        message if error.cause.is_none() => message.to_owned(),
        message => format!("{message}: {}", error.report()),
    };
    // SAFETY: the caller vouches for the place.
    unsafe { err.write(Buf::from_vec(text.into_bytes())) };
    abi::ERR
}

/// The instance behind a `this`.
///
/// # Safety
/// `this` came from `create`, and was not destroyed while `'a` lasts.
unsafe fn instance<'a>(this: *mut c_void) -> &'a Instance {
    // SAFETY: the caller vouches for it.
    unsafe { &*this.cast::<Instance>() }
}

unsafe extern "C" fn start<D: Definition>(this: *mut c_void, err: *mut Buf) -> i32 {
    guard::run(log_error, || {
        // SAFETY: the instance of this plugin.
        let instance = unsafe { instance(this) };
        match D::START.map_or(Ok(()), |start| start(instance)) {
            Ok(()) => abi::READY,
            // SAFETY: `err` is this call's.
            Err(error) => unsafe { fail(err, error) },
        }
    })
}

unsafe extern "C" fn stop<D: Definition>(this: *mut c_void) {
    guard::quietly(|| {
        // SAFETY: the instance of this plugin.
        let instance = unsafe { instance(this) };
        if let Err(error) = D::STOP.map_or(Ok(()), |stop| stop(instance)) {
            log_error(&format!("stop: {}", error.report()));
        }
    });
}

unsafe extern "C" fn save<D: Definition>(this: *mut c_void, out: *mut Buf, err: *mut Buf) -> i32 {
    guard::run(log_error, || {
        let Some(save) = D::SAVE else { return abi::DECLINED };
        // SAFETY: the instance of this plugin.
        match save(unsafe { instance(this) }) {
            Ok(Some(saved)) => {
                // SAFETY: a place for one buffer.
                unsafe { out.write(Buf::from_vec(saved)) };
                abi::READY
            }
            Ok(None) => abi::DECLINED,
            // SAFETY: `err` is this call's.
            Err(error) => unsafe { fail(err, error) },
        }
    })
}

unsafe extern "C" fn load<D: Definition>(this: *mut c_void, from: u32, saved: Slice, err: *mut Buf) -> i32 {
    guard::run(log_error, || {
        let Some(load) = D::LOAD else { return abi::DECLINED };
        // SAFETY: what was saved is lent for this call.
        let saved = unsafe { saved.bytes() }.unwrap_or_default();
        // SAFETY: the instance of this plugin.
        match load(unsafe { instance(this) }, from, saved) {
            Ok(()) => abi::READY,
            // SAFETY: `err` is this call's.
            Err(error) => unsafe { fail(err, error) },
        }
    })
}

unsafe extern "C" fn destroy(this: *mut c_void) {
    // SAFETY: `this` came from `create`, and is destroyed once.
    let instance = unsafe { Box::from_raw(this.cast::<Instance>()) };
    // Standard output is not flushed: asking this plugin's own copy of the standard library for it would make its buffer, if the
    // plugin never printed, and nobody frees that.
    guard::quietly(|| drop(instance));
}

unsafe extern "C" fn extension<D: Definition>(_: *mut c_void, id: Slice) -> *const c_void {
    // SAFETY: the id is lent for this call.
    match unsafe { id.str() }.unwrap_or_default() {
        abi::EXT_HANDLERS => (&raw const *Tables::<D>::HANDLERS).cast(),
        abi::EXT_APPS => (&raw const *Tables::<D>::APPS).cast(),
        abi::EXT_WRAP => (&raw const *Tables::<D>::WRAP).cast(),
        abi::EXT_STATE if D::SAVE.is_some() || D::LOAD.is_some() => (&raw const *Tables::<D>::STATE).cast(),
        EXT_TEST_MANIFEST => (&raw const *const { &D::MANIFEST }).cast(),
        _ => std::ptr::null(),
    }
}

struct Tables<D>(D);

impl<D: Definition> Tables<D> {
    const HANDLERS: &'static PluginHandlers =
        &PluginHandlers { size: size_of::<PluginHandlers>() as u32, reserved: 0, bind: bind::<D> };
    const APPS: &'static PluginApps =
        &PluginApps { size: size_of::<PluginApps>() as u32, reserved: 0, register: register::<D> };
    const WRAP: &'static PluginWrap =
        &PluginWrap { size: size_of::<PluginWrap>() as u32, reserved: 0, make: make::<D> };
    const STATE: &'static PluginState =
        &PluginState { size: size_of::<PluginState>() as u32, reserved: 0, save: save::<D>, load: load::<D> };
}

/// A handler whose data is the instance: it owns nothing, and the instance outlives it.
pub(crate) fn bound(instance: &Instance, vt: &'static HandlerVt) -> Handler {
    Handler { data: (&raw const *instance).cast_mut().cast(), vt }
}

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
}

unsafe extern "C" fn bind<D: Definition>(this: *mut c_void, name: Slice, out: *mut Handler) -> i32 {
    guard::run(log_error, || {
        // SAFETY: the name is lent for this call.
        let name = unsafe { name.str() }.unwrap_or_default();
        let Some(vt) = find(D::HANDLERS, name) else { return abi::DECLINED };
        // SAFETY: the instance of this plugin.
        let instance = unsafe { instance(this) };
        // SAFETY: a place for one handler.
        unsafe { out.write(bound(instance, vt)) };
        abi::READY
    })
}

unsafe extern "C" fn register<D: Definition>(
    this: *mut c_void,
    name: Slice,
    args: Slice,
    app: *mut abi::App,
    err: *mut Buf,
) -> i32 {
    guard::run(log_error, || {
        // SAFETY: the name is lent for this call.
        let name = unsafe { name.str() }.unwrap_or_default();
        let Some(register) = find(D::APPS, name) else { return only_static::<D>(name) };
        // SAFETY: the arguments are lent for this call.
        let args = unsafe { args.str() }.unwrap_or("{}");
        // SAFETY: the instance of this plugin.
        let instance = unsafe { instance(this) };
        let registered = host_app().and_then(|host| {
            // SAFETY: the instance outlives every handler of its plugin.
            let mut app = unsafe { App::new(app, host, instance) };
            register(instance, args, &mut app)
        });
        match registered {
            Ok(()) => abi::READY,
            // SAFETY: `err` is this call's.
            Err(error) => unsafe { fail(err, error) },
        }
    })
}

/// An app whose routes are all in the manifest has nothing to add.
fn only_static<D: Definition>(name: &str) -> i32 {
    let known = name.is_empty() || D::MANIFEST.apps.iter().any(|app| app.name == name);
    if known { abi::READY } else { abi::DECLINED }
}

unsafe extern "C" fn make<D: Definition>(
    this: *mut c_void,
    name: Slice,
    config: Slice,
    out: *mut Wrapper,
    err: *mut Buf,
) -> i32 {
    guard::run(log_error, || {
        // SAFETY: the name is lent for this call.
        let name = unsafe { name.str() }.unwrap_or_default();
        let Some(MakeFn(make)) = find(D::MIDDLEWARE, name) else { return abi::DECLINED };
        // SAFETY: the settings are lent for this call.
        let config = unsafe { config.str() }.unwrap_or("{}");
        // SAFETY: the instance of this plugin.
        let instance = unsafe { instance(this) };
        // SAFETY: the instance outlives the handlers of its plugin, and its middleware.
        match unsafe { make(instance, config) } {
            Ok(wrapper) => {
                // SAFETY: a place for one wrapper.
                unsafe { out.write(wrapper) };
                abi::READY
            }
            // SAFETY: `err` is this call's.
            Err(error) => unsafe { fail(err, error) },
        }
    })
}
