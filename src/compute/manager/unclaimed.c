/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "core/file.h"

/* Builds that nobody would go on with, found at a start: their rows have no host. */

#define HANDOVERS "orlop-handovers"

/* --- builds on their way back to the conductor --- */

static const char *note_of(struct manager *m, struct ol_arena *a, const char *uuid)
{
    return ol_arena_printf(a, "%s/" HANDOVERS "/%s", m->config->state_path, uuid);
}

void handover_begin(struct work *w)
{
    const char *path = note_of(w->m, w->arena, instance_uuid(w));
    const char *dir = ol_arena_printf(w->arena, "%s/" HANDOVERS, w->m->config->state_path);
    struct ol_err err = OL_ERR_INIT;
    int r = ol_mkdir_p(w->m->env, dir, 0755, &err);

    if (r >= 0)
        r = ol_file_puts(w->m->env, path, "", 0600, 0, &err);
    if (r < 0)
        ol_warn(w->m->env, "it is handed over without a note of it: %s", ol_err_text(&err));
}

static void forget(struct manager *m, struct ol_arena *a, const char *uuid)
{
    struct ol_err err = OL_ERR_INIT;

    if (ol_unlink(m->env, note_of(m, a, uuid), &err) < 0)
        ol_warn(m->env, "the note of a handover stays: %s", ol_err_text(&err));
}

void handover_end(struct work *w)
{
    forget(w->m, w->arena, instance_uuid(w));
}

static void list_handovers(struct manager *m, struct ol_arena *a, struct ol_strv *ret)
{
    const char *dir = ol_arena_printf(a, "%s/" HANDOVERS, m->config->state_path);
    struct ol_err err = OL_ERR_INIT;
    int r = ol_list_dir(m->env, dir, ret, &err);

    if (r < 0 && r != -ENOENT)
        ol_warn(m->env, "%s", ol_err_text(&err));
}

/* --- all of them --- */

/* With these uuids; NULL: all that are on no host. */
static int find_building(struct manager *m, const struct ol_strv *uuids, struct ol_arena *a,
                         struct nova_object **ret, struct ol_err *err)
{
    struct nova_context context = nova_context_admin(a, m->env);
    struct ol_val *args = ol_val_new_list(a), *filters = ol_val_new_map(a);
    struct ol_val *kwargs = ol_val_new_map(a), *wanted = ol_val_new_list(a);

    ol_val_set_str(a, filters, "vm_state", VM_BUILDING);
    if (uuids) {
        ol_strv_each (uuid, uuids)
            ol_val_append(a, wanted, ol_val_new_str(a, uuid));
        ol_val_set(a, filters, "uuid", wanted);
    } else {
        ol_val_set(a, filters, "host", ol_val_new_null(a));
        ol_val_set_bool(a, filters, "deleted", false);
    }
    ol_val_append(a, args, filters);
    ol_val_set(a, kwargs, "expected_attrs", ol_val_new_list(a));
    return conductor_get(m->conductor, &context, "InstanceList", "get_by_filters", args, kwargs, a,
                         ret, err);
}

/* Alone: all, as the bus they were cast to has ended. Else those whose allocations name our
 * provider, and those that we were handing over. */
static int find_unclaimed(struct manager *m, const struct ol_strv *handled,
                          const struct ol_strv *handovers, struct ol_arena *a,
                          struct nova_object **ret, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv uuids = OL_STRV_INIT;
    int r = 0;

    if (m->config->standalone)
        return find_building(m, NULL, a, ret, err);
    if (cloud_has(m->cloud, CLOUD_PLACEMENT) && tracker_provider(m->tracker)[0])
        r = orphans_consumers(m, handled, a, &uuids, err);
    ol_strv_each (uuid, handovers)
        ol_strv_add(&uuids, uuid);
    return r >= 0 && uuids.n ? find_building(m, &uuids, a, ret, err) : r;
}

static void error_out(struct work *w)
{
    struct ol_err why = OL_ERR_INIT;

    (void)!nova_fail(&why, NOVA_BUILD_ABORT,
                     "Build of instance %s aborted: the compute service stopped before it began.",
                     instance_uuid(w));
    ol_info(w->m->env, "instance %s: %s It is set to error", instance_uuid(w), ol_err_text(&why));
    instance_record_fault(w, &why);
    instance_set_error(w, true);
}

/* A placement that doesn't answer doesn't keep the agent from starting. */
void recover_unclaimed(struct manager *m, const struct ol_strv *handled)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    ol_auto(ol_strv_done) struct ol_strv handovers = OL_STRV_INIT;
    struct nova_object *list = NULL;
    struct ol_err err = OL_ERR_INIT;

    list_handovers(m, &a, &handovers);
    if (find_unclaimed(m, handled, &handovers, &a, &list, &err) < 0) {
        ol_error(m->env, "instances stuck in BUILDING state cannot be looked for: %s",
                 ol_err_text(&err));
        return;
    }
    for (size_t i = 0; i < nova_list_count(list); i++) {
        struct work w = instance_work(m, &a, nova_list_item(list, i));

        /* What was handed over in time may have come to another host by now. */
        if (!nova_str(w.instance, "host"))
            error_out(&w);
    }
    ol_strv_each (uuid, &handovers)
        forget(m, &a, uuid);
}
