/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/doctor.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"

enum { PROC_MAX = 1 << 20 };

struct check {
    const char *name;
    enum doctor_state (*look)(struct ol_env *env, const char *name);
    const char *use, *advice;
    bool is_needed;
};

static enum doctor_state look_program(struct ol_env *env, const char *name)
{
    ol_autofree char *path = ol_which(env, name);

    return path ? DOCTOR_OK : DOCTOR_MISSING;
}

/* One line of a file below /proc is, or begins with, 'word'. */
static bool proc_has(struct ol_env *env, const char *path, const char *word)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(PROC_MAX);
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

    if (ol_file_read(env, path, &text, NULL) < 0)
        return false;
    ol_strv_split(&words, text.data, " \t\n");
    return ol_strv_has(&words, word);
}

/* Built in, or loaded; a module that mount would load by itself counts too. */
static enum doctor_state look_filesystem(struct ol_env *env, const char *name)
{
    static const char *const trees[] = {"fs", "net"};
    ol_autofree char *release = ol_file_read_line(env, "/proc/sys/kernel/osrelease");

    if (proc_has(env, "/proc/filesystems", name))
        return DOCTOR_OK;
    for (size_t i = 0; release && i < ol_count(trees); i++) {
        ol_autofree char *dir =
            ol_xasprintf("/lib/modules/%s/kernel/%s/%s", release, trees[i], name);

        if (ol_is_dir(env, dir))
            return DOCTOR_OK;
    }
    return DOCTOR_MISSING;
}

static enum doctor_state look_path(struct ol_env *env, const char *name)
{
    return ol_exists(env, name) ? DOCTOR_OK : DOCTOR_MISSING;
}

static enum doctor_state look_root(struct ol_env *env, const char *name)
{
    return geteuid() == 0 ? DOCTOR_OK : DOCTOR_BAD;
}

/* Mounts that a container has to see after its start need a tree that shares them. */
static enum doctor_state look_shared(struct ol_env *env, const char *name)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(PROC_MAX);
    const char *line, *end;

    if (ol_file_read(env, "/proc/self/mountinfo", &text, NULL) < 0)
        return DOCTOR_MISSING;
    for (line = text.data; *line; line = *end ? end + 1 : end) {
        const char *root = strstr(line, " / / ");
        const char *shared = strstr(line, " shared:");

        end = strchrnul(line, '\n');
        if (root && root < end)
            return shared && shared < end ? DOCTOR_OK : DOCTOR_BAD;
    }
    return DOCTOR_MISSING;
}

static enum doctor_state look_resource_capability(struct ol_env *env, const char *name)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(PROC_MAX);
    const char *at;
    char digits[17] = "";
    uint64_t bits;

    if (ol_file_read(env, "/proc/self/status", &text, NULL) < 0)
        return DOCTOR_MISSING;
    at = strstr(text.data, "\nCapEff:\t");
    if (!at || strlen(at) < 9 + 16)
        return DOCTOR_MISSING;
    memcpy(digits, at + 9, 16);
    if (ol_parse_u64(digits, 16, &bits) < 0)
        return DOCTOR_MISSING;
    return bits >> CAP_SYS_RESOURCE & 1 ? DOCTOR_OK : DOCTOR_BAD;
}

/* clang-format off */
static const struct check checks[] = {
    {"root", look_root, "mounts, loop devices, other users' sockets", "run as root", true},
    {"/dev/loop-control", look_path, "volumes of orlop-csi-local in image files, block volumes", "modprobe loop"},
    {"ext4", look_filesystem, "volumes with ext4, the default", "a kernel with ext4"},
    {"xfs", look_filesystem, "volumes with xfs", "a kernel with xfs"},
    {"mkfs.ext4", look_program, "formatting volumes with ext4", "apt-get install e2fsprogs"},
    {"resize2fs", look_program, "growing volumes with ext4", "apt-get install e2fsprogs"},
    {"mkfs.xfs", look_program, "formatting volumes with xfs", "apt-get install xfsprogs"},
    {"xfs_growfs", look_program, "growing volumes with xfs", "apt-get install xfsprogs"},
    {"CAP_SYS_RESOURCE", look_resource_capability, "growing ext4 while it is mounted", "ext4 volumes grow when they are mounted next"},
    {"nfs", look_filesystem, "NFS volumes", "a kernel with nfs"},
    {"mount.nfs", look_program, "NFS volumes", "apt-get install nfs-common"},
    {"iscsiadm", look_program, "iSCSI volumes", "apt-get install open-iscsi"},
    {"shared mounts", look_shared, "mounts that running containers see", "mount --make-rshared /"},
    {"/run/containerd/containerd.sock", look_path, "running the containers of pods", "apt-get install containerd, or pods only get their volumes"},
    {"kubectl", look_program, "the client", "apt-get install kubernetes-client"},
};
/* clang-format on */

void doctor_examine(struct ol_env *env, struct doctor_report *ret)
{
    _Static_assert(sizeof(checks) / sizeof(checks[0]) <= DOCTOR_MAX_FINDINGS, "room for all");
    ret->n = 0;
    for (size_t i = 0; i < ol_count(checks); i++) {
        const struct check *c = &checks[i];

        ret->v[ret->n++] = (struct doctor_finding){.name = c->name,
                                                   .state = c->look(env, c->name),
                                                   .use = c->use,
                                                   .advice = c->advice,
                                                   .is_needed = c->is_needed};
    }
}

static const char *const state_names[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_MISSING] = "missing", [DOCTOR_BAD] = "no"};

void doctor_print_table(const struct doctor_report *r, struct ol_buf *to)
{
    ol_buf_printf(to, "%-32s %-8s %-58s %s\n", "WHAT", "STATE", "FOR", "ADVICE");
    for (size_t i = 0; i < r->n; i++) {
        const struct doctor_finding *f = &r->v[i];

        ol_buf_printf(to, "%-32s %-8s %-58s %s\n", f->name, state_names[f->state], f->use,
                      f->state == DOCTOR_OK ? "" : f->advice);
    }
}

void doctor_print_json(const struct doctor_report *r, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_list(&w, NULL);
    for (size_t i = 0; i < r->n; i++) {
        const struct doctor_finding *f = &r->v[i];

        ol_jw_map(&w, NULL);
        ol_jw_str(&w, "name", f->name);
        ol_jw_str(&w, "state", state_names[f->state]);
        ol_jw_bool(&w, "needed", f->is_needed);
        ol_jw_str(&w, "use", f->use);
        ol_jw_str(&w, "advice", f->state == DOCTOR_OK ? NULL : f->advice);
        ol_jw_end(&w);
    }
    ol_jw_end(&w);
    ol_buf_addc(to, '\n');
}

bool doctor_is_ill(const struct doctor_report *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].is_needed && r->v[i].state != DOCTOR_OK)
            return true;
    return false;
}
