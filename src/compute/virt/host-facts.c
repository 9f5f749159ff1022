/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/host-facts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utmp.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"

enum { CPU_INFO_MAX = 1 << 16 };

/* A flag of Linux, what libvirt calls it (NULL = the same), and its trait (nova
 * virt/libvirt/utils.py, CPU_TRAITS_MAPPING). */
static const struct flag {
    const char *name, *libvirt, *trait, *second_trait;
} flags[] = {
    {"3dnow", NULL, "HW_CPU_X86_3DNOW", NULL},
    {"abm", NULL, "HW_CPU_X86_ABM", NULL},
    {"aes", NULL, "HW_CPU_X86_AESNI", NULL},
    {"avx", NULL, "HW_CPU_X86_AVX", NULL},
    {"avx2", NULL, "HW_CPU_X86_AVX2", NULL},
    {"avx512bw", NULL, "HW_CPU_X86_AVX512BW", NULL},
    {"avx512cd", NULL, "HW_CPU_X86_AVX512CD", NULL},
    {"avx512dq", NULL, "HW_CPU_X86_AVX512DQ", NULL},
    {"avx512er", NULL, "HW_CPU_X86_AVX512ER", NULL},
    {"avx512f", NULL, "HW_CPU_X86_AVX512F", NULL},
    {"avx512pf", NULL, "HW_CPU_X86_AVX512PF", NULL},
    {"avx512vl", NULL, "HW_CPU_X86_AVX512VL", NULL},
    {"avx512_vnni", "avx512vnni", "HW_CPU_X86_AVX512VNNI", NULL},
    {"avx512vbmi", NULL, "HW_CPU_X86_AVX512VBMI", NULL},
    {"avx512ifma", NULL, "HW_CPU_X86_AVX512IFMA", NULL},
    {"avx512_vbmi2", "avx512vbmi2", "HW_CPU_X86_AVX512VBMI2", NULL},
    {"avx512_bitalg", "avx512bitalg", "HW_CPU_X86_AVX512BITALG", NULL},
    {"vaes", NULL, "HW_CPU_X86_AVX512VAES", NULL},
    {"gfni", NULL, "HW_CPU_X86_AVX512GFNI", NULL},
    {"vpclmulqdq", NULL, "HW_CPU_X86_AVX512VPCLMULQDQ", NULL},
    {"avx512_vpopcntdq", "avx512-vpopcntdq", "HW_CPU_X86_AVX512VPOPCNTDQ", NULL},
    {"bmi1", NULL, "HW_CPU_X86_BMI", NULL},
    {"bmi2", NULL, "HW_CPU_X86_BMI2", NULL},
    {"pclmulqdq", "pclmuldq", "HW_CPU_X86_CLMUL", NULL},
    {"f16c", NULL, "HW_CPU_X86_F16C", NULL},
    {"fma", NULL, "HW_CPU_X86_FMA3", NULL},
    {"fma4", NULL, "HW_CPU_X86_FMA4", NULL},
    {"mmx", NULL, "HW_CPU_X86_MMX", NULL},
    {"mpx", NULL, "HW_CPU_X86_MPX", NULL},
    {"sha_ni", "sha-ni", "HW_CPU_X86_SHA", NULL},
    {"sse", NULL, "HW_CPU_X86_SSE", NULL},
    {"sse2", NULL, "HW_CPU_X86_SSE2", NULL},
    {"sse4_1", "sse4.1", "HW_CPU_X86_SSE41", NULL},
    {"sse4_2", "sse4.2", "HW_CPU_X86_SSE42", NULL},
    {"sse4a", NULL, "HW_CPU_X86_SSE4A", NULL},
    {"ssse3", NULL, "HW_CPU_X86_SSSE3", NULL},
    {"svm", NULL, "HW_CPU_X86_SVM", "HW_CPU_X86_AMD_SVM"},
    {"tbm", NULL, "HW_CPU_X86_TBM", NULL},
    {"vmx", NULL, "HW_CPU_X86_VMX", "HW_CPU_X86_INTEL_VMX"},
    {"xop", NULL, "HW_CPU_X86_XOP", NULL},
};

int host_qemu_version(const char *text)
{
    const char *at = strstr(text, "version ");
    int major = 0, minor = 0, micro = 0;

    if (!at || sscanf(at, "version %3d.%3d.%3d", &major, &minor, &micro) < 2)
        return 0;
    return major * 1000000 + minor * 1000 + micro;
}

/* The number behind "Name:" at the start of a line, 0 when there is none. */
static int64_t number_of(const char *text, const char *name)
{
    const char *at = text;
    size_t len = strlen(name);

    for (; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        char digits[24] = "";
        int64_t value = 0;

        if (strncmp(at, name, len) != 0 || sscanf(at + len, "%*[ \t]%23[0-9]", digits) != 1)
            continue;
        return ol_parse_i64(digits, 10, &value) == 0 ? value : 0;
    }
    return 0;
}

void host_memory(const char *meminfo, int64_t *ret_mb, int64_t *ret_used_mb)
{
    int64_t total = number_of(meminfo, "MemTotal:");
    int64_t unused = number_of(meminfo, "MemFree:") + number_of(meminfo, "Buffers:")
                     + number_of(meminfo, "Cached:");

    *ret_mb = total / 1024;
    *ret_used_mb = total / 1024 - unused / 1024;
}

/* The first value of a line "name\t: value" of cpuinfo, "" when there is none. Into the arena. */
static const char *value_of(struct ol_arena *a, const char *text, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        const char *colon = at + len + strspn(at + (strnlen(at, len) < len ? 0 : len), " \t");

        if (strncmp(at, name, len) == 0 && *colon == ':') {
            colon += colon[1] == ' ' ? 2 : 1;
            return ol_arena_memdup(a, colon, strcspn(colon, "\n"));
        }
    }
    return "";
}

static int int_of(struct ol_arena *a, const char *text, const char *name, int fallback)
{
    int value = fallback;

    (void)!ol_parse_int(value_of(a, text, name), 10, 1, 65536, &value);
    return value;
}

/* Distinct values of "physical id". */
static int sockets_of(const char *cpuinfo)
{
    ol_auto(ol_strv_done) struct ol_strv seen = OL_STRV_INIT;

    for (const char *at = cpuinfo; (at = strstr(at, "physical id")); at++) {
        ol_autofree char *line = strndup(at, strcspn(at, "\n"));

        if (line && !ol_strv_has(&seen, line))
            ol_strv_add(&seen, line);
    }
    return seen.n > 0 ? (int)seen.n : 1;
}

static const char *vendor_of(const char *id)
{
    if (!strcmp(id, "AuthenticAMD"))
        return "AMD";
    return !strcmp(id, "GenuineIntel") ? "Intel" : id;
}

static struct ol_val *features_of(struct ol_arena *a, const char *cpuinfo, struct ol_strv *traits)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct ol_val *list = ol_val_new_list(a);

    ol_strv_split(&names, value_of(a, cpuinfo, "flags"), " ");
    ol_strv_each (name, &names) {
        const struct flag *known = NULL;

        for (size_t i = 0; i < ol_count(flags) && !known; i++)
            if (!strcmp(flags[i].name, name))
                known = &flags[i];
        if (known)
            ol_strv_add(traits, known->trait);
        if (known && known->second_trait)
            ol_strv_add(traits, known->second_trait);
        ol_val_append(a, list, ol_val_new_str(a, known && known->libvirt ? known->libvirt : name));
    }
    return list;
}

const char *host_cpu_info(struct ol_arena *a, const char *cpuinfo, struct ol_strv *traits)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(CPU_INFO_MAX);
    struct ol_val *map = ol_val_new_map(a), *topology = ol_val_new_map(a);
    int cores = int_of(a, cpuinfo, "cpu cores", 1);

    ol_val_set_str(a, map, "arch", "x86_64");
    ol_val_set_str(a, map, "model", value_of(a, cpuinfo, "model name"));
    ol_val_set_str(a, map, "vendor", vendor_of(value_of(a, cpuinfo, "vendor_id")));
    ol_val_set_int(a, topology, "cells", 1);
    ol_val_set_int(a, topology, "sockets", sockets_of(cpuinfo));
    ol_val_set_int(a, topology, "cores", cores);
    ol_val_set_int(a, topology, "threads", int_of(a, cpuinfo, "siblings", cores) / cores);
    ol_val_set(a, map, "topology", topology);
    ol_val_set(a, map, "features", features_of(a, cpuinfo, traits));
    (void)!ol_json_dump(map, &ol_json_python, &text); /* strings and small numbers */
    return ol_arena_strdup(a, text.data);
}

static int users_of(const char *utmp, size_t size)
{
    int n = 0;

    for (size_t at = 0; at + sizeof(struct utmp) <= size; at += sizeof(struct utmp)) {
        struct utmp u;

        memcpy(&u, utmp + at, sizeof(u));
        n += u.ut_type == USER_PROCESS && u.ut_user[0];
    }
    return n;
}

const char *host_uptime(struct ol_arena *a, const struct host_uptime *u)
{
    ol_auto(ol_strv_done) struct ol_strv load = OL_STRV_INIT;
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(512);
    ol_autofree char *seconds = strndup(u->uptime, strcspn(u->uptime, "."));
    time_t now = (time_t)(u->now / OL_SECOND);
    int users = users_of(u->utmp, u->utmp_size), minutes;
    int64_t up = 0;
    struct tm tm;

    (void)!ol_parse_i64(seconds ? seconds : "0", 10, &up);
    minutes = (int)(up / 60 % 60);
    localtime_r(&now, &tm);
    ol_strv_split(&load, u->loadavg, " ");
    while (load.n < 3)
        ol_strv_add(&load, "0.00");
    ol_buf_printf(&line, " %02d:%02d:%02d up ", tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (up >= 86400)
        ol_buf_printf(&line, "%d day%s, ", (int)(up / 86400), up >= 2 * 86400 ? "s" : "");
    if (up / 3600 % 24)
        ol_buf_printf(&line, "%2d:%02d, ", (int)(up / 3600 % 24), minutes);
    else
        ol_buf_printf(&line, "%d min, ", minutes);
    ol_buf_printf(&line, "%2d user%s,  load average: %s, %s, %s", users, users == 1 ? "" : "s",
                  load.v[0], load.v[1], load.v[2]);
    return ol_arena_strdup(a, line.data);
}
