/* A plugin that is loaded when there is a file `gate` beside the spec, and fails as other files say. */
#define _POSIX_C_SOURCE 200809L
#include "plugin_api.h"
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROUTE(rule, handler) "[[route]]\nmethod = \"GET\"\nrule = \"" rule "\"\nhandler = \"" handler "\"\n"

PA_NOTE("id = \"late\"\nversion = \"1.0.0\"\n" ROUTE("/", "index") ROUTE("/block", "block"))

static const struct timespec MOMENT = {0, 2000000};

static void wait_for_gate(void) {
    while (access("gate", F_OK) != 0) nanosleep(&MOMENT, NULL);
}

static int32_t index_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    if (access("fail-at-request", F_OK) == 0) return pa_text(response, 500, pa_str("not yet\n"));
    return pa_text(response, 200, pa_str("here at last\n"));
}

static int32_t block(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    pa_log(request, PA_LOG_INFO, "blocking");
    wait_for_gate();
    return pa_text(response, 200, pa_str("unblocked\n"));
}

static const pa_handler_vt INDEX = PA_HANDLER_VT(index_), BLOCK = PA_HANDLER_VT(block);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    if (access("fail-at-bind", F_OK) == 0) return PA_ERR;
    *out = (pa_handler){NULL, pa_is(name, "block") ? &BLOCK : &INDEX};
    return PA_READY;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    static char instance;
    *out = &instance;
    if (access("fail-at-create", F_OK) == 0) return pa_fail(err, "it is told to fail");
    wait_for_gate();
    return PA_READY;
}

static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension};
