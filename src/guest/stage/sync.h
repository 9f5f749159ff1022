/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"
#include "core/err.h"

/*
 * The protocol between one process that runs all stages and the unit of each stage, as the unit
 * files of cloud-init 24.3 and later speak it (cloudinit/socket.py): for each stage there is a
 * socket below RUN_DIR/share; the unit connects and sends "start", the stage runs, and the
 * answer is a line of shell that the unit executes, "echo '…'; exit STATUS;".
 */
enum sync_stage { SYNC_LOCAL, SYNC_NETWORK, SYNC_CONFIG, SYNC_FINAL, SYNC_N_STAGES };

struct stage_sync {
    struct ol_env *env;
    int listening[SYNC_N_STAGES];
    int connection; /* of the stage that runs, -1 = none */
};

/* Binds the four sockets, then tells systemd READY=1. */
int stage_sync_open(struct stage_sync *s, struct ol_env *env, const char *run_dir,
                    struct ol_err *err) __attribute__((warn_unused_result));
void stage_sync_close(struct stage_sync *s);

/* Waits until the stage's unit says "start". -EPROTO: it said something else (it was answered). */
int stage_sync_await(struct stage_sync *s, enum sync_stage stage, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Tells the unit with which status the stage ended. */
void stage_sync_answer(struct stage_sync *s, enum sync_stage stage, int status);

/* One sd_notify(3) message to $NOTIFY_SOCKET; nothing when it is not set. */
void stage_notify(struct ol_env *env, const char *message);
