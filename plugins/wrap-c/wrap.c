/* Middleware in C: `stamp` adds `x-wrap: c` to every answer, at once or when a pending one comes, and answers by itself
 * what asks for it with the header `x-short`. The README has the command that builds it. */
#include "plugin_api.h"
#include <stdlib.h>

PA_NOTE("id = \"wrap-c\"\n"
        "version = \"0.1.0\"\n"
        "sdk = \"c 1.0\"\n"
        "description = \"Middleware in C\"\n"
        "[[middleware]]\n"
        "name = \"stamp\"\n")

/* Writes in place where there is room, else to a longer copy in the request's arena: never to the heap. */
static int32_t add_header(const pa_request *request, pa_response *response) {
    if (response->headers_len == response->headers_cap || response->headers_cap == 0) {
        uint32_t room = response->headers_len + 4;
        pa_pair *longer = pa_alloc(request, room * sizeof *longer);
        if (longer == NULL) return PA_ERR;
        if (response->headers_len > 0) memcpy(longer, response->headers, response->headers_len * sizeof *longer);
        response->headers = longer;
        response->headers_cap = room;
    }
    response->headers[response->headers_len++] = (pa_pair){ pa_str("x-wrap"), pa_str("c") };
    return PA_READY;
}

/* What the middleware waits for; in the request's arena, so nothing of it has to be freed. */
typedef struct {
    const pa_request *request;
    pa_poll next;
} waiting;

static int32_t waiting_poll(void *data, const pa_waker *waker, void *out) {
    waiting *self = data;
    int32_t code = self->next.vt->poll(self->next.data, waker, out);
    return code == PA_READY ? add_header(self->request, out) : code;
}

static void waiting_drop(void *data) {
    waiting *self = data;
    self->next.vt->drop(self->next.data);
}

static int32_t around_call(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    static const pa_poll_vt vt = { sizeof vt, 0, waiting_poll, waiting_drop };
    const pa_handler *next = data;
    if (pa_header(request, "x-short").ptr != NULL) return pa_text(response, 202, pa_str("short\n"));
    /* Before the call: a pending answer that has no place to wait in could not be taken back. */
    waiting *self = pa_alloc(request, sizeof *self);
    if (self == NULL) return PA_ERR;
    int32_t code = next->vt->call(next->data, request, response, &self->next);
    if (code == PA_READY) return add_header(request, response);
    if (code != PA_PENDING) return code;
    self->request = request;
    *pending = (pa_poll){ self, &vt };
    return PA_PENDING;
}

/* The next handler is ours: it goes when we do. */
static void around_drop(void *data) {
    pa_handler *next = data;
    if (next->vt->drop != NULL) next->vt->drop(next->data);
    free(next);
}

static int32_t apply(void *data, const pa_route_info *route, pa_handler next, pa_handler *out) {
    static const pa_handler_vt vt = { sizeof vt, 0, around_call, around_drop };
    (void)data, (void)route;
    pa_handler *kept = malloc(sizeof *kept);
    if (kept == NULL) abort();
    *kept = next;
    *out = (pa_handler){ kept, &vt };
    return PA_READY;
}

static int32_t make(void *self, pa_slice name, pa_slice config_json, pa_wrapper *out, pa_buf *err) {
    static const pa_wrapper_vt vt = { sizeof vt, 0, apply, NULL };
    (void)self, (void)config_json, (void)err;
    if (!pa_is(name, "stamp")) return PA_DECLINED;
    *out = (pa_wrapper){ NULL, &vt };
    return PA_READY;
}

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    (void)config_json, (void)err;
    *out = (void *)host;
    return PA_READY;
}

static void destroy(void *self) { (void)self; }

static const void *extension(void *self, pa_slice id) {
    static const pa_plugin_wrap table = { sizeof table, 0, make };
    (void)self;
    return pa_is(id, PA_EXT_WRAP) ? &table : NULL;
}

const pa_plugin pa_plugin_v1 = { sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension };
