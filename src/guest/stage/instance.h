/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/source/source.h"

/*
 * Which instance this machine is: the cached datasource, the decision whether it still holds,
 * and the link /var/lib/cloud/instance with what stands behind it (cloud-init 26.2
 * stages.Init._restore_from_checked_cache, _reflect_cur_instance).
 */

enum instance_trust {
    INSTANCE_TRUST, /* the cache holds: later stages, manual_cache_clean */
    INSTANCE_CHECK, /* only if the datasource says it is the same machine: the local stage */
};

/* What is known when the decision is made. */
struct instance_facts {
    bool has_cache;
    enum instance_trust trust;
    bool is_this_boot;     /* /run/cloud-init/.instance-id names the cached instance */
    bool is_same_instance; /* the datasource's own check says so */
};

struct instance_verdict {
    bool use_cache;
    const char *why; /* one sentence, as the log and 'explain' show it */
};

/* The rule; pure. */
struct instance_verdict instance_decide(const struct instance_facts *facts);

/* Reads the cache and decides. When it is used, g->ds is filled. The sentence is in the arena. */
struct instance_verdict instance_restore(struct guest *g, enum instance_trust trust);

/* Makes g->ds's instance the current one: directories, link, cache; sets
 * g->previous_instance_id and is_new_instance. */
int instance_reflect(struct guest *g, struct ol_err *err) __attribute__((warn_unused_result));
/* Writes down the id as the one that this machine is. From then on it is no new instance any more,
 * so it comes after what is done for new instances only: who is killed before does it again. */
int instance_commit(struct guest *g, struct ol_err *err) __attribute__((warn_unused_result));
/* Reads data/instance-id: fills g->previous_instance_id and g->is_new_instance. */
void instance_compare(struct guest *g);

/* The cache alone: instance/obj.json, 0400. */
int instance_load_cache(struct guest *g, struct ol_val **ret_doc, struct ol_err *err)
    __attribute__((warn_unused_result));
int instance_store_cache(struct guest *g, struct ol_err *err) __attribute__((warn_unused_result));
