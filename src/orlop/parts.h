/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/stack.h"
#include "net/job.h"
#include "orlop/cli.h"

/*
 * All components there are, with their options, for the programs that run several of them: 'orlop
 * up' runs all, orlop-volume-controller those named by --controllers.
 */
struct parts;

struct parts_options {
    const struct ol_strv *csi_sockets, *csi_socket_dirs, *nfs_provisioners;
    const char *own_socket; /* of the driver beside us; or NULL */
    const char *node_name, *node_root, *containerd, *pod_log_dir;
    bool has_node;      /* the node and its pods too */
    bool want_defaults; /* make the class "local" and its driver's object */
    bool want_create_metadata;
    bool is_strict_topology;
};

struct parts *parts_new(struct ol_loop *loop, const struct parts_options *o)
    __attribute__((warn_unused_result));
/* After the stack has stopped. NULL is nothing. */
void parts_free(struct parts *p);

/* All rows that the options ask for, in the order of starting. Borrowed. */
const struct kube_stack_row *parts_rows(const struct parts *p, size_t *ret_n);

/*
 * Those rows that --controllers names: a list of names, "*" for all, "-name" to leave one out, as
 * kube-controller-manager reads it; its longer names and aliases are known too. -EINVAL with the
 * names that there are.
 */
int parts_select(const struct parts *p, const struct ol_strv *names,
                 struct kube_stack_row *ret_rows, size_t *ret_n, struct ol_err *err)
    __attribute__((warn_unused_result));

enum { PARTS_MAX = 16 };

/* The jobs of all components, for ol_job_main(). */
void parts_job_main(int argc, char **argv);
