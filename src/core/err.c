/* SPDX-License-Identifier: Apache-2.0 */
#include "core/err.h"

#include <stdio.h>
#include <string.h>

static void record(struct ol_err *err, int code, const char *fmt, va_list ap)
{
    *err = (struct ol_err){.code = code};
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
}

int ol_err_set(struct ol_err *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (err) {
        va_start(ap, fmt);
        record(err, code, fmt, ap);
        va_end(ap);
    }
    return -code;
}

int ol_err_set_domain(struct ol_err *err, int code, const char *domain, int status, const char *fmt,
                      ...)
{
    va_list ap;

    if (err) {
        va_start(ap, fmt);
        record(err, code, fmt, ap);
        va_end(ap);
        err->domain = domain;
        err->status = status;
    }
    return -code;
}

int ol_err_set_at(struct ol_err *err, int code, int line, int column, const char *fmt, ...)
{
    va_list ap;

    if (err) {
        va_start(ap, fmt);
        record(err, code, fmt, ap);
        va_end(ap);
        err->line = line;
        err->column = column;
    }
    return -code;
}

int ol_err_prefix(struct ol_err *err, int ret, const char *fmt, ...)
{
    char inner[sizeof(err->msg)];
    va_list ap;
    size_t room;
    int n;

    if (!err)
        return ret;
    memcpy(inner, err->msg, sizeof(inner));
    va_start(ap, fmt);
    n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    room = n >= 0 && (size_t)n < sizeof(err->msg) ? sizeof(err->msg) - (size_t)n : 0;
    if (room > 3)
        snprintf(err->msg + n, room, ": %.*s", (int)room - 3, inner);
    return ret;
}

const char *ol_err_text(const struct ol_err *err)
{
    if (err->msg[0])
        return err->msg;
    return err->code ? strerror(err->code) : "no error was recorded";
}
