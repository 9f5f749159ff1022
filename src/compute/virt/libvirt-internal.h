/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "compute/virt/libvirt-lib.h"
#include "compute/virt/libvirt-xml.h"
#include "compute/virt/qemu-host.h"
#include "compute/virt/virt-internal.h"
#include "core/table.h"

/*
 * The driver 'libvirt'. A machine is a persistent domain with nova's name and uuid; what it is
 * stands in libvirt, and only its last power state is known here, to tell news from what we did
 * ourselves. One thread runs libvirt's event loop: a lifecycle event marks its machine, and between
 * two rounds of the loop the state of each marked one is asked for and compared. So no order of
 * events and no lost one matters, and a connection that comes back marks all.
 *
 * Calls come from any thread, each with a reference to the connection of its own. One that finds
 * the connection lost is HypervisorUnavailable; the thread makes a new one.
 */
struct libvirt_machine {
    const char *uuid; /* the key: first member */
    enum virt_power power;
    bool is_busy;     /* a call is at it: what happens is no news */
    bool is_marked;   /* something was heard of it */
    unsigned n_calls; /* so far */
};

struct libvirt {
    struct virt base;
    struct qemu_host host;
    struct libvirt_lib lib;
    const char *uri;
    pthread_t thread;
    bool has_thread;
    int timer;      /* of the event loop: wakes it */
    int looks_left; /* of the thread: after a connection has come back */
    ol_time next_look;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    struct vir_connect *conn; /* NULL = lost */
    int event_id;
    bool is_broken; /* 'conn' is, the thread closes it */
    bool is_closing;
    struct ol_table machines;
};

/* One call at one machine. */
struct libvirt_call {
    struct libvirt *l;
    char *uuid; /* NULL = the call is over */
    struct vir_connect *conn;
    struct vir_domain *dom; /* NULL = there is none yet */
};
#define LIBVIRT_CALL_INIT                                                                          \
    {                                                                                              \
        .dom = NULL                                                                                \
    }

/* --- libvirt-connection.c --- */
/* Connects and starts the thread. */
int libvirt_start(struct libvirt *l, struct ol_err *err);
void libvirt_stop(struct libvirt *l);
/* A reference, to be closed. HypervisorUnavailable while it is lost. */
int libvirt_connection(struct libvirt *l, struct vir_connect **ret, struct ol_err *err);
/* Lets the thread look. */
void libvirt_wake(struct libvirt *l);
/* What libvirt said last in this thread as our error; 'uuid' names the instance, or is NULL. */
int libvirt_fail(struct libvirt *l, const char *uuid, struct ol_err *err)
    __attribute__((warn_unused_result));

/* --- libvirt-machine.c --- */
enum virt_power libvirt_power_of(int state); /* enum vir_state */
/* Begins a call; its end is libvirt_leave(). InstanceNotFound where there is no such domain,
 * unless LIBVIRT_MAY_MISS. */
enum { LIBVIRT_MAY_MISS = 1 << 0 };
int libvirt_enter(struct libvirt *l, const char *uuid, unsigned flags, struct libvirt_call *ret,
                  struct ol_err *err);
void libvirt_leave(struct libvirt_call *c);
/* Waits until something was heard of any machine, or for so long. */
void libvirt_wait(struct libvirt *l, ol_time patience);
int libvirt_state(struct libvirt_call *c, int *ret, struct ol_err *err);
/* In the event loop's thread. */
/* NULL = all. One at which no call ever was is no machine of ours. */
void libvirt_mark(struct libvirt *l, const char *uuid);
void libvirt_tell_news(struct libvirt *l);
/* The domain is one of nova's or ours. */
bool libvirt_is_ours(struct libvirt *l, struct vir_domain *d, const char *uuid);
/* All that are ours; the list and what is in it are the caller's. */
struct libvirt_domains {
    struct vir_domain **list;
    int n;
};
int libvirt_domains(struct libvirt *l, struct vir_connect *c, struct libvirt_domains *ret,
                    struct ol_err *err);
void libvirt_domains_free(struct libvirt *l, struct libvirt_domains *d);

/* --- libvirt-host.c --- */
struct libvirt_run libvirt_run_of(struct libvirt *l);
int libvirt_resources(struct virt *v, struct ol_arena *a, struct virt_resources *ret,
                      struct ol_err *err);

/* --- libvirt-power.c, libvirt-hotplug.c: the driver's calls --- */
int libvirt_bring_up(struct virt *v, const struct virt_machine *m, struct ol_err *err);
int libvirt_destroy(struct virt *v, const char *uuid, const char *directory, bool disks,
                    struct ol_err *err);
int libvirt_power_off(struct virt *v, const char *uuid, ol_time timeout, ol_time retry,
                      struct ol_err *err);
int libvirt_reboot(struct virt *v, const struct virt_machine *m, bool is_hard, struct ol_err *err);
int libvirt_pause(struct virt *v, const char *uuid, struct ol_err *err);
int libvirt_unpause(struct virt *v, const char *uuid, struct ol_err *err);
int libvirt_suspend(struct virt *v, const struct virt_machine *m, struct ol_err *err);
int libvirt_attach_disk(struct virt *v, const struct virt_machine *m, const struct virt_disk *d,
                        struct ol_err *err);
int libvirt_detach_disk(struct virt *v, const struct virt_machine *m, const char *role,
                        struct ol_err *err);
int libvirt_attach_nic(struct virt *v, const struct virt_machine *m, const struct virt_nic *n,
                       struct ol_err *err);
int libvirt_detach_nic(struct virt *v, const struct virt_machine *m, const char *id,
                       struct ol_err *err);
