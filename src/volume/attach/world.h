/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/queue.h"
#include "core/table.h"
#include "kube/base/kind.h"
#include "volume/attach/state.h"

/*
 * The two worlds of the attach/detach controller in one: which volumes are on which nodes, as pods
 * want it and as it is. All of it in memory, with the time passed in; what is to be done outside is
 * a list of actions. Rules: Kubernetes 1.35 pkg/controller/volume/attachdetach.
 *
 * A volume has a unique name ("kubernetes.io/csi/DRIVER^HANDLE") and a link to each node that it is
 * on, or should be on. What happens changes links and "touches" their volume; whoever runs the
 * world then calls attach_reconcile() for it, does what that says, and tells how it went.
 */
struct attach_world;
struct attach_link;
struct attach_node;

/* A volume of a pod that can be attached (spec.h). */
struct attach_spec {
    char *name;            /* unique */
    char *driver, *handle; /* NULL: in-tree, attached by saying so */
    char *pv_name;         /* NULL: an inline volume */
    char *shown;           /* as events name it */
    bool is_shareable;     /* may be on several nodes: RWX, ROX, or nobody knows */
};

struct attach_link {
    const char *va_name; /* first, for the table; heap */
    struct attach_world *world;
    struct attach_volume *volume;
    struct attach_node *node;
    enum attach_state state;
    const struct kube_va *va;     /* as the cache has it; NULL = none */
    const struct kube_pod **pods; /* that want it, in the order in which they came */
    size_t n_pods;
    bool is_in_flight;       /* a request about its VolumeAttachment is unanswered */
    bool is_reported;        /* the node's status is to name it */
    bool is_forced;          /* taken away although the node may use it */
    bool has_shown_conflict; /* the Multi-Attach error was told */
    uint64_t withdrawn_with; /* the node's generation that does not name it any more */
    ol_time unwanted_since;  /* 0 = it is wanted */
    ol_time not_before;      /* after a failure */
    ol_time deadline;        /* of what is under way */
    unsigned failures;
    char *device_path;                       /* as found in the node's status */
    struct attach_link *of_volume, *of_node; /* next ones */
};

struct attach_volume {
    const char *name; /* of spec; first, for the table */
    struct attach_spec spec;
    bool is_known; /* the spec was seen; else it was only found in a node's status */
    struct attach_link *links;
};

struct attach_node {
    char *name;                     /* first, for the table */
    const struct kube_node *object; /* NULL = gone */
    struct attach_link *links;
    uint64_t generation; /* of what the status is to say */
    uint64_t written;    /* of what it says */
    uint64_t writing;    /* under way; 0 = nothing */
    ol_time not_before;  /* after a failed write */
    unsigned failures;
};

enum attach_forced { ATTACH_FORCED_TIMEOUT, ATTACH_FORCED_OUT_OF_SERVICE, ATTACH_N_FORCED };

struct attach_options {
    ol_time max_wait_for_unmount; /* 0 = 6 min */
    ol_time operation_timeout;    /* of one attach or detach; 0 = 2 min */
    struct ol_backoff backoff;    /* 0 = 500 ms to 2 min 2 s */
    bool is_force_disabled;       /* --disable-force-detach-on-timeout */
    /* A volume or a node's status should be looked at. */
    void (*touched)(void *ctx, const char *volume);
    void (*node_touched)(void *ctx, const char *node);
    /* Told of each change of state; NULL = nobody. */
    void (*stepped)(void *ctx, const struct attach_link *l, enum attach_event e);
    void *ctx;
};

enum attach_action_kind {
    ATTACH_CREATE, /* the link's VolumeAttachment; tell attach_created() */
    ATTACH_DELETE, /* the same; attach_deleted() */
    ATTACH_TELL,   /* an event on each pod */
};
struct attach_action {
    enum attach_action_kind kind;
    struct attach_link *link;
    /* Of ATTACH_TELL; borrowed until the next call. */
    const struct kube_pod *pod;
    bool is_warning;
    const char *reason;
    char *text; /* heap; attach_actions_clear() */
};
struct attach_actions {
    struct attach_action *v;
    size_t n, cap;
};
void attach_actions_clear(struct attach_actions *a);
void attach_actions_done(struct attach_actions *a);

struct attach_world *attach_world_new(const struct attach_options *o)
    __attribute__((warn_unused_result));
void attach_world_free(struct attach_world *w);
void attach_spec_done(struct attach_spec *s);

/* --- what the caches say --- */
/* A node is there or has changed. Its status' volumesAttached count only when 'is_start'. */
void attach_node_set(struct attach_world *w, const struct kube_node *node, bool is_start);
void attach_node_gone(struct attach_world *w, const char *name);
/* The controller does the attaching there. */
bool attach_is_managed(const struct attach_world *w, const char *node);
/* The pod wants the volume on its node. Takes what spec points to. */
void attach_pod_wants(struct attach_world *w, const struct kube_pod *pod, struct attach_spec *spec);
/* It wants none any more (unique = NULL), or not this one. */
void attach_pod_drops(struct attach_world *w, const struct kube_pod *pod, const char *unique);
/* Drops all pods of which 'is_there' says no. */
void attach_drop_pods(struct attach_world *w,
                      bool (*is_there)(void *ctx, const struct kube_pod *pod), void *ctx);
/* A VolumeAttachment is there or has changed. One of no link is looked at when 'spec' says what
 * volume it is of: then it was left by an earlier run. */
void attach_va_set(struct attach_world *w, const struct kube_va *va, struct attach_spec *spec);
void attach_va_gone(struct attach_world *w, const char *name, ol_time now);
/* After the start: what a node's status names without a VolumeAttachment is not attached. */
void attach_verify(struct attach_world *w, ol_time now);

/* --- deciding --- */
/* What is to be done about a volume. Returns when it is to be looked at again; 0 = when touched. */
ol_time attach_reconcile(struct attach_world *w, const char *volume, ol_time now,
                         struct attach_actions *to);

/* --- how it went --- */
void attach_created(struct attach_link *l, ol_time now, const struct ol_err *err,
                    struct attach_actions *to);
void attach_deleted(struct attach_link *l, ol_time now, bool is_gone, const struct ol_err *err);
/* The status of a node that wants to be written: merge patch into 'to'. False: nothing to be
 * written now, *ret_when says when (0 = when touched). */
bool attach_node_write(struct attach_world *w, const char *node, ol_time now, struct ol_buf *to,
                       ol_time *ret_when);
/* 'answer' is the node as it was with the write, NULL when it failed or there is no such node
 * (err). */
void attach_node_written(struct attach_world *w, const char *node, ol_time now,
                         const struct kube_node *answer, const struct ol_err *err);

/* --- looking at it --- */
struct attach_link *attach_link_find(struct attach_world *w, const char *volume, const char *node);
struct attach_link *attach_link_of_va(struct attach_world *w, const char *va_name);
struct attach_node *attach_node_find(struct attach_world *w, const char *name);
unsigned long attach_n_forced(const struct attach_world *w, enum attach_forced why);
/* Volumes in the desired and in the actual world. */
void attach_count(const struct attach_world *w, size_t *ret_desired, size_t *ret_actual);
