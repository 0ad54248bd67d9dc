/* A plugin for the tests of what a process may do: tries to be root again, takes memory and processes. */
#define _GNU_SOURCE
#include "plugin_api.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define ROUTE(rule, handler) "[[route]]\nmethod = \"GET\"\nrule = \"" rule "\"\nhandler = \"" handler "\"\n"

PA_NOTE("id = \"rights\"\nversion = \"1.0.0\"\n"
        ROUTE("/", "index") ROUTE("/regain", "regain") ROUTE("/take/<bytes:int>", "take")
        ROUTE("/take-or-die/<bytes:int>", "take_or_die") ROUTE("/orphan", "orphan"))

static int32_t index_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_printf(request, "%d %d", (int)getuid(), (int)getgid()));
}

static int32_t regain(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    int ways = (setuid(0) == 0) + (seteuid(0) == 0) + (setresuid(-1, 0, -1) == 0) + (setgid(0) == 0) + (setegid(0) == 0);
    return pa_text(response, 200, pa_printf(request, "%d", ways));
}

/* All of it is written to: what the system only promised would not count. */
static void *taken(const pa_request *request) {
    size_t bytes = (size_t)request->params->number.as_int;
    void *memory = malloc(bytes);
    if (memory) memset(memory, 1, bytes);
    return memory;
}

static int32_t take(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    void *memory = taken(request);
    int failed = memory == NULL;
    free(memory);
    return failed ? pa_abort(response, 503, "no memory") : pa_text(response, 200, pa_str("taken"));
}

/* As Rust's allocator does it. */
static int32_t take_or_die(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    void *memory = taken(request);
    if (memory == NULL) abort();
    free(memory);
    return pa_text(response, 200, pa_str("taken"));
}

/* A process whose parent ends before it: whoever adopts it has to take it off the system's list. Answers with its id. */
static int32_t orphan(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    int ends[2];
    if (pipe(ends) != 0) return PA_ERR;
    pid_t child = fork();
    if (child == 0) {
        pid_t orphan = fork();
        if (orphan == 0) _exit(7);
        _exit(write(ends[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : 1);
    }
    close(ends[1]);
    pid_t pid = 0;
    if (read(ends[0], &pid, sizeof pid) != sizeof pid) return PA_ERR;
    close(ends[0]);
    return pa_text(response, 200, pa_printf(request, "%d %d", (int)child, (int)pid));
}

static const pa_handler_vt INDEX = PA_HANDLER_VT(index_), REGAIN = PA_HANDLER_VT(regain), TAKE = PA_HANDLER_VT(take),
                           TAKE_OR_DIE = PA_HANDLER_VT(take_or_die), ORPHAN = PA_HANDLER_VT(orphan);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    const pa_handler_vt *handler = pa_is(name, "regain")        ? &REGAIN
                                   : pa_is(name, "take")        ? &TAKE
                                   : pa_is(name, "take_or_die") ? &TAKE_OR_DIE
                                   : pa_is(name, "orphan")      ? &ORPHAN
                                                                : &INDEX;
    *out = (pa_handler){NULL, handler};
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
