/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "core/env.h"
#include "kube/base/types.h"

/* What a node says of its machine: capacity, kernel, addresses. Read once. */
struct node_machine {
    const char *arch; /* as Go calls it: "amd64" */
    int64_t n_cpus, memory_kib;
    char kernel[128], os_image[128], machine_id[64], system_uuid[64], boot_id[64];
    char runtime[128]; /* not read: "containerd://1.6.20", "" = none */
};

void node_machine_read(struct ol_env *env, struct node_machine *ret);
/* The first address that is not a loopback's, IPv4 first; "127.0.0.1" without any. 64 bytes. */
void node_machine_address(char out[64]);
/* The status as a strategic patch: capacity, allocatable, addresses, conditions, nodeInfo. A
 * condition keeps its lastTransitionTime as long as it says the same ('old' may be NULL). */
void node_machine_status(const struct node_machine *m, const char *name, const char *address,
                         const struct kube_node *old, ol_time now, struct ol_buf *to);
