/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "codec/json.h"
#include "codec/template.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/base/instance-vars.h"
#include "guest/cli/cli.h"
#include "guest/cli/query-data.h"
#include "guest/stage/stage.h"

enum {
    ARENA_MAX = 512 << 20,
    DATA_MAX = 64 << 20,
};

static int fail(const char *sentence)
{
    fprintf(stderr, "ERROR: %s\n", sentence);
    return 1;
}

static int render(struct guest *g, const char *name, const struct ol_buf *text,
                  const struct ol_val *data)
{
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(DATA_MAX);
    enum ol_template_kind kind = OL_TEMPLATE_BASIC;
    struct ol_err err = OL_ERR_INIT;
    size_t body;

    if (ol_template_detect(text->data, text->len, &kind, &body, NULL) < 0
        || kind != OL_TEMPLATE_JINJA)
        return fail("Cannot render from instance data due to exception: "
                    "NotJinjaError('Payload is not a jinja template')");
    if (ol_template_render(text->data, text->len, instance_vars(g->arena, data, VARS_ALIASES), &out,
                           &err)
        < 0)
        return fail(ol_arena_printf(g->arena, "Failed to render templated user-data file '%s'. %s",
                                    name, ol_err_text(&err)));
    if (!out.len)
        return fail(ol_arena_printf(g->arena, "Unable to render user-data file: %s", name));
    query_warn_missing(name, out.data);
    fwrite(out.data, 1, out.len, stdout);
    return 0;
}

/* cloud-init 26.2 cmd/devel/render.py. */
int cmd_devel_render(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(DATA_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DATA_MAX);
    struct cli_context *ctx = cli->ctx;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *data = NULL;
    const char *path;
    struct guest g;

    stage_open_guest_paths(&g, &ctx->env, &arena);
    path = query_data_path(&g, &ctx->options);
    if (!ol_exists(g.env, path))
        return fail(ol_arena_printf(&arena, "Missing instance-data.json file: %s", path));
    if (ol_file_read(g.env, argv[0], &text, NULL) < 0)
        return fail(ol_arena_printf(&arena, "Missing user-data file: %s", argv[0]));
    if (ol_file_read(g.env, path, &json, &err) < 0
        || ol_json_load(json.data, json.len, &arena, &data, &err) < 0)
        return fail(ol_arena_printf(&arena,
                                    "Cannot render from instance data due to exception: "
                                    "JinjaLoadError(\"%s\")",
                                    ol_err_text(&err)));
    return render(&g, argv[0], &text, data);
}
