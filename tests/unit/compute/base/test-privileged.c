/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "compute/base/compute-id.h"
#include "compute/base/log-context.h"
#include "compute/base/privileged.h"
#include "core/cleanup.h"
#include "core/strv.h"

static const char *const roots[] = {"/var/lib/nova", "/srv/instances", NULL};

/* demands: C26 */
static void operations_are_what_they_say(void **state)
{
    static const struct {
        const char *argv[8], *want;
    } cases[] = {
        {{"tap-add", "tap0123", "nova", "", "0"},
         "ip tuntap add dev tap0123 mode tap user nova\nip link set dev tap0123 up\n"},
        {{"tap-add", "tap0", "nova", "br-int", "1450"},
         "ip tuntap add dev tap0 mode tap user nova\nip link set dev tap0 mtu 1450\n"
         "ip link set dev tap0 master br-int\nip link set dev tap0 up\n"},
        {{"tap-delete", "tap0"}, "ip tuntap del dev tap0 mode tap\n"},
        {{"chown", "/var/lib/nova/instances/x/disk", "nova"},
         "chown /var/lib/nova/instances/x/disk nova\n"},
        {{"mount-nfs", "10.0.0.1:/export", "/var/lib/nova/mnt/x", "vers=4,soft"},
         "mount -c -t nfs -o vers=4,soft -o nosuid,nodev -- 10.0.0.1:/export "
         "/var/lib/nova/mnt/x\n"},
        {{"umount", "/srv/instances/m"}, "umount /srv/instances/m\n"},
        {{"modprobe", "nbd"}, "modprobe -- nbd\n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf plan = OL_BUF_INIT(4096);
        struct ol_err err = OL_ERR_INIT;

        if (privileged_plan(roots, cases[i].argv, &plan, &err) < 0)
            fail_msg("%s: %s", cases[i].argv[0], err.msg);
        assert_string_equal(plan.data, cases[i].want);
    }
}

/* demands: C26 */
static void everything_else_is_refused(void **state)
{
    static const char *const cases[][8] = {
        {NULL},
        {"sh", "-c", "id"},
        {"modprobe", "evil"},
        {"modprobe", "nbd", "x=1"},
        {"modprobe"},
        {"tap-add", "-x", "nova", "", "0"},
        {"tap-add", "tap/0", "nova", "", "0"},
        {"tap-add", "tap0123456789abcd", "nova", "", "0"},
        {"tap-add", "tap0", "no va", "", "0"},
        {"tap-add", "tap0", "nova", "", "67"},
        {"tap-add", "tap0", "nova", "", "0", "up"},
        {"chown", "/etc/shadow", "nova"},
        {"chown", "/var/lib/nova/../../../etc/shadow", "nova"},
        {"chown", "/var/lib/nova", "nova"},
        {"chown", "/var/lib/novax/y", "nova"},
        {"chown", "relative", "nova"},
        {"mount-nfs", "host:relative", "/var/lib/nova/mnt/x", ""},
        {"mount-nfs", "-oexec:/x", "/var/lib/nova/mnt/x", ""},
        {"mount-nfs", "h:/x", "/mnt", ""},
        {"mount-nfs", "h:/x", "/var/lib/nova/x", "-o exec"},
        {"umount", "/"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf plan = OL_BUF_INIT(4096);

        if (privileged_plan(roots, cases[i], &plan, NULL) != -EPERM)
            fail_msg("case %zu was taken: %s", i, plan.data);
        assert_string_equal(plan.data, "");
    }
}

static void a_host_keeps_its_identity(void **state)
{
    static const char a[] = "626d6bb0-af4f-4060-8489-c1cb8a6ad53d";
    static const char b[] = "11111111-af4f-4060-8489-c1cb8a6ad53d";

    assert_int_equal(compute_id_decide(NULL, NULL), COMPUTE_ID_GENERATE);
    assert_int_equal(compute_id_decide(NULL, a), COMPUTE_ID_ADOPT);
    assert_int_equal(compute_id_decide(a, NULL), COMPUTE_ID_KEEP);
    assert_int_equal(compute_id_decide(a, "626D6BB0-AF4F-4060-8489-C1CB8A6AD53D"), COMPUTE_ID_KEEP);
    assert_int_equal(compute_id_decide(a, b), COMPUTE_ID_DISAGREE);
}

static void bindings_nest(void **state)
{
    struct nova_context context = {.values = NULL};
    struct log_binding outer, inner;

    assert_null(log_context_current());
    log_context_bind(&outer, &context, NULL);
    log_context_bind(&inner, NULL, "uuid");
    assert_ptr_equal(log_context_current()->context, &context);
    assert_string_equal(log_context_current()->instance, "uuid");
    log_context_unbind(&inner);
    assert_null(log_context_current()->instance);
    log_context_unbind(&outer);
    assert_null(log_context_current());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_are_what_they_say),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(a_host_keeps_its_identity),
        cmocka_unit_test(bindings_nest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
