/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "guest/base/guest.h"
#include "guest/module/module.h"

/*
 * Who has run: files with upstream's names and content, so that a machine can change between
 * cloud-init and us. The semaphore is made before the run and stays when it fails.
 *
 * Beside it stands, only while the run lasts, a mark NAME.running with the boot's id. It
 * tells a run that ended (well or badly) from one that was killed, and says whether the
 * machine went down with it. docs/design/semaphores.md has the table.
 */

/* What is known before a run. */
struct sem_state {
    bool has_sem;      /* NAME is there */
    bool has_mark;     /* NAME.running is there */
    bool is_same_boot; /* the mark was made in this boot */
    bool is_user_code; /* running it twice is not harmless */
};

enum sem_verdict { SEM_RUN, SEM_DONE };

/* The rule; pure. */
enum sem_verdict sem_decide(const struct sem_state *s);

struct sem {
    const char *path; /* NULL: always, there is no file */
    const char *mark;
};

/*
 * SEM_RUN: the semaphore and the mark are made, *ret is to be given to sem_release() after the
 * run. SEM_DONE: it ran before. -errno: they cannot be written (the run must not start).
 */
int sem_acquire(struct guest *g, const char *name, enum frequency frequency, unsigned flags,
                struct sem *ret, struct ol_err *err) __attribute__((warn_unused_result));
void sem_release(struct guest *g, const struct sem *sem);
