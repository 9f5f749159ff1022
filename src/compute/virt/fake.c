/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/virt/virt-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/table.h"

/*
 * nova.virt.fake: machines that are a row in memory, at once what they are told to be. They end
 * with the program. What operators and tests see of the host is what nova's FakeDriver says.
 */
struct fake_machine {
    const char *uuid; /* the key: first member */
    enum virt_power power;
    int vcpus;
    int64_t memory_mb, local_gb;
    struct ol_strv disks, nics; /* roles and ids of what is attached */
};

/* What a host of each class has (nova/virt/fake.py). */
struct fake_size {
    const char *driver;
    int vcpus;
    int64_t memory_mb, local_gb;
};

struct fake {
    struct virt base;
    const struct fake_size *size;
    pthread_mutex_t lock;
    struct ol_table machines;
};

static const struct fake_size sizes[] = {
    {"fake.FakeDriver", 1000, 800000, 600000},
    {"fake.MediumFakeDriver", 10, 8192, 1028},
    {"fake.SmallFakeDriver", 2, 8192, 1028},
};

static const char *const aliases[] = {
    "fake.FakeDriver",
    "fake.MediumFakeDriver",
    "fake.SmallFakeDriver",
    NULL,
};

static const char console_text[] = "FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE";

static void machine_free(struct fake_machine *m)
{
    ol_strv_done(&m->disks);
    ol_strv_done(&m->nics);
    free((char *)(uintptr_t)m->uuid);
    free(m);
}

static struct fake *take(struct virt *v)
{
    struct fake *f = (struct fake *)v;

    pthread_mutex_lock(&f->lock);
    return f;
}

static void give_at(struct fake **f)
{
    pthread_mutex_unlock(&(*f)->lock);
}

static int find(const struct fake *f, const char *uuid, struct fake_machine **ret,
                struct ol_err *err)
{
    *ret = ol_table_find_str(&f->machines, uuid);
    return *ret ? 0 : virt_not_found(uuid, err);
}

static int fake_open(const struct virt_options *o, struct virt **ret, struct ol_err *err)
{
    struct fake *f = ol_xcalloc(1, sizeof(*f));

    (void)err;
    f->base = (struct virt){o->env, o->config, o->event, o->ctx, NULL};
    f->size = &sizes[0];
    for (size_t i = 0; i < ol_count(sizes); i++)
        if (o->config->compute_driver && !strcmp(o->config->compute_driver, sizes[i].driver))
            f->size = &sizes[i];
    pthread_mutex_init(&f->lock, NULL);
    f->machines = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    *ret = &f->base;
    return 0;
}

static void fake_close(struct virt *v)
{
    struct fake *f = (struct fake *)v;
    struct fake_machine *m;
    size_t at = 0;

    while ((m = ol_table_each(&f->machines, &at)))
        machine_free(m);
    ol_table_done(&f->machines);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static int fake_resources(struct virt *v, struct ol_arena *a, struct virt_resources *ret,
                          struct ol_err *err)
{
    static const char *const traits[] = {
        "COMPUTE_ACCELERATORS",
        "COMPUTE_DEVICE_TAGGING",
        "COMPUTE_IMAGE_TYPE_RAW",
        "COMPUTE_NET_ATTACH_INTERFACE",
        "COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG",
        "COMPUTE_NODE",
        "COMPUTE_TRUSTED_CERTS",
        "COMPUTE_VOLUME_ATTACH_WITH_TAG",
        "COMPUTE_VOLUME_EXTEND",
        "COMPUTE_VOLUME_MULTI_ATTACH",
        NULL,
    };
    ol_auto(give_at) struct fake *f = take(v);
    const struct fake_machine *m;
    size_t at = 0;

    (void)err;
    *ret = (struct virt_resources){
        .vcpus = f->size->vcpus,
        .memory_mb = f->size->memory_mb,
        .local_gb = f->size->local_gb,
        .hypervisor_type = "fake",
        .hypervisor_version = 1000,
        .hypervisor_hostname = ol_arena_strdup(a, v->config->host ? v->config->host : ""),
        .cpu_info = "{\"arch\": \"x86_64\", \"model\": \"Nehalem\", \"vendor\": \"Intel\", "
                    "\"features\": [\"pge\", \"clflush\"], "
                    "\"topology\": {\"cores\": 1, \"threads\": 1, \"sockets\": 4}}",
    };
    while ((m = ol_table_each(&f->machines, &at))) {
        ret->vcpus_used += m->vcpus;
        ret->memory_mb_used += m->memory_mb;
        ret->local_gb_used += m->local_gb;
    }
    ol_strv_add(&ret->hv_specs, "x86_64/fake/hvm");
    ol_strv_add_all(&ret->traits, traits);
    return 0;
}

static int fake_uptime(struct virt *v, struct ol_arena *a, const char **ret, struct ol_err *err)
{
    return nova_fail(err, NOVA_NOT_IMPLEMENTED, "%s", "");
}

static int fake_list(struct virt *v, struct ol_strv *ret_uuids, struct ol_err *err)
{
    ol_auto(give_at) struct fake *f = take(v);
    const struct fake_machine *m;
    size_t at = 0;

    (void)err;
    while ((m = ol_table_each(&f->machines, &at)))
        ol_strv_add(ret_uuids, m->uuid);
    ol_strv_sort(ret_uuids);
    return 0;
}

/* nova's InstanceInfo of a fake machine has its state only; the sizes are ours. */
static int fake_info(struct virt *v, const char *uuid, struct virt_info *ret, struct ol_err *err)
{
    ol_auto(give_at) struct fake *f = take(v);
    struct fake_machine *m;
    int r = find(f, uuid, &m, err);

    if (r < 0)
        return r;
    *ret = (struct virt_info){
        .power = m->power,
        .memory_kb = m->memory_mb * 1024,
        .max_memory_kb = m->memory_mb * 1024,
        .vcpus = m->vcpus,
    };
    return 0;
}

static int64_t root_gb(const struct virt_machine *m)
{
    for (size_t i = 0; i < m->n_disks; i++)
        if (m->disks[i].role && !strcmp(m->disks[i].role, "disk"))
            return m->disks[i].size >> 30;
    return 0;
}

static int fake_spawn(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    ol_auto(give_at) struct fake *f = take(v);
    struct fake_machine *made = ol_table_find_str(&f->machines, m->uuid);

    (void)err;
    if (!made) {
        if (!ol_change(v->env, "spawn", m->uuid))
            return 0;
        made = ol_xcalloc(1, sizeof(*made));
        made->uuid = ol_xstrdup(m->uuid);
        ol_table_put(&f->machines, made);
        for (size_t i = 0; i < m->n_disks; i++)
            ol_strv_add(&made->disks, m->disks[i].role);
        for (size_t i = 0; i < m->n_nics; i++)
            ol_strv_add(&made->nics, m->nics[i].id);
    }
    made->power = VIRT_RUNNING;
    made->vcpus = m->vcpus;
    made->memory_mb = m->memory_mb;
    made->local_gb = root_gb(m);
    return 0;
}

static int fake_destroy(struct virt *v, const char *uuid, const char *directory, bool disks,
                        struct ol_err *err)
{
    ol_auto(give_at) struct fake *f = take(v);
    struct fake_machine *m = ol_table_find_str(&f->machines, uuid);

    if (m && ol_change(v->env, "destroy", uuid)) {
        ol_table_remove(&f->machines, m);
        machine_free(m);
    }
    /* Its config drive is a real one. */
    return disks && directory ? ol_remove_tree(v->env, directory, err) : 0;
}

static int set_power(struct virt *v, const char *uuid, enum virt_power power, struct ol_err *err)
{
    ol_auto(give_at) struct fake *f = take(v);
    struct fake_machine *m;
    int r = find(f, uuid, &m, err);

    if (r == 0 && ol_change(v->env, "power", uuid))
        m->power = power;
    return r;
}

static int fake_power_off(struct virt *v, const char *uuid, ol_time timeout, ol_time retry,
                          struct ol_err *err)
{
    return set_power(v, uuid, VIRT_SHUTDOWN, err);
}

static int fake_power_on(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    return set_power(v, m->uuid, VIRT_RUNNING, err);
}

/* A hard one makes it when it is gone, as nova's does. */
static int fake_reboot(struct virt *v, const struct virt_machine *m, bool is_hard,
                       struct ol_err *err)
{
    return is_hard ? fake_spawn(v, m, err) : set_power(v, m->uuid, VIRT_RUNNING, err);
}

static int fake_pause(struct virt *v, const char *uuid, struct ol_err *err)
{
    return set_power(v, uuid, VIRT_PAUSED, err);
}

static int fake_unpause(struct virt *v, const char *uuid, struct ol_err *err)
{
    return set_power(v, uuid, VIRT_RUNNING, err);
}

static int fake_suspend(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    return set_power(v, m->uuid, VIRT_SHUTDOWN, err);
}

static int fake_console(struct virt *v, const char *uuid, const char *directory, size_t max,
                        struct ol_buf *ret, struct ol_err *err)
{
    ol_auto(give_at) struct fake *f = take(v);
    size_t len = sizeof(console_text) - 1;
    struct fake_machine *m;
    int r = find(f, uuid, &m, err);

    if (r < 0)
        return r;
    if (max > len)
        max = len;
    ol_buf_add(ret, console_text + len - max, max);
    return ol_buf_status(ret);
}

/* Bits of change(): of which list, and which way. */
enum change { CHANGE_NICS = 1 << 0, CHANGE_TAKE_OUT = 1 << 1 };

static int change(struct virt *v, const struct virt_machine *at, const char *name, unsigned how,
                  struct ol_err *err)
{
    ol_auto(give_at) struct fake *f = take(v);
    struct fake_machine *m;
    struct ol_strv *list;
    int r = find(f, at->uuid, &m, err);

    if (r < 0)
        return r;
    list = how & CHANGE_NICS ? &m->nics : &m->disks;
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->v[i], name) != 0)
            continue;
        if (how & CHANGE_TAKE_OUT && ol_change(v->env, "detach", name))
            ol_strv_remove(list, i);
        return 0;
    }
    if (!(how & CHANGE_TAKE_OUT)) {
        if (ol_change(v->env, "attach", name))
            ol_strv_add(list, name);
        return 0;
    }
    if (how & CHANGE_NICS)
        return 0;
    return nova_fail(err, NOVA_DISK_NOT_FOUND, "No disk at %s", name);
}

static int fake_attach_disk(struct virt *v, const struct virt_machine *m, const struct virt_disk *d,
                            struct ol_err *err)
{
    return change(v, m, d->role, 0, err);
}

static int fake_detach_disk(struct virt *v, const struct virt_machine *m, const char *role,
                            struct ol_err *err)
{
    return change(v, m, role, CHANGE_TAKE_OUT, err);
}

static int fake_attach_nic(struct virt *v, const struct virt_machine *m, const struct virt_nic *n,
                           struct ol_err *err)
{
    return change(v, m, n->id, CHANGE_NICS, err);
}

static int fake_detach_nic(struct virt *v, const struct virt_machine *m, const char *id,
                           struct ol_err *err)
{
    return change(v, m, id, CHANGE_NICS | CHANGE_TAKE_OUT, err);
}

const struct virt_driver virt_fake = {
    .name = "fake",
    .traits = VIRT_HAS_NO_DISKS,
    .prefix = "sd",
    .aliases = aliases,
    .open = fake_open,
    .close = fake_close,
    .resources = fake_resources,
    .uptime = fake_uptime,
    .list = fake_list,
    .info = fake_info,
    .spawn = fake_spawn,
    .destroy = fake_destroy,
    .power_off = fake_power_off,
    .power_on = fake_power_on,
    .reboot = fake_reboot,
    .pause = fake_pause,
    .unpause = fake_unpause,
    .suspend = fake_suspend,
    .resume = fake_power_on,
    .console = fake_console,
    .attach_disk = fake_attach_disk,
    .detach_disk = fake_detach_disk,
    .attach_nic = fake_attach_nic,
    .detach_nic = fake_detach_nic,
};
