/* What the recorded cases of HTTP/1 are asked of: reads every body, then answers 200 to every method and path. */
#include "plugin_api.h"

PA_NOTE("id = \"anything\"\nversion = \"1.0.0\"\n"
        "[[route]]\nmethod = \"ANY\"\nrule = \"/\"\nhandler = \"ok\"\nbody = \"whole\"\n"
        "[[route]]\nmethod = \"ANY\"\nrule = \"/<rest:path>\"\nhandler = \"ok\"\nbody = \"whole\"\n")

static int32_t ok(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    response->body = pa_borrowed(pa_str("ok"));
    return PA_READY;
}

static const pa_handler_vt OK = PA_HANDLER_VT(ok);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    *out = (pa_handler){NULL, &OK};
    return PA_READY;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    static char instance;
    *out = &instance;
    return PA_READY;
}

static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension};
