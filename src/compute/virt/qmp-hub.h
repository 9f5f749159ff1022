/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/virt/qmp.h"
#include "core/env.h"

/*
 * QMP connections. One thread reads them all and hands out answers and events; commands are given
 * from any other thread and wait for their answer with a deadline.
 */
struct qmp_hub;
struct qmp; /* one connection, counted */

struct qmp_hub_owner {
    /* In the hub's thread, under no lock; must not give commands that wait. */
    void (*event)(void *machine, const char *name, const struct ol_val *data);
    /* The peer has gone; called once for each connection, the last that is heard of it. */
    void (*ended)(void *machine);
    /* Between two looks; returns after how many ms it wants to be called again at the latest. */
    int (*tick)(void *ctx);
    void *ctx;
};

struct qmp_hub *qmp_hub_new(struct ol_env *env, const struct qmp_hub_owner *owner)
    __attribute__((warn_unused_result));
/* Ends the thread and all connections: ended() is called for each. */
void qmp_hub_free(struct qmp_hub *h);
/* Makes tick() be called soon. From any thread. */
void qmp_hub_wake(struct qmp_hub *h);

/* Takes the connected socket; the answer is the caller's count. */
struct qmp *qmp_new(struct qmp_hub *h, int fd, void *machine) __attribute__((warn_unused_result));
struct qmp *qmp_ref(struct qmp *q);
void qmp_unref(struct qmp *q);

struct qmp_ask {
    const char *command;
    const struct ol_val *arguments; /* NULL = none */
    int fd;                         /* sent along when has_fd */
    bool has_fd;
    ol_time timeout; /* 0 = 10 s */
};
/* 0 with *ret (may be NULL) in the arena. -EPIPE the machine has gone, -ETIMEDOUT, -EREMOTEIO
 * with QEMU's sentence. */
int qmp_call(struct qmp *q, const struct qmp_ask *ask, struct ol_arena *a,
             const struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));
/* A command without arguments whose answer nobody waits for; may be lost. From any thread. */
void qmp_send(struct qmp *q, const char *command);
