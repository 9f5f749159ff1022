/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "compute/cloud/cloud-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

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

/* A new thing, of a kind. */
static int post(struct cloud *c, const struct nova_context *user, const char *path,
                const struct ol_val *body, struct ol_arena *a, const struct ol_val **ret,
                struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_CINDER,
        .method = "POST",
        .path = path,
        .version = V_ATTACHMENTS,
        .body = body,
        .user = user,
    };

    return cloud_call(c, &q, a, ret, err);
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

int cinder_volume_create(struct cloud *c, const struct nova_context *user,
                         const struct ol_val *volume, struct ol_arena *a, const struct ol_val **ret,
                         struct ol_err *err)
{
    struct ol_val *body = ol_val_new_map(a);
    const struct ol_val *answer = NULL;
    int r;

    ol_val_set(a, body, "volume", ol_val_copy(a, volume));
    r = post(c, user, "/volumes", body, a, &answer, err);
    if (r == 0)
        *ret = ol_val_get(answer, "volume");
    return r;
}

/* A DELETE that finds nothing has done its work. */
static int remove_one(struct cloud *c, const struct nova_context *user, const char *kind,
                      const char *id, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct question q = {"DELETE", kind, id, "", NULL};
    struct ol_err failure = OL_ERR_INIT;
    int r = ask(c, user, &q, &a, NULL, &failure);

    if (r < 0 && nova_is(&failure, NOVA_VOLUME_NOT_FOUND))
        return 0;
    if (r < 0 && err)
        *err = failure;
    return r;
}

int cinder_volume_delete(struct cloud *c, const struct nova_context *user, const char *id,
                         struct ol_err *err)
{
    return remove_one(c, user, "volumes", id, err);
}

static int act(struct cloud *c, const struct nova_context *user, const char *kind, const char *id,
               const char *action, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *body = ol_val_new_map(&a);
    const struct question q = {"POST", kind, id, "/action", body};

    ol_val_set(&a, body, action, ol_val_new_null(&a));
    return ask(c, user, &q, &a, NULL, err);
}

int cinder_volume_roll_detaching(struct cloud *c, const struct nova_context *user, const char *id,
                                 struct ol_err *err)
{
    return act(c, user, "volumes", id, "os-roll_detaching", err);
}

int cinder_attachment_create(struct cloud *c, const struct nova_context *user, const char *volume,
                             const char *instance, struct ol_arena *a, const char **ret_id,
                             struct ol_err *err)
{
    struct ol_val *body = ol_val_new_map(a), *attachment = ol_val_new_map(a);
    const struct ol_val *answer = NULL;
    int r;

    ol_val_set_str(a, attachment, "volume_uuid", volume);
    ol_val_set_str(a, attachment, "instance_uuid", instance);
    ol_val_set(a, body, "attachment", attachment);
    r = post(c, user, "/attachments", body, a, &answer, err);
    if (r < 0)
        return r;
    *ret_id = ol_val_str(ol_val_at(answer, "attachment/id"));
    return *ret_id ? 0 : ol_err_set(err, EBADMSG, "cinder: an attachment without an id");
}

/* Cinder's is flat; what an attachment has beside it goes in. */
static struct ol_val *connection_info(struct ol_arena *a, const struct ol_val *attachment)
{
    static const char *const not_taken[] = {"id", "attach_mode", "connection_info", NULL};
    struct ol_val *info = ol_val_new_map(a), *data;
    const struct ol_val *given = ol_val_get(attachment, "connection_info");
    const char *type = ol_val_str(ol_val_get(given, "driver_volume_type"));

    data = ol_val_count(given) ? ol_val_copy(a, given) : ol_val_new_map(a);
    ol_val_remove(data, "connector");
    ol_val_remove(data, "driver_volume_type");
    ol_val_set(a, info, "driver_volume_type", type ? ol_val_new_str(a, type) : ol_val_new_null(a));
    ol_val_set(a, info, "data", data);
    for (size_t i = 0; i < ol_val_count(attachment); i++) {
        const char *key = ol_val_str(ol_val_pair(attachment, i)->key);

        if (key && !ol_str_in(key, not_taken))
            ol_val_set(a, info, key, ol_val_copy(a, ol_val_get(attachment, key)));
    }
    return info;
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
        *ret_connection_info = connection_info(a, ol_val_get(answer, "attachment"));
    return r;
}

int cinder_attachment_complete(struct cloud *c, const struct nova_context *user, const char *id,
                               struct ol_err *err)
{
    return act(c, user, "attachments", id, "os-complete", err);
}

int cinder_attachment_delete(struct cloud *c, const struct nova_context *user, const char *id,
                             struct ol_err *err)
{
    return remove_one(c, user, "attachments", id, err);
}
