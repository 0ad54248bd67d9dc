/* A plugin for the tests of the servers: answers that are slow, large, streamed, stuck or pending.
 *
 * A gate is a file that a test makes: a handler waits until the one that `x-gate` names is there. So a test decides when
 * something goes on, without a guess at how long anything takes. */
#define _POSIX_C_SOURCE 200809L
#include "plugin_api.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUTE(method, rule, handler, more) \
    "[[route]]\nmethod = \"" method "\"\nrule = \"" rule "\"\nhandler = \"" handler "\"\n" more

PA_NOTE("id = \"lab\"\nversion = \"1.0.0\"\n"
        ROUTE("GET", "/", "index", "")
        ROUTE("GET", "/large/<bytes:int>", "large", "")
        ROUTE("POST", "/echo", "echo", "body = \"whole\"\n")
        ROUTE("POST", "/length", "length", "body = \"whole\"\n")
        ROUTE("POST", "/unread", "index", "")
        ROUTE("GET", "/block", "block", "")
        ROUTE("GET", "/block-elsewhere", "block", "blocking = true\n")
        ROUTE("GET", "/pending", "pending", "")
        ROUTE("GET", "/dropped", "dropped", "")
        ROUTE("POST", "/read", "read", "body = \"stream\"\n")
        ROUTE("GET", "/write/<chunks:int>", "write", "")
        ROUTE("GET", "/write-broken", "write_broken", "")
        ROUTE("GET", "/flood", "flood", "")
        ROUTE("GET", "/stop", "stop", "")
        ROUTE("GET", "/fail", "fail", "")
        ROUTE("GET", "/broken-header", "broken_header", ""))

static const pa_host_timer *timer;
static const pa_host_run *runner;
static atomic_int dropped_count;

/* ---- answers ---- */

static void free_bytes(void *owner, const uint8_t *ptr, size_t len) {
    free(owner);
}

static pa_buf copy_of(const void *bytes, size_t len) {
    uint8_t *copy = malloc(len + 1);
    memcpy(copy, bytes, len);
    return (pa_buf){copy, len, copy, free_bytes};
}

static void answer(pa_response *response, const char *text) {
    pa_text(response, 200, pa_str(""));
    response->body = copy_of(text, strlen(text));
}

static int64_t number(const pa_request *request) {
    return request->params->number.as_int;
}

/* ---- gates ---- */

typedef struct {
    char path[512];
} gate;

static void find_gate(const pa_request *request, gate *gate) {
    pa_slice path = pa_header(request, "x-gate");
    gate->path[0] = 0;
    if (path.ptr && path.len < sizeof gate->path) {
        memcpy(gate->path, path.ptr, path.len);
        gate->path[path.len] = 0;
    }
}

static int is_open(const gate *gate) {
    return access(gate->path, F_OK) == 0;
}

static const struct timespec MOMENT = {0, 2000000};

/* ---- at once ---- */

static int32_t index_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    answer(response, "hello\n");
    return PA_READY;
}

static int32_t large(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    size_t len = (size_t)number(request);
    uint8_t *bytes = malloc(len + 1);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)('a' + i % 26);
    }
    response->body = (pa_buf){bytes, len, bytes, free_bytes};
    return PA_READY;
}

static int32_t echo(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    response->body = copy_of(request->body.ptr, request->body.len);
    return PA_READY;
}

static uint32_t sum(uint32_t sum, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        sum = sum * 31 + bytes[i];
    }
    return sum;
}

static int32_t length(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    char text[64];
    snprintf(text, sizeof text, "%zu %08x", request->body.len, sum(0, request->body.ptr, request->body.len));
    answer(response, text);
    return PA_READY;
}

static int32_t block(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    gate gate;
    find_gate(request, &gate);
    pa_log(request, PA_LOG_INFO, "blocking");
    while (!is_open(&gate)) {
        nanosleep(&MOMENT, NULL);
    }
    answer(response, "unblocked\n");
    return PA_READY;
}

static int32_t stop(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    answer(response, runner->stop(runner->ctx) == PA_READY ? "stopping\n" : "ignored\n");
    return PA_READY;
}

static int32_t fail(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return PA_ERR;
}

static int32_t broken_header(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    response->headers = pa_alloc(request, sizeof(pa_pair));
    response->headers[0] = (pa_pair){pa_str("x-broken"), pa_str("a\r\nx-injected: b")};
    response->headers_len = 1;
    return PA_READY;
}

static int32_t dropped(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    char text[32];
    snprintf(text, sizeof text, "%d", atomic_load(&dropped_count));
    answer(response, text);
    return PA_READY;
}

/* ---- pending: waits for its gate, looking again at each turn of a timer; counts when it is dropped before ---- */

typedef struct {
    gate gate;
    pa_poll sleep;
    int has_ended;
} waiting;

/* Whether the gate is open; if not, the waker will be called in a moment. */
static int passes(waiting *waiting, const pa_waker *waker) {
    while (!is_open(&waiting->gate)) {
        if (!waiting->sleep.vt) {
            timer->sleep(timer->ctx, 5000000, &waiting->sleep);
        }
        if (waiting->sleep.vt->poll(waiting->sleep.data, waker, NULL) == PA_PENDING) {
            return 0;
        }
        waiting->sleep.vt->drop(waiting->sleep.data);
        waiting->sleep.vt = NULL;
    }
    return 1;
}

static void stop_waiting(waiting *waiting) {
    if (waiting->sleep.vt) {
        waiting->sleep.vt->drop(waiting->sleep.data);
    }
    if (!waiting->has_ended) {
        atomic_fetch_add(&dropped_count, 1);
    }
}

static int32_t pending_poll(void *data, const pa_waker *waker, void *out) {
    waiting *waiting = data;
    if (!passes(waiting, waker)) {
        return PA_PENDING;
    }
    waiting->has_ended = 1;
    answer(out, "at last\n");
    return PA_READY;
}

static void pending_drop(void *data) {
    stop_waiting(data);
    free(data);
}

static const pa_poll_vt PENDING_VT = {sizeof(pa_poll_vt), 0, pending_poll, pending_drop};

static int32_t pending_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    waiting *waiting = calloc(1, sizeof *waiting);
    find_gate(request, &waiting->gate);
    pa_log(request, PA_LOG_INFO, "pending");
    *pending = (pa_poll){waiting, &PENDING_VT};
    return PA_PENDING;
}

/* ---- a streamed body: takes one chunk, then none until its gate opens, then the rest ---- */

typedef struct {
    waiting waiting;
    const pa_request *request;
    size_t chunks, bytes;
    uint32_t sum;
} reading;

static int32_t read_poll(void *data, const pa_waker *waker, void *out) {
    reading *reading = data;
    for (;;) {
        if (reading->chunks == 1 && reading->waiting.gate.path[0] && !passes(&reading->waiting, waker)) {
            return PA_PENDING;
        }
        pa_buf chunk = {0};
        const pa_poll *source = reading->request->body_src;
        switch (source->vt->poll(source->data, waker, &chunk)) {
        case PA_PENDING:
            return PA_PENDING;
        case PA_READY:
            reading->chunks++;
            reading->bytes += chunk.len;
            reading->sum = sum(reading->sum, chunk.ptr, chunk.len);
            if (chunk.drop) {
                chunk.drop(chunk.owner, chunk.ptr, chunk.len);
            }
            char line[64];
            snprintf(line, sizeof line, "read %zu bytes", reading->bytes);
            pa_log(reading->request, PA_LOG_INFO, line);
            break;
        case PA_END: {
            char text[64];
            snprintf(text, sizeof text, "%zu %08x", reading->bytes, reading->sum);
            answer(out, text);
            reading->waiting.has_ended = 1;
            return PA_READY;
        }
        default:
            return PA_ERR;
        }
    }
}

static void read_drop(void *data) {
    stop_waiting(&((reading *)data)->waiting);
    free(data);
}

static const pa_poll_vt READ_VT = {sizeof(pa_poll_vt), 0, read_poll, read_drop};

static int32_t read_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    reading *reading = calloc(1, sizeof *reading);
    find_gate(request, &reading->waiting.gate);
    reading->request = request;
    *pending = (pa_poll){reading, &READ_VT};
    return PA_PENDING;
}

/* ---- a streamed answer: chunk number n goes out when the file `<x-gate>.n` is there; without x-gate at once ---- */

typedef struct {
    waiting waiting;
    gate base;
    int64_t chunks, next;
    int is_broken;
} writing;

static int32_t write_poll(void *data, const pa_waker *waker, void *out) {
    writing *writing = data;
    if (writing->next == writing->chunks) {
        if (writing->is_broken) {
            return PA_ERR;
        }
        writing->waiting.has_ended = 1;
        return PA_END;
    }
    if (writing->base.path[0]) {
        snprintf(writing->waiting.gate.path, sizeof writing->waiting.gate.path, "%.480s.%d", writing->base.path, (int)writing->next);
        if (!passes(&writing->waiting, waker)) {
            return PA_PENDING;
        }
    }
    char line[32];
    int len = snprintf(line, sizeof line, "chunk %d\n", (int)writing->next++);
    *(pa_buf *)out = copy_of(line, (size_t)len);
    return PA_READY;
}

static void write_drop(void *data) {
    stop_waiting(&((writing *)data)->waiting);
    free(data);
}

static const pa_poll_vt WRITE_VT = {sizeof(pa_poll_vt), 0, write_poll, write_drop};

static int32_t write_(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    writing *writing = calloc(1, sizeof *writing);
    find_gate(request, &writing->base);
    writing->chunks = number(request);
    answer(response, "begin\n");
    response->stream = (pa_poll){writing, &WRITE_VT};
    return PA_READY;
}

/* One chunk, and then it fails. */
static int32_t write_broken(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    writing *writing = calloc(1, sizeof *writing);
    writing->chunks = 1;
    writing->is_broken = 1;
    answer(response, "begin\n");
    response->stream = (pa_poll){writing, &WRITE_VT};
    return PA_READY;
}

/* ---- a streamed answer without an end ---- */

static int32_t flood_poll(void *data, const pa_waker *waker, void *out) {
    static const uint8_t ZEROS[65536];
    *(pa_buf *)out = (pa_buf){ZEROS, sizeof ZEROS, NULL, NULL};
    return PA_READY;
}

static const pa_poll_vt FLOOD_VT = {sizeof(pa_poll_vt), 0, flood_poll, pending_drop};

static int32_t flood(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    response->stream = (pa_poll){calloc(1, sizeof(waiting)), &FLOOD_VT};
    return PA_READY;
}

/* ---- the plugin ---- */

#define HANDLER(name, call) {name, PA_HANDLER_VT(call)}
static const struct {
    const char *name;
    pa_handler_vt vt;
} HANDLERS[] = {
    HANDLER("index", index_), HANDLER("large", large), HANDLER("echo", echo), HANDLER("length", length),
    HANDLER("block", block), HANDLER("pending", pending_), HANDLER("dropped", dropped), HANDLER("read", read_),
    HANDLER("write", write_), HANDLER("write_broken", write_broken), HANDLER("flood", flood), HANDLER("stop", stop), HANDLER("fail", fail),
    HANDLER("broken_header", broken_header),
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
    static char instance;
    timer = host->extension(host->ctx, pa_str(PA_EXT_TIMER));
    runner = host->extension(host->ctx, pa_str(PA_EXT_RUN));
    *out = &instance;
    return timer && runner ? PA_READY : PA_ERR;
}

static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension};
