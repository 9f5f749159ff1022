/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compute/virt/libvirt-internal.h"
#include "compute/virt/libvirt-read.h"
#include "core/cleanup.h"
#include "core/str.h"

/* The host as libvirt says it, where it knows more than /proc. */

enum { XML_MAX = 4 << 20 };

static bool is_text(const char *a, const char *b)
{
    return a && !strcmp(a, b);
}

/* nova's virt_type is kvm unless it is told otherwise: where KVM does not work, that is qemu. */
static const char *type_of(struct libvirt *l)
{
    if (is_text(l->base.config->virt_type, "qemu"))
        return "qemu";
    return strcmp(qemu_accelerator(&l->host), "kvm") == 0 ? "kvm" : "qemu";
}

struct libvirt_run libvirt_run_of(struct libvirt *l)
{
    const struct compute_config *c = l->base.config;

    return (struct libvirt_run){
        .type = type_of(l),
        .emulator = c->qemu_binary && *c->qemu_binary ? l->host.binary : NULL,
        .cpu_mode = c->cpu_mode,
        .cpu_model = c->cpu_model,
        .cache = l->host.cache,
        .ovs_bridge = c->ovs_bridge && *c->ovs_bridge ? c->ovs_bridge : "br-int",
        .product_version = QEMU_PRODUCT_VERSION,
    };
}

/* What the disks of a machine may still grow by. */
static int64_t overcommitted(struct libvirt *l, struct vir_domain *d)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(XML_MAX);
    ol_autofree char *xml = l->lib.xml(d, VIR_XML_INACTIVE);
    const char *where = l->base.config->instances_path;
    struct libvirt_devices disks = {.n = 0};
    int64_t sum = 0;

    if (!xml || libvirt_find_devices(&a, xml, "disk", &disks) < 0)
        return 0;
    for (size_t i = 0; i < disks.n; i++) {
        const struct libvirt_device *disk = &disks.list[i];
        struct vir_block_info info;

        if (disk->source && disk->target && ol_str_starts(disk->source, where)
            && l->lib.block_info(d, disk->target, &info, 0) == 0)
            sum += qemu_overcommitted(l->base.env, disk->source, (int64_t)info.capacity);
    }
    return sum;
}

/* nova counts the processors of all that run, whoever defined them. */
static int add_machines(struct libvirt *l, struct vir_connect *c, struct virt_resources *ret,
                        struct ol_err *err)
{
    struct libvirt_domains all = {.list = NULL};
    int r = libvirt_domains(l, c, &all, err);
    int64_t sum = 0;

    for (int i = 0; i < all.n; i++) {
        struct vir_domain_info info = {.state = VIR_NOSTATE};

        if (l->lib.info(all.list[i], &info) < 0)
            continue;
        if (info.state != VIR_SHUTOFF)
            ret->vcpus_used += info.vcpus;
        sum += overcommitted(l, all.list[i]);
    }
    ret->disk_available_least -= sum >> 30;
    libvirt_domains_free(l, &all);
    return r;
}

/* libvirt starts each emulator of the host twice to find out what it can do, and keeps the answer;
 * until then it knows no version. So QEMU is asked. */
static int version_of(struct libvirt *l, struct vir_connect *c)
{
    int found = qemu_host_version(&l->host);
    unsigned long version = 0;

    if (!found && l->lib.version(c, &version) == 0)
        found = (int)version;
    return found;
}

static int ask(struct libvirt *l, struct vir_connect *c, struct ol_arena *a,
               struct virt_resources *ret, struct ol_err *err)
{
    ol_autofree char *name = l->lib.hostname(c);

    if (!name)
        return libvirt_fail(l, NULL, err);
    qemu_host_resources(&l->host, a, ret);
    ret->hypervisor_version = version_of(l, c);
    ret->hypervisor_hostname = ol_arena_strdup(a, name);
    return add_machines(l, c, ret, err);
}

int libvirt_resources(struct virt *v, struct ol_arena *a, struct virt_resources *ret,
                      struct ol_err *err)
{
    struct libvirt *l = (struct libvirt *)v;
    struct virt_resources found = {.vcpus = 0};
    struct vir_connect *c = NULL;
    int r = libvirt_connection(l, &c, err);

    if (r < 0)
        return r;
    r = ask(l, c, a, &found, err);
    (void)!l->lib.close(c);
    if (r < 0) {
        ol_strv_done(&found.hv_specs);
        ol_strv_done(&found.traits);
        return r;
    }
    *ret = found;
    return 0;
}
