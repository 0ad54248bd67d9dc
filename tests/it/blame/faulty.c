#define _GNU_SOURCE
/* A plugin with a crash of every sort: by a route, or at the step of its life that CRASHES names. A test defines VERSION and
 * CRASHES, two strings. */
#include "plugin_api.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUTE(rule, more) "[[route]]\nmethod = \"GET\"\nrule = \"" rule "\"\nhandler = \"" rule "\"\n" more

PA_NOTE("id = \"faulty\"\nversion = \"" VERSION "\"\nstate_schema = 1\n"
        ROUTE("/", "") ROUTE("/block", "blocking = true\n") ROUTE("/null", "") ROUTE("/read-only", "") ROUTE("/bus", "")
        ROUTE("/trap", "") ROUTE("/divide", "") ROUTE("/abort", "") ROUTE("/raise", "") ROUTE("/overflow", "")
        ROUTE("/libc", "") ROUTE("/thread", "") ROUTE("/thread-abort", "") ROUTE("/thread-overflow", "")
        ROUTE("/allocate", ""))

/* What the compiler must not see through. */
static volatile long zero, one = 1;
static char *volatile nowhere = (char *)8;
static size_t (*volatile length)(const char *) = strlen;

static void null(void) {
    *nowhere = 1;
}

static const char TEXT[] = "constant";

static void read_only(void) {
    *(volatile char *)(uintptr_t)TEXT = 1;
}

/* Behind the end of a file that was mapped. */
static void bus(void) {
    int file = memfd_create("empty", 0);
    char *volatile page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    zero = *page;
}

static void trap(void) {
    __builtin_trap();
}

static void divide(void) {
    one = one / zero;
}

static void raise_(void) {
    raise(SIGSEGV);
}

static int overflow_at(volatile char *above);
static int (*volatile again)(volatile char *) = overflow_at;

static int overflow_at(volatile char *above) {
    volatile char frame[1024];
    frame[0] = *above;
    return again(frame) + frame[0];
}

static void overflow(void) {
    volatile char first = 1;
    zero = overflow_at(&first);
}

static void libc(void) {
    zero = (long)length(nowhere);
}

static void *in_thread(void *crash) {
    ((void (*)(void))crash)();
    return NULL;
}

static void elsewhere(void (*crash)(void)) {
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, (void *)crash);
    pthread_join(thread, NULL);
}

static void thread(void) {
    elsewhere(null);
}

static void thread_abort(void) {
    elsewhere(abort);
}

static void thread_overflow(void) {
    elsewhere(overflow);
}

/* As most programs: without memory it does not go on. */
static void allocate(void) {
    for (;;) {
        char *memory = malloc(1 << 20);
        if (memory == NULL) abort();
        memset(memory, 1, 1 << 20);
    }
}

static const struct {
    const char *rule;
    void (*crash)(void);
} CRASHES_BY_ROUTE[] = {
    {"/null", null},     {"/read-only", read_only}, {"/bus", bus},           {"/trap", trap},
    {"/divide", divide}, {"/abort", abort},         {"/raise", raise_},      {"/overflow", overflow},
    {"/libc", libc},     {"/thread", thread},       {"/thread-abort", thread_abort},
    {"/thread-overflow", thread_overflow},          {"/allocate", allocate},
};

static int32_t index_page(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_str("version " VERSION));
}

static int32_t block(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    pa_log(request, PA_LOG_INFO, "blocking");
    while (access("go", F_OK) != 0) usleep(1000);
    return pa_text(response, 200, pa_str("unblocked"));
}

static int32_t crash(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    ((void (*)(void))data)();
    return pa_text(response, 200, pa_str("survived"));
}

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    static const pa_handler_vt INDEX = PA_HANDLER_VT(index_page), BLOCK = PA_HANDLER_VT(block), CRASH = PA_HANDLER_VT(crash);
    *out = (pa_handler){NULL, pa_is(name, "/block") ? &BLOCK : &INDEX};
    for (size_t i = 0; i < sizeof CRASHES_BY_ROUTE / sizeof *CRASHES_BY_ROUTE; i++)
        if (pa_is(name, CRASHES_BY_ROUTE[i].rule)) *out = (pa_handler){(void *)CRASHES_BY_ROUTE[i].crash, &CRASH};
    return PA_READY;
}

static void step(const char *name) {
    if (strcmp(name, CRASHES) == 0 && access("no-crash", F_OK) != 0) abort();
}

__attribute__((constructor)) static void constructor(void) {
    step("constructor");
}

static int32_t create(const pa_host *host, pa_slice config, void **out, pa_buf *err) {
    static char instance;
    *out = &instance;
    step("create");
    return PA_READY;
}

static int32_t start(void *self, pa_buf *err) {
    step("start");
    return PA_READY;
}

/* While there is a file `wait` beside the spec, it says so and waits. */
static void stop(void *self) {
    close(open("stopping", O_CREAT | O_WRONLY, 0600));
    while (access("wait", F_OK) == 0) usleep(1000);
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
