/* Answers well, but for one request in so many: that one fails, or is late. It writes a line to the log each time. */
#define _POSIX_C_SOURCE 200809L
#include "plugin_api.h"
#include <stdatomic.h>
#include <time.h>

PA_NOTE("id = \"moody\"\nversion = \"1.0.0\"\n"
        "[[route]]\nmethod = \"GET\"\nrule = \"/\"\nhandler = \"moody\"\n")

/* More than are asked before the load begins. */
enum { GOOD_MOODS = 30 };
static atomic_int requests;

static int32_t moody(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    if (atomic_fetch_add(&requests, 1) % GOOD_MOODS != GOOD_MOODS - 1) {
        return pa_text(response, 200, pa_str("good\n"));
    }
    pa_log(request, PA_LOG_INFO, "in a bad mood");
#ifdef LATE
    static const struct timespec LONG = {4, 0};
    nanosleep(&LONG, NULL);
    return pa_text(response, 200, pa_str("good\n"));
#else
    return pa_text(response, 500, pa_str("bad\n"));
#endif
}

static const pa_handler_vt MOODY_VT = PA_HANDLER_VT(moody);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    *out = (pa_handler){NULL, &MOODY_VT};
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
