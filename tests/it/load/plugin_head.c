/* What every plugin of these tests begins with: the header, the host, and one handler that answers with its text.
 * A test writes what its plugin does between this file and `plugin_tail.c`, which makes the entry of it. */
#include "plugin_api.h"
#include <stdlib.h>
#include <unistd.h>

static const pa_host *host;
static const pa_host_app *apps;

/* Fails with a reason. */
static inline int32_t fail(pa_buf *err, const char *why) {
    *err = pa_borrowed(pa_str(why));
    return PA_ERR;
}

/* A copy of the text that is ended by NUL, and lives as long as the plugin. */
static inline char *kept(pa_slice slice) {
    char *copy = calloc(slice.len + 1, 1);
    if (slice.ptr) memcpy(copy, slice.ptr, slice.len);
    return copy;
}

/* A handler whose data is its answer. */
static int32_t answer(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_str(data));
}

static const pa_handler_vt ANSWER __attribute__((unused)) = PA_HANDLER_VT(answer);

/* Adds a route for GET. */
static inline int32_t add(pa_app *app, const char *rule, pa_handler handler, pa_buf *err) {
    pa_route_spec spec = {
        .size = sizeof spec,
        .body = PA_BODY_NONE,
        .method = pa_str("GET"),
        .rule = pa_str(rule),
        .handler = handler,
    };
    return apps->route(apps->ctx, app, &spec, err);
}

/* Adds a route for GET that answers with a text. */
#define ROUTE(app, rule, text) add(app, rule, (pa_handler){(void *)(text), &ANSWER}, err)
