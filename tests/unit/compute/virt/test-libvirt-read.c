/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "compute/virt/libvirt-internal.h"
#include "compute/virt/libvirt-read.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/* A domain as nova defines it: volumes by serial, ports by tap device, and no alias of ours. */
static const char domain[] =
    "<?xml version='1.0'?>\n<!-- a > b -->\n"
    "<domain type='kvm'><metadata><x:devices xmlns:x='y'><disk><serial>vol</serial></disk>"
    "</x:devices></metadata><devices>\n"
    "<disk type='file' device='disk'><source file='/i/u/disk' index='2'/>"
    "<backingStore type='file'><source file='/i/_base/1'/></backingStore>"
    "<target dev='vda' bus='virtio'/><alias name='virtio-disk0'/></disk>"
    "<disk type='block'><source dev=\"/dev/a&amp;b\"/><target dev='vdb'/>"
    "<serial>vol</serial></disk>"
    "<interface type='bridge'><mac address='fa:16:3E:00:00:01'/><target dev='tap0f5ab8e2-11'/>"
    "</interface>"
    "<interface type='user'><mac address='fa:16:3e:00:00:02'/><alias name='ua-own'/></interface>"
    "<emulator>/usr/bin/q</emulator></devices></domain>";

static void devices_are_known_by_what_they_have(void **state)
{
    static const struct {
        const char *role, *target;
    } disks[] = {{"disk", "vda"}, {"vol", "vdb"}, {"virtio-disk0", NULL}, {"1", NULL}, {"x", NULL}};
    static const struct {
        const char *id, *mac, *want;
    } nics[] = {
        {"0f5ab8e2-1111-2222", NULL, "fa:16:3E:00:00:01"},
        {"other", "FA:16:3e:00:00:01", "fa:16:3E:00:00:01"},
        {"own", NULL, "fa:16:3e:00:00:02"},
        {"other", NULL, NULL},
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    struct libvirt_devices found;

    (void)state;
    assert_int_equal(libvirt_find_devices(&a, domain, "disk", &found), 0);
    assert_int_equal(found.n, 2);
    assert_string_equal(found.list[0].source, "/i/u/disk");
    assert_string_equal(found.list[1].source, "/dev/a&b");
    for (size_t i = 0; i < ol_count(disks); i++) {
        const struct libvirt_device *d = libvirt_find_disk(&found, disks[i].role);

        assert_true(!d == !disks[i].target);
        if (d)
            assert_string_equal(d->target, disks[i].target);
    }
    assert_int_equal(libvirt_find_devices(&a, domain, "interface", &found), 0);
    for (size_t i = 0; i < ol_count(nics); i++) {
        const struct libvirt_device *d = libvirt_find_nic(&found, nics[i].id, nics[i].mac);

        assert_true(!d == !nics[i].want);
        if (d)
            assert_string_equal(d->mac, nics[i].want);
    }
}

static void text_of_a_device_is_all_of_it(void **state)
{
    static const char want[] = "<disk type='block'><source dev=\"/dev/a&amp;b\"/>"
                               "<target dev='vdb'/><serial>vol</serial></disk>";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    struct libvirt_devices found;

    (void)state;
    assert_int_equal(libvirt_find_devices(&a, domain, "disk", &found), 0);
    assert_int_equal(found.list[1].len, strlen(want));
    assert_memory_equal(found.list[1].text, want, strlen(want));
}

static void what_is_no_xml_is_refused(void **state)
{
    static const char *const texts[] = {
        "<domain>", "<domain></x>",    "</domain>",      "<",           "<>",    "< a>",     "<a",
        "<a b='>",  "<!DOCTYPE a []>", "<!-- <domain/>", "<a></a></a>", "<?xml", "<domain/",
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    struct libvirt_devices found;

    (void)state;
    for (size_t i = 0; i < ol_count(texts); i++)
        assert_int_equal(libvirt_find_devices(&a, texts[i], "disk", &found), -EINVAL);
    assert_int_equal(libvirt_find_devices(&a, "", "disk", &found), 0);
    assert_int_equal(found.n, 0);
}

static void depth_and_number_have_maxima(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf deep = OL_BUF_INIT(1 << 20), many = OL_BUF_INIT(1 << 20);
    struct libvirt_devices found;

    (void)state;
    for (int i = 0; i <= LIBVIRT_MAX_DEPTH; i++)
        ol_buf_adds(&deep, "<a>");
    assert_int_equal(libvirt_find_devices(&a, deep.data, "disk", &found), -EINVAL);
    ol_buf_adds(&many, "<domain><devices>");
    for (int i = 0; i <= LIBVIRT_MAX_FOUND; i++)
        ol_buf_adds(&many, "<disk/>");
    assert_int_equal(libvirt_find_devices(&a, many.data, "disk", &found), -E2BIG);
}

static void states_are_what_nova_calls_them(void **state)
{
    static const enum virt_power want[] = {
        VIRT_NOSTATE,  VIRT_RUNNING,  VIRT_RUNNING, VIRT_PAUSED,
        VIRT_SHUTDOWN, VIRT_SHUTDOWN, VIRT_CRASHED, VIRT_SUSPENDED,
    };

    (void)state;
    for (int i = 0; i < (int)ol_count(want); i++)
        assert_int_equal(libvirt_power_of(i), want[i]);
    assert_int_equal(libvirt_power_of(8), VIRT_NOSTATE);
    assert_int_equal(libvirt_power_of(-1), VIRT_NOSTATE);
}

static void library_that_lacks_is_named_with_its_option(void **state)
{
    struct ol_err err = OL_ERR_INIT;
    struct libvirt_lib lib;

    (void)state;
    assert_true(libvirt_load("libvirt-none.so.0", &lib, &err) < 0);
    assert_string_equal(err.domain, "HypervisorUnavailable");
    assert_non_null(strstr(err.msg, "compute_driver"));
    assert_non_null(strstr(err.msg, "libvirt-none.so.0"));
    assert_true(libvirt_load("libc.so.6", &lib, &err) < 0);
    assert_non_null(strstr(err.msg, "virEventRegisterDefaultImpl()"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_known_by_what_they_have),
        cmocka_unit_test(text_of_a_device_is_all_of_it),
        cmocka_unit_test(what_is_no_xml_is_refused),
        cmocka_unit_test(depth_and_number_have_maxima),
        cmocka_unit_test(states_are_what_nova_calls_them),
        cmocka_unit_test(library_that_lacks_is_named_with_its_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
