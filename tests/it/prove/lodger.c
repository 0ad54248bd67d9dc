/* What a plugin in C leaves in threads: a value of its own key with a destructor, a thread-local, a thread that was joined. */
#define _POSIX_C_SOURCE 200809L
#include "plugin_api.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

extern long syscall(long number, ...);

PA_NOTE("id = \"lodger-c\"\nversion = \"1.0.0\"\n"
        "[[route]]\nmethod = \"GET\"\nrule = \"/\"\nhandler = \"lodge\"\n"
        "[[route]]\nmethod = \"GET\"\nrule = \"/thread\"\nhandler = \"thread\"\n")

static pthread_key_t key;
static __thread int visits;

static void *visit(void *unused) {
    visits++;
    pthread_setspecific(key, malloc(100));
    return unused;
}

static int32_t lodge(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    pthread_t guest;
    if (pthread_create(&guest, NULL, visit, NULL) != 0 || pthread_join(guest, NULL) != 0) {
        return PA_ERR;
    }
    if (!pthread_getspecific(key)) {
        visit(NULL);
    }
    return pa_text(response, 200, pa_printf(request, "visit %d of this thread\n", visits));
}

static int32_t thread(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
    return pa_text(response, 200, pa_printf(request, "%ld", syscall(SYS_gettid)));
}

static const pa_handler_vt LODGE_VT = PA_HANDLER_VT(lodge);
static const pa_handler_vt THREAD_VT = PA_HANDLER_VT(thread);

static int32_t bind(void *self, pa_slice name, pa_handler *out) {
    *out = (pa_handler){NULL, pa_is(name, "lodge") ? &LODGE_VT : &THREAD_VT};
    return PA_READY;
}

static const pa_plugin_handlers BIND = {sizeof BIND, 0, bind};

static int32_t create(const pa_host *host, pa_slice config_json, void **out, pa_buf *err) {
    *out = &key;
    return pthread_key_create(&key, free) == 0 ? PA_READY : PA_ERR;
}

/* The key stays: other threads have values of it, which only the host can reach. */
static void destroy(void *self) {
}

static const void *extension(void *self, pa_slice id) {
    return pa_is(id, PA_EXT_HANDLERS) ? &BIND : NULL;
}

const pa_plugin pa_plugin_v1 = {
    sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension};
