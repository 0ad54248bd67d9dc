//! What a new spec changes besides plugins and addresses: what takes effect at once, and what needs another worker.

use crate::spec::{Limits, Spec, Timeouts};
use std::time::Duration;

type Timeout = fn(&Timeouts) -> Option<Duration>;
type Limit = fn(&Limits) -> usize;

const TIMEOUTS: &[(&str, Timeout)] = &[
    ("timeouts.head", |timeouts| timeouts.head),
    ("timeouts.body", |timeouts| timeouts.body),
    ("timeouts.handler", |timeouts| timeouts.handler),
    ("timeouts.write", |timeouts| timeouts.write),
    ("timeouts.keep_alive", |timeouts| timeouts.keep_alive),
    ("timeouts.shutdown", |timeouts| timeouts.shutdown),
    ("timeouts.stuck_after", |timeouts| timeouts.stuck_after),
    ("timeouts.drain", |timeouts| timeouts.drain),
    ("timeouts.load", |timeouts| timeouts.load),
    ("timeouts.handover", |timeouts| timeouts.handover),
];

const LIMITS: &[(&str, Limit)] = &[
    ("limits.head_bytes", |limits| limits.head_bytes),
    ("limits.headers", |limits| limits.headers),
    ("limits.uri_bytes", |limits| limits.uri_bytes),
    ("limits.body_bytes", |limits| limits.body_bytes),
    ("limits.body_memory", |limits| limits.body_memory),
    ("limits.connections", |limits| limits.connections),
    ("limits.in_flight", |limits| limits.in_flight),
    ("limits.stuck", |limits| limits.stuck),
    ("limits.store_bytes", |limits| limits.store_bytes),
];

/// Settings that differ from those of the spec before, and have taken effect: with the next request, or the next connection
/// where they are of connections.
pub(super) fn taken(before: &Spec, new: &Spec) -> Vec<&'static str> {
    let timeouts = TIMEOUTS.iter().filter(|(_, of)| of(&before.timeouts) != of(&new.timeouts));
    let limits = LIMITS.iter().filter(|(_, of)| of(&before.limits) != of(&new.limits));
    let mut keys: Vec<&str> = timeouts.map(|(key, _)| *key).collect();
    keys.extend(limits.map(|(key, _)| *key));
    keys.extend((before.swap.keep != new.swap.keep).then_some("swap.keep"));
    keys.extend((before.app.debug != new.app.debug).then_some("app.debug"));
    keys.extend((before.log.request_id != new.log.request_id).then_some("log.request_id"));
    keys
}

/// Settings that differ from those that this process began with, and count for the next one.
pub(super) fn after_restart(began_with: &Spec, new: &Spec) -> Vec<&'static str> {
    let name = |spec: &Spec| spec.server.name.as_ref().map(|name| name.value.clone());
    let (server, other) = (&began_with.server, &new.server);
    let differ = [
        ("server.name", name(began_with) != name(new)),
        ("server.workers", server.workers != other.workers),
        ("server.threads", server.threads != other.threads),
        ("server.options", server.options != other.options),
        ("swap.watch", began_with.swap.watch != new.swap.watch),
        ("log.format", began_with.log.format != new.log.format),
        ("log.access", began_with.log.access != new.log.access),
        ("health", began_with.health != new.health),
        ("process", began_with.process != new.process),
        ("app.debug for the log", began_with.app.debug != new.app.debug),
    ];
    differ.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

/// The same, for the host: they are the supervisor's.
pub(super) fn after_start(began_with: &Spec, new: &Spec) -> Vec<&'static str> {
    let differ = [
        ("app.name", began_with.app.name.value != new.app.name.value),
        ("supervisor", began_with.supervisor != new.supervisor),
    ];
    differ.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}
