/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utmp.h>

#include "compute/virt/host-facts.h"
#include "core/cleanup.h"

static void version_is_nova_number(void **state)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        {"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright", 7002022},
        {"QEMU emulator version 10.0", 10000000},
        {"QEMU", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++)
        assert_int_equal(host_qemu_version(cases[i].text), cases[i].want);
}

static void memory_in_caches_is_not_used(void **state)
{
    int64_t total = 0, used = 0;

    (void)state;
    host_memory("MemTotal:        8192000 kB\nMemFree:  1024000 kB\nMemAvailable: 1 kB\n"
                "Buffers:  512000 kB\nCached:  512000 kB\nSwapCached: 7 kB\n",
                &total, &used);
    assert_int_equal(total, 8000);
    assert_int_equal(used, 6000);
    host_memory("", &total, &used);
    assert_int_equal(total, 0);
    assert_int_equal(used, 0);
}

static void flags_are_named_as_libvirt_and_nova_name_them(void **state)
{
    static const char cpuinfo[] = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t\t: 17\n"
                                  "model name\t: AMD EPYC\nphysical id\t: 0\nsiblings\t: 4\n"
                                  "cpu cores\t: 2\nflags\t\t: fpu sse4_1 sha_ni svm\n\n"
                                  "processor\t: 1\nphysical id\t: 1\n";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    ol_auto(ol_strv_done) struct ol_strv traits = OL_STRV_INIT;

    (void)state;
    assert_string_equal(
        host_cpu_info(&a, cpuinfo, &traits),
        "{\"arch\": \"x86_64\", \"model\": \"AMD EPYC\", \"vendor\": \"AMD\", \"topology\": "
        "{\"cells\": 1, \"sockets\": 2, \"cores\": 2, \"threads\": 2}, \"features\": [\"fpu\", "
        "\"sse4.1\", \"sha-ni\", \"svm\"]}");
    assert_int_equal(traits.n, 4);
    assert_string_equal(traits.v[0], "HW_CPU_X86_SSE41");
    assert_string_equal(traits.v[1], "HW_CPU_X86_SHA");
    assert_string_equal(traits.v[2], "HW_CPU_X86_SVM");
    assert_string_equal(traits.v[3], "HW_CPU_X86_AMD_SVM");
    assert_non_null(host_cpu_info(&a, "", &traits));
}

static void uptime_is_the_line_of_uptime(void **state)
{
    static const struct {
        const char *uptime;
        int users;
        const char *want;
    } cases[] = {
        {"59.99 1.0", 0, " 01:02:03 up 0 min,  0 users,  load average: 0.10, 0.20, 0.30"},
        {"3660.0 1", 1, " 01:02:03 up  1:01,  1 user,  load average: 0.10, 0.20, 0.30"},
        {"86460.0 1", 2, " 01:02:03 up 1 day, 1 min,  2 users,  load average: 0.10, 0.20, 0.30"},
        {"900000.0 1", 0, " 01:02:03 up 10 days, 10:00,  0 users,  load average: 0.10, 0.20, 0.30"},
    };
    struct utmp users[3] = {{.ut_type = USER_PROCESS, .ut_user = "a"},
                            {.ut_type = USER_PROCESS, .ut_user = "b"},
                            {.ut_type = BOOT_TIME}};

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 12);
        struct host_uptime u = {
            .now = (3600 + 2 * 60 + 3) * OL_SECOND,
            .uptime = cases[i].uptime,
            .loadavg = "0.10 0.20 0.30 1/100 4242",
            .utmp = (const char *)(users + 2 - cases[i].users),
            .utmp_size = (size_t)(cases[i].users + 1) * sizeof(users[0]),
        };

        assert_string_equal(host_uptime(&a, &u), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_nova_number),
        cmocka_unit_test(memory_in_caches_is_not_used),
        cmocka_unit_test(flags_are_named_as_libvirt_and_nova_name_them),
        cmocka_unit_test(uptime_is_the_line_of_uptime),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
