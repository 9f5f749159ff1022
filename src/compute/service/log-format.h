/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "compute/base/log-context.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/strv.h"

/*
 * One log line as oslo.log's ContextFormatter writes it (oslo_log 5.0 formatters.py): the
 * context's format when the line belongs to a request, else the default one. "%(name)s" with
 * Python's flags and widths; what we have no value for is "-". Pure.
 */
struct log_formats {
    const char *context, *plain;          /* logging_context_format_string, …default… */
    const char *user_identity, *instance; /* logging_user_identity_format, instance_format */
    const char *date;                     /* log_date_format, for strftime; local time */
};

struct log_line {
    enum ol_log_level level;
    const char *name; /* the logger's: "nova.compute.manager" */
    const char *msg;
    ol_time wall;
    pid_t pid;
    const struct log_binding *binding; /* NULL = none */
};

/* Without a newline at the end. */
void log_format(const struct log_formats *f, const struct log_line *line, struct ol_buf *to);

/* The logger that a source file of ours speaks as: nova's, where a user would look for it. 'buf' is
 * for names that are made. */
const char *log_name(const char *file, char buf[64]);
/* The level that default_log_levels ("amqp=WARN") gives a logger; 'root' when none does. */
enum ol_log_level log_level_of(const struct ol_strv *levels, const char *name,
                               enum ol_log_level root);
