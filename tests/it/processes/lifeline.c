/* A plugin for the tests of `forking`: writes where it is created, started and stopped, to a file beside the spec. With
 * EAGER it starts a thread where none survives; with STUCK it has a handler that never returns. */
#define _GNU_SOURCE
#include "plugin_api.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUTE(rule, handler) "[[route]]\nmethod = \"GET\"\nrule = \"" rule "\"\nhandler = \"" handler "\"\n"

PA_NOTE("id = \"lifeline\"\nversion = \"1.0.0\"\n"
        ROUTE("/", "index") ROUTE("/pid", "pid") ROUTE("/abort", "abort") ROUTE("/forever", "forever")
        ROUTE("/count", "count") ROUTE("/stop", "stop"))

static const pa_host *the_host;
static pthread_t thread;
static int started, counter;

static void note(const char *what) {
    char line[64];
    int length = snprintf(line, sizeof line, "%s %d\n", what, (int)getpid());
    int file = open("life", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0 && write(file, line, (size_t)length) < 0) abort();
    close(file);
}

static void *idle(void *nothing) {
    for (;;) pause();
    return nothing;
}

static int32_t index_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_str(started ? "started\n" : "not started\n"));
}

static int32_t pid(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_printf(request, "%d", (int)getpid()));
}

static int32_t count(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_printf(request, "%d", ++counter));
}

static int32_t abort_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    abort();
}

static int32_t forever(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    for (;;) pause();
    return PA_ERR;
}

static int32_t stop_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    const pa_host_run *run = the_host->extension(the_host->ctx, pa_str("pa.run/1"));
    if (run == NULL || run->stop(run->ctx) != PA_READY) return pa_text(response, 500, pa_str("cannot\n"));
    return pa_text(response, 200, pa_str("stops\n"));
}

static const pa_handler_vt INDEX = PA_HANDLER_VT(index_), PID = PA_HANDLER_VT(pid), ABORT = PA_HANDLER_VT(abort_),
                           FOREVER = PA_HANDLER_VT(forever), COUNT = PA_HANDLER_VT(count), STOP = PA_HANDLER_VT(stop_);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    const pa_handler_vt *handler = pa_is(name, "pid")       ? &PID
                                   : pa_is(name, "abort")   ? &ABORT
                                   : pa_is(name, "forever") ? &FOREVER
                                   : pa_is(name, "count")   ? &COUNT
                                   : pa_is(name, "stop")    ? &STOP
                                                            : &INDEX;
    *out = (pa_handler){NULL, handler};
    return PA_READY;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    static char instance;
    *out = &instance;
    the_host = host;
    note("create");
#ifdef EAGER
    if (pthread_create(&thread, NULL, idle, NULL) != 0) return PA_ERR;
#endif
    return PA_READY;
}

static int32_t start(void *self, pa_buf *err) {
    note("start");
    started = 1;
    return pthread_create(&thread, NULL, idle, NULL) == 0 ? PA_READY : PA_ERR;
}

static void stop(void *self) {
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    started = 0;
    note("stop");
}

static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, start, stop, destroy, extension};
