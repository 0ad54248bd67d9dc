/* A plugin that uses every helper of the header: the tests compile it as C and as C++. */
#include "plugin_api.h"

PA_NOTE("id = \"header\"\nversion = \"0.1.0\"\nstate_schema = 1\n")

static const pa_host_store *store;

static int32_t call(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    (void)data;
    (void)pending;
    pa_log(request, PA_LOG_INFO, "called");
    if (!PA_COVERS(request, pa_request, vt)) return PA_DECLINED;
    if (pa_header(request, "host").ptr == NULL) return pa_abort(response, 400, "no host");
    if (pa_is(request->method, "HEAD")) return pa_text(response, 204, pa_str(""));
    pa_slice name = pa_param_of(request, "name");
    return pa_answer(request, response, 200, "text/html", pa_printf(request, "%.*s", PA_ARG(name)));
}

static const pa_handler_vt handler_vt = PA_HANDLER_VT(call);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    (void)self;
    if (!pa_is(name, "call")) return PA_DECLINED;
    out->data = NULL;
    out->vt = &handler_vt;
    return PA_READY;
}

static const pa_plugin_handlers handlers = { sizeof(pa_plugin_handlers), 0, bind };

static int32_t save(void *self, pa_buf *out, pa_buf *err) {
    (void)self;
    return store->get(store->ctx, pa_str("saved"), out, err);
}

static int32_t load(void *self, uint32_t from_schema, pa_slice bytes, pa_buf *err) {
    (void)self;
    if (from_schema != 1) return pa_fail(err, "not a schema of mine");
    return store->compare_and_set(store->ctx, pa_str("saved"), pa_absent(), bytes, err);
}

static const pa_plugin_state state = { sizeof(pa_plugin_state), 0, save, load };

static int32_t forget(void *data, pa_slice key) {
    (void)data;
    return store->remove(store->ctx, key, NULL);
}

static int32_t create(const pa_host *host, pa_slice config, void **out, pa_buf *err) {
    int64_t starts = 0;
    (void)config;
    *out = (void *)host;
    store = pa_store(host);
    if (store == NULL || !PA_COVERS(store, pa_host_store, visit)) return pa_fail(err, "no store");
    if (store->add(store->ctx, pa_str("starts"), 1, &starts, err) != PA_READY) return PA_ERR;
    if (store->count(store->ctx, pa_str("starts"), &starts, err) != PA_READY) return PA_ERR;
    if (store->set(store->ctx, pa_str("saved"), pa_str("nothing"), err) != PA_READY) return PA_ERR;
    pa_buf saved = pa_borrowed(pa_absent());
    if (store->get(store->ctx, pa_str("saved"), &saved, err) == PA_READY) pa_release(&saved);
    return store->visit(store->ctx, pa_str("session/"), NULL, forget, err);
}

static void destroy(void *self) {
    (void)self;
}

static const void *extension(void *self, pa_slice id) {
    (void)self;
    if (pa_is(id, PA_EXT_STATE)) return &state;
    return pa_is(id, PA_EXT_HANDLERS) ? &handlers : NULL;
}

const pa_plugin pa_plugin_v1 = { sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension };
