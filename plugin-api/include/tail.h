/* ------------------------------------------------------------------------------------------------------------------
 * The rest is written by hand: what makes C pleasant. Nothing below is part of the ABI.
 *
 *     PA_NOTE("id = \"hello\"\n"
 *             "version = \"0.1.0\"\n"
 *             "[[route]]\nmethod = \"GET\"\nrule = \"/\"\nhandler = \"index\"\n")
 *
 *     const pa_plugin pa_plugin_v1 = { sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension };
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The entry: each plugin defines it, and exports nothing else. */
extern __attribute__((visibility("default"))) const pa_plugin pa_plugin_v1;

/* The manifest: TOML, as string literals. Once in a plugin, at file scope, outside of every function. */
#define PA_NOTE(toml)                                                                                          \
    __attribute__((section(".note.plugin-api"), used, aligned(4))) static const struct {                       \
        uint32_t owner_len, descriptor_len, kind;                                                              \
        char owner[12];                                                                                        \
        uint16_t abi_major, abi_minor;                                                                         \
        uint32_t flags;                                                                                        \
        char text[(sizeof(toml) + 3) & ~(size_t)3];                                                            \
    } pa_note = { 12, 8 + ((sizeof(toml) + 3) & ~(size_t)3), 1, "plugin-api", PA_ABI_MAJOR, PA_ABI_MINOR, 0, toml };

/* Whether a struct of the other side's has that field. */
#define PA_COVERS(table, type, field) ((table)->size >= offsetof(type, field) + sizeof((table)->field))

/* Text that lives for ever, or as long as it is needed: a string literal, most often. */
static inline pa_slice pa_str(const char *text) {
    pa_slice slice = { (const uint8_t *)text, strlen(text) };
    return slice;
}

static inline pa_slice pa_absent(void) {
    pa_slice slice = { NULL, 0 };
    return slice;
}

static inline int pa_is(pa_slice slice, const char *text) {
    return slice.ptr != NULL && slice.len == strlen(text) && memcmp(slice.ptr, text, slice.len) == 0;
}

/* For printf: "%.*s", PA_ARG(slice). */
#define PA_ARG(slice) ((int)(slice).len), ((slice).ptr != NULL ? (const char *)(slice).ptr : "")

/* Bytes that need not be freed: static, or in the request's arena. */
static inline pa_buf pa_borrowed(pa_slice bytes) {
    pa_buf buf = { bytes.ptr, bytes.len, NULL, NULL };
    return buf;
}

/* Gives bytes back to whoever made them, and leaves none: for what `get` of the store filled. */
static inline void pa_release(pa_buf *buf) {
    if (buf->drop != NULL) buf->drop(buf->owner, buf->ptr, buf->len);
    *buf = pa_borrowed(pa_str(""));
}

/* Fails for that reason, a string literal: the end of `create`, `start`, `save` and `load`. */
static inline int32_t pa_fail(pa_buf *err, const char *why) {
    *err = pa_borrowed(pa_str(why));
    return PA_ERR;
}

/* What the host keeps for this plugin over swaps; NULL on a host that is older than ABI 1.1. */
static inline const pa_host_store *pa_store(const pa_host *host) {
    return (const pa_host_store *)host->extension(host->ctx, pa_str(PA_EXT_STORE));
}

/* A header of the request, in any case; absent if there is none. */
static inline pa_slice pa_header(const pa_request *request, const char *name) {
    return request->vt->header(request->ctx, pa_str(name));
}

/* What the wildcard of that name matched, or NULL. */
static inline const pa_param *pa_find_param(const pa_request *request, const char *name) {
    for (uint32_t i = 0; i < request->params_len; i++)
        if (pa_is(request->params[i].name, name)) return &request->params[i];
    return NULL;
}

/* The text that the wildcard of that name matched; absent if there is none. */
static inline pa_slice pa_param_of(const pa_request *request, const char *name) {
    const pa_param *param = pa_find_param(request, name);
    return param != NULL ? param->text : pa_absent();
}

/* Enough for every type of C. */
#define PA_ALIGN 16

/* Memory that lives as long as the request; NULL when its arena is used up. */
static inline void *pa_alloc(const pa_request *request, size_t size) {
    return request->vt->alloc(request->ctx, size, PA_ALIGN);
}

/* printf into the request's arena; absent when that is used up. */
__attribute__((format(printf, 2, 3))) static inline pa_slice pa_printf(const pa_request *request, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = len < 0 ? NULL : (char *)pa_alloc(request, (size_t)len + 1);
    if (text == NULL) return pa_absent();
    va_start(arguments, format);
    vsnprintf(text, (size_t)len + 1, format, arguments);
    va_end(arguments);
    pa_slice slice = { (const uint8_t *)text, (size_t)len };
    return slice;
}

/* A line in the log, with the request's id. */
static inline void pa_log(const pa_request *request, int32_t level, const char *message) {
    request->vt->log(request->ctx, level, pa_str(message));
}

/* Answers with bytes of that content type, a string literal. The bytes are static, or in the request's arena; absent bytes,
 * as from a pa_printf that found no room, are a failure. */
static inline int32_t pa_answer(const pa_request *request, pa_response *response, uint16_t status, const char *content_type,
                                pa_slice bytes) {
    pa_pair *headers = (pa_pair *)pa_alloc(request, sizeof(pa_pair));
    if (headers == NULL || bytes.ptr == NULL) return PA_ERR;
    headers->name = pa_str("content-type");
    headers->value = pa_str(content_type);
    response->status = status;
    response->headers = headers;
    response->headers_len = 1;
    response->headers_cap = 1;
    response->body = pa_borrowed(bytes);
    return PA_READY;
}

/* Answers with plain text that is static or in the request's arena. */
static inline int32_t pa_text(pa_response *response, uint16_t status, pa_slice text) {
    static const char name[] = "content-type", value[] = "text/plain; charset=utf-8";
    static pa_pair header = { { (const uint8_t *)name, sizeof name - 1 }, { (const uint8_t *)value, sizeof value - 1 } };
    if (text.ptr == NULL) return PA_ERR;
    response->status = status;
    response->headers = &header;
    response->headers_len = 1;
    response->headers_cap = 0;
    response->body = pa_borrowed(text);
    return PA_READY;
}

/* Answers with an error: the app's error handler for the status, else the host's page with this message. */
static inline int32_t pa_abort(pa_response *response, uint16_t status, const char *message) {
    int32_t code = pa_text(response, status, pa_str(message));
    response->flags |= PA_RESPONSE_ERROR;
    return code;
}

/* A handler for a function that needs no data. The table may be static. */
typedef int32_t (*pa_call)(void *data, const pa_request *request, pa_response *response, pa_poll *pending);

#define PA_HANDLER_VT(function) { sizeof(pa_handler_vt), 0, (function), NULL }

#ifdef __cplusplus
}
#endif

#endif /* PLUGIN_API_H */
