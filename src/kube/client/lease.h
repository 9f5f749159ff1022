/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/client.h"

/*
 * Leader election by a Lease (client-go's leaderelection): 15 s lease, renewed within 10 s, retried
 * every 2 s with jitter, unless told otherwise. Time on the own clock since the record last changed
 * counts, never the other's timestamps.
 */
struct kube_election;
struct kube_election_options {
    const char *ns, *name, *identity;
    ol_time lease, renew, retry; /* 0 = 15 s, 10 s, 2 s */
    void (*leads)(void *ctx);    /* we are the leader */
    void (*lost)(void *ctx);     /* not any more: stop working at once */
    void *ctx;
};
struct kube_election *kube_election_new(struct kube_client *client,
                                        const struct kube_election_options *o)
    __attribute__((warn_unused_result));
/* Gives the lease back when we hold it, then calls 'released' (may be NULL). */
void kube_election_free(struct kube_election *e, void (*released)(void *ctx), void *ctx);
bool kube_election_is_leader(const struct kube_election *e);
