/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/driver/driver-internal.h"

/* The Controller service's snapshots, and lists by pages. */

void driver_page_done(struct driver_page *p)
{
    free(p->v);
    *p = (struct driver_page){.v = NULL};
}

int driver_list(const struct driver *d, enum driver_kind kind, int32_t max, const char *token,
                struct driver_page *ret, struct ol_err *err)
{
    struct driver_page p = {.n = 0};

    if (max < 0)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "max_entries is negative");
    if (*token && !driver_id_is_valid(token))
        return driver_fail(err, OL_GRPC_ABORTED, "starting_token is none of ours");
    p.v = ol_xcalloc(d->table.n + 1, sizeof(struct driver_record *));
    for (size_t i = driver_table_seek(&d->table, token); i < d->table.n; i++) {
        const struct driver_record *r = &d->table.v[i];

        if (r->kind != kind || r->state != DRIVER_READY)
            continue;
        if (max && p.n == (size_t)max) {
            snprintf(p.next, sizeof(p.next), "%s", r->id);
            break;
        }
        p.v[p.n++] = r;
    }
    *ret = p;
    return 0;
}

/* A snapshot with what it points to. */
struct shown {
    Csi__V1__Snapshot snapshot;
    Csi__V1__Timestamp created;
};

static void describe(const struct driver_record *r, struct shown *s)
{
    csi__v1__snapshot__init(&s->snapshot);
    csi__v1__timestamp__init(&s->created);
    s->created.seconds = r->created;
    s->snapshot.snapshot_id = (char *)(uintptr_t)r->id;
    s->snapshot.source_volume_id = (char *)(uintptr_t)r->source;
    s->snapshot.size_bytes = r->size;
    s->snapshot.creation_time = &s->created;
    s->snapshot.ready_to_use = true;
}

static void reply_created(struct driver *d, struct ol_grpc_request *r,
                          const struct driver_result *result, void *id)
{
    Csi__V1__CreateSnapshotResponse reply = CSI__V1__CREATE_SNAPSHOT_RESPONSE__INIT;
    const struct driver_record *record = driver_table_find(&d->table, id);
    struct shown s;

    if (!record) {
        ol_grpc_fail(r, OL_GRPC_INTERNAL, "the record of %s is gone", (const char *)id);
        return;
    }
    describe(record, &s);
    reply.snapshot = &s.snapshot;
    csi_answer(r, &reply.base);
}

/* The snapshot that is to be made of the request. */
static int check(struct driver *d, const Csi__V1__CreateSnapshotRequest *q,
                 struct driver_record *ret, struct ol_err *err)
{
    const struct driver_record *source = NULL;
    int r = driver_need_name(q->name, "name", DRIVER_NAME_MAX, err);

    if (r == 0)
        r = driver_need(q->source_volume_id, "source_volume_id", err);
    if (r < 0)
        return r;
    *ret = (struct driver_record){.kind = DRIVER_SNAPSHOT, .type = DRIVER_IMAGE};
    snprintf(ret->name, sizeof(ret->name), "%s", q->name);
    driver_id(DRIVER_SNAPSHOT, q->name, ret->id);
    r = driver_find_volume(d, q->source_volume_id, &source, err);
    if (r < 0)
        return r;
    if (source->type == DRIVER_DIRECTORY)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                           "a volume of type 'directory' has no snapshots");
    memcpy(ret->source, source->id, sizeof(ret->source));
    memcpy(ret->fs, source->fs, sizeof(ret->fs));
    ret->is_formatted = source->is_formatted;
    ret->size = source->size;
    return 0;
}

static int create_snapshot(struct driver *d, struct ol_grpc_request *r, const void *message,
                           struct ol_err *err)
{
    const Csi__V1__CreateSnapshotRequest *q = message;
    ol_auto(ol_buf_done) struct ol_buf input = OL_BUF_INIT(16 << 10);
    struct driver_operation o = {.request = r, .verb = "create", .reply = reply_created};
    const struct driver_record *old;
    struct driver_record want;
    char id[DRIVER_ID_MAX];
    int result;

    driver_id(DRIVER_SNAPSHOT, q->name, id);
    old = *q->name ? driver_table_find(&d->table, id) : NULL;
    if (old && *q->source_volume_id && strcmp(old->source, q->source_volume_id) != 0)
        return driver_fail(err, OL_GRPC_ALREADY_EXISTS, "snapshot '%s' exists of volume %s",
                           old->name, old->source);
    if (old && old->state == DRIVER_READY && *q->source_volume_id) {
        reply_created(d, r, NULL, id);
        return 0;
    }
    result = check(d, q, &want, err);
    if (result < 0)
        return result;
    want.created = ol_now_wall(d->loop->env) / OL_SECOND;
    driver_record_write(&want, &input);
    o.ids[0] = want.id;
    o.ids[1] = want.source;
    o.input = &input;
    o.ctx = ol_xstrdup(want.id);
    driver_operate(d, &o);
    return 0;
}

static int delete_snapshot(struct driver *d, struct ol_grpc_request *r, const void *message,
                           struct ol_err *err)
{
    const Csi__V1__DeleteSnapshotRequest *q = message;
    const struct driver_record *record = driver_table_find(&d->table, q->snapshot_id);
    const struct driver_operation o = {
        .request = r, .ids = {q->snapshot_id}, .verb = "delete", .reply = driver_reply_empty};
    int result = driver_need(q->snapshot_id, "snapshot_id", err);

    if (result < 0)
        return result;
    if (!record || record->kind != DRIVER_SNAPSHOT)
        ol_grpc_reply(r, NULL, 0);
    else
        driver_operate(d, &o);
    return 0;
}

struct entry {
    Csi__V1__ListSnapshotsResponse__Entry entry;
    struct shown shown;
};

static bool is_wanted(const struct driver_record *r, const Csi__V1__ListSnapshotsRequest *q)
{
    return (!*q->snapshot_id || !strcmp(q->snapshot_id, r->id))
           && (!*q->source_volume_id || !strcmp(q->source_volume_id, r->source));
}

/* Filters come before the page is cut. */
static void filter(struct driver_page *p, const Csi__V1__ListSnapshotsRequest *q)
{
    size_t n = 0, max = (size_t)q->max_entries;

    for (size_t i = 0; i < p->n; i++) {
        if (!is_wanted(p->v[i], q))
            continue;
        if (max && n == max) {
            snprintf(p->next, sizeof(p->next), "%s", p->v[i]->id);
            break;
        }
        p->v[n++] = p->v[i];
    }
    p->n = n;
}

static int list_snapshots(struct driver *d, struct ol_grpc_request *r, const void *message,
                          struct ol_err *err)
{
    const Csi__V1__ListSnapshotsRequest *q = message;
    Csi__V1__ListSnapshotsResponse reply = CSI__V1__LIST_SNAPSHOTS_RESPONSE__INIT;
    ol_auto(driver_page_done) struct driver_page page = {.n = 0};
    ol_autofree Csi__V1__ListSnapshotsResponse__Entry **list = NULL;
    ol_autofree struct entry *entries = NULL;
    int result =
        driver_list(d, DRIVER_SNAPSHOT, q->max_entries < 0 ? -1 : 0, q->starting_token, &page, err);

    if (result < 0)
        return result;
    filter(&page, q);
    entries = ol_xcalloc(page.n + 1, sizeof(*entries));
    list = ol_xcalloc(page.n + 1, sizeof(*list));
    for (size_t i = 0; i < page.n; i++) {
        csi__v1__list_snapshots_response__entry__init(&entries[i].entry);
        describe(page.v[i], &entries[i].shown);
        entries[i].entry.snapshot = &entries[i].shown.snapshot;
        list[i] = &entries[i].entry;
    }
    reply.n_entries = page.n;
    reply.entries = list;
    reply.next_token = page.next;
    csi_answer(r, &reply.base);
    return 0;
}

const struct driver_method driver_snapshot_methods[] = {
    {&csi_create_snapshot, create_snapshot},
    {&csi_delete_snapshot, delete_snapshot},
    {&csi_list_snapshots, list_snapshots},
    {NULL, NULL},
};
