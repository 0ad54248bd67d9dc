#define _DEFAULT_SOURCE
/* A plugin that stops at a step of its life until it is let go. A test defines VERSION and WAITS, two strings: at the step that
 * WAITS names it makes the file `at-STEP` beside the spec, and waits for the file `go-STEP`. */
#include "plugin_api.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ROUTE(rule, handler, more) "[[route]]\nmethod = \"GET\"\nrule = \"" rule "\"\nhandler = \"" handler "\"\n" more

PA_NOTE("id = \"fickle\"\nversion = \"" VERSION "\"\nstate_schema = 1\n"
        ROUTE("/", "index", "")
        ROUTE("/block", "block", "")
        ROUTE("/block-elsewhere", "block", "blocking = true\n"))

static void wait_for(const char *file) {
    while (access(file, F_OK) != 0) usleep(1000);
}

static void step(const char *name) {
    char file[64];
    if (strcmp(name, WAITS) != 0) return;
    snprintf(file, sizeof file, "at-%s", name);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    snprintf(file, sizeof file, "go-%s", name);
    wait_for(file);
}

__attribute__((constructor)) static void constructor(void) {
    step("constructor");
}

static int32_t index_page(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_str("version " VERSION));
}

/* Holds its thread until the file `go-block` is there. */
static int32_t block(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    pa_log(request, PA_LOG_INFO, "blocking");
    wait_for("go-block");
    pa_log(request, PA_LOG_INFO, "unblocked");
    return pa_text(response, 200, pa_str("unblocked"));
}

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    static const pa_handler_vt INDEX = PA_HANDLER_VT(index_page), BLOCK = PA_HANDLER_VT(block);
    *out = (pa_handler){NULL, pa_is(name, "block") ? &BLOCK : &INDEX};
    return PA_READY;
}

static int32_t create(const pa_host *host, pa_slice config, void **out, pa_buf *err) {
    static char instance;
    *out = &instance;
    step("create");
    return PA_READY;
}

static int32_t start(void *self, pa_buf *err) {
    static int starts;
    step(starts++ == 0 ? "start" : "start-again");
    return PA_READY;
}

static void stop(void *self) {
    step("stop");
}

static void destroy(void *self) {
    step("destroy");
}

static int32_t save(void *self, pa_buf *out, pa_buf *err) {
    step("save");
    *out = pa_borrowed(pa_str("state"));
    return PA_READY;
}

static int32_t load(void *self, uint32_t from_schema, pa_slice bytes, pa_buf *err) {
    step("load");
    return PA_READY;
}

static const void *extension(void *self, pa_slice id) {
    static const pa_plugin_handlers HANDLERS = {sizeof HANDLERS, 0, bind};
    static const pa_plugin_state STATE = {sizeof STATE, 0, save, load};
    if (pa_is(id, PA_EXT_STATE)) return &STATE;
    return pa_is(id, PA_EXT_HANDLERS) ? &HANDLERS : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, start, stop, destroy, extension};
