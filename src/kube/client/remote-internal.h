/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/client.h"

/* Where an API is and who we are there, with all files read. Strings are heap. */
struct kube_access {
    char *base;        /* "https://10.0.0.1:6443/prefix": paths are added to it */
    char *unix_socket; /* NULL = TCP */
    char *connect_to;  /* "host:port", when 'base' has the name of the certificate instead */
    char *ca_pem, *cert_pem, *key_pem;
    char *token;
    char *token_file; /* read now and then; wins over 'token', which is what it said last */
    bool is_insecure;
};
void kube_access_done(struct kube_access *a);

/* $KUBECONFIG, the pod's account or ~/.kube/config when 'path' is NULL. */
int kube_access_load(struct ol_env *env, const char *path, const char *context,
                     struct kube_access *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* "https://h:1/", "http://…", "unix:///path" into base and unix_socket. -EINVAL */
int kube_access_set_server(struct kube_access *a, const char *server, const char *tls_name,
                           struct ol_err *err) __attribute__((warn_unused_result));
/* A client over HTTP. Takes what 'a' has. */
int kube_remote_new(struct ol_loop *loop, struct kube_access *a, struct kube_client **ret,
                    struct ol_err *err) __attribute__((warn_unused_result));
