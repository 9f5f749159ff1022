/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/virt/host-facts.h"
#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/spawn.h"
#include "core/str.h"

/* The host as the driver sees it, and says it to nova. */

#define DEFAULT_BINARY "qemu-system-x86_64"
#define DEFAULT_USER   "orlop-qemu"
#define NOVA_VERSION   "26.2.2"

enum { VERSION_SECONDS = 10, FILE_MAX = 4 << 20 };

/* The user that QEMU runs as, when we may choose: the option's, or ours when there is one. */
static int find_user(struct qemu *q, struct ol_err *err)
{
    const char *wanted = q->base.config->qemu_user;
    const char *name = wanted && *wanted ? wanted : DEFAULT_USER;
    struct qemu_host *h = &q->host;
    ol_autofree char *room = ol_xcalloc(1, 16384);
    struct passwd entry, *found = NULL;

    if (geteuid() != 0 || !strcmp(name, "root"))
        return 0;
    getpwnam_r(name, &entry, room, 16384, &found);
    if (!found && name == wanted)
        return nova_fail(err, NOVA_INVALID_CONFIGURATION, "qemu_user: there is no user '%s'", name);
    if (!found)
        return 0;
    h->has_user = true;
    h->uid = found->pw_uid;
    h->gid = found->pw_gid;
    h->n_groups = QEMU_MAX_GROUPS;
    if (getgrouplist(name, h->gid, h->groups, &h->n_groups) < 0)
        h->n_groups = QEMU_MAX_GROUPS;
    return 0;
}

/* [libvirt] disk_cachemodes "file=writeback"; otherwise as nova: none where the instances' file
 * system can do without its cache. */
static const char *find_cache(struct qemu *q)
{
    ol_auto(ol_strv_done) struct ol_strv modes = OL_STRV_INIT;
    const struct compute_config *c = q->base.config;
    ol_autoclose int directory = ol_open(q->base.env, c->instances_path, O_PATH | O_DIRECTORY, 0);
    ol_autoclose int fd = -1;

    ol_strv_split(&modes, c->disk_cachemodes ? c->disk_cachemodes : "", ", ");
    ol_strv_each (mode, &modes) {
        if (ol_str_starts(mode, "file=") && qemu_cache_find(mode + 5))
            return qemu_cache_find(mode + 5)->name;
    }
    fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
    return fd >= 0 ? "none" : "writeback";
}

int qemu_host_init(struct qemu *q, struct ol_err *err)
{
    const struct compute_config *c = q->base.config;
    const char *name = c->qemu_binary && *c->qemu_binary ? c->qemu_binary : DEFAULT_BINARY;
    struct qemu_host *h = &q->host;
    int r;

    pthread_mutex_init(&h->lock, NULL);
    if (!ol_env_is_host(q->base.env))
        return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE,
                         "machines run on the host's own tree only");
    h->binary = strchr(name, '/') ? ol_xstrdup(name) : ol_which(q->base.env, name);
    if (!h->binary || !ol_is_executable(q->base.env, h->binary))
        return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE, "there is no program '%s'", name);
    r = ol_mkdir_p(q->base.env, c->instances_path, 0755, err);
    if (r == 0)
        r = find_user(q, err);
    if (r < 0)
        return r;
    h->boot_id = ol_file_read_line(q->base.env, "/proc/sys/kernel/random/boot_id");
    if (!h->boot_id)
        h->boot_id = ol_xstrdup("unknown");
    h->cache = find_cache(q);
    return 0;
}

void qemu_host_done(struct qemu *q)
{
    pthread_mutex_destroy(&q->host.lock);
    free(q->host.binary);
    free(q->host.boot_id);
}

struct qemu_run qemu_run_of(struct qemu *q)
{
    const struct compute_config *c = q->base.config;
    bool is_custom = c->cpu_mode && !strcmp(c->cpu_mode, "custom");

    return (struct qemu_run){
        .binary = q->host.binary,
        .accelerator = qemu_accelerator(q),
        .cpu_model = is_custom ? c->cpu_model : NULL,
        .cache = q->host.cache,
        .product_version = NOVA_VERSION,
    };
}

int qemu_tool(struct ol_env *env, const char *const *argv, int seconds, struct ol_err *err)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    struct ol_spawn spawn = {.argv = argv, .timeout = seconds * OL_SECOND};
    int r = ol_spawn_run(env, &spawn, &result, err);

    if (r == 0 && result.status)
        r = ol_err_set_domain(err, EIO, "ProcessExecutionError", result.status,
                              "'%s %s' ended with %d: %.300s", argv[0], argv[1], result.status,
                              result.err.data);
    return r;
}

static int ask_version(struct qemu *q)
{
    const char *argv[] = {q->host.binary, "--version", NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    struct ol_spawn spawn = {.argv = argv, .timeout = VERSION_SECONDS * OL_SECOND};

    return ol_spawn_run(q->base.env, &spawn, &result, NULL) == 0
               ? host_qemu_version(result.out.data)
               : 0;
}

/* Asking takes QEMU longer than our whole start, so STATE/qemu-version keeps "STAMP 7002022", where
 * the stamp is that of the program's file. */
static int find_version(struct qemu *q)
{
    const struct compute_config *c = q->base.config;
    ol_autofree char *path =
        ol_xasprintf("%s/qemu-version", c->state_path ? c->state_path : c->instances_path);
    ol_autofree char *kept = ol_file_read_line(q->base.env, path);
    ol_autofree char *stamp = NULL, *text = NULL;
    struct stat st;
    int found = 0;

    if (ol_stat(q->base.env, q->host.binary, &st) < 0)
        return 0;
    stamp = ol_xasprintf("%lld.%09ld.%lld ", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                         (long long)st.st_size);
    if (kept && ol_str_starts(kept, stamp)
        && ol_parse_int(kept + strlen(stamp), 10, 1, INT32_MAX, &found) == 0)
        return found;
    found = ask_version(q);
    text = ol_xasprintf("%s%d\n", stamp, found);
    if (found)
        (void)!ol_file_puts(q->base.env, path, text, 0644, OL_WRITE_ATOMIC | OL_WRITE_PARENTS,
                            NULL);
    return found;
}

static int version(struct qemu *q)
{
    int found;

    pthread_mutex_lock(&q->host.lock);
    if (!q->host.version)
        q->host.version = find_version(q);
    found = q->host.version;
    pthread_mutex_unlock(&q->host.lock);
    return found;
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

/* What disks may still grow by, of all machines. */
static int64_t overcommitted(struct qemu *q, const struct sized *disks)
{
    int64_t sum = 0;

    for (size_t i = 0; i < disks->paths.n; i++) {
        struct stat st;

        if (ol_stat(q->base.env, disks->paths.v[i], &st) == 0
            && disks->sizes[i] > (int64_t)st.st_blocks * 512)
            sum += disks->sizes[i] - (int64_t)st.st_blocks * 512;
    }
    return sum;
}

static void add_machines(struct qemu *q, struct virt_resources *ret)
{
    struct sized disks = {.paths = OL_STRV_INIT};
    const struct qemu_machine *m;
    size_t at = 0;

    pthread_mutex_lock(&q->lock);
    while ((m = ol_table_each(&q->machines, &at))) {
        add_disks_of(m, &disks);
        if (m->qmp && m->def)
            ret->vcpus_used += m->def->m.vcpus;
    }
    pthread_mutex_unlock(&q->lock);
    ret->disk_available_least -= overcommitted(q, &disks) >> 30;
    ol_strv_done(&disks.paths);
    free(disks.sizes);
}

static void add_disk(struct qemu *q, struct virt_resources *ret)
{
    ol_autoclose int fd =
        ol_open(q->base.env, q->base.config->instances_path, O_RDONLY | O_DIRECTORY, 0);
    struct statvfs fs;

    if (fd < 0 || fstatvfs(fd, &fs) < 0)
        return;
    ret->local_gb = (int64_t)((fs.f_blocks * fs.f_frsize) >> 30);
    ret->local_gb_used = (int64_t)(((fs.f_blocks - fs.f_bfree) * fs.f_frsize) >> 30);
    /* What only root may fill is no place for machines. */
    ret->disk_available_least = (int64_t)((fs.f_bavail * fs.f_frsize) >> 30);
}

static void add_memory(struct qemu *q, struct virt_resources *ret)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);

    if (ol_file_read(q->base.env, "/proc/meminfo", &text, NULL) == 0)
        host_memory(text.data, &ret->memory_mb, &ret->memory_mb_used);
}

int qemu_resources(struct virt *v, struct ol_arena *a, struct virt_resources *ret,
                   struct ol_err *err)
{
    static const char *const traits[] = {
        "COMPUTE_IMAGE_TYPE_ISO",
        "COMPUTE_IMAGE_TYPE_RAW",
        "COMPUTE_NET_ATTACH_INTERFACE",
        "COMPUTE_NET_VIF_MODEL_E1000",
        "COMPUTE_NET_VIF_MODEL_E1000E",
        "COMPUTE_NET_VIF_MODEL_PCNET",
        "COMPUTE_NET_VIF_MODEL_RTL8139",
        "COMPUTE_NET_VIF_MODEL_VIRTIO",
        "COMPUTE_NODE",
        "COMPUTE_STORAGE_BUS_IDE",
        "COMPUTE_STORAGE_BUS_SATA",
        "COMPUTE_STORAGE_BUS_SCSI",
        "COMPUTE_STORAGE_BUS_VIRTIO",
        NULL,
    };
    ol_auto(ol_buf_done) struct ol_buf cpus = OL_BUF_INIT(FILE_MAX);
    struct qemu *q = (struct qemu *)v;
    const char *images = v->config->images_type;
    char name[256] = "";

    (void)err;
    gethostname(name, sizeof(name) - 1);
    *ret = (struct virt_resources){
        .vcpus = (int)sysconf(_SC_NPROCESSORS_ONLN),
        .hypervisor_type = "QEMU",
        .hypervisor_version = version(q),
        .hypervisor_hostname = ol_arena_strdup(a, name),
    };
    add_memory(q, ret);
    add_disk(q, ret);
    add_machines(q, ret);
    ol_strv_add_all(&ret->traits, traits);
    if (!images || strcmp(images, "raw") != 0)
        ol_strv_add(&ret->traits, "COMPUTE_IMAGE_TYPE_QCOW2");
    if (ol_file_read(v->env, "/proc/cpuinfo", &cpus, NULL) < 0)
        ol_buf_clear(&cpus);
    ret->cpu_info = host_cpu_info(a, cpus.data, &ret->traits);
    ol_strv_add(&ret->hv_specs, "x86_64/qemu/hvm");
    if (!strcmp(qemu_accelerator(q), "kvm"))
        ol_strv_add(&ret->hv_specs, "x86_64/kvm/hvm");
    return 0;
}

int qemu_uptime(struct virt *v, struct ol_arena *a, const char **ret, struct ol_err *err)
{
    ol_autofree char *up = ol_file_read_line(v->env, "/proc/uptime");
    ol_autofree char *load = ol_file_read_line(v->env, "/proc/loadavg");
    ol_auto(ol_buf_done) struct ol_buf users = OL_BUF_INIT(FILE_MAX);

    if (!up || !load)
        return ol_err_set(err, EIO, "/proc does not say how long the host is up");
    if (ol_file_read(v->env, "/run/utmp", &users, NULL) < 0)
        ol_buf_clear(&users);
    *ret = host_uptime(a, &(struct host_uptime){
                              .now = ol_now_wall(v->env),
                              .uptime = up,
                              .loadavg = load,
                              .utmp = users.data,
                              .utmp_size = users.len,
                          });
    return 0;
}
