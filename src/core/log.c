/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int ol_log_add_sink(struct ol_log *log, const struct ol_log_sink *sink)
{
    if (log->n_sinks == OL_LOG_MAX_SINKS)
        return -ENOSPC;
    log->sinks[log->n_sinks++] = *sink;
    return 0;
}

void ol_log_remove_sink(struct ol_log *log, const void *ctx)
{
    int kept = 0;

    for (int i = 0; i < log->n_sinks; i++)
        if (log->sinks[i].ctx != ctx)
            log->sinks[kept++] = log->sinks[i];
    log->n_sinks = kept;
}

const char *ol_log_level_name(enum ol_log_level level)
{
    switch (level) {
    case OL_LOG_DEBUG: return "DEBUG";
    case OL_LOG_INFO: return "INFO";
    case OL_LOG_WARNING: return "WARNING";
    case OL_LOG_DEPRECATED: return "DEPRECATED";
    case OL_LOG_ERROR: return "ERROR";
    case OL_LOG_CRITICAL: return "CRITICAL";
    }
    return "UNKNOWN";
}

static bool is_wanted(const struct ol_log *log, enum ol_log_level level)
{
    for (int i = 0; i < log->n_sinks; i++)
        if (level >= log->sinks[i].least)
            return true;
    return false;
}

void ol_log_at(const struct ol_log *log, enum ol_log_level level, const char *file, const char *fmt,
               ...)
{
    char small[512], *msg = small, *large = NULL;
    struct ol_log_record record;
    va_list ap, again;
    int n;

    if (!log || !is_wanted(log, level))
        return;
    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof(small) && vasprintf(&large, fmt, again) >= 0)
        msg = large;
    va_end(again);
    record = (struct ol_log_record){.level = level, .file = file, .msg = msg};
    for (int i = 0; i < log->n_sinks; i++)
        if (level >= log->sinks[i].least)
            log->sinks[i].write(log->sinks[i].ctx, &record);
    free(large);
}
