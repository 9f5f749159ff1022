/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/client.h"

/*
 * Where the API is and who we are there: a kubeconfig (clusters, users, contexts; files and inline
 * *-data; token, tokenFile, client certificates; server https://, http:// and unix:///path), or the
 * service account of a pod.
 */
/* 'path' NULL: $KUBECONFIG, then the in-cluster account, then ~/.kube/config. */
int kube_client_from_config(struct ol_loop *loop, const char *path, const char *context,
                            struct kube_client **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
