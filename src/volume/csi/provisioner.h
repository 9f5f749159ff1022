/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/arena.h"
#include "core/buf.h"
#include "volume/csi/csi-access.h"
#include "volume/csi/csi-parameters.h"
#include "volume/csi/csi-topology.h"

/*
 * Decisions about claims that want a volume made, and volumes that want to go
 * (external-provisioner and sig-storage-lib-external-provisioner, mid 2026; CSI spec,
 * CreateVolume). Pure.
 * One thing is not as there: before the driver is asked, the claim gets the finalizer
 * PROVISIONER_IN_FLIGHT, and it keeps it exactly as long as the driver may have a volume that no
 * PersistentVolume tells of. So neither a crash nor a claim's end loses a volume: who finds the
 * finalizer asks again, under the same name, until the answer is final.
 */
#define PROVISIONER_IN_FLIGHT "external-provisioner.volume.kubernetes.io/in-flight"
#define PROVISIONER_FINALIZER "external-provisioner.volume.kubernetes.io/finalizer"
#define PROVISIONER_CLONING   "provisioner.storage.kubernetes.io/cloning-protection"

/* --- the life of one claim's volume --- */
#define PROVISION_STATES(X)                                                                        \
    X(IDLE)     /* nothing is outstanding, as far as this process knows */                         \
    X(HELD)     /* the claim has the finalizer; the driver was not asked yet */                    \
    X(UNSURE)   /* asked, and the answer was not final; or who asked has crashed */                \
    X(MADE)     /* there is a volume, and no PersistentVolume yet */                               \
    X(SAVING)   /* the PersistentVolume was sent, and may be there */                              \
    X(CLEANING) /* the volume has to go again */                                                   \
    X(SETTLED)  /* no volume, or it has its PersistentVolume: the finalizer may go */

#define PROVISION_EVENTS(X)                                                                        \
    X(HELD)  /* the finalizer was written */                                                       \
    X(FOUND) /* the finalizer was there, and we don't know why */                                  \
    X(MADE)                                                                                        \
    X(ASK_UNSURE) /* CreateVolume failed, not for good */                                          \
    X(ASK_FAILED) /* CreateVolume failed for good */                                               \
    X(MADE_WRONG) /* a volume that the claim can't take: too small */                              \
    X(SAVED)      /* the PersistentVolume is there */                                              \
    X(SAVE_UNSURE)                                                                                 \
    X(SAVE_REFUSED) /* the API server doesn't want it */                                           \
    X(UNWANTED)     /* the claim is being deleted, is gone, or has another volume */               \
    X(REMOVED)      /* DeleteVolume succeeded */                                                   \
    X(REMOVE_FAILED)                                                                               \
    X(LET_GO) /* the finalizer was removed */

#define X(n) PROVISION_##n,
enum provision_state { PROVISION_STATES(X) PROVISION_N_STATES };
#undef X
#define X(n) PROVISION_EV_##n,
enum provision_event { PROVISION_EVENTS(X) PROVISION_N_EVENTS };
#undef X

/* The next state; the same one when the state has no edge for the event. */
enum provision_state provision_next(enum provision_state s, enum provision_event ev);
const char *provision_state_name(enum provision_state s);
const char *provision_event_name(enum provision_event ev);

enum provision_step {
    PROVISION_DO_NOTHING,
    PROVISION_DO_HOLD,       /* put the finalizer on the claim */
    PROVISION_DO_ASK,        /* CreateVolume */
    PROVISION_DO_SAVE,       /* create the PersistentVolume */
    PROVISION_DO_CLEAN,      /* DeleteVolume, when a live GET finds no PersistentVolume */
    PROVISION_DO_LET_GO,     /* take the finalizer off */
    PROVISION_DO_FORGET,     /* nothing is left to remember */
    PROVISION_DO_TELL_DOWN,  /* the driver isn't there: an event, and again later */
    PROVISION_DO_TELL_CLASS, /* the class isn't there: the same */
};

struct provision_view {
    const struct kube_pvc *claim;   /* as it is, or was last seen */
    bool is_gone;                   /* there is no such claim any more */
    const struct kube_class *class; /* NULL = not there */
    const struct kube_pv *pv;       /* of this claim's volume name; or NULL */
    bool is_ready;                  /* the provisioner can be asked */
    uint8_t state;                  /* enum provision_state */
};
/* Also takes the edges that follow from the claim alone (FOUND, UNWANTED, SAVED): *state is the
 * state before the step. */
enum provision_step provision_decide(const struct provision_view *v, uint8_t *state);

/* Who is to make this claim's volume: an annotation's value, or NULL. */
const char *provision_name_of(const struct kube_pvc *claim);
/* "pvc-<uid>"; heap. */
char *provision_volume_name(const char *prefix, const struct kube_pvc *claim)
    __attribute__((warn_unused_result));
/* The change may change what is to be done; our own finalizer and the status do not. */
bool provision_is_news(const struct kube_pvc *old, const struct kube_pvc *now);

/* --- what is asked of a driver --- */
struct provision_ask {
    const struct kube_pvc *claim;
    const struct kube_class *class;
    const char *volume_name;
    unsigned plugin, controller; /* the driver's capabilities */
    const char *default_fs_type;
    bool want_metadata;
    const struct csi_topology_ask *topology; /* driver, claim, node and class are filled in here */
    const struct kube_pvc *source;           /* of dataSource; NULL = not there */
    const struct kube_pv *source_pv;
    const struct kube_attributes_class *attributes; /* of spec.volumeAttributesClassName, or NULL */
};

/* CreateVolumeRequest without the secrets. */
struct provision_plan {
    const char *name;
    int64_t required_bytes;
    struct csi_parameters parameters; /* passed: with the metadata, if wanted */
    enum csi_access_mode modes[4];
    unsigned n_modes;
    bool is_block, is_read_only;
    const struct kube_strs *mount_flags;
    struct csi_requirement topology;
    const char *source_volume; /* to clone; or NULL */
    struct kube_map mutable_parameters;
};

enum { PROVISION_NOT_OURS = 1 }; /* a data source that somebody else fills */
/* 0, PROVISION_NOT_OURS, or -errno with the sentence of the event; -ENOENT: the selected node is
 * gone, -EAGAIN: something else has to happen first. All but -EAGAIN and -ENOENT wait for a
 * change by a person. */
int provision_plan(const struct provision_ask *ask, struct ol_arena *a, struct provision_plan *ret,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* The claim asks for a clone of a claim: its name, or NULL. */
const char *provision_source_of(const struct kube_pvc *claim);

/* --- what came of it --- */
struct provision_volume {
    int64_t capacity_bytes; /* 0 = as asked */
    const char *handle;     /* CSI's; or NULL */
    struct kube_map context;
    struct csi_terms topology;
    bool has_source;                   /* it tells what it was cloned from */
    const char *nfs_server, *nfs_path; /* instead of a handle */
};
/* Why the claim can't have it: smaller than asked, or a clone that isn't one. 0 or -EINVAL. */
int provision_check(const struct provision_plan *plan, const struct provision_volume *v,
                    struct ol_err *err) __attribute__((warn_unused_result));
/* The PersistentVolume as JSON. 'driver' is the provisioner's name. */
void provision_write_pv(const struct provision_ask *ask, const struct provision_plan *plan,
                        const struct provision_volume *v, const char *identity, struct ol_buf *to);

/* --- volumes that go --- */
enum remove_step {
    REMOVE_NOTHING,
    REMOVE_ADD_FINALIZER,
    REMOVE_DROP_FINALIZER, /* the policy is not Delete any more */
    REMOVE_VOLUME,         /* DeleteVolume, DELETE of the object, finalizer */
    REMOVE_TELL_ATTACHED,  /* event: 'va' is in the way */
};
/* 'va': any attachment that names the volume, or NULL. Only for volumes that are ours. */
enum remove_step remove_decide(const struct kube_pv *pv, const struct kube_va *va);
/* Who deletes it: provisioned-by, or the CSI driver; NULL = nobody outside. */
const char *remove_name_of(const struct kube_pv *pv);
