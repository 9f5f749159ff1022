/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "guest/cli/cli.h"
#include "guest/stage/stage.h"
#include "guest/stage/sync.h"

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

static const enum stage stages[] = {STAGE_LOCAL, STAGE_NETWORK, STAGE_CONFIG, STAGE_FINAL};

/* One after the other, each when its unit asks for it. */
static int run_with_units(struct cli_context *ctx, const struct stage_options *options)
{
    struct stage_sync sync;
    struct ol_err err = OL_ERR_INIT;
    int status = 0;

    if (stage_sync_open(&sync, &ctx->env, "/run/cloud-init", &err) < 0) {
        fprintf(stderr, "cloud-init: %s\n", ol_err_text(&err));
        return 1;
    }
    for (size_t i = 0; i < ol_count(stages); i++) {
        int stage_status = 1;

        if (stage_sync_await(&sync, (enum sync_stage)i, &err) < 0) {
            fprintf(stderr, "cloud-init: %s\n", ol_err_text(&err));
        } else {
            stage_status = stage_run(&ctx->env, stages[i], options);
            stage_sync_answer(&sync, (enum sync_stage)i, stage_status);
        }
        status |= stage_status != 0;
    }
    stage_sync_close(&sync);
    stage_notify(&ctx->env, status ? "STATUS=Completed with failure, a stage of cloud-init exited"
                                     " non-zero. Run 'cloud-init status --long' for more details."
                                   : "STATUS=Completed");
    stage_notify(&ctx->env, "STOPPING=1");
    return status;
}

int cmd_all_stages(struct cli_context *ctx)
{
    const struct stage_options options = stage_options(&ctx->options);
    int status = 0;

    /* Only systemd sets it, and only for the unit that speaks the protocol. */
    if (getenv("NOTIFY_SOCKET"))
        return run_with_units(ctx, &options);
    for (size_t i = 0; i < ol_count(stages); i++)
        if (stage_run(&ctx->env, stages[i], &options))
            status = 1;
    return status;
}
