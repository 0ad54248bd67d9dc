//! What a plugin registers while it is loaded.
#![allow(unsafe_code, reason = "the functions of `pa.app/1`")]

use super::owned::{OwnedHandler, OwnedWrapper};
use super::router::{Leaf, Router};
use crate::abi::{self, Buf, Filter, Handler, HostApp, RouteSpec, Slice, Wrapper};
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::{null, null_mut, without_provenance_mut};
use std::sync::Arc;

/// An app as it was registered.
#[derive(Default)]
pub(super) struct App {
    pub(super) router: Router,
    pub(super) errors: Vec<(u16, Arc<OwnedHandler>)>,
    pub(super) mounts: Vec<(String, usize)>,
    pub(super) wrappers: Vec<Arc<OwnedWrapper>>,
}

/// A load: its apps by number, and the stack of default apps.
#[derive(Default)]
pub(super) struct Load {
    pub(super) apps: Vec<App>,
    pub(super) stack: Vec<usize>,
    /// How deep the stack was before the plugin registered.
    pub(super) floor: usize,
}

thread_local! {
    static CURRENT: RefCell<Option<Load>> = const { RefCell::new(None) };
}

/// Lets the plugin register, and gives back what it did.
pub(super) fn register<R>(load: Load, work: impl FnOnce() -> R) -> (Load, R) {
    let before = CURRENT.replace(Some(load));
    let result = work();
    let load = CURRENT.replace(before).unwrap_or_default();
    (load, result)
}

impl Load {
    pub(super) fn create(&mut self) -> usize {
        self.apps.push(App::default());
        self.apps.len() - 1
    }

    fn app(&mut self, handle: *mut abi::App) -> Result<&mut App, String> {
        let app = handle.addr().checked_sub(1).and_then(|index| self.apps.get_mut(index));
        app.ok_or_else(|| "this is no app of the load that is under way".to_owned())
    }
}

pub(super) fn handle(index: usize) -> *mut abi::App {
    without_provenance_mut(index + 1)
}

pub(super) const TABLE: HostApp = HostApp {
    size: size_of::<HostApp>() as u32,
    reserved: 0,
    ctx: null(),
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
};

/// Runs `work` on the load of this thread.
fn with(work: impl FnOnce(&mut Load) -> Result<(), String>) -> Result<(), String> {
    CURRENT.with_borrow_mut(|load| match load {
        Some(load) => work(load),
        None => Err("no load is under way on this thread".to_owned()),
    })
}

/// Runs `work` for a function that answers with an app.
fn app_from(work: impl FnOnce(&mut Load) -> Option<usize>) -> *mut abi::App {
    let found = CURRENT.with_borrow_mut(|load| load.as_mut().and_then(work));
    found.map_or(null_mut(), handle)
}

/// # Safety
/// `err` is a place for one buffer.
unsafe fn answer(result: Result<(), String>, err: *mut Buf) -> i32 {
    let Err(message) = result else { return abi::READY };
    // SAFETY: the caller vouches for the place.
    unsafe { err.write(Buf::from_vec(message.into_bytes())) };
    abi::ERR
}

/// # Safety
/// The slice is lent for the call.
unsafe fn text(slice: Slice) -> String {
    // SAFETY: the caller vouches for it.
    unsafe { slice.str() }.unwrap_or_default().to_owned()
}

unsafe extern "C" fn top(_: *const c_void) -> *mut abi::App {
    app_from(|load| load.stack.last().copied())
}

unsafe extern "C" fn create(_: *const c_void) -> *mut abi::App {
    app_from(|load| Some(load.create()))
}

unsafe extern "C" fn push(_: *const c_void, app: *mut abi::App) -> *mut abi::App {
    app_from(|load| {
        let index = app.addr().checked_sub(1).unwrap_or_else(|| load.create());
        load.stack.push(index);
        Some(index)
    })
}

unsafe extern "C" fn pop(_: *const c_void) -> *mut abi::App {
    app_from(|load| if load.stack.len() > load.floor { load.stack.pop() } else { None })
}

unsafe extern "C" fn load(_: *const c_void, target: Slice, _: *mut *mut abi::App, err: *mut Buf) -> i32 {
    // SAFETY: the target is lent for this call.
    let target = unsafe { text(target) };
    let message = format!("cannot load `{target}`: the test client has one plugin alone");
    // SAFETY: `err` is this call's.
    unsafe { answer(Err(message), err) }
}

unsafe extern "C" fn route(
    _: *const c_void,
    app: *mut abi::App,
    spec: *const RouteSpec,
    err: *mut Buf,
) -> i32 {
    // SAFETY: the route is lent for this call.
    let spec = unsafe { &*spec };
    let handler = Arc::new(OwnedHandler::new(spec.handler));
    // SAFETY: lent with the route.
    let method = unsafe { text(spec.method) };
    // SAFETY: lent with the route.
    let rule = unsafe { text(spec.rule) };
    // SAFETY: lent with the route.
    let name = unsafe { text(spec.name) };
    let name = spec.name.is_present().then_some(name.as_str());
    let leaf = Leaf { handler, body: spec.body };
    let added = with(|load| load.app(app)?.router.add(&method, &rule, name, leaf));
    // SAFETY: `err` is this call's.
    unsafe { answer(added, err) }
}

unsafe extern "C" fn error(
    _: *const c_void,
    app: *mut abi::App,
    status: u16,
    handler: Handler,
    err: *mut Buf,
) -> i32 {
    let handler = Arc::new(OwnedHandler::new(handler));
    let added = with(|load| {
        load.app(app)?.errors.push((status, handler));
        Ok(())
    });
    // SAFETY: `err` is this call's.
    unsafe { answer(added, err) }
}

unsafe extern "C" fn filter(
    _: *const c_void,
    app: *mut abi::App,
    name: Slice,
    filter: Filter,
    err: *mut Buf,
) -> i32 {
    // SAFETY: the name is lent for this call.
    let name = unsafe { text(name) };
    let added = with(|load| {
        load.app(app)?.router.add_filter(&name, filter);
        Ok(())
    });
    // SAFETY: `err` is this call's.
    unsafe { answer(added, err) }
}

unsafe extern "C" fn mount(
    _: *const c_void,
    app: *mut abi::App,
    prefix: Slice,
    child: *mut abi::App,
    err: *mut Buf,
) -> i32 {
    // SAFETY: the prefix is lent for this call.
    let prefix = unsafe { text(prefix) };
    let mounted = with(|load| {
        load.app(child)?;
        let prefix = prefix.trim_end_matches('/').to_owned();
        load.app(app)?.mounts.push((prefix, child.addr() - 1));
        Ok(())
    });
    // SAFETY: `err` is this call's.
    unsafe { answer(mounted, err) }
}

unsafe extern "C" fn merge(_: *const c_void, app: *mut abi::App, child: *mut abi::App, err: *mut Buf) -> i32 {
    let merged = with(|load| {
        if app == child {
            return Err("an app cannot be merged into itself".to_owned());
        }
        let other = std::mem::take(load.app(child)?);
        let merged = load.app(app)?.router.merge(&other.router);
        *load.app(child)? = other;
        merged
    });
    // SAFETY: `err` is this call's.
    unsafe { answer(merged, err) }
}

unsafe extern "C" fn install(
    _: *const c_void,
    app: *mut abi::App,
    _: Slice,
    wrapper: Wrapper,
    err: *mut Buf,
) -> i32 {
    let wrapper = Arc::new(OwnedWrapper::new(wrapper));
    let installed = with(|load| {
        load.app(app)?.wrappers.push(wrapper);
        Ok(())
    });
    // SAFETY: `err` is this call's.
    unsafe { answer(installed, err) }
}
