/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/start.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/compute-id.h"
#include "compute/base/context.h"
#include "compute/base/exception.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"

/* nova/utils.py raise_if_old_compute() */
static int refuse_old_computes(const struct service_setting *s, struct ol_err *err)
{
    const struct nova_release *release = s->release;
    int oldest = 0, r = s->ops->oldest_compute(s->ctx, &oldest, err);

    if (r < 0 || oldest == 0 || oldest >= release->oldest_service)
        return r;
    r = nova_fail(err, NOVA_TOO_OLD_COMPUTE,
                  "Current Nova version does not support computes older than %s but the minimum "
                  "compute service level in your cell is %d and the oldest supported service level "
                  "is %d.",
                  release->oldest_name, oldest, release->oldest_service);
    if (!s->config->disable_compute_service_check_for_ffu)
        return r;
    ol_warn(s->env, "%s", err->msg);
    return 0;
}

/* nova/service.py basic_config_check() */
static int check_tempdir(const struct service_setting *s, struct ol_err *err)
{
    const char *dir = s->config->tempdir ? s->config->tempdir : "/tmp";
    ol_autofree char *path = NULL;
    char id[33];
    int r;

    nova_uuid_hex(id);
    path = ol_path_join(dir, id);
    r = ol_mkdir_p(s->env, path, 0700, err);
    if (r >= 0)
        r = ol_remove_tree(s->env, path, err);
    return r < 0 ? ol_err_prefix(err, r, "Temporary directory is invalid") : 0;
}

static int settle_record(const struct service_setting *s, const struct service_record *have,
                         struct ol_err *err)
{
    int ours = s->release->service_version;

    if (!have->is_found)
        return s->ops->create_record(s->ctx, err);
    if (have->version == ours)
        return 0;
    ol_info(s->env, "Updating service version for nova-compute on %s from %d to %d",
            s->config->host, have->version, ours);
    return s->ops->save_version(s->ctx, ours, err);
}

static int settle_identity(const struct service_setting *s, struct ol_err *err)
{
    const char *state = s->config->state_path, *file = NULL;
    char own[37], node[37] = "", made[37];
    int r = compute_id_read(s->env, state, own, err);

    if (r < 0 && r != -ENOENT)
        return nova_fail(err, NOVA_INVALID_CONFIGURATION, "%s", ol_err_text(err));
    file = r < 0 ? NULL : own;
    r = s->ops->find_node(s->ctx, node, err);
    if (r < 0)
        return r;
    switch (compute_id_decide(file, *node ? node : NULL)) {
    case COMPUTE_ID_KEEP: return 0;
    case COMPUTE_ID_ADOPT:
        ol_info(s->env, "Writing node identity %s to %s/compute_id", node, state);
        return compute_id_write(s->env, state, node, err);
    case COMPUTE_ID_GENERATE:
        nova_uuid(made);
        ol_info(s->env, "Generated node identity %s", made);
        return compute_id_write(s->env, state, made, err);
    case COMPUTE_ID_DISAGREE: break;
    }
    return nova_fail(err, NOVA_INVALID_CONFIGURATION,
                     "%s/compute_id says that this host is compute node %s, but the cloud knows "
                     "host %s as compute node %s: was the file copied from another host, or the "
                     "host renamed?",
                     state, file, s->config->host, node);
}

/* Zed asks for the row after init_host; later releases before it. */
static int init_and_record(const struct service_setting *s, struct ol_err *err)
{
    struct service_record record = {.is_found = false};
    bool is_record_first = s->release->has_compute_id;
    int r = 0;

    if (is_record_first) {
        r = s->ops->find_record(s->ctx, &record, err);
        if (r >= 0)
            r = settle_identity(s, err);
    }
    if (r >= 0)
        r = s->ops->init_host(s->ctx, err);
    if (r >= 0 && !is_record_first)
        r = s->ops->find_record(s->ctx, &record, err);
    return r < 0 ? r : settle_record(s, &record, err);
}

int service_start(const struct service_setting *s, struct ol_err *err)
{
    int r = service_wait_conductor(s, err);

    if (r >= 0)
        r = refuse_old_computes(s, err);
    if (r < 0)
        return r;
    ol_info(s->env, "Starting compute node (version %s)", s->release->number);
    r = check_tempdir(s, err);
    if (r >= 0)
        r = init_and_record(s, err);
    if (r >= 0)
        r = s->ops->update_resources(s->ctx, err);
    if (r < 0)
        return r;
    ol_debug(s->env, "Creating RPC server for service compute");
    r = s->ops->serve(s->ctx, "compute", err);
    if (r >= 0 && s->release->has_compute_alt)
        r = s->ops->serve(s->ctx, "compute-alt", err);
    return r;
}
