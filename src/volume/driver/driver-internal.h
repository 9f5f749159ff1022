/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/strv.h"
#include "core/version.h"
#include "net/grpc.h"
#include "net/job.h"
#include "volume/driver/check.h"
#include "volume/driver/driver.h"
#include "volume/driver/table.h"
#include "volume/proto/csi-call.h"
#include "volume/proto/csi.pb-c.h"

#define DRIVER_VERSION ORLOP_VERSION

struct driver {
    struct ol_loop *loop;
    const struct driver_config *config;
    struct driver_table table;
    struct ol_grpc_server *server;
    struct ol_grpc_method *methods; /* all rows */
    int lock;                       /* on the state directory */
    struct ol_strv busy;            /* ids that a job works on */
    unsigned n_jobs;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    bool is_stopping;
};

/* --- operations (operation.c) --- */
/* The results of the job, as its verb says in job-internal.h. */
struct driver_result {
    int64_t v[8];
    size_t n;
};
typedef void (*driver_reply_fn)(struct driver *d, struct ol_grpc_request *r,
                                const struct driver_result *result, void *ctx);

struct driver_operation {
    struct ol_grpc_request *request; /* NULL: nobody asks, and nobody is told */
    const char *ids[2];              /* that nobody else may work on meanwhile; [0] is the job's */
    const char *verb;                /* of job-internal.h */
    const char *args[6];             /* NULL-terminated */
    const struct ol_buf *input;      /* or NULL */
    driver_reply_fn reply;           /* when it has succeeded; the table knows the new record */
    void *ctx;                       /* heap, freed after it */
};
/* Starts the job and answers when it has ended; ABORTED when an id is in work. Everything is
 * copied. */
void driver_operate(struct driver *d, const struct driver_operation *o);
/* A reply without fields. */
void driver_reply_empty(struct driver *d, struct ol_grpc_request *r,
                        const struct driver_result *res, void *ctx);

/* --- requests --- */
/* The handler of a row: its request is unpacked, checked by nobody yet, and freed afterwards. Must
 * answer now or start an operation. An error is answered by the caller. */
struct driver_method {
    const struct csi_rpc *rpc;
    int (*handle)(struct driver *d, struct ol_grpc_request *r, const void *message,
                  struct ol_err *err);
};
extern const struct driver_method driver_identity_methods[], driver_controller_methods[],
    driver_snapshot_methods[], driver_node_methods[];

/* The record of a volume that is ready; NOT_FOUND, or INVALID_ARGUMENT when the id is missing. */
int driver_find_volume(const struct driver *d, const char *id, const struct driver_record **ret,
                       struct ol_err *err) __attribute__((warn_unused_result));
/* The largest volume of this kind that can be made now, in bytes. */
int64_t driver_available(const struct driver *d);
/* RESOURCE_EXHAUSTED unless 'size' more bytes can be promised. */
int driver_check_space(const struct driver *d, int64_t size, struct ol_err *err)
    __attribute__((warn_unused_result));

/* A page of a list: the records of 'kind' from the token on, at most 'max' (0 = all), and the token
 * of the next page ("" = none). ABORTED for what is no token, INVALID_ARGUMENT for a negative
 * 'max'. */
struct driver_page {
    const struct driver_record **v; /* heap */
    size_t n;
    char next[DRIVER_ID_MAX];
};
void driver_page_done(struct driver_page *p);
int driver_list(const struct driver *d, enum driver_kind kind, int32_t max, const char *token,
                struct driver_page *ret, struct ol_err *err) __attribute__((warn_unused_result));

/* A volume as the CO sees it. The parts point into it and into the record. */
struct driver_volume {
    Csi__V1__Volume volume;
    Csi__V1__Topology topology, *topologies[1];
    Csi__V1__Topology__SegmentsEntry segment, *segments[1];
    Csi__V1__Volume__VolumeContextEntry context, *contexts[1];
    Csi__V1__VolumeContentSource source;
    Csi__V1__VolumeContentSource__SnapshotSource snapshot;
    Csi__V1__VolumeContentSource__VolumeSource origin;
};
void driver_describe(const struct driver *d, const struct driver_record *r,
                     struct driver_volume *ret);
