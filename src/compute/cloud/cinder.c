/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/cloud/cloud-internal.h"
#include "core/cleanup.h"

#define V_ATTACHMENTS "3.44"

/* What is asked of one thing. */
struct question {
    const char *method, *kind, *id, *rest; /* "/KIND/IDREST" */
    const struct ol_val *body;
};

static int ask(struct cloud *c, const struct nova_context *user, const struct question *what,
               struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_CINDER,
        .method = what->method,
        .path = ol_arena_printf(a, "/%s/%s%s", what->kind, what->id, what->rest),
        .version = V_ATTACHMENTS,
        .body = what->body,
        .user = user,
    };
    struct ol_err failure = OL_ERR_INIT;
    bool is_volume = !strcmp(what->kind, "volumes");
    int r = cloud_check_id(is_volume ? "a volume" : "a volume attachment", what->id, err);

    if (r < 0)
        return r;
    r = cloud_call(c, &q, a, ret, &failure);
    if (r < 0 && cloud_is(&failure, 404))
        return nova_fail(err, NOVA_VOLUME_NOT_FOUND, "Volume %s%s could not be found.",
                         is_volume ? "" : "attachment ", what->id);
    if (r < 0 && err)
        *err = failure;
    return r;
}

int cinder_volume(struct cloud *c, const struct nova_context *user, const char *id,
                  struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    const struct question q = {"GET", "volumes", id, "", NULL};
    const struct ol_val *answer = NULL;
    int r = ask(c, user, &q, a, &answer, err);

    if (r == 0)
        *ret = ol_val_get(answer, "volume");
    return r;
}

int cinder_attachment_update(struct cloud *c, const struct nova_context *user, const char *id,
                             const struct ol_val *connector, struct ol_arena *a,
                             const struct ol_val **ret_connection_info, struct ol_err *err)
{
    struct ol_val *body = ol_val_new_map(a), *attachment = ol_val_new_map(a);
    const struct question q = {"PUT", "attachments", id, "", body};
    const struct ol_val *answer = NULL;
    int r;

    ol_val_set(a, attachment, "connector", ol_val_copy(a, connector));
    ol_val_set(a, body, "attachment", attachment);
    r = ask(c, user, &q, a, &answer, err);
    if (r == 0)
        *ret_connection_info = ol_val_at(answer, "attachment/connection_info");
    return r;
}

int cinder_attachment_complete(struct cloud *c, const struct nova_context *user, const char *id,
                               struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *body = ol_val_new_map(&a);
    const struct question q = {"POST", "attachments", id, "/action", body};

    ol_val_set(&a, body, "os-complete", ol_val_new_null(&a));
    return ask(c, user, &q, &a, NULL, err);
}

int cinder_attachment_delete(struct cloud *c, const struct nova_context *user, const char *id,
                             struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct question q = {"DELETE", "attachments", id, "", NULL};
    struct ol_err failure = OL_ERR_INIT;
    int r = ask(c, user, &q, &a, NULL, &failure);

    if (r < 0 && nova_is(&failure, NOVA_VOLUME_NOT_FOUND))
        return 0;
    if (r < 0 && err)
        *err = failure;
    return r;
}
