/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/libvirt-xml.h"

#include <errno.h>
#include <string.h>

#include "compute/virt/qemu-argv.h"
#include "core/cleanup.h"
#include "core/str.h"

#define NAMESPACE "http://openstack.org/xmlns/libvirt/nova/1.1"

/* Letters, digits and '-_.' are what libvirt takes in an alias. */
#define ALIAS_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

/* Root ports beside those of disks and NICs: its own random numbers, balloon, SCSI, and serial. */
enum { PORTS_OF_FIXTURES = 4 };

static void escaped(struct ol_buf *b, const char *text)
{
    for (const char *c = text ? text : ""; *c; c++) {
        switch (*c) {
        case '&': ol_buf_adds(b, "&amp;"); break;
        case '<': ol_buf_adds(b, "&lt;"); break;
        case '>': ol_buf_adds(b, "&gt;"); break;
        case '\'': ol_buf_adds(b, "&apos;"); break;
        case '"': ol_buf_adds(b, "&quot;"); break;
        default: ol_buf_addc(b, (unsigned char)*c < ' ' && *c != '\t' && *c != '\n' ? '?' : *c);
        }
    }
}

/* Text with %s that are escaped. */
static void put(struct ol_buf *b, const char *format, const char *first, const char *second)
{
    const char *values[] = {first, second};
    size_t n = 0;

    for (const char *at = format; *at; at++) {
        if (at[0] == '%' && at[1] == 's' && n < ol_count(values)) {
            escaped(b, values[n++]);
            at++;
        } else {
            ol_buf_addc(b, *at);
        }
    }
}

static void add_metadata(const struct qemu_def *d, const struct libvirt_run *run, struct ol_buf *b)
{
    ol_buf_adds(b, "  <metadata>\n    <nova:instance xmlns:nova=\"" NAMESPACE "\">\n");
    put(b, "      <nova:package version=\"%s\"/>\n", run->product_version, NULL);
    put(b, "      <nova:name>%s</nova:name>\n", d->m.name, NULL);
    if (run->created)
        put(b, "      <nova:creationTime>%s</nova:creationTime>\n", run->created, NULL);
    ol_buf_adds(b, "      <nova:flavor>\n");
    ol_buf_printf(b, "        <nova:memory>%lld</nova:memory>\n", (long long)d->m.memory_mb);
    ol_buf_printf(b, "        <nova:vcpus>%d</nova:vcpus>\n", d->m.vcpus);
    ol_buf_adds(b, "      </nova:flavor>\n    </nova:instance>\n  </metadata>\n");
}

/* nova's guests are known by what DMI says: cloud-init looks for "OpenStack Nova". */
static void add_sysinfo(const struct qemu_def *d, const struct libvirt_run *run, struct ol_buf *b)
{
    ol_buf_adds(b, "  <sysinfo type='smbios'>\n    <system>\n"
                   "      <entry name='manufacturer'>OpenStack Foundation</entry>\n"
                   "      <entry name='product'>OpenStack Nova</entry>\n");
    put(b, "      <entry name='version'>%s</entry>\n", run->product_version, NULL);
    put(b, "      <entry name='serial'>%s</entry>\n      <entry name='uuid'>%s</entry>\n",
        d->m.uuid, d->m.uuid);
    ol_buf_adds(b, "      <entry name='family'>Virtual Machine</entry>\n"
                   "    </system>\n  </sysinfo>\n");
}

/* nova names the kind of device; only an order that says more than "the first disk" is written to
 * the devices (libvirt takes one of the two). */
static bool has_order(const struct qemu_def *d)
{
    for (size_t i = 0; i < d->n_disks; i++)
        if (d->disks[i].d.boot_index > 0 || (d->disks[i].d.boot_index == 0 && i > 0))
            return true;
    return false;
}

static void add_os(const struct qemu_def *d, struct ol_buf *b)
{
    put(b, "  <os>\n    <type arch='x86_64' machine='%s'>hvm</type>\n", d->m.machine_type, NULL);
    if (d->m.kernel)
        put(b, "    <kernel>%s</kernel>\n", d->m.kernel, NULL);
    if (d->m.kernel && d->m.initrd)
        put(b, "    <initrd>%s</initrd>\n", d->m.initrd, NULL);
    if (d->m.kernel && d->m.cmdline)
        put(b, "    <cmdline>%s</cmdline>\n", d->m.cmdline, NULL);
    if (!has_order(d))
        ol_buf_adds(b, "    <boot dev='hd'/>\n");
    ol_buf_adds(b, "    <smbios mode='sysinfo'/>\n  </os>\n"
                   "  <features>\n    <acpi/>\n    <apic/>\n    <vmcoreinfo/>\n  </features>\n");
}

static void add_cpu(const struct qemu_def *d, const struct libvirt_run *run, struct ol_buf *b)
{
    bool has_model = d->m.cpu_model && *d->m.cpu_model;
    const char *mode = has_model                         ? "custom"
                       : run->cpu_mode && *run->cpu_mode ? run->cpu_mode
                                                         : "host-model";
    const char *model = has_model ? d->m.cpu_model : run->cpu_model;

    if (!strcmp(mode, "none"))
        ol_buf_adds(b, "  <cpu>\n");
    else
        put(b, "  <cpu mode='%s' match='exact'>\n", mode, NULL);
    if (!strcmp(mode, "custom") && model && *model)
        put(b, "    <model>%s</model>\n", model, NULL);
    ol_buf_printf(b, "    <topology sockets='%d' cores='1' threads='1'/>\n  </cpu>\n",
                  d->m.vcpus > 0 ? d->m.vcpus : 1);
}

static void add_clock(const struct libvirt_run *run, struct ol_buf *b)
{
    if (strcmp(run->type, "kvm") != 0) {
        ol_buf_adds(b, "  <clock offset='utc'/>\n");
        return;
    }
    ol_buf_adds(b, "  <clock offset='utc'>\n    <timer name='pit' tickpolicy='delay'/>\n"
                   "    <timer name='rtc' tickpolicy='catchup'/>\n"
                   "    <timer name='hpet' present='no'/>\n  </clock>\n");
}

const char *libvirt_alias(struct ol_arena *a, const char *id)
{
    if (!id || !*id || id[strspn(id, ALIAS_CHARACTERS)] != '\0')
        return NULL;
    return ol_arena_printf(a, "ua-%s", id);
}

const char *libvirt_tap(struct ol_arena *a, const struct virt_nic *nic)
{
    return nic->tap ? nic->tap : ol_arena_printf(a, "tap%.11s", nic->id);
}

static const char *prefix_of(const struct virt_disk *disk)
{
    if (!strcmp(disk->bus, "virtio"))
        return "vd";
    return strcmp(disk->bus, "ide") == 0 ? "hd" : "sd";
}

const char *libvirt_target(struct ol_arena *a, const struct virt_disk *disk,
                           const struct ol_strv *taken)
{
    const char *prefix = prefix_of(disk), *name = disk->device;

    if (name && ol_str_starts(name, "/dev/"))
        name += strlen("/dev/");
    if (name && ol_str_starts(name, prefix) && !ol_strv_has(taken, name))
        return ol_arena_strdup(a, name);
    for (int i = 0; i < QEMU_MAX_DISKS; i++) {
        char second = (char)('a' + i % 26);
        const char *made = i < 26 ? ol_arena_printf(a, "%s%c", prefix, second)
                                  : ol_arena_printf(a, "%s%c%c", prefix, 'a' + i / 26 - 1, second);

        if (!ol_strv_has(taken, made))
            return made;
    }
    return ol_arena_printf(a, "%szz", prefix);
}

/* "ADDRESS:PORT", where an address of IPv6 stands in brackets. */
static void add_portal(struct ol_arena *a, const char *portal, struct ol_buf *b)
{
    const char *colon = strrchr(portal, ':');
    bool has_port = colon && !strchr(colon, ']');
    size_t len = has_port ? (size_t)(colon - portal) : strlen(portal);
    bool is_v6 = len > 2 && portal[0] == '[' && portal[len - 1] == ']';
    const char *host = ol_arena_memdup(a, portal + is_v6, len - 2 * (size_t)is_v6);

    put(b, "        <host name='%s' port='%s'/>\n", host, has_port ? colon + 1 : "3260");
}

/* QEMU speaks to the server by itself: no session and no mount of the host. */
static void add_remote(const struct virt_disk *disk, struct ol_buf *b)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 14);
    struct qemu_remote r;

    if (!qemu_source_split(disk->path, &r))
        return;
    if (r.target) {
        put(b, "      <source protocol='iscsi' name='%s/%s'>\n",
            ol_arena_memdup(&a, r.target, (size_t)r.target_len),
            ol_arena_printf(&a, "%lld", (long long)r.lun));
        add_portal(&a, ol_arena_memdup(&a, r.portal, (size_t)r.portal_len), b);
        if (disk->initiator)
            put(b, "        <initiator>\n          <iqn name='%s'/>\n        </initiator>\n",
                disk->initiator, NULL);
    } else {
        put(b, "      <source protocol='nfs' name='%s'>\n        <host name='%s'/>\n", r.path,
            ol_arena_memdup(&a, r.host, (size_t)r.host_len));
    }
    ol_buf_adds(b, "      </source>\n");
}

static void add_source(const struct virt_disk *disk, const struct libvirt_run *run,
                       struct ol_buf *b)
{
    bool is_block = ol_str_starts(disk->path, "/dev/"), is_remote = qemu_is_remote(disk->path);
    const char *kind = is_remote ? "network" : is_block ? "block" : "file";

    put(b, "    <disk type='%s' device='%s'>\n", kind, disk->is_cdrom ? "cdrom" : "disk");
    put(b, "      <driver name='qemu' type='%s' cache='%s'/>\n",
        disk->format == VIRT_QCOW2 ? "qcow2" : "raw", is_remote ? "none" : run->cache);
    if (is_remote)
        add_remote(disk, b);
    else
        put(b, is_block ? "      <source dev='%s'/>\n" : "      <source file='%s'/>\n", disk->path,
            NULL);
}

/* 'order' is 0 when the disk has no place in it. */
static void add_disk(const struct virt_disk *disk, const char *target,
                     const struct libvirt_run *run, int order, struct ol_buf *b)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4096);
    bool has_alias = !disk->is_ours && !disk->is_cdrom;
    const char *alias = has_alias ? libvirt_alias(&a, disk->role) : NULL;

    add_source(disk, run, b);
    put(b, "      <target dev='%s' bus='%s'/>\n", target, disk->bus);
    if (disk->serial)
        put(b, "      <serial>%s</serial>\n", disk->serial, NULL);
    if (disk->is_read_only || disk->is_cdrom)
        ol_buf_adds(b, "      <readonly/>\n");
    if (order > 0)
        ol_buf_printf(b, "      <boot order='%d'/>\n", order);
    if (alias)
        put(b, "      <alias name='%s'/>\n", alias, NULL);
    ol_buf_adds(b, "    </disk>\n");
}

void libvirt_disk_xml(const struct virt_disk *disk, const char *target,
                      const struct libvirt_run *run, struct ol_buf *ret)
{
    add_disk(disk, target, run, 0, ret);
}

static void add_disks(const struct qemu_def *d, const struct libvirt_run *run, struct ol_buf *b)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    ol_auto(ol_strv_done) struct ol_strv taken = OL_STRV_INIT;
    bool is_ordered = has_order(d);

    for (size_t i = 0; i < d->n_disks; i++) {
        const struct virt_disk *disk = &d->disks[i].d;
        const char *target = libvirt_target(&a, disk, &taken);

        ol_strv_add(&taken, target);
        add_disk(disk, target, run, is_ordered ? disk->boot_index + 1 : 0, b);
    }
}

int libvirt_check_disk(const struct virt_disk *disk, struct ol_err *err)
{
    if (disk->password && *disk->password)
        return ol_err_set(err, EINVAL, "disk '%s': CHAP takes the driver qemu", disk->role);
    return qemu_source_check(disk, err);
}

int libvirt_check_nic(const struct virt_nic *nic, struct ol_err *err)
{
    if (nic->forwards && *nic->forwards)
        return ol_err_set(err, EINVAL, "NIC '%s': ports are forwarded by the driver qemu only",
                          nic->id);
    return 0;
}

/* designer.py: libvirt makes the device and puts it on the bridge; an Open vSwitch is told whose
 * port it is. */
static void add_bridge(const struct virt_nic *nic, const struct libvirt_run *run, struct ol_buf *b)
{
    bool is_ovs = !strcmp(nic->kind, "ovs");
    const char *bridge = is_ovs && !nic->bridge ? run->ovs_bridge : nic->bridge;

    if (is_ovs || !strcmp(nic->kind, "bridge"))
        put(b, "      <source bridge='%s'/>\n", bridge, NULL);
    if (!is_ovs)
        return;
    put(b, "      <virtualport type='openvswitch'>\n        <parameters interfaceid='%s'/>\n",
        nic->id, NULL);
    ol_buf_adds(b, "      </virtualport>\n");
}

void libvirt_nic_xml(const struct virt_nic *nic, const struct libvirt_run *run, struct ol_buf *b)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4096);
    const char *alias = libvirt_alias(&a, nic->id);
    bool is_user = !strcmp(nic->kind, "user"), is_tap = !strcmp(nic->kind, "tap");

    put(b, "    <interface type='%s'>\n", is_user ? "user" : is_tap ? "ethernet" : "bridge", NULL);
    put(b, "      <mac address='%s'/>\n", nic->mac, NULL);
    add_bridge(nic, run, b);
    if (!is_user)
        put(b, is_tap ? "      <target dev='%s' managed='no'/>\n" : "      <target dev='%s'/>\n",
            libvirt_tap(&a, nic), NULL);
    put(b, "      <model type='%s'/>\n", nic->model, NULL);
    if (nic->mtu > 0 && !is_user)
        ol_buf_printf(b, "      <mtu size='%d'/>\n", nic->mtu);
    if (alias)
        put(b, "      <alias name='%s'/>\n", alias, NULL);
    ol_buf_adds(b, "    </interface>\n");
}

static bool has_scsi(const struct qemu_def *d)
{
    for (size_t i = 0; i < d->n_disks; i++)
        if (!strcmp(d->disks[i].d.bus, "scsi"))
            return true;
    return false;
}

static void add_controllers(const struct qemu_def *d, struct ol_buf *b)
{
    if (qemu_def_is_q35(d)) {
        ol_buf_adds(b, "    <controller type='pci' index='0' model='pcie-root'/>\n");
        for (int i = 0; i < d->n_ports + PORTS_OF_FIXTURES; i++)
            ol_buf_adds(b, "    <controller type='pci' model='pcie-root-port'/>\n");
    }
    if (has_scsi(d))
        ol_buf_adds(b, "    <controller type='scsi' index='0' model='virtio-scsi'/>\n");
    ol_buf_adds(b, "    <controller type='usb' index='0' model='none'/>\n");
}

static void add_consoles(const struct qemu_def *d, struct ol_buf *b)
{
    ol_buf_adds(b, "    <serial type='pty'>\n");
    put(b, "      <log file='%s/console.log' append='off'/>\n    </serial>\n", d->m.directory,
        NULL);
    if (!d->m.has_status_port)
        return;
    put(b, "    <channel type='file'>\n      <source path='%s/status.log' append='on'/>\n",
        d->m.directory, NULL);
    ol_buf_adds(b, "      <target type='virtio' name='org.orlop.status'/>\n    </channel>\n");
}

void libvirt_domain_xml(const struct qemu_def *d, const struct libvirt_run *run, struct ol_buf *b)
{
    put(b, "<domain type='%s'>\n  <name>%s</name>\n", run->type, d->m.name);
    put(b, "  <uuid>%s</uuid>\n", d->m.uuid, NULL);
    add_metadata(d, run, b);
    ol_buf_printf(b, "  <memory unit='KiB'>%lld</memory>\n  <vcpu>%d</vcpu>\n",
                  (long long)d->m.memory_mb * 1024, d->m.vcpus > 0 ? d->m.vcpus : 1);
    add_sysinfo(d, run, b);
    add_os(d, b);
    add_cpu(d, run, b);
    add_clock(run, b);
    ol_buf_adds(b, "  <devices>\n");
    if (run->emulator)
        put(b, "    <emulator>%s</emulator>\n", run->emulator, NULL);
    add_disks(d, run, b);
    add_controllers(d, b);
    for (size_t i = 0; i < d->n_nics; i++)
        libvirt_nic_xml(&d->nics[i].n, run, b);
    add_consoles(d, b);
    ol_buf_adds(b,
                "    <memballoon model='virtio'>\n      <stats period='10'/>\n"
                "    </memballoon>\n"
                "    <rng model='virtio'>\n      <backend model='random'>/dev/urandom</backend>\n"
                "    </rng>\n  </devices>\n</domain>\n");
}
