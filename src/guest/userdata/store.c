/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/random.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/userdata/userdata-internal.h"

static uint64_t random_number(void *ctx)
{
    uint64_t number = 0;

    /* Not a secret: without entropy yet, any boundary will do. */
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
        number = (uint64_t)ol_now_wall(ctx);
    return number;
}

/* Raw vendor-data may be a list, which is kept as JSON. */
static int raw_bytes(const struct ol_val *raw, struct ol_buf *to)
{
    if (ol_val_is(raw, OL_VAL_LIST) || ol_val_is(raw, OL_VAL_MAP))
        return ol_json_dump(raw, &ol_json_cloud_init, to);
    if (ol_val_is(raw, OL_VAL_STR) || ol_val_is(raw, OL_VAL_BYTES))
        ol_buf_add(to, raw->str.data, raw->str.len);
    return ol_buf_status(to);
}

static int store_one(struct guest *g, const char *key, const char *name, struct ol_mime_part **ret,
                     struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf raw = OL_BUF_INIT(USERDATA_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(2 * USERDATA_MAX);
    const struct ol_mime_random random = {.next = random_number, .ctx = g->env};
    const char *path = guest_instance_path(g, name);
    struct ol_mime_part *message = NULL;
    int r = raw_bytes(guest_ds_get(g, key), &raw);

    if (r < 0)
        return ol_err_set(err, -r, "'%s': too large or no text", name);
    r = ol_file_write_buf(g->env, path, &raw, 0600, 0, err);
    if (r == 0)
        r = userdata_process(g, guest_ds_get(g, key), &message, err);
    if (r == 0)
        r = ol_mime_write(g->arena, message, &random, &text, err);
    if (r == 0)
        r = ol_file_write_buf(g->env, ol_arena_printf(g->arena, "%s.i", path), &text, 0600, 0, err);
    if (r == 0)
        *ret = message;
    return r;
}

int userdata_store(struct guest *g, struct userdata *ret, struct ol_err *err)
{
    static const char *const items[][2] = {
        [USERDATA_USER] = {"userdata_raw", "user-data.txt"},
        [USERDATA_VENDOR] = {"vendordata_raw", "vendor-data.txt"},
        [USERDATA_VENDOR2] = {"vendordata2_raw", "vendor-data2.txt"},
    };
    struct userdata all = {.refused = OL_ERR_INIT};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ol_count(items); i++) {
        struct ol_err why = OL_ERR_INIT;

        r = store_one(g, items[i][0], items[i][1], &all.messages[i], &why);
        if (r == -EFBIG || r == -EINVAL) {
            all.messages[i] = ol_mime_new(g->arena, "multipart/mixed");
            r = ol_err_prefix(&why, 0, "%s", items[i][1]);
            all.refused = why;
        } else if (r < 0 && err) {
            *err = why;
        }
    }
    if (r == 0)
        *ret = all;
    return r;
}
