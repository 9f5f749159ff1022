/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"

/* At our start, for each machine that runs. */
enum { GREETING_SECONDS = 3 };

static const char *const aliases[] = {"qemu.QemuDriver", NULL};

static const struct qmp_hub_owner owner = {
    .event = qemu_on_event,
    .ended = qemu_on_ended,
    .tick = qemu_on_tick,
};

static int read_record(struct ol_env *env, const char *directory, struct qemu_def **ret)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(QEMU_DEF_MAX);
    ol_autofree char *path = ol_xasprintf("%s/" QEMU_RECORD, directory);
    struct ol_err err = OL_ERR_INIT;
    int r = ol_file_read(env, path, &text, &err);

    if (r == 0)
        r = qemu_def_load(text.data, text.len, ret, &err);
    if (r < 0 && r != -ENOENT && r != -ENOTDIR)
        ol_warn(env, "'%s' is left alone: %s", path, ol_err_text(&err));
    return r;
}

/* What there is of a machine whose QEMU does not live. */
static void find_dead(struct qemu_machine *m)
{
    const char *boot_id = m->def->boot_id;
    ol_autofree char *pid_file = qemu_path(m, QEMU_PIDFILE);
    bool is_same_boot = boot_id && !strcmp(boot_id, m->q->host.boot_id);

    /* An orderly end takes its number away. */
    if (is_same_boot && ol_exists(m->q->base.env, pid_file))
        qemu_set_power(m, VIRT_CRASHED);
}

/* One that lives. What was caught halfway into its life or out of it is ended: it is begun anew. */
static int find_alive(struct qemu_machine *m, struct ol_err *err)
{
    static const struct {
        const char *status;
        enum virt_power power;
    } rows[] = {{"running", VIRT_RUNNING},        {"paused", VIRT_PAUSED},
                {"suspended", VIRT_SUSPENDED},    {"io-error", VIRT_PAUSED},
                {"internal-error", VIRT_CRASHED}, {"guest-panicked", VIRT_CRASHED},
                {"watchdog", VIRT_PAUSED},        {"debug", VIRT_PAUSED}};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    const char *status = NULL;
    int r = qemu_connect(m, GREETING_SECONDS * OL_SECOND, err);

    if (r == 0 && qemu_undo_save(m))
        return 0;
    if (r == 0)
        r = qemu_status(m, &a, &status, err);
    for (size_t i = 0; r == 0 && i < ol_count(rows); i++)
        if (!strcmp(rows[i].status, status)) {
            qemu_set_power(m, rows[i].power);
            return 0;
        }
    /* It may wait for a disk, or we may lack descriptors: it is not ours to judge. */
    if (r < 0 && qemu_is_alive(m->q->base.env, m->directory)) {
        qemu_set_power(m, VIRT_NOSTATE);
        return r;
    }
    ol_info(m->q->base.env, "machine %s is ended: %s", m->uuid,
            status ? status : "it does not answer");
    return qemu_stop(m, err);
}

static void find_machine(struct qemu *q, const char *directory)
{
    struct ol_err err = OL_ERR_INIT;
    struct qemu_def *def = NULL;
    struct qemu_machine *m;

    if (read_record(q->base.env, directory, &def) < 0)
        return;
    m = qemu_enter_new(q, def->m.uuid, directory);
    m->def = def;
    if (!qemu_is_alive(q->base.env, directory))
        find_dead(m);
    else if (find_alive(m, &err) < 0)
        ol_warn(q->base.env, "machine %s: %s", m->uuid, ol_err_text(&err));
    qemu_leave(m);
}

static int find_machines(struct qemu *q, struct ol_err *err)
{
    const char *where = q->base.config->instances_path;
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    int r = ol_list_dir(q->base.env, where, &names, err);

    ol_strv_each (name, &names) {
        ol_autofree char *directory = ol_xasprintf("%s/%s", where, name);

        find_machine(q, directory);
    }
    return r;
}

static void qemu_close(struct virt *v)
{
    struct qemu *q = (struct qemu *)v;
    struct qemu_machine *m;
    size_t at = 0;

    pthread_mutex_lock(&q->lock);
    q->is_closing = true;
    pthread_mutex_unlock(&q->lock);
    qmp_hub_free(q->hub);
    while ((m = ol_table_each(&q->machines, &at)))
        qemu_machine_unref(m);
    ol_table_done(&q->machines);
    qemu_host_done(&q->host);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q->ended);
    free(q);
}

static int qemu_open(const struct virt_options *o, struct virt **ret, struct ol_err *err)
{
    struct qemu *q = ol_xcalloc(1, sizeof(*q));
    struct qmp_hub_owner own = owner;
    pthread_condattr_t clock;
    int r;

    q->base = (struct virt){o->env, o->config, o->event, o->ctx, o->privileged};
    q->machines = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &clock);
    pthread_condattr_destroy(&clock);
    r = qemu_host_init(&q->host, o, 0, err);
    own.ctx = q;
    if (r == 0 && !(q->hub = qmp_hub_new(o->env, &own)))
        r = nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE, "no thread can be started");
    if (r == 0)
        r = find_machines(q, err);
    if (r < 0) {
        qemu_close(&q->base);
        return r;
    }
    *ret = &q->base;
    return 0;
}

struct qemu_run qemu_run_of(struct qemu *q)
{
    const struct compute_config *c = q->base.config;
    bool is_custom = c->cpu_mode && !strcmp(c->cpu_mode, "custom");

    return (struct qemu_run){
        .binary = q->host.binary,
        .accelerator = qemu_accelerator(&q->host),
        .cpu_model = is_custom ? c->cpu_model : NULL,
        .cache = q->host.cache,
        .product_version = QEMU_PRODUCT_VERSION,
    };
}

/* Disks of ours, with what they may be; under the lock. */
struct sized {
    struct ol_strv paths;
    int64_t *sizes;
};

static void add_disks_of(const struct qemu_machine *m, struct sized *to)
{
    for (size_t i = 0; m->def && i < m->def->n_disks; i++) {
        const struct virt_disk *d = &m->def->disks[i].d;

        if (!d->is_ours)
            continue;
        to->sizes = ol_xrealloc(to->sizes, to->paths.n + 1, sizeof(*to->sizes));
        to->sizes[to->paths.n] = d->size;
        ol_strv_add(&to->paths, d->path);
    }
}

static void add_machines(struct qemu *q, struct virt_resources *ret)
{
    struct sized disks = {.paths = OL_STRV_INIT};
    const struct qemu_machine *m;
    int64_t sum = 0;
    size_t at = 0;

    pthread_mutex_lock(&q->lock);
    while ((m = ol_table_each(&q->machines, &at))) {
        add_disks_of(m, &disks);
        if (m->qmp && m->def)
            ret->vcpus_used += m->def->m.vcpus;
    }
    pthread_mutex_unlock(&q->lock);
    for (size_t i = 0; i < disks.paths.n; i++)
        sum += qemu_overcommitted(q->base.env, disks.paths.v[i], disks.sizes[i]);
    ret->disk_available_least -= sum >> 30;
    ol_strv_done(&disks.paths);
    free(disks.sizes);
}

static int qemu_resources(struct virt *v, struct ol_arena *a, struct virt_resources *ret,
                          struct ol_err *err)
{
    struct qemu *q = (struct qemu *)v;
    char name[256] = "";

    (void)err;
    gethostname(name, sizeof(name) - 1);
    qemu_host_resources(&q->host, a, ret);
    ret->hypervisor_version = qemu_host_version(&q->host);
    ret->hypervisor_hostname = ol_arena_strdup(a, name);
    add_machines(q, ret);
    return 0;
}

static int qemu_list(struct virt *v, struct ol_strv *ret_uuids, struct ol_err *err)
{
    struct qemu *q = (struct qemu *)v;
    const struct qemu_machine *m;
    size_t at = 0;

    (void)err;
    pthread_mutex_lock(&q->lock);
    while ((m = ol_table_each(&q->machines, &at)))
        ol_strv_add(ret_uuids, m->uuid);
    pthread_mutex_unlock(&q->lock);
    ol_strv_sort(ret_uuids);
    return 0;
}

/* Ticks of a process in user and kernel mode: fields 14 and 15 of its stat. */
static ol_time cpu_time(struct ol_env *env, pid_t pid)
{
    ol_autofree char *path = ol_xasprintf("/proc/%d/stat", (int)pid);
    ol_autofree char *text = pid > 0 ? ol_file_read_line(env, path) : NULL;
    ol_auto(ol_strv_done) struct ol_strv fields = OL_STRV_INIT;
    const char *after_name = text ? strrchr(text, ')') : NULL;
    int64_t user = 0, kernel = 0;

    if (!after_name)
        return 0;
    ol_strv_split(&fields, after_name + 1, " ");
    if (fields.n < 13 || ol_parse_i64(fields.v[11], 10, &user) < 0
        || ol_parse_i64(fields.v[12], 10, &kernel) < 0)
        return 0;
    return (user + kernel) * (OL_SECOND / sysconf(_SC_CLK_TCK));
}

static int qemu_info(struct virt *v, const char *uuid, struct virt_info *ret, struct ol_err *err)
{
    struct qemu *q = (struct qemu *)v;
    const struct qemu_machine *m;
    pid_t pid = 0;

    pthread_mutex_lock(&q->lock);
    m = ol_table_find_str(&q->machines, uuid);
    if (m) {
        *ret = (struct virt_info){.power = m->power};
        if (m->def) {
            ret->memory_kb = ret->max_memory_kb = m->def->m.memory_mb * 1024;
            ret->vcpus = m->def->m.vcpus;
        }
        pid = m->qmp ? m->pid : 0;
    }
    pthread_mutex_unlock(&q->lock);
    if (!m)
        return virt_not_found(uuid, err);
    ret->cpu_time = cpu_time(v->env, pid);
    return 0;
}

/* They are not in the record. */
static void take_secrets(struct qemu_def *to, struct qemu_def *from)
{
    for (size_t i = 0; i < to->n_disks; i++) {
        const struct qemu_disk *given = qemu_def_disk(from, to->disks[i].d.role);

        if (given && given->d.password)
            to->disks[i].d.password = ol_arena_strdup(&to->arena, given->d.password);
    }
}

/* The definition as given; that of a suspended machine stays as it was, or its memory would find
 * other devices. Takes 'def'. */
static int define(struct qemu_machine *m, struct qemu_def *def, struct ol_err *err)
{
    ol_autofree char *state = qemu_path(m, QEMU_STATE);
    int r;

    if (m->def && ol_exists(m->q->base.env, state)) {
        take_secrets(m->def, def);
        qemu_def_free(def);
        m->def->boot_id = ol_arena_strdup(&m->def->arena, m->q->host.boot_id);
        return qemu_write_record(m, err);
    }
    if (m->def)
        qemu_def_inherit(def, m->def);
    def->boot_id = ol_arena_strdup(&def->arena, m->q->host.boot_id);
    r = ol_mkdir_p(m->q->base.env, m->directory, 0755, err);
    if (r < 0) {
        qemu_def_free(def);
        return r;
    }
    return qemu_define(m, def, err);
}

/* Defined, its disks there, running: what is done already is left as it is. */
static int bring_up(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    struct qemu *q = (struct qemu *)v;
    struct qemu_machine *made;
    struct qemu_def *def = NULL;
    int r = qemu_def_make(m, v->config, &def, err);

    if (r < 0)
        return r;
    made = qemu_enter_new(q, m->uuid, m->directory);
    if (qemu_is_running(made)) {
        qemu_def_free(def);
        r = m->is_held || qemu_power(made) == VIRT_RUNNING ? 0
                                                           : qemu_command(made, "cont", NULL, err);
    } else {
        r = define(made, def, err);
        if (r == 0)
            r = qemu_make_disks(&q->host, made->def, err);
        if (r == 0)
            r = qemu_run(made, err);
    }
    if (!made->def)
        qemu_forget(made);
    qemu_leave(made);
    return r;
}

static int qemu_destroy(struct virt *v, const char *uuid, const char *directory, bool disks,
                        struct ol_err *err)
{
    struct qemu_machine *m = qemu_enter_new((struct qemu *)v, uuid, directory);
    ol_autofree char *record = qemu_path(m, QEMU_RECORD);
    int r = ol_is_dir(v->env, directory) ? qemu_stop(m, err) : 0;

    /* The record goes last of all: what it names can be found until then. */
    if (r == 0 && disks)
        r = ol_remove_tree(v->env, directory, err);
    else if (r == 0 && ol_exists(v->env, record))
        r = ol_unlink(v->env, record, err);
    if (r == 0)
        qemu_forget(m);
    qemu_leave(m);
    return r;
}

const struct virt_driver virt_qemu = {
    .name = "qemu",
    .has_wires = true,
    .aliases = aliases,
    .open = qemu_open,
    .close = qemu_close,
    .resources = qemu_resources,
    .uptime = qemu_uptime,
    .list = qemu_list,
    .info = qemu_info,
    .spawn = bring_up,
    .destroy = qemu_destroy,
    .power_off = qemu_power_off,
    .power_on = bring_up,
    .reboot = qemu_reboot,
    .pause = qemu_pause,
    .unpause = qemu_unpause,
    .suspend = qemu_suspend,
    .resume = bring_up,
    .console = qemu_console,
    .attach_disk = qemu_attach_disk,
    .detach_disk = qemu_detach_disk,
    .attach_nic = qemu_attach_nic,
    .detach_nic = qemu_detach_nic,
};
