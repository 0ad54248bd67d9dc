use super::*;
use crate::host_side::HostSide;
use crate::library::fixture::Folder;
use crate::library::{Library, Sealed};
use crate::manifest::Note;
use crate::run_handle::RunHandle;
use crate::stop::Stop;

fn manifest(id: &str, version: &str, keys: &str) -> Manifest {
    let text = format!("id = '{id}'\nversion = '{version}'\n{keys}");
    Manifest::parse(&Note { abi_major: 1, abi_minor: 1, flags: 0, text }).unwrap()
}

#[test]
fn state_moves_where_both_know_its_schema() {
    let two = manifest("catalog", "1.4.1", "state_schema = 2");
    let none = manifest("catalog", "1.4.1", "");
    let both = manifest("catalog", "1.5.0", "state_schema = 3\nstate_accepts = [2, 3]");
    let heir = manifest("catalog", "1.5.0", "state_accepts = [2]");
    assert_eq!(plan(&two, &two), Ok(Plan::Move { schema: 2 }));
    assert_eq!(plan(&two, &both), Ok(Plan::Move { schema: 2 }));
    assert_eq!(plan(&two, &heir), Ok(Plan::Move { schema: 2 }), "it takes over, and saves no more");
    for (old, new) in [(&none, &two), (&two, &none), (&none, &none), (&heir, &two)] {
        assert_eq!(plan(old, new), Ok(Plan::Nothing));
    }
}

#[test]
fn a_schema_that_is_not_accepted_is_refused_with_both_sides() {
    let old = manifest("catalog", "1.4.1", "state_schema = 2");
    let new = manifest("catalog", "1.5.0", "state_schema = 4\nstate_accepts = [3, 4]");
    let error = plan(&old, &new).unwrap_err();
    assert_eq!(error.message(), "catalog 1.4.1 saves schema 2, 1.5.0 accepts 3, 4");
    let cure = "let `load` of the new one read schema 2, too, and name it in `accepts`";
    assert_eq!(error.helps(), [cure]);
    let other = manifest("shop", "1.0.0", "state_schema = 1");
    assert_eq!(
        plan(&old, &other).unwrap_err().message(),
        "catalog 1.4.1 saves schema 2, shop 1.0.0 accepts 1"
    );
}

/// A plugin in C whose state is the text of its configuration, and which does as the first letter of it says.
const PLUGIN: &str = r#"
#include "plugin_api.h"
#include <stdlib.h>

PA_NOTE("id = \"state\"\nversion = \"1\"\nstate_schema = 1\n")

static char *kept(pa_slice text) {
    char *copy = calloc(text.len + 1, 1);
    memcpy(copy, text.ptr, text.len);
    return copy;
}

static void give_back(void *owner, const uint8_t *bytes, size_t len) {
    (void)bytes, (void)len;
    free(owner);
}

static int32_t create(const pa_host *host, pa_slice config, void **out, pa_buf *err) {
    char **state = malloc(sizeof *state);
    (void)host, (void)err;
    *state = kept(config);
    *out = state;
    return PA_READY;
}

static int32_t save(void *self, pa_buf *out, pa_buf *err) {
    char *state = *(char **)self;
    switch (*state) {
        case 'd': return PA_DECLINED;
        case 'f': return pa_fail(err, "the disk is full");
        case 'p': return PA_PANIC;
        case 'l': out->ptr = (const uint8_t *)state; out->len = ((size_t)1 << 30) + 1; return PA_READY;
    }
    char *copy = kept(pa_str(state));
    *out = (pa_buf){ (const uint8_t *)copy, strlen(copy), copy, give_back };
    return PA_READY;
}

static int32_t load(void *self, uint32_t from_schema, pa_slice bytes, pa_buf *err) {
    char **state = self;
    if (from_schema == 9) return PA_DECLINED;
    if (from_schema != 1) return pa_fail(err, "I know schema 1 alone");
    free(*state);
    *state = kept(bytes);
    return PA_READY;
}

static void destroy(void *self) {
    free(*(char **)self);
    free(self);
}

static const void *extension(void *self, pa_slice id) {
    static const pa_plugin_state table = { sizeof table, 0, save, load };
    return pa_is(id, PA_EXT_STATE) && **(char **)self != 'n' ? &table : NULL;
}

const pa_plugin pa_plugin_v1 = { sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension };
"#;

/// An instance of it.
struct Instance {
    library: Library,
    this: *mut c_void,
}

impl Instance {
    fn new(folder: &Folder, config: &str) -> Self {
        let include = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../plugin-api/include");
        let library = Library::open(Sealed::copy(&folder.library(PLUGIN, &[include])).unwrap()).unwrap();
        let host = HostSide::new("state", RunHandle::new(Stop::new().unwrap()));
        let mut instance = Self { library, this: std::ptr::null_mut() };
        let (create, this) = (instance.entry().create, &raw mut instance.this);
        // SAFETY: the host is never freed; the rest is lent for the call; this plugin never fails here.
        let code = unsafe { create(host.table(), abi::Slice::text(config), this, std::ptr::null_mut()) };
        assert_eq!(code, abi::READY);
        instance
    }

    fn entry(&self) -> &'static abi::Plugin {
        // SAFETY: the entry of the plugin above, which is never unmapped.
        unsafe { &*self.library.entry().cast() }
    }

    fn save(&self) -> Result<Option<Snapshot>, Error> {
        // SAFETY: the entry of a library that stays mapped, and its instance; nothing else is called meanwhile.
        unsafe { save("shop", self.entry(), self.this, 1) }
    }

    fn load(&self, schema: u32, bytes: &[u8]) -> Result<(), Error> {
        let snapshot = Snapshot { schema, bytes: bytes.to_vec() };
        // SAFETY: as in `save`.
        unsafe { load("shop", self.entry(), self.this, &snapshot) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: created once, destroyed once.
        unsafe { (self.entry().destroy)(self.this) }
    }
}

#[test]
fn a_state_moves_to_another_generation() {
    let folder = Folder::new();
    let (old, new) = (Instance::new(&folder, "cart of seven"), Instance::new(&folder, "empty"));
    let snapshot = old.save().unwrap().unwrap();
    assert_eq!(snapshot, Snapshot { schema: 1, bytes: b"cart of seven".to_vec() });
    drop(old);
    new.load(snapshot.schema, &snapshot.bytes).unwrap();
    assert_eq!(new.save().unwrap().unwrap().bytes, b"cart of seven");
}

#[test]
fn what_is_not_saved_says_why() {
    let folder = Folder::new();
    let save = |config: &str| Instance::new(&folder, config).save().map_err(|error| error.to_string());
    assert_eq!(save("declines"), Ok(None));
    assert_eq!(save("fails"), Err("plugin `shop`: save: the disk is full".into()));
    assert_eq!(save("panics"), Err("plugin `shop`: save: panicked".into()));
    let large = "plugin `shop`: save: it saved 1073741825 bytes, at most 1073741824 are handed over\n\
                 help: keep what is large in a file, or in the store";
    assert_eq!(save("large"), Err(large.into()));
    let none = "plugin `shop`: save: its manifest has a state, but it has no extension `pa.state/1`";
    assert_eq!(save("none"), Err(none.into()));
}

#[test]
fn what_is_not_taken_over_says_why_and_changes_nothing() {
    let folder = Folder::new();
    let new = Instance::new(&folder, "mine");
    let load = |schema| new.load(schema, b"theirs").unwrap_err().to_string();
    assert_eq!(load(2), "plugin `shop`: load: schema 2: I know schema 1 alone");
    assert_eq!(load(9), "plugin `shop`: load: schema 9: declined");
    assert_eq!(new.save().unwrap().unwrap().bytes, b"mine");
    let none =
        "plugin `shop`: load: schema 1: its manifest has a state, but it has no extension `pa.state/1`";
    assert_eq!(Instance::new(&folder, "none").load(1, b"").unwrap_err().to_string(), none);
}
