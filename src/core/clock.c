/* SPDX-License-Identifier: Apache-2.0 */
#include "core/clock.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

static ol_time read_clock(clockid_t id)
{
    struct timespec ts = {0};

    clock_gettime(id, &ts);
    return (ol_time)ts.tv_sec * OL_SECOND + ts.tv_nsec;
}

static ol_time real_wall(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

static ol_time real_boot(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_BOOTTIME);
}

static void real_sleep(void *ctx, ol_time span)
{
    struct timespec left = {.tv_sec = span / OL_SECOND, .tv_nsec = span % OL_SECOND};

    (void)ctx;
    while (span > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

const struct ol_clock ol_clock_real = {
    .wall = real_wall,
    .boot = real_boot,
    .sleep = real_sleep,
    .ctx = NULL,
};
