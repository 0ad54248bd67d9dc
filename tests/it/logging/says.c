/* A plugin for the tests of the log: says what it is told, by both of its ways to the log. */
#include "plugin_api.h"
#include <stdlib.h>
#include <string.h>

#define ROUTE(rule, handler, more) \
    "[[route]]\nmethod = \"GET\"\nrule = \"" rule "\"\nhandler = \"" handler "\"\n" more

PA_NOTE("id = \"says\"\nversion = \"1.0.0\"\n"
        ROUTE("/say/<text:path>", "say", "")
        ROUTE("/elsewhere/<text:path>", "say", "blocking = true\n")
        ROUTE("/later/<text:path>", "later", "")
        ROUTE("/stream/<text:path>", "stream", "")
        ROUTE("/own-id", "own_id", "")
        ROUTE("/die", "die", ""))

static const pa_host *host;

/* Through the host, which is not told which request it is about. */
static void say(pa_slice text) {
    host->log(host->ctx, PA_LOG_INFO, text);
}

static int32_t id_of(const pa_request *request, pa_response *response) {
    return pa_text(response, 200, request->vt->id(request->ctx));
}

/* No path of a route has a line end: `~` is one. */
static int32_t say_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    pa_slice param = pa_param_of(request, "text");
    pa_slice text = pa_printf(request, "%.*s", (int)param.len, param.ptr);
    char *byte = memchr((void *)text.ptr, '~', text.len);
    if (byte) *byte = '\n';
    request->vt->log(request->ctx, PA_LOG_INFO, text);
    say(text);
    return id_of(request, response);
}

/* ---- says it when it is polled for the second time ---- */

typedef struct {
    const pa_request *request;
    int polls;
} later;

static int32_t later_poll(void *data, const pa_waker *waker, void *out) {
    later *later = data;
    if (later->polls++ == 0) {
        waker->vt->wake_by_ref(waker);
        return PA_PENDING;
    }
    say(pa_param_of(later->request, "text"));
    return id_of(later->request, out);
}

static const pa_poll_vt LATER_VT = {sizeof(pa_poll_vt), 0, later_poll, free};

static int32_t later_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    later *later = calloc(1, sizeof *later);
    later->request = request;
    *pending = (pa_poll){later, &LATER_VT};
    return PA_PENDING;
}

static int32_t stream_poll(void *data, const pa_waker *waker, void *out) {
    later *later = data;
    if (later->polls++ == 1) return PA_END;
    say(pa_param_of(later->request, "text"));
    *(pa_buf *)out = pa_borrowed(pa_str("chunk"));
    return PA_READY;
}

static const pa_poll_vt STREAM_VT = {sizeof(pa_poll_vt), 0, stream_poll, free};

static int32_t stream(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    later *later = calloc(1, sizeof *later);
    later->request = request;
    pa_text(response, 200, pa_str(""));
    response->stream = (pa_poll){later, &STREAM_VT};
    return PA_READY;
}

static int32_t own_id(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    response->headers = pa_alloc(request, sizeof(pa_pair));
    response->headers[0] = (pa_pair){pa_str("X-Request-Id"), pa_str("forged")};
    response->headers_len = 1;
    return PA_READY;
}

static int32_t die(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    pa_log(request, PA_LOG_WARN, "last words");
    abort();
}

static const pa_handler_vt DIE = PA_HANDLER_VT(die);
static const pa_handler_vt SAY = PA_HANDLER_VT(say_), LATER = PA_HANDLER_VT(later_), STREAM = PA_HANDLER_VT(stream),
                           OWN_ID = PA_HANDLER_VT(own_id);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    const pa_handler_vt *handler = pa_is(name, "later")    ? &LATER
                                   : pa_is(name, "stream") ? &STREAM
                                   : pa_is(name, "own_id") ? &OWN_ID
                                   : pa_is(name, "die")    ? &DIE
                                                           : &SAY;
    *out = (pa_handler){NULL, handler};
    return PA_READY;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *given, pa_slice config_json, void **out, pa_buf *err) {
    static char instance;
    *out = &instance;
    host = given;
    say(pa_str("created"));
    return PA_READY;
}

static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension};
