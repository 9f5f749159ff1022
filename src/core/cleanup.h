/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Scope-bound ownership. A variable declared with one of these releases its
 * resource on every way out of the scope; ol_take_*() moves it out first.
 *
 *     ol_autoclose int fd = open(...);
 *     ...
 *     *ret_fd = ol_take_fd(&fd);
 */
#define ol_auto(fn)     __attribute__((cleanup(fn)))
#define ol_autofree     ol_auto(ol_free_at)
#define ol_autoclose    ol_auto(ol_close_at)
#define ol_autoclosedir ol_auto(ol_closedir_at)
#define ol_autofclose   ol_auto(ol_fclose_at)

static inline void ol_free_at(void *at)
{
    free(*(void **)at);
}

static inline void ol_close_at(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void ol_closedir_at(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static inline void ol_fclose_at(FILE **file)
{
    if (*file)
        fclose(*file);
}

static inline int ol_take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

#define ol_take_ptr(p)                                                                             \
    ({                                                                                             \
        __typeof__(p) *at_ = &(p);                                                                 \
        __typeof__(p) taken_ = *at_;                                                               \
        *at_ = NULL;                                                                               \
        taken_;                                                                                    \
    })

/* Number of elements of an array (not of a pointer). */
#define ol_count(array) (sizeof(array) / sizeof((array)[0]))
