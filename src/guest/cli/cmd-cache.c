/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "guest/cli/cli.h"
#include "guest/stage/instance-data.h"
#include "guest/stage/instance.h"
#include "guest/stage/stage.h"

enum {
    ARENA_MAX = 512 << 20,
    OUTPUT_MAX = 64 << 20,
};

static int fail(const struct ol_err *err)
{
    fprintf(stderr, "cloud-init: %s\n", ol_err_text(err));
    return 1;
}

/* Opens the cached datasource of the current instance as g->ds. */
static int open_cache(struct guest *g, struct ol_env *env, struct ol_arena *arena,
                      struct ol_err *err)
{
    struct ol_val *doc = NULL;
    int r;

    stage_open_guest(g, env, arena);
    r = instance_load_cache(g, &doc, err);
    if (r == -ENOENT)
        return ol_err_set(err, ENOENT, "there is no cached datasource; run 'cloud-init init'");
    if (r == 0)
        g->ds = (struct guest_ds){.source = source_find(ol_val_str(ol_val_get(doc, "source"))),
                                  .doc = doc};
    return r;
}

/* "metadata.vhost_queues" or "metadata/vhost_queues": one form inside. */
static const char *slashed(struct ol_arena *a, const char *path)
{
    char *copy = ol_arena_strdup(a, path);

    for (char *p = copy; *p; p++)
        if (*p == '.')
            *p = '/';
    return copy;
}

int cmd_cache_get(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(OUTPUT_MAX);
    struct cli_context *ctx = cli->ctx;
    const struct ol_val *v;
    struct guest g;
    struct ol_err err = OL_ERR_INIT;

    if (open_cache(&g, &ctx->env, &arena, &err) < 0)
        return fail(&err);
    v = argc ? ol_val_at(g.ds.doc, slashed(&arena, argv[0])) : g.ds.doc;
    if (!v) {
        fprintf(stderr, "cloud-init: the cache has no '%s'\n", argv[0]);
        return 1;
    }
    if (ol_json_dump(v, &ol_json_cloud_init, &text) < 0) {
        fputs("cloud-init: the value cannot be shown as JSON\n", stderr);
        return 1;
    }
    puts(text.data);
    return 0;
}

/* Puts 'value' at the path, making maps on the way; -EINVAL where something else stands. */
static int put(struct ol_arena *a, struct ol_val *doc, const char *path, struct ol_val *value,
               struct ol_err *err)
{
    struct ol_val *at = doc;

    for (;;) {
        size_t len = strcspn(path, "/");
        const char *key = ol_arena_memdup(a, path, len);
        struct ol_val *next;

        if (!len)
            return ol_err_set(err, EINVAL, "the path has an empty part");
        if (!path[len]) {
            ol_val_set(a, at, key, value);
            return 0;
        }
        next = ol_val_get_mut(at, key);
        if (!next || ol_val_is(next, OL_VAL_NULL)) {
            next = ol_val_new_map(a);
            ol_val_set(a, at, key, next);
        }
        if (!ol_val_is(next, OL_VAL_MAP))
            return ol_err_set(err, EINVAL, "'%s' is a %s, nothing can be set below it", key,
                              ol_val_type_name(next));
        at = next;
        path += len + 1;
    }
}

int cmd_cache_set(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    struct cli_context *ctx = cli->ctx;
    struct ol_val *value = NULL;
    struct guest g;
    struct ol_err err = OL_ERR_INIT;
    int r = open_cache(&g, &ctx->env, &arena, &err);

    if (r == 0 && argc == 2)
        r = ol_json_load(argv[1], strlen(argv[1]), &arena, &value, &err);
    else if (r == 0)
        value = ol_val_new_null(&arena);
    if (r == 0)
        r = put(&arena, g.ds.doc, slashed(&arena, argv[0]), value, &err);
    if (r == 0)
        r = instance_store_cache(&g, &err);
    if (r == 0)
        r = instance_data_write(&g, &err); /* so that 'query' says the same */
    return r < 0 ? fail(&err) : 0;
}
