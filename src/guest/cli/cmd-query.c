/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/gzip.h"
#include "codec/json.h"
#include "codec/template.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/instance-vars.h"
#include "guest/cli/cli.h"
#include "guest/cli/query-data.h"
#include "guest/stage/stage.h"

enum {
    ARENA_MAX = 512 << 20,
    DATA_MAX = 64 << 20,
};

static int fail(const char *fmt, const char *what)
{
    fputs("ERROR: ", stderr);
    fprintf(stderr, fmt, what);
    fputc('\n', stderr);
    return 1;
}

/* Text of a file of user-data, decompressed when it is; not there counts as empty. */
static struct ol_val *user_text(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf raw = OL_BUF_INIT(DATA_MAX);
    ol_auto(ol_buf_done) struct ol_buf plain = OL_BUF_INIT(DATA_MAX);

    if (ol_file_read(g->env, path, &raw, NULL) < 0)
        return ol_val_new_str(g->arena, "");
    if (ol_gzip_is(raw.data, raw.len) && ol_gzip_decompress(raw.data, raw.len, &plain, NULL) == 0)
        return ol_val_new_strn(g->arena, plain.data, plain.len);
    if (ol_utf8_is_valid(raw.data, raw.len))
        return ol_val_new_strn(g->arena, raw.data, raw.len);
    return ol_val_new_bytes(g->arena, raw.data, raw.len);
}

static struct ol_val *read_json(struct guest *g, const char *path, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DATA_MAX);
    struct ol_val *v = NULL;

    if (ol_file_read(g->env, path, &text, err) < 0
        || ol_json_load(text.data, text.len, g->arena, &v, err) < 0)
        return NULL;
    return v;
}

const char *query_data_path(struct guest *g, const struct cli_options *o)
{
    const char *sensitive = guest_run_path(g, "instance-data-sensitive.json");
    const char *redacted = guest_run_path(g, "instance-data.json");

    if (o->instance_data)
        return o->instance_data;
    if (getuid())
        return redacted;
    if (ol_exists(g->env, sensitive))
        return sensitive;
    fprintf(stderr, "WARNING: Missing root-readable %s. Using redacted %s instead.\n", sensitive,
            redacted);
    return redacted;
}

void query_warn_missing(const char *name, const char *rendered)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    ol_autofree char *list = NULL;

    ol_template_missing(rendered, &names);
    list = ol_strv_join(&names, "', '");
    if (names.n)
        fprintf(stderr, "WARNING: Could not render jinja template variables in file '%s': '%s'\n",
                name, list);
}

static struct ol_val *hidden(struct guest *g, const char *path)
{
    return ol_val_new_str(g->arena,
                          ol_arena_printf(g->arena, "<redacted for non-root user> file:%s", path));
}

/* The instance data with user-data, vendor-data and the combined configuration beside it. */
static struct ol_val *read_all(struct guest *g, const struct cli_options *o, const char *path,
                               struct ol_err *err)
{
    const char *combined = guest_run_path(g, "combined-cloud-config.json");
    const char *user = o->user_data ? o->user_data : guest_instance_path(g, "user-data.txt");
    const char *vendor =
        o->vendor_data ? o->vendor_data : guest_instance_path(g, "vendor-data.txt");
    struct ol_val *data = read_json(g, path, err), *cfg;

    if (!ol_val_is(data, OL_VAL_MAP))
        return NULL;
    if (getuid()) {
        ol_val_set(g->arena, data, "userdata", hidden(g, user));
        ol_val_set(g->arena, data, "vendordata", hidden(g, vendor));
        ol_val_set(g->arena, data, "combined_cloud_config", hidden(g, combined));
        return data;
    }
    cfg = read_json(g, combined, NULL);
    ol_val_set(g->arena, data, "userdata", user_text(g, user));
    ol_val_set(g->arena, data, "vendordata", user_text(g, vendor));
    ol_val_set(g->arena, data, "combined_cloud_config", cfg ? cfg : ol_val_new_null(g->arena));
    return data;
}

/* "v1.local_hostname", with or without '_' for '-'. NULL with the sentence in *ret_why. */
static const struct ol_val *find(struct ol_arena *a, const struct ol_val *data, const char *name,
                                 const char **ret_why)
{
    ol_auto(ol_strv_done) struct ol_strv keys = OL_STRV_INIT;
    const struct ol_val *v = data;
    const char *walked = "";

    ol_strv_split(&keys, name, ".");
    for (size_t i = 0; i < keys.n; i++) {
        const char *key = keys.v[i];
        const struct ol_val *next = ol_val_get(v, key);

        for (size_t k = 0; !next && k < ol_val_count(v) && ol_val_is(v, OL_VAL_MAP); k++) {
            const char *alias = instance_var_alias(a, ol_val_to_text(a, ol_val_pair(v, k)->key));

            if (alias && !strcmp(alias, key))
                next = ol_val_pair(v, k)->value;
        }
        if (!next) {
            *ret_why = *walked ? ol_arena_printf(a, "instance-data '%s' has no '%s'", walked, key)
                               : ol_arena_printf(a, "Undefined instance-data key '%s'", name);
            return NULL;
        }
        walked = *walked ? ol_arena_printf(a, "%s.%s", walked, key) : ol_arena_strdup(a, key);
        v = next;
    }
    return v;
}

static int print_format(struct guest *g, const char *format, const struct ol_val *data)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DATA_MAX);
    const char *template = ol_arena_printf(g->arena, "## template: jinja\n%s", format);
    struct ol_err err = OL_ERR_INIT;

    if (ol_template_render(template, strlen(template), instance_vars(g->arena, data, VARS_ALIASES),
                           &text, &err)
        < 0)
        return fail("Failed to render templated data. %s", ol_err_text(&err));
    query_warn_missing("query command line", text.data);
    if (!text.len)
        return 1;
    puts(text.data);
    return 0;
}

static int print_keys(const struct ol_val *v, const char *name)
{
    ol_auto(ol_strv_done) struct ol_strv keys = OL_STRV_INIT;

    if (!ol_val_is(v, OL_VAL_MAP))
        return fail("--list-keys provided but '%s' is not a dict", name ? name : "");
    for (size_t i = 0; i < ol_val_count(v); i++)
        if (ol_val_str(ol_val_pair(v, i)->key))
            ol_strv_add(&keys, ol_val_str(ol_val_pair(v, i)->key));
    ol_strv_sort(&keys);
    ol_strv_each (key, &keys)
        puts(key);
    return 0;
}

static int print_value(const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DATA_MAX);

    if (ol_val_str(v)) {
        puts(ol_val_str(v));
        return 0;
    }
    if (ol_json_dump(v, &ol_json_cloud_init, &text) < 0)
        return fail("%s", "the value cannot be shown as JSON");
    puts(text.data);
    return 0;
}

int cmd_query(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    struct cli_context *ctx = cli->ctx;
    const struct cli_options *o = &ctx->options;
    const char *name = argc ? argv[0] : o->name, *path, *why = NULL;
    const struct ol_val *v;
    struct ol_val *data;
    struct guest g;
    struct ol_err err = OL_ERR_INIT;

    if (!name && !o->list_keys && !o->format && !o->all)
        return fail("%s", "Expected one of the options: --all, --format, --list-keys or varname");
    stage_open_guest_paths(&g, &ctx->env, &arena);
    path = query_data_path(&g, o);
    data = read_all(&g, o, path, &err);
    if (!data && err.code == EACCES)
        return fail("No read permission on '%s'. Try sudo", path);
    if (!data)
        return fail("Missing instance-data file: %s", path);
    if (o->format)
        return print_format(&g, o->format, data);
    v = instance_vars(&arena, data, 0);
    if (name)
        v = find(&arena, v, name, &why);
    if (!v)
        return fail("%s", why);
    return o->list_keys ? print_keys(v, name) : print_value(v);
}
