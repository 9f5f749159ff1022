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
#include "compute/virt/qemu-argv.h"
#include "compute/virt/qemu-host.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/spawn.h"
#include "core/str.h"

/* The host as the driver sees it, and says it to nova. */

#define DEFAULT_BINARY "qemu-system-x86_64"
#define DEFAULT_USER   "orlop-qemu"

enum { VERSION_SECONDS = 10, FILE_MAX = 4 << 20 };

/* The user that QEMU runs as, when we may choose: the option's, or ours when there is one. */
static int find_user(struct qemu_host *h, struct ol_err *err)
{
    const char *wanted = h->config->qemu_user;
    const char *name = wanted && *wanted ? wanted : DEFAULT_USER;
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
static const char *find_cache(struct qemu_host *h)
{
    ol_auto(ol_strv_done) struct ol_strv modes = OL_STRV_INIT;
    const struct compute_config *c = h->config;
    ol_autoclose int directory = ol_open(h->env, c->instances_path, O_PATH | O_DIRECTORY, 0);
    ol_autoclose int fd = -1;

    ol_strv_split(&modes, c->disk_cachemodes ? c->disk_cachemodes : "", ", ");
    ol_strv_each (mode, &modes) {
        if (ol_str_starts(mode, "file=") && qemu_cache_find(mode + 5))
            return qemu_cache_find(mode + 5)->name;
    }
    fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
    return fd >= 0 ? "none" : "writeback";
}

int qemu_host_init(struct qemu_host *h, const struct virt_options *o, unsigned flags,
                   struct ol_err *err)
{
    const struct compute_config *c = o->config;
    const char *name = c->qemu_binary && *c->qemu_binary ? c->qemu_binary : DEFAULT_BINARY;
    int r;

    h->env = o->env;
    h->config = c;
    h->keeps_owners = flags & QEMU_HOST_KEEPS_OWNERS;
    pthread_mutex_init(&h->lock, NULL);
    if (!ol_env_is_host(h->env))
        return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE,
                         "machines run on the host's own tree only");
    h->binary = strchr(name, '/') ? ol_xstrdup(name) : ol_which(h->env, name);
    if (!h->binary || !ol_is_executable(h->env, h->binary))
        return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE, "there is no program '%s'", name);
    r = ol_mkdir_p(h->env, c->instances_path, 0755, err);
    if (r == 0 && !h->keeps_owners)
        r = find_user(h, err);
    if (r < 0)
        return r;
    h->boot_id = ol_file_read_line(h->env, "/proc/sys/kernel/random/boot_id");
    if (!h->boot_id)
        h->boot_id = ol_xstrdup("unknown");
    h->cache = find_cache(h);
    return 0;
}

void qemu_host_done(struct qemu_host *h)
{
    if (h->env)
        pthread_mutex_destroy(&h->lock);
    free(h->binary);
    free(h->boot_id);
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

static int ask_version(struct qemu_host *h)
{
    const char *argv[] = {h->binary, "--version", NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    struct ol_spawn spawn = {.argv = argv, .timeout = VERSION_SECONDS * OL_SECOND};

    return ol_spawn_run(h->env, &spawn, &result, NULL) == 0 ? host_qemu_version(result.out.data)
                                                            : 0;
}

/* Asking takes QEMU longer than our whole start, so STATE/qemu-version keeps "STAMP 7002022", where
 * the stamp is that of the program's file. */
static int find_version(struct qemu_host *h)
{
    const struct compute_config *c = h->config;
    ol_autofree char *path =
        ol_xasprintf("%s/qemu-version", c->state_path ? c->state_path : c->instances_path);
    ol_autofree char *kept = ol_file_read_line(h->env, path);
    ol_autofree char *stamp = NULL, *text = NULL;
    struct stat st;
    int found = 0;

    if (ol_stat(h->env, h->binary, &st) < 0)
        return 0;
    stamp = ol_xasprintf("%lld.%09ld.%lld ", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                         (long long)st.st_size);
    if (kept && ol_str_starts(kept, stamp)
        && ol_parse_int(kept + strlen(stamp), 10, 1, INT32_MAX, &found) == 0)
        return found;
    found = ask_version(h);
    text = ol_xasprintf("%s%d\n", stamp, found);
    if (found)
        (void)!ol_file_puts(h->env, path, text, 0644, OL_WRITE_ATOMIC | OL_WRITE_PARENTS, NULL);
    return found;
}

int qemu_host_version(struct qemu_host *h)
{
    int found;

    pthread_mutex_lock(&h->lock);
    if (!h->version)
        h->version = find_version(h);
    found = h->version;
    pthread_mutex_unlock(&h->lock);
    return found;
}

int64_t qemu_overcommitted(struct ol_env *env, const char *path, int64_t size)
{
    struct stat st;

    if (ol_stat(env, path, &st) < 0 || size <= (int64_t)st.st_blocks * 512)
        return 0;
    return size - (int64_t)st.st_blocks * 512;
}

static void add_disk(struct qemu_host *h, struct virt_resources *ret)
{
    ol_autoclose int fd = ol_open(h->env, h->config->instances_path, O_RDONLY | O_DIRECTORY, 0);
    struct statvfs fs;

    if (fd < 0 || fstatvfs(fd, &fs) < 0)
        return;
    ret->local_gb = (int64_t)((fs.f_blocks * fs.f_frsize) >> 30);
    ret->local_gb_used = (int64_t)(((fs.f_blocks - fs.f_bfree) * fs.f_frsize) >> 30);
    /* What only root may fill is no place for machines. */
    ret->disk_available_least = (int64_t)((fs.f_bavail * fs.f_frsize) >> 30);
}

static void add_memory(struct qemu_host *h, struct virt_resources *ret)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);

    if (ol_file_read(h->env, "/proc/meminfo", &text, NULL) == 0)
        host_memory(text.data, &ret->memory_mb, &ret->memory_mb_used);
}

void qemu_host_resources(struct qemu_host *h, struct ol_arena *a, struct virt_resources *ret)
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
    const char *images = h->config->images_type;

    *ret = (struct virt_resources){
        .vcpus = (int)sysconf(_SC_NPROCESSORS_ONLN),
        .hypervisor_type = "QEMU",
    };
    add_memory(h, ret);
    add_disk(h, ret);
    ol_strv_add_all(&ret->traits, traits);
    if (!images || strcmp(images, "raw") != 0)
        ol_strv_add(&ret->traits, "COMPUTE_IMAGE_TYPE_QCOW2");
    if (ol_file_read(h->env, "/proc/cpuinfo", &cpus, NULL) < 0)
        ol_buf_clear(&cpus);
    ret->cpu_info = host_cpu_info(a, cpus.data, &ret->traits);
    ol_strv_add(&ret->hv_specs, "x86_64/qemu/hvm");
    if (!strcmp(qemu_accelerator(h), "kvm"))
        ol_strv_add(&ret->hv_specs, "x86_64/kvm/hvm");
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
