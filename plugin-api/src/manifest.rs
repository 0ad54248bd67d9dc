//! The manifest: TOML in an ELF note, written by the compiler, so that it can be read without running the plugin.

use crate::abi;
use crate::endpoint::Spec;
use crate::extract::BodyMode;

/// What `plugin!` says, as data.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    /// The crate's name.
    pub id: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// The crate's description; may be empty.
    pub description: &'static str,
    /// Whether the default app is made at load.
    pub dynamic: bool,
    /// Ids of extensions that the host has to have.
    pub requires: &'static [&'static str],
    /// The schema in which it saves its state.
    pub state_schema: Option<u32>,
    /// The schemas of states that it takes over.
    pub state_accepts: &'static [u32],
    /// Files and folders whose changes swap it, too: from the root.
    pub watch: &'static [&'static str],
    /// Routes, of the default app (an empty name) and of named apps.
    pub routes: &'static [Bound],
    /// Error handlers, as routes.
    pub errors: &'static [Bound],
    /// Named apps and factories.
    pub apps: &'static [AppEntry],
    /// Names of middleware.
    pub middleware: &'static [&'static str],
}

/// A handler of an app.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// What its attribute says.
    pub spec: Spec,
    /// Its path, as in `plugin!`.
    pub handler: &'static str,
    /// The app; empty: the default app.
    pub app: &'static str,
}

/// An app that has a name.
#[derive(Clone, Copy, Debug)]
pub struct AppEntry {
    /// Its name.
    pub name: &'static str,
    /// Whether it takes arguments.
    pub factory: bool,
}

const SDK: &str = concat!("rust ", env!("CARGO_PKG_VERSION"));
const OWNER: [u8; 12] = *b"plugin-api\0\0";

/// The note, as it lies in the file. `N` is [`padded_len`].
#[derive(Debug)]
#[repr(C, align(4))]
pub struct Note<const N: usize> {
    owner_len: u32,
    descriptor_len: u32,
    kind: u32,
    owner: [u8; 12],
    abi_major: u16,
    abi_minor: u16,
    flags: u32,
    text: [u8; N],
}

/// The length of the manifest's text, padded to a multiple of four.
pub const fn padded_len(manifest: &Manifest) -> usize {
    let mut counter = Writer::<0> { text: [], len: 0 };
    counter.manifest(manifest);
    counter.len.next_multiple_of(4)
}

impl<const N: usize> Note<N> {
    /// Writes the manifest.
    pub const fn new(manifest: &Manifest) -> Self {
        let mut writer = Writer { text: [0; N], len: 0 };
        writer.manifest(manifest);
        Self {
            owner_len: OWNER.len() as u32,
            descriptor_len: (8 + N) as u32,
            kind: 1,
            owner: OWNER,
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            flags: if cfg!(panic = "abort") { abi::NOTE_PANIC_ABORT } else { 0 },
            text: writer.text,
        }
    }

    /// The TOML.
    pub const fn text(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(feature = "test")]
impl Manifest {
    /// The text of the note.
    pub(crate) fn toml(&self) -> String {
        let mut writer = Writer { text: [0; 1 << 16], len: 0 };
        writer.manifest(self);
        String::from_utf8_lossy(&writer.text[..writer.len]).into_owned()
    }
}

/// Writes TOML into an array; counts only, once the array is full.
struct Writer<const N: usize> {
    text: [u8; N],
    len: usize,
}

impl<const N: usize> Writer<N> {
    const fn manifest(&mut self, manifest: &Manifest) {
        self.pair("id", manifest.id);
        self.pair("version", manifest.version);
        self.pair("sdk", SDK);
        if !manifest.description.is_empty() {
            self.pair("description", manifest.description);
        }
        self.flag("dynamic", manifest.dynamic);
        self.list("requires", manifest.requires);
        self.state(manifest);
        if !manifest.watch.is_empty() {
            self.list("watch", manifest.watch);
        }
        self.routes(manifest.routes);
        self.errors(manifest.errors);
        self.apps(manifest.apps);
        let mut at = 0;
        while at < manifest.middleware.len() {
            self.raw("[[middleware]]\n");
            self.pair("name", manifest.middleware[at]);
            at += 1;
        }
    }

    const fn state(&mut self, manifest: &Manifest) {
        if let Some(schema) = manifest.state_schema {
            self.raw("state_schema = ");
            self.number(schema);
            self.raw("\n");
        }
        let mut at = 0;
        while at < manifest.state_accepts.len() {
            self.raw(if at == 0 { "state_accepts = [" } else { ", " });
            self.number(manifest.state_accepts[at]);
            at += 1;
        }
        if at > 0 {
            self.raw("]\n");
        }
    }

    const fn routes(&mut self, routes: &[Bound]) {
        let mut at = 0;
        while at < routes.len() {
            let mut method = 0;
            while method < routes[at].spec.methods.len() {
                self.route(&routes[at], routes[at].spec.methods[method]);
                method += 1;
            }
            at += 1;
        }
    }

    /// A route has the name that its attribute gives, else that of its handler.
    const fn route(&mut self, route: &Bound, method: &str) {
        self.raw("[[route]]\n");
        self.pair("method", method);
        self.pair("rule", route.spec.rule);
        self.pair("handler", route.handler);
        self.pair("name", name_of(route));
        self.pair(
            "body",
            match route.spec.body {
                BodyMode::None => "none",
                BodyMode::Whole => "whole",
                BodyMode::Stream => "stream",
            },
        );
        self.flag("blocking", route.spec.blocking);
        self.pair("app", route.app);
    }

    const fn errors(&mut self, errors: &[Bound]) {
        let mut at = 0;
        while at < errors.len() {
            self.raw("[[error]]\nstatus = ");
            self.number(errors[at].spec.status as u32);
            self.raw("\n");
            self.pair("handler", errors[at].handler);
            self.pair("app", errors[at].app);
            at += 1;
        }
    }

    const fn apps(&mut self, apps: &[AppEntry]) {
        let mut at = 0;
        while at < apps.len() {
            self.raw("[[app]]\n");
            self.pair("name", apps[at].name);
            self.flag("factory", apps[at].factory);
            at += 1;
        }
    }

    const fn pair(&mut self, key: &str, value: &str) {
        self.raw(key);
        self.raw(" = ");
        self.string(value);
        self.raw("\n");
    }

    const fn flag(&mut self, key: &str, value: bool) {
        self.raw(key);
        self.raw(if value { " = true\n" } else { " = false\n" });
    }

    const fn list(&mut self, key: &str, values: &[&str]) {
        self.raw(key);
        self.raw(" = [");
        let mut at = 0;
        while at < values.len() {
            if at > 0 {
                self.raw(", ");
            }
            self.string(values[at]);
            at += 1;
        }
        self.raw("]\n");
    }

    const fn number(&mut self, number: u32) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.byte(b'0' + (number % 10) as u8);
    }

    const fn string(&mut self, text: &str) {
        self.byte(b'"');
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                byte @ (b'"' | b'\\') => {
                    self.byte(b'\\');
                    self.byte(byte);
                }
                byte @ (0..0x20 | 0x7f) => {
                    self.raw("\\u00");
                    self.byte(hex(byte >> 4));
                    self.byte(hex(byte & 15));
                }
                byte => self.byte(byte),
            }
            at += 1;
        }
        self.byte(b'"');
    }

    const fn raw(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self.byte(bytes[at]);
            at += 1;
        }
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < N {
            self.text[self.len] = byte;
        }
        self.len += 1;
    }
}

const fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

pub(crate) const fn name_of(route: &Bound) -> &'static str {
    match route.spec.name {
        Some(name) => name,
        None => route.handler,
    }
}

/// Stops the build when two routes of an app have the same name.
pub const fn assert_names_differ(routes: &[Bound]) {
    let mut at = 0;
    while at < routes.len() {
        let mut other = 0;
        while other < at {
            let same = equal(name_of(&routes[at]), name_of(&routes[other]))
                && equal(routes[at].app, routes[other].app);
            assert!(
                !same,
                "two routes of one app have the same name: give one another `name = \"..\"` in its attribute"
            );
            other += 1;
        }
        at += 1;
    }
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
