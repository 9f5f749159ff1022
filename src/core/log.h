/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

/*
 * Log lines and where they go. A program has one struct ol_log; it reaches everything
 * through struct ol_env. Levels have Python logging's numbers, since cloud-init's users
 * see them. A secret never goes into a log line.
 */
enum ol_log_level {
    OL_LOG_DEBUG = 10,
    OL_LOG_INFO = 20,
    OL_LOG_WARNING = 30,
    OL_LOG_DEPRECATED = 35,
    OL_LOG_ERROR = 40,
    OL_LOG_CRITICAL = 50,
};

struct ol_log_record {
    enum ol_log_level level;
    const char *file; /* source file that speaks, no directory */
    const char *msg;  /* one sentence; may hold newlines when a tool's output is quoted */
};

struct ol_log_sink {
    enum ol_log_level least; /* lower levels are not given to it */
    void (*write)(void *ctx, const struct ol_log_record *record);
    void *ctx;
};

enum { OL_LOG_MAX_SINKS = 6 };

struct ol_log {
    struct ol_log_sink sinks[OL_LOG_MAX_SINKS];
    int n_sinks;
};

/* -ENOSPC when the log has OL_LOG_MAX_SINKS already. */
int ol_log_add_sink(struct ol_log *log, const struct ol_log_sink *sink)
    __attribute__((warn_unused_result));
/* Removes the sinks that were added with this ctx. */
void ol_log_remove_sink(struct ol_log *log, const void *ctx);
/* "DEBUG", "WARNING" … as Python names them. */
const char *ol_log_level_name(enum ol_log_level level);

void ol_log_at(const struct ol_log *log, enum ol_log_level level, const char *file, const char *fmt,
               ...) __attribute__((format(printf, 4, 5)));

/* 'env' is a struct ol_env pointer. */
#define ol_log(env, level, ...) ol_log_at((env)->log, (level), __FILE_NAME__, __VA_ARGS__)
#define ol_debug(env, ...)      ol_log(env, OL_LOG_DEBUG, __VA_ARGS__)
#define ol_info(env, ...)       ol_log(env, OL_LOG_INFO, __VA_ARGS__)
#define ol_warn(env, ...)       ol_log(env, OL_LOG_WARNING, __VA_ARGS__)
#define ol_deprecated(env, ...) ol_log(env, OL_LOG_DEPRECATED, __VA_ARGS__)
#define ol_error(env, ...)      ol_log(env, OL_LOG_ERROR, __VA_ARGS__)
