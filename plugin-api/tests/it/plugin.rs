//! A plugin that has one of everything.

use crate::{
    answers, apps, asynchronous, derive, extractors, faults, life, middleware, parameters, requests, state,
    store,
};
use plugin_api::prelude::*;
use std::sync::atomic::AtomicUsize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) greeting: String,
    #[serde(default)]
    pub(crate) broken: bool,
}

#[derive(Default)]
pub(crate) struct Db {
    pub(crate) hits: AtomicUsize,
    pub(crate) sold: AtomicUsize,
}

fn connect(config: &Config) -> Result<Db, Error> {
    if config.broken { Err(abort(500, "the database is closed today")) } else { Ok(Db::default()) }
}

plugin! {
    config: Config,
    state: Db = connect,
    routes: [
        answers::text, answers::borrowed, answers::configured, answers::html, answers::json, answers::bytes,
        answers::none, answers::nothing, answers::created, answers::built, answers::away, answers::teapot,
        answers::split, answers::bad_status, answers::many, answers::made_of_chunks, answers::written, answers::cut,
        asynchronous::slow, asynchronous::hurried, asynchronous::borrows, asynchronous::count, asynchronous::joined,
        derive::page,
        extractors::search, extractors::note, extractors::login, extractors::upload, extractors::shout, extractors::who,
        extractors::raw,
        faults::boom, faults::boom_later, faults::missing, faults::broken, faults::denied, faults::explained,
        life::hits,
        parameters::small, parameters::signed, parameters::float, parameters::rest, parameters::two, parameters::owned,
        requests::echo, requests::url, requests::secure, requests::cookies, requests::plain_error,
        state::sell,
        store::count, store::put, store::cart, store::clear, store::from_a_thread,
    ],
    errors: [faults::not_found, faults::teapot],
    apps: {
        admin: [apps::users],
        "back-office": { routes: [apps::users], errors: [apps::lost] },
    },
    factories: { shop: apps::shop, plain: apps::plain, strict: apps::strict },
    default: apps::register,
    middleware: [
        middleware::stamp, middleware::timed, middleware::guard, middleware::only_get, middleware::shout,
        middleware::configured, middleware::retitle, middleware::twice, middleware::trips,
    ],
    start: life::start,
    stop: life::stop,
    schema: 2,
    accepts: [1, 2],
    save: state::save,
    load: state::load,
    watch: ["tests/ui", "Cargo.toml", "/srv/prices.json"],
    requires: ["pa.timer/1"],
}
