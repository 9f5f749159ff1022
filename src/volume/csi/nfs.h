/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/arena.h"
#include "core/err.h"
#include "kube/base/types.h"

/*
 * Volumes that are directories of one NFS export, as nfs-subdir-external-provisioner 4 makes
 * them: one per claim, called NAMESPACE-CLAIM-VOLUME or by the class' pathPattern. The
 * directories are made by libnfs without a mount, or on this machine when it is the server;
 * always in a job, since either can hang. Names and parameters are decided here, purely.
 */
struct nfs_row {
    const char *name;   /* of the provisioner: "example.com/nfs" */
    const char *server; /* as in volumes */
    const char *path;   /* of the export's root */
    const char *local;  /* the same directory on this machine; or NULL */
};

/* "NAME=SERVER:/PATH" or "NAME=SERVER:/PATH,local=DIR"; a server in brackets is an IPv6 address.
 * Strings are the arena's. -EINVAL with what is wrong. */
int nfs_row_parse(const char *text, struct ol_arena *a, struct nfs_row *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* The directory below the export, relative: "default-data-pvc-1". ${.PVC.name}, ${.PVC.namespace},
 * ${.PVC.labels.x} and ${.PVC.annotations.x} of pathPattern are filled in. -EINVAL for a path that
 * would lead out of the export. */
int nfs_directory_of(const struct kube_class *class, const struct kube_pvc *claim,
                     const char *volume_name, struct ol_arena *a, const char **ret,
                     struct ol_err *err) __attribute__((warn_unused_result));

enum nfs_end { NFS_DELETE, NFS_ARCHIVE, NFS_RETAIN };
/* onDelete ("delete", "retain") before archiveOnDelete (a boolean, true by default). class NULL:
 * it is gone, then nothing may be lost: archive. */
int nfs_end_of(const struct kube_class *class, enum nfs_end *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The path below the row's export; NULL when the volume is elsewhere. Borrowed. */
const char *nfs_relative(const struct nfs_row *row, const char *path);

/*
 * The job's own work, in the process that does it: argv = {"nfs-directory", "make" | "delete" |
 * "archive" | "discard" (delete if empty) | "empty" (what is in it), server or "", root, relative}.
 * With server "" root is a local directory. Prints why not on stderr, exit status 0 or 1. Making
 * what is there, and removing what isn't, succeed. Nothing leads out of the root, links included.
 */
int nfs_directory_run(int argc, char **argv);
int nfs_local_run(const char *verb, const char *root, const char *relative, struct ol_err *err)
    __attribute__((warn_unused_result));
int nfs_remote_run(const char *verb, const char *server, const char *root, const char *relative,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* "archived-NAME" of the last part, in the root. Heap. */
char *nfs_archived(const char *relative) __attribute__((warn_unused_result));
