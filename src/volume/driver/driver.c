/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/driver/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "volume/driver/driver-internal.h"

static const struct driver_method *const tables[] = {
    driver_identity_methods,
    driver_controller_methods,
    driver_snapshot_methods,
    driver_node_methods,
};

static const struct driver_method *find_method(const char *path)
{
    for (size_t i = 0; i < ol_count(tables); i++)
        for (const struct driver_method *m = tables[i]; m->rpc; m++)
            if (!strcmp(m->rpc->method, path))
                return m;
    return NULL;
}

static void handle(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    struct driver *d = ctx;
    const struct driver_method *m = find_method(ol_grpc_method_of(r));
    struct ol_err err = OL_ERR_INIT;
    ProtobufCMessage *message = csi_unpack(m->rpc->request, data, size);

    if (!message) {
        ol_grpc_fail(r, OL_GRPC_INTERNAL, "the request is no %s", m->rpc->request->name);
        return;
    }
    if (m->handle(d, r, message, &err) < 0) {
        enum ol_grpc_code code = driver_code(&err);

        ol_debug(d->loop->env, "%s: %s: %s", m->rpc->method, ol_grpc_code_name(code), err.msg);
        ol_grpc_fail(r, code, "%s", err.msg);
    }
    csi_free(message);
}

/* The rows as net/grpc wants them; they live as long as the server. */
static void make_methods(struct driver *d)
{
    size_t n = 0;

    for (size_t i = 0; i < ol_count(tables); i++)
        for (const struct driver_method *m = tables[i]; m->rpc; m++) {
            d->methods = ol_xrealloc(d->methods, n + 2, sizeof(*d->methods));
            d->methods[n++] = (struct ol_grpc_method){m->rpc->method, handle};
            d->methods[n] = (struct ol_grpc_method){NULL, NULL};
        }
}

int driver_find_volume(const struct driver *d, const char *id, const struct driver_record **ret,
                       struct ol_err *err)
{
    int r = driver_need(id, "volume_id", err);
    const struct driver_record *record = r == 0 ? driver_table_find(&d->table, id) : NULL;

    if (r < 0)
        return r;
    if (!record || record->kind != DRIVER_VOLUME || record->state != DRIVER_READY)
        return driver_fail(err, OL_GRPC_NOT_FOUND, "there is no volume '%.64s'", id);
    *ret = record;
    return 0;
}

/* What was promised to thin images and is not theirs yet. */
static int64_t promised(const struct driver *d)
{
    int64_t sum = 0;

    for (size_t i = 0; i < d->table.n; i++) {
        const struct driver_record *r = &d->table.v[i];
        ol_autofree char *path = driver_data_path(d->config->state_dir, r->id);
        struct stat st;
        int64_t has = ol_stat(d->loop->env, path, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;

        if (r->kind == DRIVER_VOLUME && r->type == DRIVER_IMAGE && has < r->size)
            sum += r->size - has;
    }
    return sum;
}

int64_t driver_available(const struct driver *d)
{
    struct statvfs v;
    int64_t left = d->config->capacity;

    if (!left) {
        if (statvfs(d->config->state_dir, &v) < 0)
            return 0;
        left = (int64_t)(v.f_bavail * v.f_frsize) - promised(d);
    } else {
        for (size_t i = 0; i < d->table.n; i++)
            left -= d->table.v[i].kind == DRIVER_VOLUME ? d->table.v[i].size : 0;
    }
    return left > 0 ? left : 0;
}

int driver_check_space(const struct driver *d, int64_t size, struct ol_err *err)
{
    int64_t left = driver_available(d);

    if (size <= left)
        return 0;
    return driver_fail(err, OL_GRPC_RESOURCE_EXHAUSTED,
                       "%lld bytes are wanted, %lld are left on node %s", (long long)size,
                       (long long)left, d->config->node_id);
}

static int make_directories(struct driver *d, struct ol_err *err)
{
    static const char *const names[] = {"records", "data"};
    int r = 0;

    for (size_t i = 0; i < ol_count(names) && r == 0; i++) {
        ol_autofree char *path = ol_xasprintf("%s/%s", d->config->state_dir, names[i]);

        r = ol_mkdir_p(d->loop->env, path, 0700, err);
    }
    return r;
}

/* Two drivers in one directory would give the same volume to two. */
static int lock_state(struct driver *d, struct ol_err *err)
{
    ol_autofree char *path = ol_xasprintf("%s/lock", d->config->state_dir);

    d->lock = ol_open(d->loop->env, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (d->lock < 0)
        return ol_err_set(err, -d->lock, "open '%s': %s", path, strerror(-d->lock));
    if (flock(d->lock, LOCK_EX | LOCK_NB) < 0)
        return ol_err_set(err, errno, "another driver works in '%s'", d->config->state_dir);
    return 0;
}

/* What we were killed in the middle of deleting is nobody's any more. */
static void resume_deleting(struct driver *d)
{
    for (size_t i = 0; i < d->table.n; i++) {
        const struct driver_operation o = {.ids = {d->table.v[i].id}, .verb = "delete"};

        if (d->table.v[i].state == DRIVER_DELETING)
            driver_operate(d, &o);
    }
}

static void release(struct driver *d)
{
    void (*stopped)(void *ctx) = d->stopped;
    void *ctx = d->stopped_ctx;

    driver_table_done(&d->table);
    ol_strv_done(&d->busy);
    ol_close_at(&d->lock);
    free(d->methods);
    free(d);
    if (stopped)
        stopped(ctx);
}

int driver_start(struct ol_loop *loop, const struct driver_config *config, struct driver **ret,
                 struct ol_err *err)
{
    struct driver *d = ol_xcalloc(1, sizeof(*d));
    int r;

    d->loop = loop;
    d->config = config;
    d->lock = -1;
    make_methods(d);
    r = make_directories(d, err);
    if (r == 0)
        r = lock_state(d, err);
    if (r == 0)
        r = driver_table_load(loop->env, config->state_dir, &d->table, err);
    if (r == 0)
        r = ol_grpc_server_start(loop, config->endpoint, d->methods, d, &d->server, err);
    if (r < 0) {
        release(d);
        return r;
    }
    ol_info(loop->env, "%s serves %s for node %s, %zu volumes and snapshots in %s", config->name,
            config->endpoint, config->node_id, d->table.n, config->state_dir);
    resume_deleting(d);
    *ret = d;
    return 0;
}

void driver_stop(struct driver *d, void (*stopped)(void *ctx), void *ctx)
{
    ol_grpc_server_stop(d->server);
    d->server = NULL;
    d->stopped = stopped;
    d->stopped_ctx = ctx;
    d->is_stopping = true;
    if (!d->n_jobs)
        release(d);
}
