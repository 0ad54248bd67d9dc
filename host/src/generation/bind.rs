//! What a plugin offers: its handlers by name, its apps, its middleware.
#![allow(unsafe_code, reason = "calls the functions of the plugin's extensions, through the ABI")]

use super::Generation;
use crate::error::Error;
use crate::foreign::{OwnedHandler, OwnedWrapper, Text};
use plugin_api::abi;
use std::sync::Arc;

impl Generation {
    fn fail(&self, why: impl std::fmt::Display) -> Error {
        Error::spec(format!("plugin `{}`: {why}", self.label.name))
    }

    /// Binds a name of the manifest to its handler.
    pub(crate) fn bind(self: &Arc<Self>, name: &str) -> Result<Arc<OwnedHandler>, Error> {
        let fail = |why: &str| self.fail(format!("cannot bind handler `{name}`: {why}"));
        let handlers = self.extension::<abi::PluginHandlers>(abi::EXT_HANDLERS);
        let handlers = handlers
            .ok_or_else(|| fail("its manifest has routes, but it has no extension `pa.handlers/1`"))?;
        let mut out = abi::Handler { data: std::ptr::null_mut(), vt: std::ptr::null() };
        // SAFETY: the instance exists; the name is lent for the call; `out` is a place for one handler.
        let code = unsafe { (handlers.bind)(self.this, abi::Slice::text(name), &raw mut out) };
        match code {
            // SAFETY: READY: the handler is ours to drop, and its code is this generation's.
            abi::READY if !out.vt.is_null() => Ok(unsafe { OwnedHandler::new(out, vec![self.clone()]) }),
            abi::READY => Err(fail("it answered with none")),
            abi::DECLINED => Err(fail("the manifest names it, but the library has none of that name")),
            code => Err(fail(&Text::default().or_code(code))),
        }
    }

    /// Lets the plugin register an app's routes; `name` is empty for the default app.
    pub(crate) fn register(
        &self,
        name: &str,
        args_json: Option<&str>,
        app: *mut abi::App,
    ) -> Result<(), Error> {
        let what = if name.is_empty() { "the default app".to_owned() } else { format!("app `{name}`") };
        let fail = |why: String| self.fail(format!("cannot make {what}: {why}"));
        let apps = self.extension::<abi::PluginApps>(abi::EXT_APPS);
        let apps = apps.ok_or_else(|| fail("it has no extension `pa.apps/1`".into()))?;
        let args = args_json.map_or(abi::Slice::ABSENT, abi::Slice::text);
        let mut err = Text::default();
        // SAFETY: the instance exists; name and arguments are lent for the call; `app` is a handle of the load under way.
        let code = unsafe { (apps.register)(self.this, abi::Slice::text(name), args, app, err.place()) };
        if code == abi::READY { Ok(()) } else { Err(fail(err.or_code(code))) }
    }

    /// Makes the middleware of that name for one use of it.
    pub(crate) fn middleware(
        self: &Arc<Self>,
        name: &str,
        config_json: &str,
    ) -> Result<Arc<OwnedWrapper>, Error> {
        let fail = |why: String| self.fail(format!("cannot make middleware `{name}`: {why}"));
        let wrap = self.extension::<abi::PluginWrap>(abi::EXT_WRAP);
        let wrap = wrap.ok_or_else(|| fail("it has no extension `pa.wrap/1`".into()))?;
        let mut out = abi::Wrapper { data: std::ptr::null_mut(), vt: std::ptr::null() };
        let mut err = Text::default();
        let config = abi::Slice::text(config_json);
        // SAFETY: the instance exists; name and configuration are lent for the call; `out` is a place for one wrapper.
        let code =
            unsafe { (wrap.make)(self.this, abi::Slice::text(name), config, &raw mut out, err.place()) };
        match code {
            // SAFETY: READY: the wrapper is ours to drop, and its code is this generation's.
            abi::READY if !out.vt.is_null() => Ok(unsafe { OwnedWrapper::new(out, self.clone()) }),
            abi::READY => Err(fail("it answered with none".into())),
            code => Err(fail(err.or_code(code))),
        }
    }
}
