/* Counts visits over swaps, in C: all of them in the host's store, and those of this page in a state that one generation
 * hands over to the next. The README has the command that builds it. */
#include "plugin_api.h"
#include <stdatomic.h>
#include <stdlib.h>

PA_NOTE("id = \"visits-c\"\n"
        "version = \"0.1.0\"\n"
        "sdk = \"c 1.1\"\n"
        "description = \"Counts visits over swaps, in C\"\n"
        "requires = [\"pa.store/1\"]\n"
        "state_schema = 1\n"
        "[[route]]\n"
        "method = \"GET\"\n"
        "rule = \"/\"\n"
        "handler = \"index\"\n")

/* The state. Handlers run on several threads at once. */
typedef struct visits {
    const pa_host_store *store;
    _Atomic uint64_t here;
} visits;

static int32_t index_page(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    visits *self = data;
    int64_t all = 0;
    (void)pending;
    if (self->store->add(self->store->ctx, pa_str("visits"), 1, &all, NULL) != PA_READY) return PA_ERR;
    unsigned long long here = atomic_fetch_add(&self->here, 1) + 1;
    return pa_text(response, 200, pa_printf(request, "visit %llu, %lld in all\n", here, (long long)all));
}

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    static const pa_handler_vt vt = PA_HANDLER_VT(index_page);
    if (!pa_is(name, "index")) return PA_DECLINED;
    out->data = self;
    out->vt = &vt;
    return PA_READY;
}

/* The buffer belongs to this plugin; the host calls this when it has read it. */
static void free_bytes(void *owner, const uint8_t *bytes, size_t len) {
    (void)bytes, (void)len;
    free(owner);
}

/* Schema 1 is a decimal number. Requests may go on meanwhile. */
static int32_t save(void *data, pa_buf *out, pa_buf *err) {
    enum { DIGITS_MAX = 24 };
    visits *self = data;
    char *text = malloc(DIGITS_MAX);
    if (text == NULL) return pa_fail(err, "out of memory");
    int len = snprintf(text, DIGITS_MAX, "%llu", (unsigned long long)atomic_load(&self->here));
    *out = (pa_buf){ (const uint8_t *)text, (size_t)len, text, free_bytes };
    return PA_READY;
}

/* The bytes are lent for the call, and end without a NUL. */
static int32_t load(void *data, uint32_t from_schema, pa_slice bytes, pa_buf *err) {
    visits *self = data;
    uint64_t here = 0;
    (void)from_schema; /* The host asks for what the manifest accepts, and for nothing else. */
    if (bytes.len == 0) return pa_fail(err, "the number is empty");
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] < '0' || bytes.ptr[i] > '9') return pa_fail(err, "this is no number");
        here = here * 10 + (uint64_t)(bytes.ptr[i] - '0');
    }
    atomic_store(&self->here, here);
    return PA_READY;
}

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    visits *self = calloc(1, sizeof *self);
    (void)config_json;
    if (self == NULL) return pa_fail(err, "out of memory");
    self->store = pa_store(host); /* It is there: the manifest requires it. */
    *out = self;
    return PA_READY;
}

static void destroy(void *self) {
    free(self);
}

static const void *extension(void *self, pa_slice id) {
    static const pa_plugin_handlers handlers = { sizeof handlers, 0, bind };
    static const pa_plugin_state state = { sizeof state, 0, save, load };
    (void)self;
    if (pa_is(id, PA_EXT_STATE)) return &state;
    return pa_is(id, PA_EXT_HANDLERS) ? &handlers : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension,
};
