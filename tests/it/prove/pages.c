/* Pages of one letter, which tells the build: small, large, streamed, pending, and an echo. What is short lies in the library
 * itself, so that whoever reads it after that is unmapped reads nothing. */
#include "plugin_api.h"
#include <stdlib.h>
#include <string.h>

#define ROUTE(method, rule, handler, more) \
    "[[route]]\nmethod = \"" method "\"\nrule = \"" rule "\"\nhandler = \"" handler "\"\n" more

PA_NOTE("id = \"pages\"\nversion = \"1.0.0\"\n"
        ROUTE("GET", "/", "small", "")
        ROUTE("GET", "/large", "large", "")
        ROUTE("GET", "/stream", "stream", "")
        ROUTE("GET", "/pending", "pending", "")
        ROUTE("POST", "/echo", "echo", "body = \"whole\"\n"))

enum { SMALL = 1000, LARGE = 2000000, CHUNKS = 40, CHUNKS_A_REST = 10, REST_NANOS = 1000000 };

static const pa_host_timer *timer;
/* Not zero, so that it is a part of the file. */
static uint8_t letters[SMALL] = {LETTER};

static void free_bytes(void *owner, const uint8_t *ptr, size_t len) {
    free(owner);
}

static int32_t small(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    response->body = (pa_buf){letters, SMALL, NULL, NULL};
    return PA_READY;
}

static int32_t large(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    uint8_t *bytes = malloc(LARGE);
    memset(bytes, LETTER, LARGE);
    response->body = (pa_buf){bytes, LARGE, bytes, free_bytes};
    return PA_READY;
}

static int32_t echo(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    uint8_t *bytes = malloc(request->body.len + 1);
    bytes[0] = LETTER;
    memcpy(bytes + 1, request->body.ptr, request->body.len);
    response->body = (pa_buf){bytes, request->body.len + 1, bytes, free_bytes};
    return PA_READY;
}

/* ---- what takes its time: rests in between ---- */

typedef struct {
    pa_poll sleep;
    int chunks;
} work;

/* Whether it has slept; if not, the waker will be called. */
static int has_slept(work *work, const pa_waker *waker) {
    if (!work->sleep.vt) {
        timer->sleep(timer->ctx, REST_NANOS, &work->sleep);
    }
    if (work->sleep.vt->poll(work->sleep.data, waker, NULL) == PA_PENDING) {
        return 0;
    }
    work->sleep.vt->drop(work->sleep.data);
    work->sleep.vt = NULL;
    return 1;
}

static void work_drop(void *data) {
    work *work = data;
    if (work->sleep.vt) {
        work->sleep.vt->drop(work->sleep.data);
    }
    free(work);
}

static int32_t stream_poll(void *data, const pa_waker *waker, void *out) {
    work *work = data;
    if (work->chunks == CHUNKS) {
        return PA_END;
    }
    if (work->chunks % CHUNKS_A_REST == CHUNKS_A_REST - 1 && !has_slept(work, waker)) {
        return PA_PENDING;
    }
    work->chunks++;
    *(pa_buf *)out = (pa_buf){letters, SMALL, NULL, NULL};
    return PA_READY;
}

static const pa_poll_vt STREAM_VT = {sizeof(pa_poll_vt), 0, stream_poll, work_drop};

static int32_t stream(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    response->stream = (pa_poll){calloc(1, sizeof(work)), &STREAM_VT};
    return PA_READY;
}

static int32_t pending_poll(void *data, const pa_waker *waker, void *out) {
    if (!has_slept(data, waker)) {
        return PA_PENDING;
    }
    pa_response *response = out;
    response->body = (pa_buf){letters, SMALL, NULL, NULL};
    return PA_READY;
}

static const pa_poll_vt PENDING_VT = {sizeof(pa_poll_vt), 0, pending_poll, work_drop};

static int32_t pending_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    *pending = (pa_poll){calloc(1, sizeof(work)), &PENDING_VT};
    return PA_PENDING;
}

/* ---- the plugin ---- */

#define HANDLER(name, call) {name, PA_HANDLER_VT(call)}
static const struct {
    const char *name;
    pa_handler_vt vt;
} HANDLERS[] = {
    HANDLER("small", small), HANDLER("large", large), HANDLER("stream", stream), HANDLER("pending", pending_),
    HANDLER("echo", echo),
};

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    for (size_t i = 0; i < sizeof HANDLERS / sizeof *HANDLERS; i++) {
        if (pa_is(name, HANDLERS[i].name)) {
            *out = (pa_handler){NULL, &HANDLERS[i].vt};
            return PA_READY;
        }
    }
    return PA_DECLINED;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    timer = host->extension(host->ctx, pa_str(PA_EXT_TIMER));
    memset(letters, LETTER, sizeof letters);
    *out = letters;
    return timer ? PA_READY : PA_ERR;
}

static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension};
