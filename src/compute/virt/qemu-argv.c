/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/qemu-argv.h"

#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"

/* Text as a value in "key=value,…", where a comma is written twice. Into the arena. */
static const char *quoted(struct ol_arena *a, const char *text)
{
    char *out = ol_arena_alloc(a, 2 * strlen(text) + 1), *at = out;

    for (; *text; text++) {
        *at++ = *text;
        if (*text == ',')
            *at++ = ',';
    }
    return out;
}

static void add(struct ol_strv *argv, const char *option, const char *value)
{
    ol_strv_add(argv, option);
    ol_strv_add(argv, value);
}

static void add_json(struct ol_strv *argv, const char *option, const struct ol_val *value)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(QEMU_DEF_MAX);

    (void)!ol_json_dump(value, &ol_json_compact, &text); /* strings and numbers only */
    add(argv, option, text.data);
}

/* nova's guests are known by what DMI says: cloud-init looks for "OpenStack Nova". */
static void add_identity(const struct qemu_def *d, const struct qemu_run *run, struct ol_arena *a,
                         struct ol_strv *argv)
{
    const char *name = quoted(a, d->m.name);

    ol_strv_add(argv, "-name");
    ol_strv_addf(argv, "guest=%s,process=qemu-%s", name, name);
    add(argv, "-uuid", d->m.uuid);
    ol_strv_add(argv, "-smbios");
    ol_strv_addf(argv,
                 "type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,version=%s,"
                 "serial=%s,uuid=%s,family=Virtual Machine",
                 quoted(a, run->product_version), d->m.uuid, d->m.uuid);
}

static const char *cpu_model(const struct qemu_def *d, const struct qemu_run *run)
{
    if (d->m.cpu_model && *d->m.cpu_model)
        return d->m.cpu_model;
    if (run->cpu_model && *run->cpu_model)
        return run->cpu_model;
    return strcmp(run->accelerator, "kvm") == 0 ? "host" : "max";
}

static void add_board(const struct qemu_def *d, const struct qemu_run *run, struct ol_strv *argv)
{
    ol_strv_add(argv, "-machine");
    ol_strv_addf(argv, "%s,usb=off,dump-guest-core=off", d->m.machine_type);
    add(argv, "-accel", run->accelerator);
    add(argv, "-cpu", cpu_model(d, run));
    ol_strv_add(argv, "-m");
    ol_strv_addf(argv, "size=%lldM", (long long)d->m.memory_mb);
    ol_strv_add(argv, "-smp");
    ol_strv_addf(argv, "%d,sockets=%d,cores=1,threads=1", d->m.vcpus > 0 ? d->m.vcpus : 1,
                 d->m.vcpus > 0 ? d->m.vcpus : 1);
    add(argv, "-rtc", "base=utc,driftfix=slew");
    add(argv, "-boot", "strict=on");
    /* A guest that powers off is held until we have seen it: no end of QEMU is its own then. */
    add(argv, "-action", "shutdown=pause,panic=pause");
    if (d->m.kernel)
        add(argv, "-kernel", d->m.kernel);
    if (d->m.kernel && d->m.initrd)
        add(argv, "-initrd", d->m.initrd);
    if (d->m.kernel && d->m.cmdline)
        add(argv, "-append", d->m.cmdline);
}

static void add_socket(struct ol_strv *argv, const char *id, int fd, const char *more)
{
    ol_strv_add(argv, "-chardev");
    ol_strv_addf(argv, "socket,id=%s,fd=%d,server=on,wait=off%s", id, fd, more);
}

static void add_log(struct ol_strv *argv, int set, int fd)
{
    ol_strv_add(argv, "-add-fd");
    ol_strv_addf(argv, "set=%d,fd=%d", set, fd);
}

static void add_consoles(const struct qemu_def *d, struct ol_strv *argv)
{
    add_socket(argv, "monitor", QEMU_FD_MONITOR, "");
    add(argv, "-mon", "chardev=monitor,mode=control");
    add_log(argv, 1, QEMU_FD_LOG);
    add_socket(argv, "serial0", QEMU_FD_CONSOLE, ",logfile=/dev/fdset/1,logappend=on");
    add(argv, "-serial", "chardev:serial0");
    if (!d->m.has_status_port)
        return;
    /* No socket: what a guest writes while nobody has connected would make it wait. */
    add_log(argv, 2, QEMU_FD_STATUS);
    add(argv, "-chardev", "file,id=status,path=/dev/fdset/2,append=on");
    add(argv, "-device", "virtio-serial-pci,id=vserial0,addr=0x5");
    add(argv, "-device", "virtserialport,chardev=status,name=org.orlop.status");
}

static bool has_scsi(const struct qemu_def *d)
{
    for (size_t i = 0; i < d->n_disks; i++)
        if (!strcmp(d->disks[i].d.bus, "scsi"))
            return true;
    return false;
}

/* PCI places 2 to 5; 6 and above are those of disks, NICs and ports (qemu-device.c). */
static void add_fixtures(const struct qemu_def *d, struct ol_strv *argv)
{
    add(argv, "-object", "rng-random,id=rng0,filename=/dev/urandom");
    add(argv, "-device", "virtio-rng-pci,rng=rng0,id=rng-dev0,addr=0x2");
    add(argv, "-device", "virtio-balloon-pci,id=balloon0,addr=0x3");
    add(argv, "-device", "pvpanic");
    if (has_scsi(d))
        add(argv, "-device", "virtio-scsi-pci,id=scsi0,addr=0x4");
    if (!qemu_def_is_q35(d))
        return;
    for (int port = 1; port <= d->n_ports; port++) {
        ol_strv_add(argv, "-device");
        ol_strv_addf(argv, "pcie-root-port,id=rp%d,bus=pcie.0,chassis=%d,slot=%d,addr=0x%x", port,
                     port, port, 5 + port);
    }
}

/* -netdev takes JSON from QEMU 7.2 on only. */
static void add_netdev(struct ol_strv *argv, struct ol_arena *a, const struct ol_val *netdev)
{
    const struct ol_val *forwards = ol_val_get(netdev, "hostfwd");
    const char *fd = ol_val_str(ol_val_get(netdev, "fd"));
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 14);

    ol_buf_printf(&text, "%s,id=%s", ol_val_str(ol_val_get(netdev, "type")),
                  ol_val_str(ol_val_get(netdev, "id")));
    if (fd)
        ol_buf_printf(&text, ",fd=%s", fd);
    for (size_t i = 0; i < ol_val_count(forwards); i++)
        ol_buf_printf(&text, ",hostfwd=%s",
                      quoted(a, ol_val_str(ol_val_get(ol_val_item(forwards, i), "str"))));
    add(argv, "-netdev", text.data);
}

/* In the order in which they are handed over, behind the taps. */
static void add_secrets(const struct qemu_def *d, struct ol_arena *a, struct ol_strv *argv)
{
    int fd = QEMU_FD_TAP;

    for (size_t i = 0; i < d->n_nics; i++)
        fd += qemu_nic_has_tap(&d->nics[i]);
    for (size_t i = 0; i < d->n_disks; i++) {
        const char *id = qemu_secret_id(a, &d->disks[i]);

        if (!id)
            continue;
        ol_strv_add(argv, "-object");
        ol_strv_addf(argv, "secret,id=%s,file=/proc/self/fd/%d", id, fd++);
    }
}

static void add_devices(const struct qemu_def *d, const struct qemu_run *run, struct ol_arena *a,
                        struct ol_strv *argv)
{
    int tap = QEMU_FD_TAP;

    add_secrets(d, a, argv);
    for (size_t i = 0; i < d->n_disks; i++) {
        add_json(argv, "-blockdev", qemu_blockdev(a, d, &d->disks[i], run));
        add_json(argv, "-device", qemu_disk_device(a, d, &d->disks[i], run));
    }
    for (size_t i = 0; i < d->n_nics; i++) {
        const struct qemu_nic *nic = &d->nics[i];
        const char *fd = qemu_nic_has_tap(nic) ? ol_arena_printf(a, "%d", tap++) : NULL;

        add_netdev(argv, a, qemu_netdev(a, nic, fd));
        add_json(argv, "-device", qemu_nic_device(a, d, nic));
    }
}

void qemu_argv(const struct qemu_def *d, const struct qemu_run *run, struct ol_strv *argv)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(QEMU_DEF_MAX);

    ol_strv_add(argv, run->binary);
    add_identity(d, run, &a, argv);
    ol_strv_add(argv, "-nodefaults");
    ol_strv_add(argv, "-no-user-config");
    add(argv, "-display", "none");
    add(argv, "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    add(argv, "-msg", "timestamp=on");
    ol_strv_add(argv, "-S");
    add_board(d, run, argv);
    add_consoles(d, argv);
    add_fixtures(d, argv);
    add_devices(d, run, &a, argv);
    if (run->is_resuming) {
        ol_strv_add(argv, "-incoming");
        ol_strv_addf(argv, "fd:%d", QEMU_FD_STATE);
    }
}
