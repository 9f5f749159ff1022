/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/network/nics.h"

/*
 * Interfaces get the names that the configuration wants, all of them or none. The plan is made
 * before anything is touched: a list of steps, each of which can be undone, that ends either with
 * every wanted name in place or, undone, with the names of before. A temporary name exists only
 * between two steps of a cycle (eth0 <-> eth1) and never after the end.
 *
 *     net_rename_wants(config, a, &wants);
 *     r = net_rename_plan(&nics, &wants, a, &plan, err);
 *     if (r >= 0)
 *         r = net_rename_run(env, &plan, &net_rename_kernel, NULL, err);
 */

/* One wish: the interface with this MAC (and driver, device id where given) has this name. */
struct rename_want {
    const char *mac; /* lower case */
    const char *name;
    const char *driver, *device_id; /* NULL = any */
};

struct rename_wants {
    struct rename_want *items; /* in the arena */
    size_t n, cap;
};

/* What a version 1 (physical with mac_address) or 2 (set-name with match: macaddress) configuration
 * wants. cloud-init 26.2 net.extract_physdevs(). */
void net_rename_wants(const struct ol_val *config, struct ol_arena *a, struct rename_wants *ret);

enum rename_op { RENAME_DOWN, RENAME_NAME, RENAME_UP };

struct rename_step {
    enum rename_op op;
    int index;        /* the kernel's, for the executor */
    const char *name; /* the interface's name before the step */
    const char *to;   /* RENAME_NAME: its name after it */
};

struct rename_plan {
    struct rename_step *steps; /* in the arena; down first, then names, then up */
    size_t n, cap;
    struct ol_val *absent; /* list of sentences: MACs that no interface has; not renamed */
};

/*
 * Pure. Interfaces are found by their burnt-in MAC, else by their present one; bonds, bridges,
 * vlans and parts of a failover are never touched.
 *   -EBUSY   an interface is up with an address, or a name is that of one that is not in the plan
 *   -EINVAL  two wishes contradict each other, or a name is none
 */
int net_rename_plan(const struct nics *nics, const struct rename_wants *wants, struct ol_arena *a,
                    struct rename_plan *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* The step that takes back 'step'. */
struct rename_step net_rename_undo(const struct rename_step *step);

/* Who carries steps out; tests bring their own. */
struct rename_ops {
    /* 0 or -errno. -EBUSY is tried again a few times. */
    int (*run)(void *ctx, const struct rename_step *step);
};

/* The kernel, by rtnetlink. */
extern const struct rename_ops net_rename_kernel;

/* Carries the plan out; at the first failure undoes what was done and returns that failure. When
 * even that fails, the sentence says which interface is left with which name. */
int net_rename_run(struct ol_env *env, const struct rename_plan *plan, const struct rename_ops *ops,
                   void *ctx, struct ol_err *err) __attribute__((warn_unused_result));
