/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/apiserver/stamp.h"

#include <sys/random.h>
#include <time.h>

void api_random(void *to, size_t size)
{
    uint8_t *p = to;

    while (size > 0) {
        ssize_t n = getrandom(p, size, 0);

        if (n > 0) {
            p += n;
            size -= (size_t)n;
        }
    }
}

void api_uuid(char out[37])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t b[16];
    char *p = out;

    api_random(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof(b); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[b[i] >> 4];
        *p++ = digits[b[i] & 15];
    }
    *p = '\0';
}

void api_time_text(ol_time t, char out[32])
{
    time_t seconds = (time_t)(t / OL_SECOND);
    struct tm tm = {0};

    (void)gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
