/* A plugin that keeps one line of text, and hands it over in schema 7. A test defines VERSION; REFUSES: it takes no state. */
#include "plugin_api.h"
#include <stdio.h>
#include <stdlib.h>

#ifndef ACCEPTS
#define ACCEPTS "[7]"
#endif

PA_NOTE("id = \"keeper\"\nversion = \"" VERSION "\"\nstate_schema = 7\nstate_accepts = " ACCEPTS "\n"
        "[[route]]\nmethod = \"GET\"\nrule = \"/\"\nhandler = \"index\"\n")

static char kept[64] = "made by " VERSION;

static int32_t index_page(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_str(kept));
}

static const pa_handler_vt INDEX = PA_HANDLER_VT(index_page);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    *out = (pa_handler){self, &INDEX};
    return PA_READY;
}

static int32_t save(void *self, pa_buf *out, pa_buf *err) {
    *out = pa_borrowed(pa_str(kept));
    return PA_READY;
}

static int32_t load(void *self, uint32_t from, pa_slice bytes, pa_buf *err) {
#ifdef REFUSES
    *err = pa_borrowed(pa_str("I do not like it"));
    return PA_ERR;
#endif
    snprintf(kept, sizeof kept, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
    return PA_READY;
}

static int32_t create(const pa_host *host, pa_slice config, void **out, pa_buf *err) {
    *out = kept;
    return PA_READY;
}

static void destroy(void *self) {}

static const pa_plugin_handlers HANDLERS = {sizeof HANDLERS, 0, bind};
static const pa_plugin_state STATE = {sizeof STATE, 0, save, load};

static const void *extension(void *self, pa_slice id) {
    if (pa_is(id, PA_EXT_HANDLERS)) return &HANDLERS;
    return pa_is(id, PA_EXT_STATE) ? &STATE : NULL;
}

const pa_plugin pa_plugin_v1 = {
    .size = sizeof(pa_plugin),
    .abi_major = PA_ABI_MAJOR,
    .abi_minor = PA_ABI_MINOR,
    .create = create,
    .destroy = destroy,
    .extension = extension,
};
