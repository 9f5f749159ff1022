/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/conductor/local-internal.h"

static const struct ol_val *context_value(const struct local_call *q, const char *name)
{
    const struct ol_val *v = q->ctx ? ol_val_get(q->ctx->values, name) : NULL;

    return v && v->type != OL_VAL_NULL ? v : NULL;
}

static struct ol_val *or_null(struct local_call *q, const struct ol_val *v)
{
    return v ? ol_val_copy(q->a, v) : ol_val_new_null(q->a);
}

static bool is_wanted(const struct local_call *q, size_t arg, bool usual)
{
    const struct ol_val *v = local_arg(q, arg);

    return v ? ol_val_is_truthy(v) : usual;
}

/* The newest with this request id. */
static int find_action(struct local_call *q, const struct ol_val *request, struct ol_val **ret)
{
    struct ol_val *rows = NULL;
    const struct ol_val *uuid = local_arg(q, 0);
    int r = local_find(q, LOCAL_ACTION,
                       request ? LOCAL_KEYS({"instance_uuid", uuid}, {"request_id", request})
                               : LOCAL_KEYS({"instance_uuid", uuid}),
                       LOCAL_LIVE, &rows);
    size_t n = ol_val_count(rows);

    if (r == 0)
        *ret = n ? (struct ol_val *)ol_val_item(rows, n - 1) : NULL;
    return r;
}

/* After a restart of the agent its own context goes on with what a user's began: then it is the
 * instance's last action. *ret_own tells whether it is the request's. */
static int find_for_event(struct local_call *q, struct ol_val **ret, bool *ret_own)
{
    const struct ol_val *request = context_value(q, "request_id");
    int r = request ? find_action(q, request, ret) : 0;

    *ret_own = r == 0 && *ret;
    if (r == 0 && !*ret && !context_value(q, "project_id"))
        r = find_action(q, NULL, ret);
    if (r == 0 && !*ret)
        return nova_fail(q->err, NOVA_EXCEPTION,
                         "Action for request_id %s on instance %s not found",
                         ol_val_to_text(q->a, request), ol_val_to_text(q->a, local_arg(q, 0)));
    return r;
}

/* --- actions --- */

static int action_start(struct local_call *q)
{
    struct ol_val *data = ol_val_new_map(q->a);
    int r;

    ol_val_set(q->a, data, "action", or_null(q, local_arg(q, 1)));
    ol_val_set(q->a, data, "instance_uuid", or_null(q, local_arg(q, 0)));
    ol_val_set(q->a, data, "request_id", or_null(q, context_value(q, "request_id")));
    ol_val_set(q->a, data, "user_id", or_null(q, context_value(q, "user_id")));
    ol_val_set(q->a, data, "project_id", or_null(q, context_value(q, "project_id")));
    ol_val_set(q->a, data, "start_time", local_now(q));
    r = local_insert(q, LOCAL_ACTION, data);
    if (r == 0 && is_wanted(q, 2, true))
        q->result = local_object(q, "InstanceAction", data);
    return r;
}

static int action_finish(struct local_call *q)
{
    struct ol_val *data = NULL;
    int r = find_action(q, context_value(q, "request_id"), &data);

    if (r == 0 && !data)
        return nova_fail(q->err, NOVA_EXCEPTION,
                         "Action for request_id %s on instance %s not found",
                         ol_val_to_text(q->a, context_value(q, "request_id")),
                         ol_val_to_text(q->a, local_arg(q, 0)));
    if (r < 0)
        return r;
    ol_val_set(q->a, data, "finish_time", local_now(q));
    if (local_arg(q, 2))
        ol_val_set_str(q->a, data, "message", "Error");
    r = local_update(q, LOCAL_ACTION, data);
    if (r == 0 && is_wanted(q, 3, true))
        q->result = local_object(q, "InstanceAction", data);
    return r;
}

static int get_by_request_id(struct local_call *q)
{
    const struct ol_val *request = local_arg(q, 1);
    struct ol_val *data = NULL;
    int r = request ? find_action(q, request, &data) : 0;

    if (r == 0)
        q->result = local_object(q, "InstanceAction", data);
    return r;
}

static struct ol_val *newest_first(struct local_call *q, const struct ol_val *rows)
{
    struct ol_val *to = ol_val_new_list(q->a);

    for (size_t i = ol_val_count(rows); i > 0; i--)
        ol_val_append(q->a, to, (struct ol_val *)ol_val_item(rows, i - 1));
    return to;
}

static int list_actions(struct local_call *q)
{
    struct ol_val *rows = NULL;
    int r = local_find(q, LOCAL_ACTION, LOCAL_KEYS({"instance_uuid", local_arg(q, 0)}), LOCAL_LIVE,
                       &rows);

    if (r == 0)
        q->result = local_list(q, "InstanceActionList", LOCAL_ACTION, newest_first(q, rows));
    return r;
}

static int list_events(struct local_call *q)
{
    struct ol_val *rows = NULL;
    int r =
        local_find(q, LOCAL_EVENT, LOCAL_KEYS({"action_id", local_arg(q, 0)}), LOCAL_LIVE, &rows);

    if (r == 0)
        q->result = local_list(q, "InstanceActionEventList", LOCAL_EVENT, newest_first(q, rows));
    return r;
}

/* --- their events --- */

static int event_start(struct local_call *q)
{
    struct ol_val *action = NULL, *data = ol_val_new_map(q->a);
    bool is_own;
    int r = find_for_event(q, &action, &is_own);

    if (r < 0)
        return r;
    ol_val_set(q->a, data, "event", or_null(q, local_arg(q, 1)));
    ol_val_set(q->a, data, "action_id", or_null(q, ol_val_get(action, "id")));
    ol_val_set(q->a, data, "start_time", local_now(q));
    ol_val_set(q->a, data, "host", or_null(q, local_arg(q, 3)));
    r = local_insert(q, LOCAL_EVENT, data);
    if (r == 0 && is_own)
        r = local_update(q, LOCAL_ACTION, action);
    if (r == 0 && is_wanted(q, 2, true))
        q->result = local_object(q, "InstanceActionEvent", data);
    return r;
}

/* One that runs, else the newest: a task may be done twice under one request. */
static int find_event(struct local_call *q, const struct ol_val *action, struct ol_val **ret)
{
    struct ol_val *rows = NULL;
    int r =
        local_find(q, LOCAL_EVENT,
                   LOCAL_KEYS({"action_id", ol_val_get(action, "id")}, {"event", local_arg(q, 1)}),
                   LOCAL_LIVE, &rows);

    *ret = NULL;
    for (size_t i = 0; i < ol_val_count(rows); i++) {
        struct ol_val *row = (struct ol_val *)ol_val_item(rows, i);

        if (!*ret || !local_field(row, "finish_time") || local_field(*ret, "finish_time"))
            *ret = row;
    }
    if (r == 0 && !*ret)
        return nova_fail(q->err, NOVA_EXCEPTION, "Event %s not found for action id %s",
                         ol_val_to_text(q->a, local_arg(q, 1)),
                         ol_val_to_text(q->a, ol_val_get(action, "id")));
    return r;
}

static int finish_event(struct local_call *q, const struct ol_val *why, const struct ol_val *trace,
                        bool want_result)
{
    struct ol_val *action = NULL, *data = NULL;
    bool is_own;
    int r = find_for_event(q, &action, &is_own);

    if (r == 0)
        r = find_event(q, action, &data);
    if (r < 0)
        return r;
    ol_val_set(q->a, data, "finish_time", local_now(q));
    ol_val_set_str(q->a, data, "result", trace ? "Error" : "Success");
    if (trace) {
        ol_val_set(q->a, data, "details", or_null(q, why));
        ol_val_set(q->a, data, "traceback", or_null(q, trace));
        ol_val_set_str(q->a, action, "message", "Error");
    }
    r = local_update(q, LOCAL_EVENT, data);
    if (r == 0 && (is_own || trace))
        r = local_update(q, LOCAL_ACTION, action);
    if (r == 0 && want_result)
        q->result = local_object(q, "InstanceActionEvent", data);
    return r;
}

static int event_finish_with_failure(struct local_call *q)
{
    return finish_event(q, local_arg(q, 2), local_arg(q, 3), is_wanted(q, 4, false));
}

static int event_finish(struct local_call *q)
{
    return finish_event(q, NULL, NULL, is_wanted(q, 2, true));
}

const struct local_method local_action_methods[] = {
    {"InstanceAction",
     "action_start",
     LOCAL_WRITES,
     action_start,
     {"instance_uuid", "action_name", "want_result"}},
    {"InstanceAction",
     "action_finish",
     LOCAL_WRITES,
     action_finish,
     {"instance_uuid", "exc_val", "exc_tb", "want_result"}},
    {"InstanceAction", "get_by_request_id", 0, get_by_request_id, {"instance_uuid", "request_id"}},
    {"InstanceActionList",
     "get_by_instance_uuid",
     0,
     list_actions,
     {"instance_uuid", "limit", "marker", "filters"}},
    {"InstanceActionEventList", "get_by_action", 0, list_events, {"action_id"}},
    {"InstanceActionEvent",
     "event_start",
     LOCAL_WRITES,
     event_start,
     {"instance_uuid", "event_name", "want_result", "host"}},
    {"InstanceActionEvent",
     "event_finish_with_failure",
     LOCAL_WRITES,
     event_finish_with_failure,
     {"instance_uuid", "event_name", "exc_val", "exc_tb", "want_result"}},
    {"InstanceActionEvent",
     "event_finish",
     LOCAL_WRITES,
     event_finish,
     {"instance_uuid", "event_name", "want_result"}},
    {NULL},
};
