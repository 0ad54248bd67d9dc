/* Drives the plugin `visits` in C as a host does, and fails with the number of the line that is not as it should be. */
#include "visits-c/visits.c"

#define CHECK(is_so)                      \
    if (!(is_so)) {                       \
        printf("line %d: %s\n", __LINE__, #is_so); \
        return 1;                         \
    }

static int64_t counter;

static int32_t add(const void *ctx, pa_slice key, int64_t amount, int64_t *out, pa_buf *err) {
    (void)ctx, (void)err;
    if (!pa_is(key, "visits")) return PA_ERR;
    *out = counter += amount;
    return PA_READY;
}

static const pa_host_store store = { .size = sizeof store, .add = add };

static const void *host_extension(const void *ctx, pa_slice id) {
    (void)ctx;
    return pa_is(id, PA_EXT_STORE) ? &store : NULL;
}

static const pa_host host = { .size = sizeof host, .abi_major = 1, .abi_minor = 1, .extension = host_extension };

static void *arena(const void *ctx, size_t size, size_t align) {
    static _Alignas(PA_ALIGN) char bytes[4096];
    static size_t used;
    (void)ctx, (void)align;
    used += size + PA_ALIGN - size % PA_ALIGN;
    return used <= sizeof bytes ? bytes + used - (size + PA_ALIGN - size % PA_ALIGN) : NULL;
}

static const pa_request_vt request_vt = { .size = sizeof request_vt, .alloc = arena };

/* Whether a visit is answered with that text. */
static int visit_is(void *self, const char *text) {
    const pa_request request = { .size = sizeof request, .vt = &request_vt };
    pa_response response = { .size = sizeof response, .status = 200 };
    pa_handler index;
    if (bind(self, pa_str("index"), &index) != PA_READY) return 0;
    if (index.vt->call(index.data, &request, &response, NULL) != PA_READY) return 0;
    return response.body.len == strlen(text) && memcmp(response.body.ptr, text, response.body.len) == 0;
}

int main(void) {
    const pa_plugin *plugin = &pa_plugin_v1;
    pa_buf err = pa_borrowed(pa_absent()), saved = err;
    void *old = NULL, *new = NULL;
    CHECK(plugin->create(&host, pa_str("{}"), &old, &err) == PA_READY);
    CHECK(visit_is(old, "visit 1, 1 in all\n") && visit_is(old, "visit 2, 2 in all\n"));

    const pa_plugin_state *state = plugin->extension(old, pa_str(PA_EXT_STATE));
    CHECK(PA_COVERS(state, pa_plugin_state, load));
    CHECK(state->save(old, &saved, &err) == PA_READY && saved.len == 1 && *saved.ptr == '2');
    CHECK(plugin->create(&host, pa_str("{}"), &new, &err) == PA_READY);
    CHECK(state->load(new, 1, (pa_slice){ saved.ptr, saved.len }, &err) == PA_READY);
    pa_release(&saved);
    CHECK(saved.len == 0 && saved.drop == NULL);
    plugin->destroy(old);
    CHECK(visit_is(new, "visit 3, 3 in all\n"));

    CHECK(state->load(new, 1, pa_str("2x"), &err) == PA_ERR);
    CHECK(pa_is((pa_slice){ err.ptr, err.len }, "this is no number"));
    CHECK(state->load(new, 1, pa_str(""), &err) == PA_ERR);
    CHECK(visit_is(new, "visit 4, 4 in all\n"));
    plugin->destroy(new);
    return 0;
}
