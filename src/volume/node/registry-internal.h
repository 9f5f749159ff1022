/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/node/node-internal.h"

/* A plug-in on its way from a socket to the API, and back. */
enum node_plugin_state {
    NODE_PLUGIN_ASKED,      /* a step is under way */
    NODE_PLUGIN_REGISTERED, /* CSINode has it */
    NODE_PLUGIN_FAILED,     /* tried again at 'again' */
    NODE_PLUGIN_LEAVING,    /* its socket is gone: CSINode has to lose it */
};

struct node_plugin {
    struct node_driver d; /* first: the table of drivers */
    struct node_registry *r;
    char *socket;   /* where it was found */
    uint64_t inode; /* of the socket: another one is another plug-in */
    bool is_direct; /* --csi-socket: the socket is the driver itself */
    bool is_seen;   /* by the scan that goes on */
    enum node_plugin_state state;
    ol_time again;
    unsigned failures;
    struct ol_grpc_channel *registration;
    struct ol_grpc_call *call;
    struct kube_request *request;
    void *write; /* of registry-write.c while the request is its; heap */
};

struct node_registry {
    struct node *n;
    char *dir;
    const struct ol_strv *sockets;
    struct node_plugin **v;
    size_t n_plugins;
    uv_fs_event_t *watch; /* NULL = not watched (yet) */
    struct ol_timer scan;
    bool is_running;
};

/* --- registry-steps.c --- */
void node_plugin_begin(struct node_plugin *p);
/* Takes it out of the API, then forgets it. */
void node_plugin_leave(struct node_plugin *p);
void node_plugin_cancel(struct node_plugin *p);
/* --- registry.c --- */
void node_plugin_forget(struct node_plugin *p);
/* --- registry-write.c: CSINode, and the node's labels and annotation --- */
void node_plugin_write(struct node_plugin *p, bool is_leaving,
                       void (*done)(struct node_plugin *p, const struct ol_err *err));
