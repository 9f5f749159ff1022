/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "compute/virt/qemu-argv.h"
#include "compute/virt/qemu-host.h"
#include "compute/virt/qmp-hub.h"
#include "compute/virt/virt-internal.h"
#include "core/table.h"

/*
 * The driver 'qemu'. A machine is a process of its own session with a directory of ours:
 *
 *   machine.json   its definition, before anything else is made
 *   machine.lock   locked for as long as its QEMU lives, whoever started it (the lock is inherited)
 *   qemu.pid       written by the new process before it is QEMU; gone after an orderly end
 *   monitor.sock   QMP; console.sock the serial line
 *   status.log     what the guest wrote to its port org.orlop.status
 *   console.log    and console.log.0, what was in it before; qemu.log is its stderr
 *   machine.state  memory of a suspended machine, whole or not there
 *
 * Sockets and logs are opened by us and inherited: the directory stays ours whatever user QEMU is.
 * One thread (qmp-hub) hears all machines; calls come from any other, one at a time for a machine.
 */
#define QEMU_RECORD  "machine.json"
#define QEMU_LOCK    "machine.lock"
#define QEMU_PIDFILE "qemu.pid"
#define QEMU_STATE   "machine.state"
#define QEMU_LOG     "qemu.log"

enum { QEMU_LOG_MAX = 1 << 20 };

struct qemu {
    struct virt base;
    pthread_mutex_t lock;   /* the table, and what says so in a machine */
    pthread_cond_t changed; /* a machine has ended or its power changed */
    struct ol_table machines;
    struct qmp_hub *hub;
    struct qemu_host host;
    ol_time next_look; /* at the logs; of the hub's thread */
    pid_t *ended;      /* to be waited for; under 'lock' */
    size_t n_ended;
    bool is_closing;
};

struct qemu_machine {
    const char *uuid; /* the key: first member */
    struct qemu *q;
    char *directory;
    unsigned refs; /* under the lock, as all below */
    enum virt_power power;
    bool is_busy;      /* a call is at it: what happens is no news */
    bool is_shut_down; /* the guest has powered off */
    bool is_panicked;
    struct qmp *qmp; /* NULL = it is not running */
    pid_t pid;
    bool is_child;
    struct ol_strv gone;  /* ids of devices that were unplugged */
    struct qemu_def *def; /* changed by calls only, under the lock */
};

/* --- qemu-machine.c --- */
/* The machine with this uuid, busy for us until qemu_leave(). InstanceNotFound. */
int qemu_enter(struct qemu *q, const char *uuid, struct qemu_machine **ret, struct ol_err *err);
/* The same; made when there is none. */
struct qemu_machine *qemu_enter_new(struct qemu *q, const char *uuid, const char *directory);
void qemu_leave(struct qemu_machine *m);
/* Out of the table. */
void qemu_forget(struct qemu_machine *m);
void qemu_machine_unref(struct qemu_machine *m);
/* Takes the definition and writes it down. */
int qemu_define(struct qemu_machine *m, struct qemu_def *d, struct ol_err *err);
int qemu_write_record(struct qemu_machine *m, struct ol_err *err);
enum virt_power qemu_power(struct qemu_machine *m);
bool qemu_is_running(struct qemu_machine *m);
void qemu_set_power(struct qemu_machine *m, enum virt_power power);
/* Waits until it has ended, for 'patience' at most. -ETIME */
int qemu_wait_ended(struct qemu_machine *m, ol_time patience);
void qemu_on_event(void *machine, const char *name, const struct ol_val *data);
void qemu_on_ended(void *machine);
int qemu_on_tick(void *q);
/* "DIRECTORY/NAME", heap. */
char *qemu_path(const struct qemu_machine *m, const char *name);

/* --- qemu.c --- */
struct qemu_run qemu_run_of(struct qemu *q);

/* --- qemu-process.c --- */
/* Whether a QEMU lives in this directory. */
bool qemu_is_alive(struct ol_env *env, const char *directory);
/* Starts it, standing still, and greets it: m->qmp is there. */
int qemu_start(struct qemu_machine *m, bool is_resuming, struct ol_err *err);
/* Connects to one that lives. -ETIMEDOUT: it does not answer. */
int qemu_connect(struct qemu_machine *m, ol_time patience, struct ol_err *err);
/* Off at once, and gone. Not running is success. */
int qemu_stop(struct qemu_machine *m, struct ol_err *err);
/* qmp_call() when it runs; else InstanceNotRunning. */
int qemu_ask(struct qemu_machine *m, const struct qmp_ask *ask, struct ol_arena *a,
             const struct ol_val **ret, struct ol_err *err);
/* The same for a change, whose answer says nothing. */
int qemu_command(struct qemu_machine *m, const char *command, const struct ol_val *arguments,
                 struct ol_err *err);
/* getfd: gives it a descriptor by name. */
int qemu_send_fd(struct qemu_machine *m, const struct ol_val *arguments, int fd,
                 struct ol_err *err);
/* query-status: "running", "paused", "inmigrate" … in the arena. */
int qemu_status(struct qemu_machine *m, struct ol_arena *a, const char **ret, struct ol_err *err);

/* --- qemu-net.c --- */
/* A descriptor of the NIC's tap device, which is made when there is none; on its bridge, up.
 * VirtualInterfacePlugException. */
int qemu_open_tap(struct qemu_machine *m, const struct qemu_nic *nic, int *ret_fd,
                  struct ol_err *err);
/* What outlives the device: its port on an Open vSwitch. Missing is success. */
int qemu_release_tap(struct qemu_machine *m, const struct qemu_nic *nic, struct ol_err *err);

/* --- qemu-log.c --- */
void qemu_bound_logs(struct ol_env *env, const char *directory);
/* The end of qemu.log, for an error. */
void qemu_last_words(struct ol_env *env, const char *directory, char *ret, size_t size);

/* --- qemu-save.c --- */
/* One that lives and was caught while its memory was saved goes on: true when it was. */
bool qemu_undo_save(struct qemu_machine *m);

/* --- qemu-power.c, qemu-save.c, qemu-hotplug.c: the driver's calls --- */
/* Starts it and lets it run; from its state when there is one. */
int qemu_run(struct qemu_machine *m, struct ol_err *err);
int qemu_power_off(struct virt *v, const char *uuid, ol_time timeout, ol_time retry,
                   struct ol_err *err);
int qemu_reboot(struct virt *v, const struct virt_machine *m, bool is_hard, struct ol_err *err);
int qemu_pause(struct virt *v, const char *uuid, struct ol_err *err);
int qemu_unpause(struct virt *v, const char *uuid, struct ol_err *err);
int qemu_suspend(struct virt *v, const struct virt_machine *m, struct ol_err *err);
int qemu_attach_disk(struct virt *v, const struct virt_machine *m, const struct virt_disk *d,
                     struct ol_err *err);
int qemu_detach_disk(struct virt *v, const struct virt_machine *m, const char *role,
                     struct ol_err *err);
int qemu_attach_nic(struct virt *v, const struct virt_machine *m, const struct virt_nic *n,
                    struct ol_err *err);
int qemu_detach_nic(struct virt *v, const struct virt_machine *m, const char *id,
                    struct ol_err *err);
