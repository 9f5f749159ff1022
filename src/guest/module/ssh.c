/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/jobs.h"
#include "guest/base/userdb.h"
#include "guest/distro/distro.h"
#include "guest/module/module.h"
#include "guest/module/ssh-keys.h"
#include "guest/module/sshd-config.h"
#include "guest/module/users-cfg.h"

static const char *const generated_types[] = {"rsa", "ecdsa", "ed25519", NULL};

/* What ends the name of an entry in ssh_keys, and the file that it is written to. */
static const struct {
    const char *suffix;
    const char *file_suffix;
    mode_t mode;
} key_parts[] = {
    {"_private", "", 0600},
    {"_public", ".pub", 0644},
    {"_certificate", "-cert.pub", 0644},
};

static const char *key_file(struct ol_arena *a, const char *type, const char *suffix)
{
    return ol_arena_printf(a, "/etc/ssh/ssh_host_%s_key%s", type, suffix);
}

/* An image's own keys are everybody's: they go before the instance gets its. */
static void delete_keys(struct guest *g)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (ol_list_dir(g->env, "/etc/ssh", &names, NULL) < 0)
        return;
    ol_strv_each (name, &names) {
        const char *path = ol_arena_printf(g->arena, "/etc/ssh/%s", name);
        struct ol_err err = OL_ERR_INIT;

        if (fnmatch("ssh_host_*key*", name, 0) == 0 && ol_unlink(g->env, path, &err) < 0)
            ol_warn(g->env, "Failed deleting key file %s: %s", path, ol_err_text(&err));
    }
}

/* Index into key_parts, and the type in front; -1 = not a name that ssh_keys may have. */
static int split_entry(struct ol_arena *a, const char *entry, const char **ret_type)
{
    for (size_t i = 0; i < ol_count(key_parts); i++) {
        const char *type;

        if (!ol_str_ends(entry, key_parts[i].suffix))
            continue;
        type = ol_arena_memdup(a, entry, strlen(entry) - strlen(key_parts[i].suffix));
        *ret_type = type;
        return ol_str_in(type, generated_types) ? (int)i : -1;
    }
    return -1;
}

static bool is_security_key(const char *type)
{
    return type && (!strcmp(type, "ecdsa-sk") || !strcmp(type, "ed25519-sk"));
}

/* Writes one entry of ssh_keys; certificates are also added to 'config'. */
static int write_given(struct guest *g, const struct ol_pair *pair, struct ol_buf *config,
                       struct ol_err *err)
{
    const char *entry = ol_val_to_text(g->arena, pair->key);
    const char *text = ol_val_to_text(g->arena, pair->value);
    const char *type = NULL;
    const char *path;
    int part = split_entry(g->arena, entry, &type);

    if (part < 0) {
        ol_warn(g->env, "Skipping %s ssh_keys entry: \"%s\"",
                is_security_key(type) ? "unsupported" : "unrecognized", entry);
        return 0;
    }
    path = key_file(g->arena, type, key_parts[part].file_suffix);
    if (ol_str_ends(entry, "_certificate"))
        ol_buf_printf(config, "HostCertificate %s\n", path);
    return ol_file_puts(g->env, path, text, key_parts[part].mode, OL_WRITE_PARENTS, err);
}

/* The public key that belongs to a private one that came alone. */
static void derive_public(struct guest *g, const char *type)
{
    const char *private = key_file(g->arena, type, "");
    const char *public = key_file(g->arena, type, ".pub");
    const char *const argv[] = {"ssh-keygen", "-yf", private, NULL};
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(64 << 10);
    ol_autofree char *key = NULL;
    struct ol_err err = OL_ERR_INIT;
    int r = ol_run(g->env, argv, &out, &err);

    if (r >= 0) {
        key = ol_str_stripped(out.data);
        ol_buf_clear(&out);
        ol_buf_printf(&out, "%s root@localhost\n", key);
        r = ol_file_write_buf(g->env, public, &out, 0644, 0, &err);
    }
    if (r < 0)
        ol_warn(g->env, "Failed generating a key for %s from %s: %s", public, private,
                ol_err_text(&err));
    else
        ol_debug(g->env, "Generated a key for %s from %s", public, private);
}

static int use_given(struct guest *g, const struct ol_val *keys, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf config = OL_BUF_INIT(64 << 10);
    int r = 0;

    for (size_t i = 0; r >= 0 && ol_val_is(keys, OL_VAL_MAP) && i < ol_val_count(keys); i++)
        r = write_given(g, ol_val_pair(keys, i), &config, err);
    if (r >= 0 && config.len)
        r = sshd_config_append(g, config.data, err);
    for (size_t i = 0; r >= 0 && generated_types[i]; i++) {
        const char *type = generated_types[i];

        if (ol_val_get(keys, ol_arena_printf(g->arena, "%s_private", type))
            && !ol_val_get(keys, ol_arena_printf(g->arena, "%s_public", type)))
            derive_public(g, type);
    }
    return r;
}

/* A key that ssh-keygen is making beside us. */
struct making {
    const char *type;
    const char *path;
    bool is_quiet; /* ssh_quiet_keygen */
};

/* sshd before 9.0, on systems where a group owns the private keys. */
static bool has_old_sshd(struct guest *g)
{
    static const char *const argv[] = {"sshd", "-V", NULL};
    const struct ol_spawn spawn = {.argv = argv};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const char *version;
    int major;

    if (ol_spawn_run(g->env, &spawn, &result, NULL) < 0)
        return false;
    version = strstr(result.err.data, "OpenSSH_");
    if (!version)
        return false;
    version = ol_arena_memdup(g->arena, version + 8, strspn(version + 8, "0123456789"));
    return ol_parse_int(version, 10, 0, 1000, &major) == 0 && major < 9;
}

/* cc_ssh.py, set_redhat_keyfile_perms() */
static int give_to_group(struct guest *g, const char *path, struct ol_err *err)
{
    gid_t gid;
    int r = 0;

    if (userdb_group(g->env, "ssh_keys", &gid) == 0)
        r = ol_chown(g->env, path, (uid_t)-1, gid, err);
    if (r >= 0)
        r = ol_chmod(g->env, path, has_old_sshd(g) ? 0640 : 0600, err);
    if (r >= 0)
        r = ol_chmod(g->env, ol_arena_printf(g->arena, "%s.pub", path), 0644, err);
    return r;
}

static void key_is_made(struct guest *g, void *ctx, int ret, const struct ol_spawn_result *result)
{
    const struct making *m = ctx;
    struct ol_err err = OL_ERR_INIT;

    if (ret < 0)
        return;
    if (result->status == 1 && !strncasecmp(result->err.data, "unknown key", 11)) {
        ol_debug(g->env, "ssh-keygen: unknown key type '%s'", m->type);
        return;
    }
    if (result->status) {
        ol_warn(g->env, "Failed generating key type %s to file %s: %s", m->type, m->path,
                result->err.data);
        return;
    }
    if (!m->is_quiet) {
        fputs(result->out.data, stdout);
        fflush(stdout);
    }
    if (g->distro && g->distro->gives_keys_to_group && give_to_group(g, m->path, &err) < 0)
        ol_warn(g->env, "%s", ol_err_text(&err));
}

static void start_making(struct guest *g, const char *type, bool is_quiet)
{
    static const char *const environment[] = {"LANG=C", NULL};
    const char *path = key_file(g->arena, type, "");
    const char *const argv[] = {"ssh-keygen", "-t", type, "-N", "", "-f", path, NULL};
    const struct ol_spawn spawn = {.argv = argv, .env = environment};
    struct making *m = ol_arena_alloc(g->arena, sizeof(*m));
    const struct guest_job job = {
        .name = ol_arena_printf(g->arena, "ssh-keygen %s", type), .done = key_is_made, .ctx = m};
    struct ol_err err = OL_ERR_INIT;

    *m = (struct making){
        .type = ol_arena_strdup(g->arena, type), .path = path, .is_quiet = is_quiet};
    if (ol_exists(g->env, path))
        return;
    if (ol_mkdir_p(g->env, "/etc/ssh", 0755, &err) < 0
        || guest_job_start(g, &job, &spawn, &err) < 0)
        ol_warn(g->env, "Failed generating key type %s to file %s: %s", type, path,
                ol_err_text(&err));
}

static bool is_fips(struct guest *g)
{
    ol_autofree char *line = ol_file_read_line(g->env, "/proc/sys/crypto/fips_enabled");

    return line && !strcmp(line, "1");
}

static void generate(struct guest *g, const struct ol_val *cfg)
{
    ol_auto(ol_strv_done) struct ol_strv types = OL_STRV_INIT;
    bool is_quiet = cfg_bool(cfg, "ssh_quiet_keygen", false);

    if (ol_val_get(cfg, "ssh_genkeytypes"))
        cfg_list(g->arena, cfg, "ssh_genkeytypes", &types);
    else
        ol_strv_add_all(&types, generated_types);
    ol_strv_each (type, &types) {
        if (!strcmp(type, "ed25519") && is_fips(g))
            ol_debug(g->env, "skipping keys that are not supported in fips mode: %s", type);
        else
            start_making(g, type, is_quiet);
    }
}

static void collect_keys(struct guest *g, const struct ol_val *cfg, struct ol_strv *to)
{
    if (cfg_bool(cfg, "allow_public_ssh_keys", true)) {
        const struct ol_val *keys = guest_public_keys(g);

        for (size_t i = 0; i < ol_val_count(keys); i++)
            ol_strv_add(to, ol_val_to_text(g->arena, ol_val_item(keys, i)));
    } else {
        ol_debug(g->env, "Skipping import of publish SSH keys per config setting:"
                         " allow_public_ssh_keys=False");
    }
    cfg_list(g->arena, cfg, "ssh_authorized_keys", to);
}

/* The keys to the default user and, with or without a hint instead of a shell, to root. */
static int apply_keys(struct guest *g, const struct ol_val *cfg, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv keys = OL_STRV_INIT;
    const char *form = cfg_str(g->arena, cfg, "disable_root_opts", NULL);
    const char *options = NULL;
    struct users_cfg users;
    int r = users_cfg_parse(g, cfg, USERS_CFG_QUIET, &users, err);

    if (r < 0)
        return r;
    collect_keys(g, cfg, &keys);
    if (users.default_user)
        r = ssh_setup_user_keys(g, &keys, users.default_user, NULL, err);
    if (r < 0)
        return r;
    if (cfg_bool(cfg, "disable_root", true))
        options = ssh_disable_options(g->arena, form, "root",
                                      users.default_user ? users.default_user : "NONE");
    return ssh_setup_user_keys(g, &keys, "root", options, err);
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    const struct ol_val *given = ol_val_get(call->cfg, "ssh_keys");
    const struct ol_val *delete = ol_val_get(call->cfg, "ssh_deletekeys");
    struct ol_err key_err = OL_ERR_INIT;
    int r = 0;

    if (!delete || ol_val_is_truthy(delete))
        delete_keys(g);
    if (ol_val_count(given))
        r = use_given(g, given, err);
    else
        generate(g, call->cfg);
    if (apply_keys(g, call->cfg, &key_err) < 0)
        ol_warn(g->env, "Applying SSH credentials failed! %s", ol_err_text(&key_err));
    return r;
}

const struct module module_ssh = {
    .name = "ssh",
    .frequency = FREQ_INSTANCE,
    .run = run,
};
