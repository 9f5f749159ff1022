/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "guest/cli/cli.h"
#include "guest/stage/stage.h"

static struct stage_options stage_options(const struct cli_options *o)
{
    return (struct stage_options){
        .files = &o->files,
        .is_forced = o->force,
        .is_debug = o->debug,
    };
}

int cmd_init(struct ol_cli *cli, int argc, char **argv)
{
    struct cli_context *ctx = cli->ctx;
    const struct stage_options options = stage_options(&ctx->options);

    return stage_run(&ctx->env, ctx->options.local ? STAGE_LOCAL : STAGE_NETWORK, &options);
}

int cmd_modules(struct ol_cli *cli, int argc, char **argv)
{
    static const struct {
        const char *mode;
        enum stage stage;
    } modes[] = {{"init", STAGE_INIT_MODULES}, {"config", STAGE_CONFIG}, {"final", STAGE_FINAL}};
    struct cli_context *ctx = cli->ctx;
    const struct stage_options options = stage_options(&ctx->options);
    const char *mode = ctx->options.mode ? ctx->options.mode : "config";

    for (size_t i = 0; i < ol_count(modes); i++)
        if (!strcmp(modes[i].mode, mode))
            return stage_run(&ctx->env, modes[i].stage, &options);
    return cli->program->misuse_status;
}

int cmd_single(struct ol_cli *cli, int argc, char **argv)
{
    struct cli_context *ctx = cli->ctx;
    const struct stage_options options = stage_options(&ctx->options);
    const struct stage_single single = {
        .name = ctx->options.name,
        .frequency = ctx->options.frequency,
        .argc = argc,
        .argv = argv,
    };

    return stage_run_single(&ctx->env, &single, &options);
}

int cmd_all_stages(struct cli_context *ctx)
{
    static const enum stage stages[] = {STAGE_LOCAL, STAGE_NETWORK, STAGE_CONFIG, STAGE_FINAL};
    const struct stage_options options = stage_options(&ctx->options);
    int status = 0;

    for (size_t i = 0; i < ol_count(stages); i++)
        if (stage_run(&ctx->env, stages[i], &options))
            status = 1;
    return status;
}
