/* A plugin that uses every helper of the header: the tests compile it as C and as C++. */
#include "plugin_api.h"

PA_NOTE("id = \"header\"\nversion = \"0.1.0\"\n")

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

static int32_t create(const pa_host *host, pa_slice config, void **out, pa_buf *err) {
    (void)config;
    (void)err;
    *out = (void *)host;
    return host->extension(host->ctx, pa_str(PA_EXT_TIMER)) != NULL ? PA_READY : PA_ERR;
}

static void destroy(void *self) {
    (void)self;
}

static const void *extension(void *self, pa_slice id) {
    (void)self;
    return pa_is(id, PA_EXT_HANDLERS) ? &handlers : NULL;
}

const pa_plugin pa_plugin_v1 = { sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension };
