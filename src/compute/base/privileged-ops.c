/* SPDX-License-Identifier: Apache-2.0 */
/* The operations, their arguments' rules, and what they consist of: pure. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "compute/base/privileged-internal.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/path.h"
#include "core/str.h"

enum argument {
    ARG_NONE,
    ARG_DEVICE,       /* a network device's name */
    ARG_MAYBE_DEVICE, /* or "" */
    ARG_USER,
    ARG_MTU,
    ARG_PATH, /* below one of the roots */
    ARG_NFS,  /* HOST:/EXPORT */
    ARG_MOUNT_OPTIONS,
    ARG_MODULE,
};

struct operation {
    const char *name;
    enum argument args[PRIVILEGED_ARGS];
    void (*plan)(const char *const *argv, struct privileged_steps *s);
};

static void step(struct privileged_steps *s, const char *const *argv)
{
    ol_strv_add_all(&s->v[s->n++].argv, argv);
}

#define STEP(s, ...) step(s, (const char *const[]){__VA_ARGS__, NULL})

static void plan_tap_add(const char *const *argv, struct privileged_steps *s)
{
    STEP(s, "ip", "tuntap", "add", "dev", argv[1], "mode", "tap", "user", argv[2]);
    if (strcmp(argv[4], "0"))
        STEP(s, "ip", "link", "set", "dev", argv[1], "mtu", argv[4]);
    if (*argv[3])
        STEP(s, "ip", "link", "set", "dev", argv[1], "master", argv[3]);
    STEP(s, "ip", "link", "set", "dev", argv[1], "up");
}

static void plan_tap_delete(const char *const *argv, struct privileged_steps *s)
{
    STEP(s, "ip", "tuntap", "del", "dev", argv[1], "mode", "tap");
}

static void plan_chown(const char *const *argv, struct privileged_steps *s)
{
    STEP(s, "chown", argv[1], argv[2]);
    s->v[0].kind = PRIVILEGED_CHOWN;
}

static void plan_mount_nfs(const char *const *argv, struct privileged_steps *s)
{
    const char *options = *argv[3] ? argv[3] : "defaults";

    /* -c: the directory is given as our descriptor of it. */
    STEP(s, "mount", "-c", "-t", "nfs", "-o", options, "-o", "nosuid,nodev", "--", argv[1],
         argv[2]);
    s->v[0].kind = PRIVILEGED_MOUNT;
}

static void plan_umount(const char *const *argv, struct privileged_steps *s)
{
    STEP(s, "umount", argv[1]);
    s->v[0].kind = PRIVILEGED_UMOUNT;
}

static void plan_modprobe(const char *const *argv, struct privileged_steps *s)
{
    STEP(s, "modprobe", "--", argv[1]);
}

static const struct operation operations[] = {
    {"tap-add", {ARG_DEVICE, ARG_USER, ARG_MAYBE_DEVICE, ARG_MTU}, plan_tap_add},
    {"tap-delete", {ARG_DEVICE}, plan_tap_delete},
    {"chown", {ARG_PATH, ARG_USER}, plan_chown},
    {"mount-nfs", {ARG_NFS, ARG_PATH, ARG_MOUNT_OPTIONS}, plan_mount_nfs},
    {"umount", {ARG_PATH}, plan_umount},
    {"modprobe", {ARG_MODULE}, plan_modprobe},
};

/* Letters, digits and what else is allowed, and nothing that looks like an option. */
static bool is_word(const char *s, size_t max, const char *also)
{
    size_t n = strlen(s);

    if (n > max || *s == '-')
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr(also, *s))
            return false;
    return true;
}

static bool is_device(const char *s)
{
    return *s && strcmp(s, ".") && strcmp(s, "..") && is_word(s, 15, "._-");
}

static bool is_path(const char *s, const char *const *roots)
{
    ol_autofree char *plain = NULL;

    if (*s != '/')
        return false;
    plain = ol_path_absolute(s);
    if (strcmp(plain, s))
        return false;
    for (; roots && *roots; roots++) {
        size_t n = strlen(*roots);

        if (!strncmp(s, *roots, n) && s[n] == '/')
            return true;
    }
    return !roots;
}

static bool is_nfs(const char *s)
{
    const char *colon = strstr(s, ":/");
    char host[256];

    if (!colon || colon == s || (size_t)(colon - s) >= sizeof(host))
        return false;
    memcpy(host, s, (size_t)(colon - s));
    host[colon - s] = '\0';
    return is_word(host, sizeof(host), ".-:[]%_") && is_word(colon + 1, 1024, "/._-+@=,");
}

static bool is_argument(enum argument kind, const char *s, const char *const *roots)
{
    static const char *const modules[] = {"nbd", "tun", "vhost_net", NULL};
    int number;

    switch (kind) {
    case ARG_NONE: return false;
    case ARG_DEVICE: return is_device(s);
    case ARG_MAYBE_DEVICE: return !*s || is_device(s);
    case ARG_USER: return *s && is_word(s, 32, "._-");
    case ARG_MTU: return !strcmp(s, "0") || ol_parse_int(s, 10, 68, 65535, &number) >= 0;
    case ARG_PATH: return is_path(s, roots);
    case ARG_NFS: return is_nfs(s);
    case ARG_MOUNT_OPTIONS: return is_word(s, 512, ",=._-:/");
    case ARG_MODULE: return ol_str_in(s, modules);
    }
    return false;
}

static const struct operation *find(const char *name)
{
    for (size_t i = 0; i < ol_count(operations); i++)
        if (!strcmp(operations[i].name, name))
            return &operations[i];
    return NULL;
}

int privileged_steps(const char *const *roots, const char *const *argv,
                     struct privileged_steps *ret, struct ol_err *err)
{
    const struct operation *o = argv[0] ? find(argv[0]) : NULL;
    size_t n = 0;

    if (!o)
        return ol_err_set(err, EPERM, "the privileged helper has no operation '%s'",
                          argv[0] ? argv[0] : "");
    while (n < PRIVILEGED_ARGS && o->args[n] != ARG_NONE) {
        const char *arg = argv[n + 1];

        if (!arg || !is_argument(o->args[n], arg, roots))
            return ol_err_set(err, EPERM, "the privileged helper does not %s '%s'", o->name,
                              arg ? arg : "");
        n++;
    }
    if (argv[n + 1])
        return ol_err_set(err, EPERM, "the privileged helper's %s takes %zu arguments", o->name, n);
    o->plan(argv, ret);
    return 0;
}

void privileged_steps_done(struct privileged_steps *s)
{
    for (size_t i = 0; i < s->n; i++)
        ol_strv_done(&s->v[i].argv);
    s->n = 0;
}

int privileged_plan(const char *const *roots, const char *const *argv, struct ol_buf *ret,
                    struct ol_err *err)
{
    ol_auto(privileged_steps_done) struct privileged_steps steps = {.n = 0};
    int r = privileged_steps(roots, argv, &steps, err);

    for (size_t i = 0; i < steps.n && r >= 0; i++) {
        ol_autofree char *line = ol_strv_join(&steps.v[i].argv, " ");

        ol_buf_printf(ret, "%s\n", line);
    }
    return r;
}
