/* A static of an inline function: C++ makes one of all that are loaded, so that the loader never lets go of the library. */
#include "plugin_api.h"

PA_NOTE("id = \"unique\"\nversion = \"1.0.0\"\n[[route]]\nmethod = \"GET\"\nrule = \"/\"\nhandler = \"index\"\n")

inline int next() {
    static int count;
    return ++count;
}

static int32_t index_page(void *, const pa_request *request, pa_response *response, pa_poll *) {
    return pa_text(response, 200, pa_str(next() > 0 ? "counted\n" : "never\n"));
}

static const pa_handler_vt INDEX_VT = PA_HANDLER_VT(index_page);

static int32_t bind(void *, pa_slice, pa_handler *out) {
    out->data = nullptr;
    out->vt = &INDEX_VT;
    return PA_READY;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *, pa_slice, void **out, pa_buf *) {
    static char instance;
    *out = &instance;
    return PA_READY;
}

static void destroy(void *) {}

static const void *extension(void *, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : nullptr;
}

extern "C" const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, nullptr, nullptr, destroy, extension};
