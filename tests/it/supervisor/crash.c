/* A plugin for the tests of the supervisor: says which process it runs in, and takes it down when it is asked to. Files
 * beside the spec decide whether it can be loaded at all. */
#define _POSIX_C_SOURCE 200809L
#include "plugin_api.h"
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROUTE(rule, handler) "[[route]]\nmethod = \"GET\"\nrule = \"" rule "\"\nhandler = \"" handler "\"\n"

PA_NOTE("id = \"crash\"\nversion = \"1.0.0\"\n"
        ROUTE("/", "index") ROUTE("/pid", "pid") ROUTE("/abort", "abort") ROUTE("/block", "block"))

static int32_t index_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_str("hello\n"));
}

static int32_t pid(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_printf(request, "%d", (int)getpid()));
}

static int32_t abort_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    abort();
}

static const struct timespec MOMENT = {0, 2000000};

/* Until there is a file `gate` beside the spec. */
static int32_t block(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    pa_log(request, PA_LOG_INFO, "blocking");
    while (access("gate", F_OK) != 0) nanosleep(&MOMENT, NULL);
    return pa_text(response, 200, pa_str("unblocked\n"));
}

static const pa_handler_vt INDEX = PA_HANDLER_VT(index_), PID = PA_HANDLER_VT(pid), ABORT = PA_HANDLER_VT(abort_),
                           BLOCK = PA_HANDLER_VT(block);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    const pa_handler_vt *handler = pa_is(name, "pid")     ? &PID
                                   : pa_is(name, "abort") ? &ABORT
                                   : pa_is(name, "block") ? &BLOCK
                                                          : &INDEX;
    *out = (pa_handler){NULL, handler};
    return PA_READY;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    static char instance;
    *out = &instance;
    if (access("crash-at-start", F_OK) == 0) abort();
    if (access("fail-at-start", F_OK) == 0) {
        *err = pa_borrowed(pa_str("it is told to fail"));
        return PA_ERR;
    }
    return PA_READY;
}

static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension};
