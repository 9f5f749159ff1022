/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fake-api.h"
#include "net/grpc.h"
#include "volume/csi/csi.h"

/*
 * A CSI driver in the test's own process and virtual time: it stands where net/grpc's client
 * does. It has volumes, keeps its promises (the same name is the same volume, removing what
 * isn't there succeeds), and errs when the test says so. Jobs and events are doubles here, too.
 */
struct fake_volume {
    char name[64], id[64], node[64]; /* node "" = not published */
    int64_t size;
    char iops[16]; /* the mutable parameter "iops" */
};

struct fake_script {
    const char *method; /* "CreateVolume" */
    int code;           /* of enum ol_grpc_code */
    bool is_done;       /* it is done all the same */
    bool is_late;       /* done after the caller's deadline */
    bool is_from_peer;
    unsigned times;
};

struct fake_driver {
    struct fake_api *api;
    const char *name;
    unsigned plugin, controller, node;
    struct fake_volume v[64];
    size_t n;
    struct fake_script script[16];
    size_t n_script;
    struct ol_strv calls;  /* "CreateVolume pvc-u1" */
    struct ol_strv events; /* "Normal Provisioning text" */
    bool is_gone;          /* nobody is there */
    int64_t size_given;    /* 0 = as asked */
    int64_t available;     /* of GetCapacity */
    bool needs_node;       /* after an expansion */
    char segment[64];      /* "zone=a": where volumes are; "" = anywhere */
    char secret[64]; /* the last value of key "password" that the last call with secrets got */
    char first_preferred[64]; /* of the last CreateVolume */
    const char *job_root;     /* for jobs: they run here at once */
};

void fake_driver_init(struct fake_driver *d, struct fake_api *api);
void fake_driver_done(struct fake_driver *d);
/* The next calls of the method answer this. */
void fake_driver_err(struct fake_driver *d, const char *method, int code, bool is_done,
                     unsigned times);
size_t fake_driver_calls(const struct fake_driver *d, const char *beginning);
bool fake_driver_told(const struct fake_driver *d, const char *beginning);
