//! `"pa.app/1"`: what a plugin does to apps and to the app stack while it registers.
#![allow(unsafe_code, reason = "these functions are called by plugins through the ABI")]

use super::session::{Session, handle, with_current};
use crate::app::{App, AppId, AppRoute, BodyMode, Installed};
use crate::error::Error;
use crate::foreign::{OwnedFilter, OwnedHandler, OwnedWrapper};
use crate::generation::Generation;
use crate::target::Target;
use plugin_api::abi::{self, Buf, Filter, Handler, RouteSpec, Slice, Wrapper};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

pub(crate) fn table() -> abi::HostApp {
    abi::HostApp {
        size: size_of::<abi::HostApp>() as u32,
        reserved: 0,
        ctx: std::ptr::null(),
        top,
        create,
        push,
        pop,
        load,
        route,
        error,
        filter,
        mount,
        merge,
        install,
    }
}

type Ctx = *const c_void;

unsafe extern "C" fn top(_: Ctx) -> *mut abi::App {
    with_current(|session| Ok(handle(session.top()))).unwrap_or(null_mut())
}

unsafe extern "C" fn create(_: Ctx) -> *mut abi::App {
    with_current(|session| Ok(handle(session.create_app()))).unwrap_or(null_mut())
}

unsafe extern "C" fn push(_: Ctx, app: *mut abi::App) -> *mut abi::App {
    with_current(|session| {
        let app = if app.is_null() { session.create_app() } else { session.app(app)? };
        Ok(handle(session.push(app)))
    })
    .unwrap_or(null_mut())
}

unsafe extern "C" fn pop(_: Ctx) -> *mut abi::App {
    with_current(|session| Ok(session.pop().map_or(null_mut(), handle))).unwrap_or(null_mut())
}

unsafe extern "C" fn load(_: Ctx, target: Slice, out: *mut *mut abi::App, err: *mut Buf) -> i32 {
    // SAFETY: lent for this call.
    let target = unsafe { text(target) };
    let loaded = with_current(|session| {
        let target: Target = target?.parse()?;
        session.load_app(&target)
    });
    let result = loaded.map(|app| {
        // SAFETY: the contract: a place for one handle.
        unsafe { out.write(handle(app)) }
    });
    // SAFETY: the contract: a place for one buffer.
    unsafe { answer(result, err) }
}

unsafe extern "C" fn route(_: Ctx, app: *mut abi::App, spec: *const RouteSpec, err: *mut Buf) -> i32 {
    // SAFETY: the contract: a whole `RouteSpec`, lent for this call; ABI 1.0 has no shorter one.
    let spec = unsafe { &*spec };
    let result = with_plugin(|session, plugin| {
        // SAFETY: the handler is handed over by this call, and the code is the plugin's that registers.
        let handler = unsafe { OwnedHandler::new(spec.handler, vec![plugin.clone()]) };
        // SAFETY: lent for this call.
        let method = unsafe { text(spec.method) }?;
        // SAFETY: lent for this call.
        let rule = unsafe { text(spec.rule) }?;
        // SAFETY: lent for this call.
        let name = unsafe { spec.name.str() };
        let body = BodyMode::from_abi(spec.body).ok_or_else(|| {
            Error::spec(format!("route {method} `{rule}`: unknown body mode {}", spec.body))
        })?;
        let home = session.app(app)?;
        let blocking = spec.flags & abi::ROUTE_BLOCKING != 0;
        let route = AppRoute { handler, body, blocking, plugin, home, filters: 0 };
        session.add_route(home, method, rule, name, route)
    });
    // SAFETY: the contract: a place for one buffer.
    unsafe { answer(result, err) }
}

unsafe extern "C" fn error(_: Ctx, app: *mut abi::App, status: u16, handler: Handler, err: *mut Buf) -> i32 {
    let result = with_plugin(|session, plugin| {
        // SAFETY: the handler is handed over by this call, and the code is the plugin's that registers.
        let handler = unsafe { OwnedHandler::new(handler, vec![plugin]) };
        if !(400..=999).contains(&status) {
            return Err(Error::spec(format!(
                "cannot handle errors of status {status}: it is not between 400 and 999"
            )));
        }
        app_of(session, app)?.errors.push((status, handler));
        Ok(())
    });
    // SAFETY: the contract: a place for one buffer.
    unsafe { answer(result, err) }
}

unsafe extern "C" fn filter(_: Ctx, app: *mut abi::App, name: Slice, filter: Filter, err: *mut Buf) -> i32 {
    let result = with_plugin(|session, plugin| {
        // SAFETY: the filter is handed over by this call, and the code is the plugin's that registers.
        let filter = unsafe { OwnedFilter::new(filter, &plugin) };
        // SAFETY: lent for this call.
        let name = unsafe { text(name)? };
        let app = app_of(session, app)?;
        crate::filters::add(&mut app.router, name, filter.clone());
        app.filters.push((name.to_owned(), filter));
        Ok(())
    });
    // SAFETY: the contract: a place for one buffer.
    unsafe { answer(result, err) }
}

unsafe extern "C" fn mount(
    _: Ctx,
    app: *mut abi::App,
    prefix: Slice,
    child: *mut abi::App,
    err: *mut Buf,
) -> i32 {
    let result = with_current(|session| {
        // SAFETY: lent for this call.
        let prefix = unsafe { text(prefix)? };
        let child = session.app(child)?;
        if !prefix.starts_with('/') {
            return Err(Error::spec(format!("cannot mount at `{prefix}`: a prefix begins with `/`")));
        }
        if reaches(session, child, session.app(app)?) {
            return Err(Error::spec(format!(
                "cannot mount at `{prefix}`: the app would be mounted within itself"
            )));
        }
        app_of(session, app)?.mounts.push((prefix.to_owned(), child));
        Ok(())
    });
    // SAFETY: the contract: a place for one buffer.
    unsafe { answer(result, err) }
}

unsafe extern "C" fn merge(_: Ctx, app: *mut abi::App, child: *mut abi::App, err: *mut Buf) -> i32 {
    let result = with_current(|session| {
        let (app, child) = (session.app(app)?, session.app(child)?);
        let filters = session.apps[child.0].filters.clone();
        let routes: Vec<_> = session.apps[child.0]
            .router
            .routes()
            .iter()
            .map(|route| {
                let name = route.name().map(str::to_owned);
                (route.method().to_owned(), route.rule().to_owned(), name, route.payload().clone())
            })
            .collect();
        // The filters of the app that takes the routes go before those of the app that they come from.
        for (name, filter) in filters {
            if session.apps[app.0].filters.iter().any(|(known, _)| *known == name) {
                continue;
            }
            crate::filters::add(&mut session.apps[app.0].router, &name, filter.clone());
            session.apps[app.0].filters.push((name, filter));
        }
        for (method, rule, name, route) in routes {
            session.add_route(app, &method, &rule, name.as_deref(), route)?;
        }
        Ok(())
    });
    // SAFETY: the contract: a place for one buffer.
    unsafe { answer(result, err) }
}

unsafe extern "C" fn install(
    _: Ctx,
    app: *mut abi::App,
    name: Slice,
    wrapper: Wrapper,
    err: *mut Buf,
) -> i32 {
    let result = with_plugin(|session, plugin| {
        // SAFETY: the wrapper is handed over by this call, and the code is the plugin's that registers.
        let wrapper = unsafe { OwnedWrapper::new(wrapper, plugin) };
        // SAFETY: lent for this call.
        let name = unsafe { text(name)? }.to_owned();
        app_of(session, app)?.middleware.push(Installed { also: name.clone(), name, wrapper });
        Ok(())
    });
    // SAFETY: the contract: a place for one buffer.
    unsafe { answer(result, err) }
}

fn with_plugin(work: impl FnOnce(&mut Session, Arc<Generation>) -> Result<(), Error>) -> Result<(), Error> {
    with_current(|session| {
        let plugin = session.plugin()?;
        work(session, plugin)
    })
}

fn app_of(session: &mut Session, app: *mut abi::App) -> Result<&mut App, Error> {
    let AppId(index) = session.app(app)?;
    Ok(&mut session.apps[index])
}

/// Whether `from` is `to`, or mounts it at any depth.
fn reaches(session: &Session, from: AppId, to: AppId) -> bool {
    from == to || session.apps[from.0].mounts.iter().any(|(_, child)| reaches(session, *child, to))
}

/// # Safety
/// The slice is valid for `'a`.
unsafe fn text<'a>(slice: Slice) -> Result<&'a str, Error> {
    // SAFETY: the caller vouches for it.
    unsafe { slice.str() }.ok_or_else(|| Error::spec("a text from the plugin is missing, or is not UTF-8"))
}

/// # Safety
/// `err` is null or a place for one buffer.
unsafe fn answer(result: Result<(), Error>, err: *mut Buf) -> i32 {
    let Err(error) = result else { return abi::READY };
    if !err.is_null() {
        // SAFETY: not null; the caller vouches for the place.
        unsafe { err.write(Buf::from_vec(error.to_string().into_bytes())) };
    }
    abi::ERR
}
