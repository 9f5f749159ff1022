/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "guest/source/source-internal.h"

/* The last resort: nothing but what datasource: None: {metadata, userdata_raw} says. */
static int none_fetch(struct guest *g, unsigned have, struct ol_val *doc, struct ol_err *err)
{
    const struct ol_val *cfg = source_cfg(g, "None");
    const struct ol_val *metadata = ol_val_get(cfg, "metadata");
    const struct ol_val *userdata = ol_val_get(cfg, "userdata_raw");
    struct source_facts facts = {
        .name = "None",
        .description = "DataSourceNone",
        .dsmode = "net",
        .platform = "none",
        .subplatform = "config",
        .cloud_name = "none",
    };
    int r;

    if (metadata && !ol_val_is(metadata, OL_VAL_MAP) && !ol_val_is(metadata, OL_VAL_NULL))
        return ol_err_set(err, EINVAL, "datasource: None: metadata is a %s, not a map",
                          ol_val_type_name(metadata));
    facts.metadata = ol_val_is(metadata, OL_VAL_MAP) ? ol_val_copy(g->arena, metadata)
                                                     : ol_val_new_map(g->arena);
    r = source_fill(g, &facts, doc, err);
    if (r < 0)
        return r;
    ol_val_set_str(g->arena, doc, "instance_id", "iid-datasource-none");
    ol_val_set(g->arena, doc, "userdata_raw",
               userdata ? ol_val_copy(g->arena, userdata) : ol_val_new_str(g->arena, ""));
    return 0;
}

static bool none_is_same_instance(struct guest *g, const struct ol_val *doc)
{
    return false;
}

static const unsigned none_needs[] = {SOURCE_NEEDS_DISK | SOURCE_NEEDS_NET, 0};
static const char *const none_classes[] = {"DataSourceNone", NULL};

const struct source source_none = {
    .name = "None",
    .needs = none_needs,
    .classes = none_classes,
    .fetch = none_fetch,
    .is_same_instance = none_is_same_instance,
};
