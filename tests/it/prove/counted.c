/* Writes a byte to the file that its configuration names, each time that it is created. */
#include "plugin_api.h"
#include <stdio.h>

PA_NOTE("id = \"counted\"\nversion = \"1.0.0\"\n[[route]]\nmethod = \"GET\"\nrule = \"/\"\nhandler = \"index\"\n")

static int32_t index_page(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_str("here\n"));
}

static const pa_handler_vt INDEX_VT = PA_HANDLER_VT(index_page);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    *out = (pa_handler){NULL, &INDEX_VT};
    return PA_READY;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    static char instance, path[512];
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)config_json.len, (const char *)config_json.ptr);
    FILE *file = sscanf(text, "{\"file\":\"%500[^\"]", path) == 1 ? fopen(path, "a") : NULL;
    if (!file) {
        return PA_ERR;
    }
    fputc('.', file);
    *out = &instance;
    return fclose(file) == 0 ? PA_READY : PA_ERR;
}

static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension};
