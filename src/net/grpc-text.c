/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "net/grpc-internal.h"

const char *ol_grpc_code_name(enum ol_grpc_code code)
{
    static const char *const names[OL_GRPC_N_CODES] = {
        [OL_GRPC_OK] = "OK",
        [OL_GRPC_CANCELLED] = "Canceled",
        [OL_GRPC_UNKNOWN] = "Unknown",
        [OL_GRPC_INVALID_ARGUMENT] = "InvalidArgument",
        [OL_GRPC_DEADLINE_EXCEEDED] = "DeadlineExceeded",
        [OL_GRPC_NOT_FOUND] = "NotFound",
        [OL_GRPC_ALREADY_EXISTS] = "AlreadyExists",
        [OL_GRPC_PERMISSION_DENIED] = "PermissionDenied",
        [OL_GRPC_RESOURCE_EXHAUSTED] = "ResourceExhausted",
        [OL_GRPC_FAILED_PRECONDITION] = "FailedPrecondition",
        [OL_GRPC_ABORTED] = "Aborted",
        [OL_GRPC_OUT_OF_RANGE] = "OutOfRange",
        [OL_GRPC_UNIMPLEMENTED] = "Unimplemented",
        [OL_GRPC_INTERNAL] = "Internal",
        [OL_GRPC_UNAVAILABLE] = "Unavailable",
        [OL_GRPC_DATA_LOSS] = "DataLoss",
        [OL_GRPC_UNAUTHENTICATED] = "Unauthenticated",
    };

    return (unsigned)code < OL_GRPC_N_CODES ? names[code] : "Unknown";
}

enum ol_grpc_code grpc_code_read(const char *s, size_t len)
{
    char digits[4];
    int code;

    if (len == 0 || len >= sizeof(digits))
        return OL_GRPC_UNKNOWN;
    memcpy(digits, s, len);
    digits[len] = '\0';
    if (ol_parse_int(digits, 10, 0, OL_GRPC_N_CODES - 1, &code) < 0)
        return OL_GRPC_UNKNOWN;
    return (enum ol_grpc_code)code;
}

void grpc_percent_encode(const char *s, struct ol_buf *to)
{
    for (; *s && to->len + 3 <= GRPC_SENTENCE_MAX; s++) {
        if (*s >= ' ' && *s <= '~' && *s != '%')
            ol_buf_addc(to, *s);
        else
            ol_buf_printf(to, "%%%02X", (unsigned char)*s);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

char *grpc_percent_decode(const char *s, size_t len)
{
    char *text = ol_xcalloc(len + 1, 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = s[i];

        if (c == '%' && len - i > 2 && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            c = (char)(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]));
            i += 2;
        }
        text[n++] = c ? c : '?';
    }
    text[n] = '\0';
    if (!ol_utf8_is_valid(text, n))
        for (size_t i = 0; i < n; i++)
            if (text[i] & 0x80)
                text[i] = '?';
    return text;
}

struct unit {
    char letter;
    ol_time span;
};

/* Shortest first. */
static const struct unit units[] = {
    {'n', 1},         {'u', 1000},           {'m', OL_MS},
    {'S', OL_SECOND}, {'M', 60 * OL_SECOND}, {'H', 3600 * OL_SECOND},
};

void grpc_timeout_write(ol_time span, char ret_text[16])
{
    enum { MOST = 99999999 };

    for (size_t i = 0; i < ol_count(units); i++) {
        ol_time n = span / units[i].span + (span % units[i].span != 0);

        if (n <= MOST) {
            snprintf(ret_text, 16, "%lld%c", n > 0 ? (long long)n : 0, units[i].letter);
            return;
        }
    }
}

int grpc_timeout_read(const char *s, size_t len, ol_time *ret)
{
    char digits[9];
    uint64_t n;

    if (len < 2 || len > sizeof(digits))
        return -EINVAL;
    memcpy(digits, s, len - 1);
    digits[len - 1] = '\0';
    if (ol_parse_u64(digits, 10, &n) < 0)
        return -EINVAL;
    for (size_t i = 0; i < ol_count(units); i++) {
        if (units[i].letter != s[len - 1])
            continue;
        if (__builtin_mul_overflow((ol_time)n, units[i].span, ret))
            *ret = INT64_MAX;
        return 0;
    }
    return -EINVAL;
}

enum ol_grpc_code grpc_code_of_http(int status)
{
    switch (status) {
    case 400: return OL_GRPC_INTERNAL;
    case 401: return OL_GRPC_UNAUTHENTICATED;
    case 403: return OL_GRPC_PERMISSION_DENIED;
    case 404: return OL_GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504: return OL_GRPC_UNAVAILABLE;
    default: return OL_GRPC_UNKNOWN;
    }
}

enum ol_grpc_code grpc_code_of_reset(uint32_t error_code)
{
    switch (error_code) {
    case NGHTTP2_REFUSED_STREAM: return OL_GRPC_UNAVAILABLE;
    case NGHTTP2_CANCEL: return OL_GRPC_CANCELLED;
    case NGHTTP2_ENHANCE_YOUR_CALM: return OL_GRPC_RESOURCE_EXHAUSTED;
    case NGHTTP2_INADEQUATE_SECURITY: return OL_GRPC_PERMISSION_DENIED;
    default: return OL_GRPC_INTERNAL;
    }
}
