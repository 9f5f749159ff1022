/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/env.h"

/*
 * What is going on, told to whoever watches: "start:" and "finish:" lines in the log in the
 * form that 'cloud-init analyze' reads, and one JSON line per finished stage for the host, on
 * the virtio-serial port "org.orlop.status" when the machine has one.
 */
struct report {
    const char *name; /* "init-local/search-NoCloud" */
    const char *desc;
    ol_time started; /* boot clock */
};

/* Logs the start; name and desc are borrowed until report_finish(). */
struct report report_start(struct ol_env *env, const char *name, const char *desc);
/* 'result' is "SUCCESS", "WARN" or "FAIL"; 'message' NULL = the description. */
void report_finish(struct ol_env *env, const struct report *r, const char *result,
                   const char *message);

/* Writes the value as one JSON line to the host's port; does nothing where there is none. Never
 * waits: a host that does not read loses the line. */
void report_to_host(struct ol_env *env, const struct ol_val *line);
