//! An instance of the plugin: what a host does with its entry.
#![allow(unsafe_code, reason = "calls the entry of the plugin as a host does")]

use super::host::HOST;
use super::load::{self, Load};
use super::owned::{OwnedHandler, OwnedWrapper};
use super::router::Leaf;
use super::store::TestStore;
use crate::abi::{
    self, Buf, Handler, Plugin, PluginApps, PluginHandlers, PluginState, PluginWrap, Slice, Wrapper,
};
use crate::chunk::OwnedBuf;
use crate::entry::EXT_TEST_MANIFEST;
use crate::manifest::{Bound, Manifest, name_of};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

/// The instance of the plugin; stopped and destroyed at the end.
pub(super) struct TestInstance {
    entry: &'static Plugin,
    this: *mut c_void,
    is_started: bool,
    pub(super) config_json: String,
    pub(super) store: Arc<TestStore>,
}

/// A state on its way: the schema that it was saved in, and what was saved.
pub(super) type Snapshot = (u32, Vec<u8>);

// SAFETY: the instance is made for use by any thread; what is for one thread is called in `new` and in `drop` alone.
unsafe impl Send for TestInstance {}
// SAFETY: as above.
unsafe impl Sync for TestInstance {}

/// The manifest of a plugin that need not be loaded: its `extension` answers for it without an instance.
pub(super) fn manifest_of(entry: &'static Plugin) -> &'static Manifest {
    let extension = entry.extension.unwrap_or_else(|| panic!("{NOT_OURS}"));
    // SAFETY: the SDK's `extension` uses no instance; the id is lent for the call.
    let table = unsafe { extension(null_mut(), Slice::text(EXT_TEST_MANIFEST)) };
    // SAFETY: null, or a static manifest of this crate's making.
    unsafe { table.cast::<Manifest>().as_ref() }.unwrap_or_else(|| panic!("{NOT_OURS}"))
}

const NOT_OURS: &str = "`pa_plugin_v1` was not made by this crate's `plugin!`";

impl TestInstance {
    /// Creates it, gives it the state if there is one, and starts it.
    pub(super) fn new(
        entry: &'static Plugin,
        config_json: &str,
        store: Arc<TestStore>,
        state: Option<&Snapshot>,
    ) -> Result<Self, String> {
        store.enter();
        let mut this = null_mut();
        let place = &raw mut this;
        let config = Slice::text(config_json);
        // SAFETY: the host is static; configuration and places are lent for the call.
        checked(|err| unsafe { (entry.create)(&raw const HOST.0, config, place, err) })?;
        let config_json = config_json.to_owned();
        let mut instance = Self { entry, this, is_started: false, config_json, store };
        if let Some(state) = state {
            instance.take_over(state)?;
        }
        if let Some(start) = entry.start {
            // SAFETY: the instance was created.
            checked(|err| unsafe { start(instance.this, err) }).map_err(|error| format!("start: {error}"))?;
        }
        instance.is_started = true;
        Ok(instance)
    }

    fn take_over(&self, (schema, saved): &Snapshot) -> Result<(), String> {
        let manifest = self.manifest();
        if !manifest.state_accepts.contains(schema) {
            let accepts = manifest.state_accepts;
            return Err(format!("load: it accepts the schemas {accepts:?}, and this is {schema}"));
        }
        let state = self.extension::<PluginState>(abi::EXT_STATE).ok_or("load: it takes over no state")?;
        let saved = Slice::new(saved);
        // SAFETY: the instance was created, and not started; what was saved is lent for the call.
        let taken = checked(|err| unsafe { (state.load)(self.this, *schema, saved, err) });
        taken.map_err(|error| format!("load: schema {schema}: {error}"))
    }

    /// What it hands over, if it has a state, and anything to hand over.
    pub(super) fn save(&self) -> Result<Option<Snapshot>, String> {
        let Some(schema) = self.manifest().state_schema else { return Ok(None) };
        let state = self.extension::<PluginState>(abi::EXT_STATE).ok_or("save: it saves no state")?;
        self.store.enter();
        let (mut out, mut is_declined) = (Buf::EMPTY, false);
        let place = &raw mut out;
        let saved = checked(|err| {
            // SAFETY: the instance was started; the places are for buffers.
            let code = unsafe { (state.save)(self.this, place, err) };
            is_declined = code == abi::DECLINED;
            if is_declined { abi::READY } else { code }
        });
        // SAFETY: empty, or filled by the plugin and ours to release.
        let out = unsafe { OwnedBuf::new(out) };
        saved.map_err(|error| format!("save: {error}"))?;
        Ok((!is_declined).then(|| (schema, out.bytes().to_vec())))
    }

    fn extension<T>(&self, id: &str) -> Option<&T> {
        let extension = self.entry.extension?;
        // SAFETY: the instance lives; the id is lent for the call.
        let table = unsafe { extension(self.this, Slice::text(id)) };
        // SAFETY: null, or the table of that id.
        unsafe { table.cast::<T>().as_ref() }
    }

    pub(super) fn manifest(&self) -> &Manifest {
        manifest_of(self.entry)
    }

    /// Loads an app: its routes in the manifest, then what it registers.
    pub(super) fn load(&self, name: &str, args: Option<&str>) -> Result<(Load, usize), String> {
        let manifest = self.manifest();
        let known = manifest.apps.iter().find(|app| app.name == name);
        if !name.is_empty() && known.is_none() {
            let names: Vec<_> = manifest.apps.iter().map(|app| app.name).collect();
            return Err(format!("the plugin has no app `{name}`; it has {names:?}"));
        }
        if known.is_some_and(|app| app.factory) != args.is_some() {
            return Err(format!(
                "`{name}` is a factory, or it is an app: `factory()` is for the one, `app()` for the other"
            ));
        }
        self.store.enter();
        let mut load = Load::default();
        let root = load.create();
        load.stack.push(root);
        load.floor = load.stack.len();
        for bound in manifest.routes.iter().filter(|bound| bound.app == name) {
            self.add_route(&mut load, root, bound)?;
        }
        for bound in manifest.errors.iter().filter(|bound| bound.app == name) {
            load.apps[root].errors.push((bound.spec.status, Arc::new(self.bind(bound.handler)?)));
        }
        let (load, registered) = load::register(load, || self.register(name, args, root));
        registered.map(|()| (load, root))
    }

    fn add_route(&self, load: &mut Load, app: usize, bound: &Bound) -> Result<(), String> {
        for method in bound.spec.methods {
            let leaf = Leaf { handler: Arc::new(self.bind(bound.handler)?), body: bound.spec.body as u16 };
            load.apps[app].router.add(method, bound.spec.rule, Some(name_of(bound)), leaf)?;
        }
        Ok(())
    }

    fn bind(&self, name: &str) -> Result<OwnedHandler, String> {
        let handlers =
            self.extension::<PluginHandlers>(abi::EXT_HANDLERS).ok_or("the plugin binds no handlers")?;
        let mut out = Handler { data: null_mut(), vt: std::ptr::null() };
        // SAFETY: the instance lives; the name is lent for the call; `out` is a place for one handler.
        let code = unsafe { (handlers.bind)(self.this, Slice::text(name), &raw mut out) };
        if code == abi::READY {
            Ok(OwnedHandler::new(out))
        } else {
            Err(format!("no handler `{name}`: code {code}"))
        }
    }

    fn register(&self, name: &str, args: Option<&str>, app: usize) -> Result<(), String> {
        let apps = self.extension::<PluginApps>(abi::EXT_APPS).ok_or("the plugin makes no apps")?;
        let (name, args) = (Slice::text(name), args.map_or(Slice::ABSENT, Slice::text));
        // SAFETY: the instance lives; name and arguments are lent for the call; the app is a handle of this load.
        checked(|err| unsafe { (apps.register)(self.this, name, args, load::handle(app), err) })
    }

    pub(super) fn middleware(&self, name: &str, settings_json: &str) -> Result<OwnedWrapper, String> {
        let wrap = self.extension::<PluginWrap>(abi::EXT_WRAP).ok_or("the plugin has no middleware")?;
        self.store.enter();
        let mut out = Wrapper { data: null_mut(), vt: std::ptr::null() };
        let (place, name, settings) = (&raw mut out, Slice::text(name), Slice::text(settings_json));
        // SAFETY: the instance lives; name and settings are lent for the call; `place` is one for a wrapper.
        checked(|err| unsafe { (wrap.make)(self.this, name, settings, place, err) })?;
        Ok(OwnedWrapper::new(out))
    }
}

impl Drop for TestInstance {
    fn drop(&mut self) {
        self.store.enter();
        if let Some(stop) = self.entry.stop.filter(|_| self.is_started) {
            // SAFETY: the instance lives, and was started.
            unsafe { stop(self.this) }
        }
        // SAFETY: its handlers were dropped: clients hold them in front of the instance. Destroyed once.
        unsafe { (self.entry.destroy)(self.this) }
    }
}

/// Calls a function that fills `err` when it fails.
fn checked(call: impl FnOnce(*mut Buf) -> i32) -> Result<(), String> {
    let mut err = Buf::EMPTY;
    let code = call(&raw mut err);
    // SAFETY: what the function left there is ours to release.
    let err = unsafe { OwnedBuf::new(err) };
    if code == abi::READY {
        return Ok(());
    }
    let text = String::from_utf8_lossy(err.bytes()).into_owned();
    Err(if text.is_empty() { format!("code {code}") } else { text })
}
