/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/cleanup.h"
#include "guest/cli/cli.h"
#include "guest/stage/instance.h"
#include "guest/stage/stage.h"

enum { ARENA_MAX = 256 << 20 };

static void print_trials(const struct source_trials *trials)
{
    puts("\nWhat each datasource says now:");
    for (size_t i = 0; i < trials->n; i++)
        printf("  %-12s %s\n", trials->items[i].name, trials->items[i].outcome);
}

/* The decision of the next local stage, with nothing changed. */
int cmd_explain(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    struct cli_context *ctx = cli->ctx;
    bool is_kept;
    struct source_trials trials = {0};
    struct instance_verdict verdict;
    struct guest g;
    struct ol_err err = OL_ERR_INIT;

    ctx->env.is_dry_run = true;
    ctx->env.plan = NULL;
    stage_open_guest(&g, &ctx->env, &arena);
    is_kept = stage_trusts_cache(&g);
    verdict = instance_restore(&g, is_kept ? INSTANCE_TRUST : INSTANCE_CHECK);
    printf("Cached datasource: %s.\n", verdict.why);
    if (is_kept)
        puts("manual_cache_clean is, or was, set: a cache is used whatever the datasource says.");
    if (!verdict.use_cache) {
        g.ds = (struct guest_ds){NULL, NULL};
        if (source_find_first(&g, SOURCE_NEEDS_DISK, &trials, &err) < 0
            && source_find_first(&g, SOURCE_NEEDS_DISK | SOURCE_NEEDS_NET, &trials, &err) < 0)
            printf("No datasource would be found: %s\n", ol_err_text(&err));
        print_trials(&trials);
    }
    if (!g.ds.source)
        return 1;
    instance_compare(&g);
    printf("\nDatasource:        %s\n", ol_val_to_text(&arena, guest_ds_get(&g, "description")));
    printf("Instance id:       %s\n", guest_instance_id(&g));
    printf("Previous id:       %s\n", g.previous_instance_id);
    printf("New instance:      %s\n", g.is_new_instance
                                          ? "yes: the two ids differ, so per-instance modules run"
                                          : "no: the ids are equal, so only what runs always runs");
    return 0;
}
