//! The spec: a TOML file, or a target, turned into checked types.
//!
//! Everything is checked here, once: whoever holds a [`Spec`] need not check it again. What can only be known later (does
//! this plugin exist, does it export that app, does this server know that option) is checked by whoever knows, and shown
//! with [`At`], the place that every such value carries.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `spec` | required | the version of this format: 1 |
//! | **`[app]`** | required | |
//! | `name` | the file's name; its folder's for `app.toml` | names the app in logs and its control socket |
//! | `debug` | `false` | show causes of errors to clients |
//! | **`[server]`** | | |
//! | `name` | the host's default server | which server; `--server` wins |
//! | `bind` | `["127.0.0.1:8080"]` | where to listen, see [`Bind`] |
//! | `workers` | `"auto"` | processes (`prefork`) or event loops (`actix`, `pool`); `auto`: one for each core |
//! | `threads` | `"auto"` | handler threads |
//! | `options` | `{}` | options of this server: `host servers` |
//! | **`[[plugin]]`** | | a library of its own, even when two name the same file |
//! | `name` | the id in its manifest | names it in targets |
//! | `crate` | | the folder of a crate, built by cargo when needed; or |
//! | `path` | | a file, never built; exactly one of the two |
//! | `mount` | `"/"` | the prefix of its default app |
//! | `hosts` | `[]`: every host | the host names of its default app |
//! | `skip` | `[]` | names of middleware that is not applied to its default app |
//! | `config` | `{}` | a table that crosses to the plugin as JSON, dates as strings |
//! | `watch` | `[]` | files and folders whose changes swap it, too, under `--watch` |
//! | `handover` | `"copy"` | how its state moves in a swap: `"copy"`, or `"gate"`: its new requests wait meanwhile |
//! | `optional` | `false` | the host starts also when it cannot be loaded: its mounts answer 503 until it can |
//! | `self_test` | `[]` | paths that the new table must answer with a status below 400, before it is published |
//! | **`[[mount]]`** | | the long form: any target, any number of times |
//! | `at` | required | the prefix |
//! | `target` | required | the app, see [`crate::target`] |
//! | `hosts`, `skip` | `[]` | as in `[[plugin]]` |
//! | **`[[middleware]]`** | | around every route, the first one outermost |
//! | `use` | required | a target |
//! | `config` | `{}` | a table that crosses as JSON |
//! | **`[timeouts]`** | | at most a year; `"0s"` is off |
//! | `head` | `"30s"` | until the head of a request is there |
//! | `body` | `"30s"` | between two parts of its body |
//! | `handler` | `"60s"` | until the handler answers |
//! | `write` | `"30s"` | between two parts of a response |
//! | `keep_alive` | `"60s"` | between two requests |
//! | `shutdown` | `"30s"` | for requests when the host stops |
//! | `stuck_after` | `"10s"` | after which the log has the stack of a handler that has not returned; once for each request |
//! | `drain` | `"30s"` | for requests of an old generation |
//! | `load` | `"30s"` | for each step of a plugin's life: constructors, `create`, `start`, registering, `stop` |
//! | `handover` | `"5s"` | for the requests of the old generation, before state moves through a gate |
//! | **`[limits]`** | | none may be 0 |
//! | `head_bytes` | `"32KiB"` | request line and headers |
//! | `headers` | `96` | number of headers |
//! | `uri_bytes` | `"8KiB"` | the request target |
//! | `body_bytes` | `"10MiB"` | a request body |
//! | `body_memory` | `"256KiB"` | the part of a body that is kept in memory |
//! | `connections` | `4096` | open connections of a worker |
//! | `in_flight` | `1024` | requests being handled in a worker |
//! | `stuck` | `64` | handlers that are past their deadline; with one more the worker is replaced |
//! | `store_bytes` | `"64MiB"` | what the host keeps for each plugin over swaps: keys and values |
//! | **`[swap]`** | | |
//! | `keep` | `1` | old generations of a plugin that are kept, stopped, for `host ctl rollback` |
//! | `watch` | `false` | swap what changes on disk; as `--watch` |
//! | **`[supervisor]`** | | a worker that dies is started again: at once, then after a pause |
//! | `backoff` | `"100ms"` | the first pause; it doubles |
//! | `backoff_max` | `"30s"` | the longest pause |
//! | `failures` | `6` | so many deaths within the window end the host |
//! | `window` | `"1m"` | |
//! | `crashes` | `3` | a generation that crashes its worker so often within the window is quarantined |
//! | `heartbeat` | `"10s"` | a worker that does not answer its supervisor for so long is replaced; `"0s"` is off |
//! | `state` | see below | the folder for what survives the host: the list of what is quarantined |
//! | **`[log]`** | | `docs/logging.md` |
//! | `format` | `"auto"` | `"pretty"` or `"json"`; `"auto"`: JSON unless standard error is a terminal; `--log-format` wins |
//! | `access` | `"auto"` | access lines: `"common"`, `"combined"`, `"json"`, `"off"`; `"auto"`: as `format`. `--quiet` wins |
//! | `request_id` | `"x-request-id"` | the header of answers with the request's id; `""` is none |
//! | **`[health]`** | | `docs/operating.md` |
//! | `serve` | `false` | whether the two paths are answered where the app is served, instead of by the app |
//! | `live`, `ready` | `"/healthz"`, `"/readyz"` | |
//! | **`[process]`** | | what a worker may do; the host has to be started as root to become another user |
//! | `user`, `group` | as the host's | whom it runs as, by name or number; the group is the user's own if only `user` is there |
//! | `no_new_privs` | `false` | no program that it starts gains rights |
//! | `nofile`, `nproc` | as the host's | descriptors, 64 at least; processes and threads of its user |
//! | `core`, `address_space` | as the host's | size of a core file, `0` is none; size of its address space |
//!
//! **A plugin is mounted by itself** with its `mount`, `hosts` and `skip`, or at `/` when it has none of these keys and no
//! `[[mount]]` or `[[middleware]]` names it as the library of its target. A plugin that is only there to be named by these
//! does not serve its default app; give it a `mount` to have both. See [`Spec::all_mounts`].
//!
//! **A new spec while the host runs** (`host ctl reload-spec`, `--watch`, SIGHUP) is taken whole or not at all. Plugins, mounts,
//! middleware and `bind` change at once; `[timeouts]`, `[limits]` and `request_id` of `[log]` count for what begins after that, a request
//! or a connection. `[server]` but for `bind`, `watch` of `[swap]`, `[health]`, `[process]` and the rest of `[log]` count for the next
//! worker (`host ctl restart`); `name` of `[app]` and `[supervisor]` when the host is started again.
//!
//! Numbers: durations are whole numbers with `ms`, `s`, `m` or `h`; sizes are whole numbers with `B`, `KB`, `KiB`, `MB`, `MiB`,
//! `GB`, `GiB`, or plain bytes. Numbers may be written as strings, so that `"${WORKERS:-4}"` can stand for one. A mount
//! starts with `/`; one at its end means nothing. Host names are exact, without port: there are no wildcards.
//!
//! **The state folder** is `state` of `[supervisor]`, else what systemd gives (`StateDirectory=`), else `host/NAME` in
//! `$XDG_STATE_HOME` or `~/.local/state`. It is made when there is something to put into it.
//!
//! **References** in strings (never in keys): `${VAR}` is a variable of the environment, `${VAR:-default}` has a default for one
//! that is unset or empty, `${file:PATH}` is the text of a file without its last line end. `$${` is a plain `${`; a `$` alone is
//! a dollar sign. What a reference stands for is not looked at again. A variable that is not UTF-8 counts as unset.
//!
//! **Paths** are relative to the file of the spec, also in `--set`. A relative library of a target is not changed here: try
//! it below [`Spec::base`].

mod at;
mod bind;
mod count;
mod expand;
mod health;
mod json;
mod load;
mod log;
mod mounts;
mod options;
mod process;
mod quantity;
mod read;
mod section;
mod set;
mod snippet;
mod tree;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use at::{At, Located};
pub use bind::{Bind, PORT};
pub(crate) use count::COUNT_MAX;
pub use count::Count;
pub use expand::Env;
pub use health::HealthSpec;
pub use json::{json, json_table};
pub use log::{Access, LogSpec};
pub use options::{Opt, Unit};
pub use process::ProcessSpec;
pub(crate) use quantity::duration;
pub use section::Places;
pub use set::Set;
pub(crate) use snippet::Snippet;

use crate::library::Digest;
use crate::target::Target;

/// Where a spec was read from, and what it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecFile {
    /// The file.
    pub path: PathBuf,
    /// Of its bytes.
    pub digest: Digest,
    /// What was in it.
    pub text: Arc<str>,
}

/// A whole spec, checked.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The file it was read from; none for a target.
    pub file: Option<SpecFile>,
    /// The folder that relative paths start from; empty is the current one.
    pub base: PathBuf,
    /// `[app]`
    pub app: AppSpec,
    /// `[server]`
    pub server: ServerSpec,
    /// `[[plugin]]`, in the order of the file.
    pub plugins: Vec<PluginSpec>,
    /// `[[mount]]`, in the order of the file; [`Spec::all_mounts`] has those of the plugins, too.
    pub mounts: Vec<MountSpec>,
    /// `[[middleware]]`, the outermost first.
    pub middleware: Vec<MiddlewareSpec>,
    /// `[timeouts]`
    pub timeouts: Timeouts,
    /// `[limits]`
    pub limits: Limits,
    /// `[swap]`
    pub swap: SwapSpec,
    /// `[supervisor]`
    pub supervisor: SupervisorSpec,
    /// `[log]`
    pub log: LogSpec,
    /// `[health]`
    pub health: HealthSpec,
    /// `[process]`
    pub process: ProcessSpec,
}

/// `[app]`
#[derive(Debug, Clone)]
pub struct AppSpec {
    /// Names the app; fit for a file name.
    pub name: Located<String>,
    /// Whether clients may see causes of errors.
    pub debug: bool,
}

/// `[server]`
#[derive(Debug, Clone)]
pub struct ServerSpec {
    /// The server's name in the registry; none is the host's default.
    pub name: Option<Located<String>>,
    /// Where to listen; at least one, none twice.
    pub bind: Vec<Located<Bind>>,
    /// Processes or event loops.
    pub workers: Count,
    /// Handler threads.
    pub threads: Count,
    /// Options of the server: see [`ServerSpec::check_options`].
    pub options: toml::Table,
    /// Where the options are: [`Places::check`] refuses unknown ones.
    pub options_at: Places,
}

/// `[[plugin]]`
#[derive(Debug, Clone)]
pub struct PluginSpec {
    /// Where the plugin is declared.
    pub at: At,
    /// Its name; none is the id in its manifest.
    pub name: Option<Located<String>>,
    /// The crate or the file.
    pub source: Located<Source>,
    /// The prefix that is written; none does not mean that it is not mounted, see [`Spec::all_mounts`].
    pub mount: Option<Located<String>>,
    /// The host names of its default app; none is every host.
    pub hosts: Vec<Located<String>>,
    /// Names of middleware that is not applied to its default app.
    pub skip: Vec<Located<String>>,
    /// Its configuration: a JSON object.
    pub config: serde_json::Value,
    /// Where the keys of the configuration are.
    pub config_at: Places,
    /// Files and folders whose changes swap it, besides its library.
    pub watch: Vec<Located<PathBuf>>,
    /// How its state moves.
    pub handover: Handover,
    /// Paths that must be answered before a new generation is published.
    pub self_test: Vec<Located<String>>,
    /// Whether the app is served without it when it cannot be loaded.
    pub optional: bool,
}

/// How the state of a plugin moves from one generation to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handover {
    /// The old generation serves on while its state is copied: what it changes after that is lost.
    #[default]
    Copy,
    /// The plugin's new requests wait until its state has moved: nothing is lost.
    Gate,
}

/// `[swap]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapSpec {
    /// How many old generations of a plugin are kept for a rollback.
    pub keep: usize,
    /// Whether what changes on disk is swapped.
    pub watch: bool,
}

/// `[supervisor]`: when a worker that died is started again, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisorSpec {
    /// The first pause; each further one is twice as long.
    pub backoff: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// So many deaths within `window` end the host.
    pub failures: usize,
    /// See `failures`.
    pub window: Duration,
    /// A generation that crashes its worker so often within `window` is quarantined.
    pub crashes: usize,
    /// How long a worker may not answer its supervisor; none: for ever.
    pub heartbeat: Option<Duration>,
    /// The folder for what survives the host.
    pub state: Option<PathBuf>,
}

/// Where a plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The folder of a crate, built when needed.
    Crate(PathBuf),
    /// A file, never built.
    Path(PathBuf),
}

/// `[[mount]]`, or the short form of it in a `[[plugin]]`.
#[derive(Debug, Clone)]
pub struct MountSpec {
    /// The prefix: `/`, or `/` and something without `/` at its end.
    pub at: Located<String>,
    /// The host names, in lower case; none is every host.
    pub hosts: Vec<Located<String>>,
    /// The app.
    pub target: Located<Target>,
    /// Names of middleware that is not applied.
    pub skip: Vec<Located<String>>,
}

/// `[[middleware]]`
#[derive(Debug, Clone)]
pub struct MiddlewareSpec {
    /// The middleware.
    pub target: Located<Target>,
    /// Its configuration: a JSON object.
    pub config: serde_json::Value,
    /// Where the keys of the configuration are.
    pub config_at: Places,
}

/// `[timeouts]`: none is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the head of a request is there.
    pub head: Option<Duration>,
    /// Between two parts of a request's body.
    pub body: Option<Duration>,
    /// Until the handler answers.
    pub handler: Option<Duration>,
    /// Between two parts of a response.
    pub write: Option<Duration>,
    /// Between two requests of a connection.
    pub keep_alive: Option<Duration>,
    /// For requests when the host stops.
    pub shutdown: Option<Duration>,
    /// After so long in one call of its handler a request is written to the log, with the stack of its thread.
    pub stuck_after: Option<Duration>,
    /// For requests of an old generation.
    pub drain: Option<Duration>,
    /// For each step of a plugin's life: its constructors, `create`, `start`, registering, `stop`.
    pub load: Option<Duration>,
    /// For requests of the old generation, before state moves through a gate.
    pub handover: Option<Duration>,
}

/// `[limits]`: quotas of one worker, none of them 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request line and its headers.
    pub head_bytes: usize,
    /// Number of headers.
    pub headers: usize,
    /// Bytes of a request target.
    pub uri_bytes: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of a body that are kept in memory.
    pub body_memory: usize,
    /// Open connections.
    pub connections: usize,
    /// Requests being handled.
    pub in_flight: usize,
    /// Handlers that are past their deadline.
    pub stuck: usize,
    /// Bytes that the host keeps for each plugin over swaps.
    pub store_bytes: usize,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        Self {
            head: seconds(30),
            body: seconds(30),
            handler: seconds(60),
            write: seconds(30),
            keep_alive: seconds(60),
            shutdown: seconds(30),
            stuck_after: seconds(10),
            drain: seconds(30),
            load: seconds(30),
            handover: seconds(5),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32 << 10,
            headers: 96,
            uri_bytes: 8 << 10,
            body_bytes: 10 << 20,
            body_memory: 256 << 10,
            connections: 4096,
            in_flight: 1024,
            stuck: 64,
            store_bytes: 64 << 20,
        }
    }
}

impl Default for SwapSpec {
    fn default() -> Self {
        Self { keep: 1, watch: false }
    }
}

impl Default for SupervisorSpec {
    fn default() -> Self {
        Self {
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            failures: 6,
            window: Duration::from_secs(60),
            crashes: 3,
            heartbeat: Some(Duration::from_secs(10)),
            state: None,
        }
    }
}
