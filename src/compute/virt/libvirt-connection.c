/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "compute/base/exception.h"
#include "compute/virt/libvirt-internal.h"
#include "core/cleanup.h"

/* The connection and libvirt's event loop. */

enum {
    KEEP_ALIVE_SECONDS = 5,
    KEEP_ALIVE_TRIES = 5,
    AGAIN_MS = 500,
    LOOK_MS = 1000,
    LOOKS = 10,
    NEVER = -1,
    AT_ONCE = 0
};

/* libvirt would print each error. */
static void ignore_error(void *ctx, void *error)
{
    (void)ctx;
    (void)error;
}

void libvirt_wake(struct libvirt *l)
{
    l->lib.set_timer(l->timer, AT_ONCE);
}

static void on_timer(int timer, void *ctx)
{
    struct libvirt *l = ctx;

    l->lib.set_timer(timer, NEVER);
}

static void lose(struct libvirt *l, const struct vir_connect *c)
{
    pthread_mutex_lock(&l->lock);
    l->is_broken = l->is_broken || c == l->conn;
    pthread_mutex_unlock(&l->lock);
    libvirt_wake(l);
}

static void on_close(struct vir_connect *c, int reason, void *ctx)
{
    (void)reason;
    lose(ctx, c);
}

static int on_event(struct vir_connect *c, struct vir_domain *d, int event, int detail, void *ctx)
{
    struct libvirt *l = ctx;
    char uuid[64] = "";

    (void)c;
    if (l->lib.uuid(d, uuid) == 0) {
        ol_debug(l->base.env, "machine %s: event %d, detail %d", uuid, event, detail);
        libvirt_mark(l, uuid);
    }
    return 0;
}

static int connect(struct libvirt *l, struct ol_err *err)
{
    struct vir_connect *c = l->lib.connect(l->uri);
    int id;

    if (!c)
        return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE, "connect to %s: %s", l->uri,
                         l->lib.error_text());
    (void)!l->lib.keep_alive(c, KEEP_ALIVE_SECONDS, KEEP_ALIVE_TRIES); /* not all transports */
    (void)!l->lib.on_close(c, on_close, l, NULL);
    id = l->lib.on_event(c, NULL, VIR_EVENT_LIFECYCLE, on_event, l, NULL);
    if (id < 0)
        ol_warn(l->base.env, "%s tells no events: %s", l->uri, l->lib.error_text());
    pthread_mutex_lock(&l->lock);
    l->conn = c;
    l->event_id = id;
    l->is_broken = false;
    pthread_mutex_unlock(&l->lock);
    return 0;
}

static void disconnect(struct libvirt *l)
{
    struct vir_connect *c;

    pthread_mutex_lock(&l->lock);
    c = l->conn;
    l->conn = NULL;
    l->is_broken = false;
    pthread_mutex_unlock(&l->lock);
    if (!c)
        return;
    if (l->event_id >= 0)
        (void)!l->lib.off_event(c, l->event_id);
    (void)!l->lib.off_close(c, on_close);
    (void)!l->lib.close(c);
}

/* A libvirtd that was started anew says "running" of each machine until it has found out, and tells
 * no event of those that have ended meanwhile: they are looked at for a while. */
static void look_again(struct libvirt *l)
{
    ol_time now = ol_now_boot(l->base.env);

    if (!l->looks_left)
        return;
    if (now >= l->next_look) {
        libvirt_mark(l, NULL);
        l->looks_left--;
        l->next_look = now + LOOK_MS * OL_MS;
    }
    l->lib.set_timer(l->timer, LOOK_MS);
}

static void come_back(struct libvirt *l)
{
    if (connect(l, NULL) < 0) {
        l->lib.set_timer(l->timer, AGAIN_MS);
        return;
    }
    ol_info(l->base.env, "The connection to libvirt at %s is back", l->uri);
    l->looks_left = LOOKS;
    l->next_look = 0;
}

/* Between two rounds of the loop. False = the driver is being closed. */
static bool look_after(struct libvirt *l)
{
    bool is_broken, is_lost, is_closing;

    pthread_mutex_lock(&l->lock);
    is_broken = l->is_broken;
    is_lost = is_broken || !l->conn;
    is_closing = l->is_closing;
    pthread_mutex_unlock(&l->lock);
    if (is_closing)
        return false;
    if (is_broken) {
        disconnect(l);
        ol_warn(l->base.env, "The connection to libvirt at %s is lost", l->uri);
    }
    if (is_lost)
        come_back(l);
    look_again(l);
    libvirt_tell_news(l);
    return true;
}

static void *run(void *ctx)
{
    struct libvirt *l = ctx;

    while (look_after(l))
        if (l->lib.run_loop() < 0)
            l->base.env->clock->sleep(l->base.env->clock->ctx, AGAIN_MS * OL_MS);
    return NULL;
}

int libvirt_start(struct libvirt *l, struct ol_err *err)
{
    unsigned long version = 0;
    int r;

    l->lib.on_error(NULL, ignore_error);
    if (l->lib.register_loop() < 0 || (l->timer = l->lib.add_timer(NEVER, on_timer, l, NULL)) < 0)
        return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE, "libvirt's event loop: %s",
                         l->lib.error_text());
    r = connect(l, err);
    if (r == 0 && l->lib.lib_version(l->conn, &version) == 0)
        ol_info(l->base.env, "libvirt %lu.%lu.%lu at %s", version / 1000000, version / 1000 % 1000,
                version % 1000, l->uri);
    if (r == 0 && pthread_create(&l->thread, NULL, run, l) != 0)
        r = nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE, "no thread can be started");
    l->has_thread = r == 0;
    return r;
}

void libvirt_stop(struct libvirt *l)
{
    pthread_mutex_lock(&l->lock);
    l->is_closing = true;
    pthread_mutex_unlock(&l->lock);
    if (l->has_thread) {
        libvirt_wake(l);
        pthread_join(l->thread, NULL);
    }
    disconnect(l);
    if (l->timer >= 0)
        (void)!l->lib.remove_timer(l->timer);
}

/* nova.exception.HypervisorUnavailable. */
static int unavailable(struct ol_err *err)
{
    return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE,
                     "Connection to the hypervisor is broken on host");
}

int libvirt_connection(struct libvirt *l, struct vir_connect **ret, struct ol_err *err)
{
    struct vir_connect *c;

    pthread_mutex_lock(&l->lock);
    c = l->is_broken ? NULL : l->conn;
    if (c)
        (void)!l->lib.ref(c);
    pthread_mutex_unlock(&l->lock);
    if (!c)
        return unavailable(err);
    *ret = c;
    return 0;
}

/* The transport failed, not what was asked for (nova virt/libvirt/host.py, _test_connection). */
static bool is_lost(int code, int domain)
{
    bool is_transport = domain == VIR_FROM_REMOTE || domain == VIR_FROM_RPC;

    return code == VIR_ERR_INVALID_CONN
           || (is_transport
               && (code == VIR_ERR_SYSTEM || code == VIR_ERR_INTERNAL || code == VIR_ERR_RPC));
}

int libvirt_fail(struct libvirt *l, const char *uuid, struct ol_err *err)
{
    int code = l->lib.error_code(), domain = l->lib.error_domain();

    if (is_lost(code, domain)) {
        pthread_mutex_lock(&l->lock);
        l->is_broken = l->conn != NULL;
        pthread_mutex_unlock(&l->lock);
        libvirt_wake(l);
        return unavailable(err);
    }
    if (code == VIR_ERR_NO_DOMAIN && uuid)
        return virt_not_found(uuid, err);
    return ol_err_set_domain(err, code == VIR_ERR_OPERATION_INVALID ? EINVAL : EIO, "libvirtError",
                             code, "%s", l->lib.error_text());
}
