/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/apiserver/api-internal.h"
#include "kube/apiserver/proto.h"

static const char protobuf[] = "application/vnd.kubernetes.protobuf";

/* YAML's dates, and keys that are no strings, are strings to Kubernetes. */
static struct ol_val *plain(struct ol_arena *a, struct ol_val *v, int depth)
{
    if (depth > OL_VAL_MAX_DEPTH || ol_val_is(v, OL_VAL_SET) || ol_val_is(v, OL_VAL_BYTES))
        return ol_val_new_null(a);
    if (ol_val_is(v, OL_VAL_TIME))
        return ol_val_new_strn(a, v->str.data, v->str.len);
    if (ol_val_is(v, OL_VAL_LIST))
        for (size_t i = 0; i < v->list.n; i++)
            v->list.items[i] = plain(a, v->list.items[i], depth + 1);
    if (ol_val_is(v, OL_VAL_MAP)) {
        struct ol_val *map = ol_val_new_map(a);

        for (size_t i = 0; i < v->map.n; i++) {
            const struct ol_val *key = v->map.pairs[i].key;

            ol_val_set(a, map,
                       ol_val_is(key, OL_VAL_STR) ? ol_val_str(key) : ol_val_to_text(a, key),
                       plain(a, v->map.pairs[i].value, depth + 1));
        }
        return map;
    }
    return v;
}

static int load(struct api_request *q, bool is_yaml, struct ol_val **ret, struct ol_err *err)
{
    const char *start = q->body + strspn(q->body, " \t\r\n");
    int r;

    if (!is_yaml || *start == '{')
        return ol_json_load(q->body, q->size, &q->arena, ret, err);
    r = ol_yaml_load(q->body, q->size, &q->arena, ret, err);
    if (r < 0)
        return r;
    if (!ol_val_is_within(*ret, API_MAX_TREE / 8))
        return ol_err_set(err, EFBIG, "the document's aliases make it too large");
    *ret = plain(&q->arena, *ret, 0);
    return 0;
}

bool api_body_any(struct api_request *q, const char *type, struct ol_val **ret)
{
    struct ol_err err = OL_ERR_INIT;
    int r;

    if (strcmp(type, protobuf) == 0)
        r = proto_load(q->body, q->size, &q->arena, ret, &err);
    else
        r = load(q, strstr(type, "yaml") != NULL, ret, &err);

    if (r == -EFBIG)
        api_fail(q, KUBE_TOO_LARGE, "Request entity too large: %s", ol_err_text(&err));
    else if (r < 0)
        api_fail(q, KUBE_BAD_REQUEST, "error decoding the body: %s", ol_err_text(&err));
    return r == 0;
}

bool api_body(struct api_request *q, struct ol_val **ret)
{
    static const char *const known[] = {
        "application/json", "application/yaml", "application/x-yaml", "text/yaml", protobuf, NULL};
    const char *header = q->content_type && *q->content_type ? q->content_type : "application/json";
    size_t len;
    const char *at = ol_str_strip(header, strcspn(header, ";"), &len);
    const char *type = ol_arena_memdup(&q->arena, at, len);

    if (!ol_str_in(type, known)) {
        api_fail(q, KUBE_UNSUPPORTED_MEDIA_TYPE,
                 "the body of the request was in an unknown format - accepted media types include: "
                 "application/json, application/yaml, application/vnd.kubernetes.protobuf");
        return false;
    }
    if (!api_body_any(q, type, ret))
        return false;
    if (ol_val_is(*ret, OL_VAL_MAP))
        return true;
    api_fail(q, KUBE_BAD_REQUEST, "the body is not an object");
    return false;
}
