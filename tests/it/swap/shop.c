#define _DEFAULT_SOURCE
/* A plugin whose answers say which version of it answered. A test defines VERSION, a string, and LETTER, a character;
 * and what is to go wrong: BAD_CREATE, BAD_START, BAD_ROUTE, SICK. */
#include "plugin_api.h"
#include <stdlib.h>
#include <unistd.h>

PA_NOTE("id = \"shop\"\nversion = \"" VERSION "\"\n"
        "[[route]]\nmethod = \"GET\"\nrule = \"/\"\nhandler = \"index\"\n"
        "[[route]]\nmethod = \"GET\"\nrule = \"/big\"\nhandler = \"big\"\n"
        "[[route]]\nmethod = \"GET\"\nrule = \"/health\"\nhandler = \"health\"\n"
        "[[route]]\nmethod = \"GET\"\nrule = \"/wait/<file:path>\"\nhandler = \"wait\"\n"
        "[[route]]\nmethod = \"POST\"\nrule = \"/upload\"\nhandler = \"upload\"\nbody = \"whole\"\n"
#ifdef BAD_ROUTE
        "[[route]]\nmethod = \"GET\"\nrule = \"/other\"\nhandler = \"index\"\n"
#endif
)

enum { BIG = 4 << 20 };

static int32_t index_page(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_str("version " VERSION));
}

static void drop_big(void *owner, const uint8_t *ptr, size_t len) {
    free(owner);
}

/* A body in this plugin's memory. */
static int32_t big(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    char *body = malloc(BIG);
    memset(body, LETTER, BIG);
    response->body = (pa_buf){(const uint8_t *)body, BIG, body, drop_big};
    return PA_READY;
}

static int32_t health(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
#ifdef SICK
    return PA_ERR;
#else
    return pa_text(response, 200, pa_str("well"));
#endif
}

/* Holds its thread until the file is there. */
static int32_t wait(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    pa_slice file = pa_param_of(request, "file");
    char path[512] = "/";
    memcpy(path + 1, file.ptr, file.len < 500 ? file.len : 500);
    while (access(path, F_OK) != 0) usleep(1000);
    return pa_text(response, 200, pa_str("waited on " VERSION));
}

static int32_t upload(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_printf(request, "%zu bytes for " VERSION, request->body.len));
}

static const struct {
    const char *name;
    pa_handler_vt vt;
} HANDLERS[] = {
    {"index", PA_HANDLER_VT(index_page)}, {"big", PA_HANDLER_VT(big)},       {"health", PA_HANDLER_VT(health)},
    {"wait", PA_HANDLER_VT(wait)},        {"upload", PA_HANDLER_VT(upload)},
};

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    for (size_t i = 0; i < sizeof HANDLERS / sizeof *HANDLERS; i++)
        if (pa_is(name, HANDLERS[i].name)) {
            *out = (pa_handler){self, &HANDLERS[i].vt};
            return PA_READY;
        }
    return PA_DECLINED;
}

static int32_t create(const pa_host *host, pa_slice config, void **out, pa_buf *err) {
    *out = (void *)host;
#ifdef BAD_CREATE
    *err = pa_borrowed(pa_str("the database is not there"));
    return PA_ERR;
#endif
    return PA_READY;
}

static int32_t start(void *self, pa_buf *err) {
#ifdef BAD_START
    *err = pa_borrowed(pa_str("port 5432: connection refused"));
    return PA_ERR;
#endif
    return PA_READY;
}

static void destroy(void *self) {}

static const pa_plugin_handlers TABLE = {sizeof TABLE, 0, bind};

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &TABLE : NULL;
}

const pa_plugin pa_plugin_v1 = {
    .size = sizeof(pa_plugin),
    .abi_major = PA_ABI_MAJOR,
    .abi_minor = PA_ABI_MINOR,
    .create = create,
    .start = start,
    .destroy = destroy,
    .extension = extension,
};
