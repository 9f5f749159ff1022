/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/cli/devel-net-convert.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "guest/base/userdb.h"
#include "guest/network/eni-parse.h"
#include "guest/network/network.h"

enum { INPUT_MAX_SIZE = 16 << 20, TREE_MAX_SIZE = 256 << 20 };

/* One run. */
struct conversion {
    struct ol_env *env;
    const struct devel_net_convert_args *args;
    struct net_render_args render;
    struct ol_arena *arena;
    FILE *err_out;
    struct ol_err *err;
};

/* Heap. What a user types on the machine itself is relative to the working directory. */
static char *absolute(struct ol_env *env, const char *path)
{
    ol_autofree char *cwd = ol_env_is_host(env) ? getcwd(NULL, 0) : NULL;

    return ol_path_join(cwd ? cwd : "/", path);
}

static int load_eni(struct conversion *c, const struct ol_buf *text, struct ol_val **ret)
{
    return net_from_eni(text->data, text->len, c->arena, ret, c->err);
}

static int load_yaml(struct conversion *c, const struct ol_buf *text, struct ol_val **ret)
{
    return ol_yaml_load(text->data, text->len, c->arena, ret, c->err);
}

static int load_network_data(struct conversion *c, const struct ol_buf *text, struct ol_val **ret)
{
    struct ol_val *data;
    int r = ol_json_load(text->data, text->len, c->arena, &data, c->err);

    if (r < 0)
        return r;
    return net_from_network_data(data, &c->render, c->arena, ret, c->err);
}

/* What "--kind" names; without 'load' it is not done yet. */
static const struct kind {
    const char *name;
    int (*load)(struct conversion *c, const struct ol_buf *text, struct ol_val **ret);
} kinds[] = {
    {"eni", load_eni},    {"yaml", load_yaml},  {"network_data.json", load_network_data},
    {"azure-imds", NULL}, {"vmware-imc", NULL},
};

static int find_kind(struct conversion *c, const struct kind **ret)
{
    for (size_t i = 0; i < ol_count(kinds); i++) {
        if (strcmp(kinds[i].name, c->args->kind) != 0)
            continue;
        if (!kinds[i].load)
            return ol_err_set(c->err, EOPNOTSUPP, "--kind %s: not yet supported", c->args->kind);
        *ret = &kinds[i];
        return 0;
    }
    return ol_err_set(c->err, EINVAL, "--kind %s: no such kind", c->args->kind);
}

static int find_renderer(struct conversion *c, const struct net_renderer **ret)
{
    static const char *const later[] = {"sysconfig", "network-manager", NULL};
    const struct net_renderer *renderer = net_renderer_find(c->args->output_kind);

    if (renderer) {
        *ret = renderer;
        return 0;
    }
    if (ol_str_in(c->args->output_kind, later))
        return ol_err_set(c->err, EOPNOTSUPP, "--output-kind %s: not yet supported",
                          c->args->output_kind);
    return ol_err_set(c->err, EINVAL, "--output-kind %s: no such kind", c->args->output_kind);
}

/* "eth0,52:54:00:12:34:56" each. */
static int read_macs(struct conversion *c)
{
    struct ol_val *map = ol_val_new_map(c->arena);

    ol_strv_each (item, &c->args->macs) {
        const char *comma = strchr(item, ',');
        const char *name;

        if (!comma)
            return ol_err_set(c->err, EINVAL, "--mac %s: must be name,mac", item);
        name = ol_arena_memdup(c->arena, item, (size_t)(comma - item));
        ol_val_set_str(c->arena, map, ol_str_lower(ol_arena_strdup(c->arena, comma + 1)), name);
    }
    c->render.known_macs = map;
    return 0;
}

static int load(struct conversion *c, const struct kind *kind, struct ol_val **ret)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(INPUT_MAX_SIZE);
    ol_autofree char *path = absolute(c->env, c->args->network_data);
    int r = ol_file_read(c->env, path, &text, c->err);

    if (r < 0)
        return r;
    r = kind->load(c, &text, ret);
    if (r < 0)
        return ol_err_prefix(c->err, r, "%s", c->args->network_data);
    return 0;
}

static void show_input(struct conversion *c, const struct ol_val *config)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(INPUT_MAX_SIZE);

    if (c->args->is_debug && ol_yaml_dump(config, &ol_yaml_cloud_init, &text) == 0)
        fprintf(c->err_out, "Input YAML\n%s\n", text.data);
}

/* The user may be missing where the files are only looked at. */
static int give_away(struct conversion *c, const char *path, const char *owner)
{
    uid_t uid;
    gid_t gid;

    if (!owner || userdb_owner(c->env, owner, &uid, &gid, NULL) < 0)
        return 0;
    return ol_chown(c->env, path, uid, gid, c->err);
}

static int write_files(struct conversion *c, const struct net_files *files)
{
    ol_autofree char *dir = absolute(c->env, c->args->directory);

    for (size_t i = 0; i < files->n; i++) {
        const struct net_file *f = &files->items[i];
        ol_autofree char *path = ol_xasprintf("%s%s", dir, f->path);
        int r = ol_file_puts(c->env, path, f->text, f->mode, OL_WRITE_PARENTS, c->err);

        if (r == 0)
            r = give_away(c, path, f->owner);
        if (r < 0)
            return r;
    }
    return 0;
}

static void say_done(struct conversion *c)
{
    const char *dir = c->args->directory;

    fprintf(c->err_out, "Read input format '%s' from '%s'.\nWrote output format '%s' to '%s%s'\n\n",
            c->args->kind, c->args->network_data, c->args->output_kind, dir,
            ol_str_ends(dir, "/") ? "" : "/");
}

static int convert(struct conversion *c)
{
    const struct net_renderer *renderer = NULL;
    struct net_files files = {.n = 0};
    const struct kind *kind = NULL;
    struct ol_val *config = NULL;
    int r = find_kind(c, &kind);

    if (r == 0)
        r = find_renderer(c, &renderer);
    if (r == 0)
        r = read_macs(c);
    if (r == 0)
        r = load(c, kind, &config);
    if (r < 0)
        return r;
    show_input(c, config);
    r = net_convert(config, renderer, &c->render, c->arena, &files, c->err);
    if (r < 0)
        return ol_err_prefix(c->err, r, "%s", c->args->network_data);
    for (size_t i = 0; i < c->render.notes->n; i++)
        fprintf(c->err_out, "%s: %s\n", ol_log_level_name(c->render.notes->items[i].level),
                c->render.notes->items[i].text);
    say_done(c);
    return write_files(c, &files);
}

int devel_net_convert(struct ol_env *env, const struct devel_net_convert_args *args, FILE *err_out,
                      struct ol_err *err)
{
    /* As upstream's command has it, whatever netplan is installed. */
    static const char *const features[] = {"dhcp-use-domains", "ipv6-mtu", NULL};
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(TREE_MAX_SIZE);
    struct net_notes notes = {.n = 0};
    struct conversion c = {
        .env = env,
        .args = args,
        .render = {.distro = args->distro, .features = features, .notes = &notes},
        .arena = &arena,
        .err_out = err_out,
        .err = err,
    };

    return convert(&c);
}
