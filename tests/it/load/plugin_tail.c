/* The entry. A test may define CREATE, START, BIND and REGISTER as the names of functions of its own. */
static int32_t create(const pa_host *it, pa_slice config, void **out, pa_buf *err) {
    host = it;
    apps = host->extension(host->ctx, pa_str(PA_EXT_APP));
    *out = &host;
#ifdef CREATE
    return CREATE(config, err);
#else
    return PA_READY;
#endif
}

static void destroy(void *self) {}

#ifdef BIND
static const pa_plugin_handlers HANDLERS = {sizeof HANDLERS, 0, BIND};
#endif
#ifdef REGISTER
static int32_t registers(void *self, pa_slice name, pa_slice args, pa_app *app, pa_buf *err) {
    return REGISTER(name, args, app, err);
}
static const pa_plugin_apps APPS = {sizeof APPS, 0, registers};
#endif

static const void *extension(void *self, pa_slice id) {
#ifdef BIND
    if (pa_is(id, PA_EXT_HANDLERS)) return &HANDLERS;
#endif
#ifdef REGISTER
    if (pa_is(id, PA_EXT_APPS)) return &APPS;
#endif
    return NULL;
}

const pa_plugin pa_plugin_v1 = {
    .size = sizeof(pa_plugin),
    .abi_major = PA_ABI_MAJOR,
    .abi_minor = PA_ABI_MINOR,
    .create = create,
#ifdef START
    .start = START,
#endif
    .destroy = destroy,
    .extension = extension,
};
