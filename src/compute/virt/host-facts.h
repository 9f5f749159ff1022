/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/strv.h"

/* What is said of a host, out of the text of /proc. Pure. */

/* 7002022 of "QEMU emulator version 7.2.22 (Debian …)"; 0 when there is no version. */
int host_qemu_version(const char *text);
/* Of /proc/meminfo, as nova's libvirt driver counts: free, buffers and cached are not used. */
void host_memory(const char *meminfo, int64_t *ret_mb, int64_t *ret_used_mb);
/* nova's cpu_info (JSON) of /proc/cpuinfo; adds the traits HW_CPU_X86_… of its flags. */
const char *host_cpu_info(struct ol_arena *a, const char *cpuinfo, struct ol_strv *traits);

struct host_uptime {
    ol_time now;         /* wall clock */
    const char *uptime;  /* "/proc/uptime" */
    const char *loadavg; /* "/proc/loadavg" */
    const char *utmp;    /* records; for the number of users */
    size_t utmp_size;
};
/* The line of uptime(1). */
const char *host_uptime(struct ol_arena *a, const struct host_uptime *u);
