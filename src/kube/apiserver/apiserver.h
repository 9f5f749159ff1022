/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "kube/client/client.h"
#include "net/loop.h"

/*
 * A small kube-apiserver on SQLite: what kubectl and client-go need, for our kinds. Writes of one
 * turn of the loop share one transaction and one fsync; nothing is answered or told to watchers
 * before it is durable.
 */
struct apiserver;

struct apiserver_options {
    const char *data_dir;    /* holds the database and, when made by us, certificates and tokens;
                              * may be relative to the working directory */
    const char *listen;      /* "127.0.0.1:6443", port 0 = any; NULL = in-process alone */
    const char *unix_socket; /* a second address, mode 0600; or NULL */
    const char *cert_file, *key_file,
        *client_ca_file;    /* NULL: made in data_dir by 'is_self_signed' */
    const char *token_file; /* "token,user,uid,groups" per line as kube-apiserver's; or NULL */
    bool is_self_signed;    /* makes a CA, a server and an admin certificate in data_dir */
    bool is_plain;          /* HTTP without TLS and without tokens; loopback only */
};

int apiserver_start(struct ol_loop *loop, const struct apiserver_options *options,
                    struct apiserver **ret, struct ol_err *err) __attribute__((warn_unused_result));
/* Ends watches, commits what is under way, then calls 'stopped'. */
void apiserver_stop(struct apiserver *s, void (*stopped)(void *ctx), void *ctx);
/* "https://127.0.0.1:6443". Borrowed. */
const char *apiserver_url(const struct apiserver *s);
/* Writes a kubeconfig for the administrator, 0600. */
int apiserver_write_kubeconfig(struct apiserver *s, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
/* A client in this process: the same requests and answers without a socket. The identity is
 * system:masters. */
struct kube_client *apiserver_client(struct apiserver *s) __attribute__((warn_unused_result));
