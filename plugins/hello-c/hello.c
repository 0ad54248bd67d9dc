/* Says hello, in C: `/` and `/hello/<name>`. The README has the command that builds it. */
#include "plugin_api.h"

PA_NOTE("id = \"hello-c\"\n"
        "version = \"0.1.0\"\n"
        "sdk = \"c 1.0\"\n"
        "description = \"Says hello, in C\"\n"
        "[[route]]\n"
        "method = \"GET\"\n"
        "rule = \"/\"\n"
        "handler = \"index\"\n"
        "[[route]]\n"
        "method = \"GET\"\n"
        "rule = \"/hello/<name>\"\n"
        "handler = \"hello\"\n")

static int32_t index_page(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    (void)data, (void)request, (void)pending;
    return pa_text(response, 200, pa_str("This is the plugin `hello-c`. Ask for /hello/<name>.\n"));
}

static int32_t hello(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    (void)data, (void)pending;
    pa_slice name = pa_param_of(request, "name");
    return pa_text(response, 200, pa_printf(request, "Hello %.*s!", PA_ARG(name)));
}

/* The names in the manifest, and what they stand for. */
static const struct {
    const char *name;
    pa_handler_vt vt;
} handlers[] = {
    { "index", PA_HANDLER_VT(index_page) },
    { "hello", PA_HANDLER_VT(hello) },
};

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (pa_is(name, handlers[i].name)) {
            out->data = self;
            out->vt = &handlers[i].vt;
            return PA_READY;
        }
    return PA_DECLINED;
}

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    (void)config_json, (void)err;
    *out = (void *)host; /* A plugin with a state allocates it here, and frees it in `destroy`. */
    return PA_READY;
}

static void destroy(void *self) {
    (void)self;
}

static const void *extension(void *self, pa_slice id) {
    static const pa_plugin_handlers table = { sizeof table, 0, bind };
    (void)self;
    return pa_is(id, PA_EXT_HANDLERS) ? &table : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension,
};
