/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/spawn.h"
#include "core/str.h"
#include "core/strv.h"
#include "volume/plugin/run-internal.h"

/*
 * Secrets for iscsiadm go into its records as lines "name = value": the records are root's (0600),
 * an argv is everybody's. Records lie where open-iscsi of Debian keeps them.
 */

#define RECORDS "/etc/iscsi"

enum { RECORD_MAX = 64 << 10 };

/* The record's lines without those that we set. */
static void keep_others(const char *text, const struct volume_step *s, struct ol_buf *to)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    ol_strv_split(&lines, text, "\n");
    ol_strv_each (line, &lines) {
        bool is_ours = ol_str_starts(line, "# END RECORD");

        for (size_t i = 3; i + 1 < s->n && !is_ours; i += 2) {
            size_t len = s->args[i].size;

            is_ours = !strncmp(line, s->args[i].data, len) && line[len] == ' ';
        }
        if (!is_ours)
            ol_buf_printf(to, "%s\n", line);
    }
}

static int set_in_record(struct ol_env *env, const char *path, const struct volume_step *s,
                         struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(RECORD_MAX);
    ol_auto(ol_buf_done) struct ol_buf now = OL_BUF_INIT(RECORD_MAX);
    int r = ol_file_read(env, path, &text, err);

    if (r < 0)
        return r;
    keep_others(text.data, s, &now);
    for (size_t i = 3; i + 1 < s->n; i += 2) {
        if (strchr(s->args[i + 1].data, '\n') || strlen(s->args[i + 1].data) != s->args[i + 1].size)
            return ol_err_set(err, EINVAL, "iscsi: %s has more than one line", s->args[i].data);
        ol_buf_printf(&now, "%s = %s\n", s->args[i].data, s->args[i + 1].data);
    }
    ol_buf_adds(&now, "# END RECORD\n");
    return ol_file_write_buf(env, path, &now, 0600, OL_WRITE_ATOMIC, err);
}

/* In 'dir' the files "<ip>,<port>,<group>/<interface>" or "<ip>,<port>/st_config" of a portal. */
static int set_in_all(struct ol_env *env, const char *dir, const char *file,
                      const struct volume_step *s, struct ol_err *err)
{
    ol_autofree char *portal = ol_xstrdup(VOLUME_ARG(s, 0));
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    char *colon = strrchr(portal, ':');
    int r = ol_list_dir(env, dir, &names, err), n = 0;

    if (r < 0)
        return ol_err_prefix(err, r, "iscsiadm's records");
    if (colon)
        *colon = ',';
    ol_strv_each (name, &names) {
        ol_autofree char *path = NULL;

        if (!ol_str_starts(name, portal))
            continue;
        path = ol_xasprintf("%s/%s/%s", dir, name, file);
        if (!ol_exists(env, path))
            continue;
        r = set_in_record(env, path, s, err);
        if (r < 0)
            return r;
        n++;
    }
    return n ? 0 : ol_err_set(err, ENOENT, "iscsiadm has no record of %s in %s", portal, dir);
}

int volume_run_iscsi_auth(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    ol_autofree char *nodes = ol_xasprintf(RECORDS "/nodes/%s", VOLUME_ARG(s, 1));

    if (s->n < 5)
        return 0;
    if (ol_str_starts(VOLUME_ARG(s, 3), "discovery."))
        return set_in_all(r->env, RECORDS "/send_targets", "st_config", s, err);
    return set_in_all(r->env, nodes, VOLUME_ARG(s, 2), s, err);
}

/* One sentence for all that keeps a disk from appearing, the kubelet's (iscsi_util.go). */
#define NO_PATH "failed to get any path for iscsi disk, last err seen:\n"

enum { SESSION_EXISTS = 15 }; /* ISCSI_ERR_SESS_EXISTS */

int volume_run_iscsi_discover(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *portal = VOLUME_ARG(s, 0);
    const char *const argv[] = {"iscsiadm",       "-m",         "discoverydb", "-t",
                                "sendtargets",    "-p",         portal,        "-I",
                                VOLUME_ARG(s, 1), "--discover", NULL};
    const struct ol_spawn spawn = {.argv = argv, .flags = OL_SPAWN_MERGE_ERR};
    struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    int n = ol_spawn_run(r->env, &spawn, &result, err);

    if (n == 0 && result.status != 0)
        n = ol_err_set(err, EIO,
                       NO_PATH "iscsi: failed to sendtargets to portal %s output: %s, err exit "
                               "status %d",
                       portal, result.out.data, result.status);
    ol_spawn_result_done(&result);
    return n;
}

int volume_run_iscsi_login(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *const argv[] = {
        "iscsiadm",       "-m",      "node", "-p", VOLUME_ARG(s, 0), "-T", VOLUME_ARG(s, 1), "-I",
        VOLUME_ARG(s, 2), "--login", NULL};
    const struct ol_spawn spawn = {.argv = argv, .flags = OL_SPAWN_MERGE_ERR};
    struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    int n = ol_spawn_run(r->env, &spawn, &result, err);

    if (n == 0 && result.status != 0 && result.status != SESSION_EXISTS)
        n = ol_err_set(err, EIO, NO_PATH "iscsi: failed to attach disk: Error: %s (exit status %d)",
                       result.out.data, result.status);
    ol_spawn_result_done(&result);
    return n;
}

int volume_run_wait(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const struct ol_clock *clock = r->env->clock;
    int seconds;

    if (ol_parse_int(VOLUME_ARG(s, 1), 10, 0, 3600, &seconds) < 0)
        return ol_err_set(err, EBADMSG, "wait-device: '%s' is no number", VOLUME_ARG(s, 1));
    for (int i = 0; i <= seconds * 10; i++) {
        if (ol_exists(r->env, VOLUME_ARG(s, 0)))
            return 0;
        clock->sleep(clock->ctx, 100 * OL_MS);
    }
    return ol_err_set(err, ENODEV, NO_PATH "Timed out waiting for device at path %s after %ds",
                      VOLUME_ARG(s, 0), seconds);
}

/* Another unit of the same target may be mounted over the same session. */
int volume_run_iscsi_logout(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *portal = VOLUME_ARG(s, 0), *iqn = VOLUME_ARG(s, 1), *interface = VOLUME_ARG(s, 2);
    ol_autofree char *prefix = ol_xasprintf("/iface-%s/%s-%s-lun-", interface, portal, iqn);
    const char *const logout[] = {"iscsiadm", "-m", "node",    "-p",       portal, "-T",
                                  iqn,        "-I", interface, "--logout", NULL};
    const char *const forget[] = {"iscsiadm", "-m", "node",    "-p", portal,   "-T",
                                  iqn,        "-I", interface, "-o", "delete", NULL};
    ol_auto(volume_mounts_done) struct volume_mounts m = {0};
    struct ol_err ignored = OL_ERR_INIT;
    int result = volume_mounts_read(r->env, &m, err);

    if (result < 0)
        return result;
    for (size_t i = 0; i < m.n; i++) {
        if (strstr(m.v[i].path, prefix))
            return 0;
    }
    result = volume_tool(r->env, logout, err);
    if (result == -EIO && strstr(ol_err_text(err), "exit status 21"))
        result = 0; /* ISCSI_ERR_NO_OBJS_FOUND: there is no such session any more */
    if (result == 0 && volume_tool(r->env, forget, &ignored) < 0)
        ol_info(r->env, "iscsiadm keeps a record of %s: %s", iqn, ol_err_text(&ignored));
    return result;
}
