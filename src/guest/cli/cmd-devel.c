/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "codec/mime.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/cli/cli.h"
#include "guest/cli/devel-net-convert.h"
#include "guest/cli/devel-yaml.h"
#include "guest/userdata/userdata-types.h"

enum { MIME_MAX = 256 << 20 };

static int fail(const struct ol_err *err)
{
    fprintf(stderr, "cloud-init: %s\n", ol_err_text(err));
    return 1;
}

int cmd_devel_yaml(struct ol_cli *cli, int argc, char **argv)
{
    struct cli_context *ctx = cli->ctx;
    struct ol_err err = OL_ERR_INIT;
    int r = devel_yaml(&ctx->env, argv[0], ctx->options.dump, stdout, &err);

    return r < 0 ? fail(&err) : 0;
}

int cmd_devel_net_convert(struct ol_cli *cli, int argc, char **argv)
{
    struct cli_context *ctx = cli->ctx;
    const struct cli_options *o = &ctx->options;
    const struct devel_net_convert_args args = {
        .network_data = o->network_data,
        .kind = o->kind,
        .directory = o->directory,
        .distro = o->distro,
        .macs = o->mac,
        .is_debug = o->debug,
        .output_kind = o->output_kind,
    };
    struct ol_err err = OL_ERR_INIT;

    return devel_net_convert(&ctx->env, &args, stderr, &err) < 0 ? fail(&err) : 0;
}

static uint64_t random_number(void *ctx)
{
    uint64_t number = 0;

    if (getrandom(&number, sizeof(number), 0) < 0)
        number = (uint64_t)ol_now_wall(ctx);
    return number;
}

/* "FILE:TYPE" becomes a part text/TYPE. -errno, or 1 when the type is not known. */
static int attach(struct cli_context *ctx, struct ol_arena *a, struct ol_mime_part *all,
                  const char *spec, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf data = OL_BUF_INIT(MIME_MAX);
    const char *colon = strrchr(spec, ':');
    const char *path = ol_arena_memdup(a, spec, colon ? (size_t)(colon - spec) : strlen(spec));
    const char *type = colon ? colon + 1 : "plain";
    const char *base = strrchr(path, '/');
    struct ol_mime_part *part;
    int r = ol_file_read(&ctx->env, path, &data, err);

    if (r < 0)
        return r;
    if (!ol_str_in(type, userdata_known_types)) {
        fprintf(stderr, "%s: text/%s is not a content type that cloud-init knows%s\n", spec, type,
                ctx->options.force ? "" : "; --force takes it all the same");
        if (!ctx->options.force)
            return 1;
    }
    part = ol_mime_new_text(a, type, "utf-8", data.data, data.len);
    ol_mime_set_filename(a, part, base ? base + 1 : path);
    ol_mime_attach(a, all, part);
    return 0;
}

int cmd_devel_make_mime(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(MIME_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MIME_MAX);
    struct cli_context *ctx = cli->ctx;
    const struct ol_mime_random random = {.next = random_number, .ctx = &ctx->env};
    struct ol_mime_part *all = ol_mime_new(&arena, "multipart/mixed");
    struct ol_err err = OL_ERR_INIT;

    for (size_t i = 0; ctx->options.list_types && userdata_known_types[i]; i++)
        puts(userdata_known_types[i]);
    if (ctx->options.list_types)
        return 0;
    if (!ctx->options.attach.n) {
        fputs("cloud-init: make-mime needs at least one --attach FILE:TYPE\n", stderr);
        return 1;
    }
    ol_strv_each (spec, &ctx->options.attach) {
        int r = attach(ctx, &arena, all, spec, &err);

        if (r)
            return r < 0 ? fail(&err) : 1;
    }
    if (ol_mime_write(&arena, all, &random, &text, &err) < 0)
        return fail(&err);
    puts(text.data);
    return 0;
}
