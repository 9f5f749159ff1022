/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/cli/devel-yaml.h"

#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "codec/tagged.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/file.h"

enum { MAX_SIZE = 64 << 20 };

static int print_json(struct ol_arena *a, const struct ol_val *v, FILE *out, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_SIZE);
    int r = ol_json_dump(v, &ol_json_python, &text);

    if (r < 0)
        return ol_err_set(err, -r, "write JSON: %s", strerror(-r));
    fprintf(out, "%s\n", text.data);
    return 0;
}

static struct ol_val *shown_error(struct ol_arena *a, const struct ol_err *why)
{
    struct ol_val *shown = ol_val_new_map(a);

    ol_val_set_str(a, shown, "error", why->domain);
    if (why->line > 0) {
        ol_val_set_int(a, shown, "line", why->line);
        ol_val_set_int(a, shown, "column", why->column);
        ol_val_set_str(a, shown, "problem", why->msg);
    }
    return shown;
}

static int show(struct ol_arena *a, const struct ol_buf *text, FILE *out, struct ol_err *err)
{
    struct ol_err why = OL_ERR_INIT;
    struct ol_val *v = NULL, *shown = NULL;
    int r = ol_yaml_load(text->data, text->len, a, &v, &why), n;

    if (r < 0 && !why.domain)
        return ol_err_set(err, -r, "%s", ol_err_text(&why));
    if (r == 0) {
        shown = ol_tagged_from(a, v);
        /* What the same walk ends with in Python. */
        if (!shown)
            why.domain = "RecursionError";
    }
    n = print_json(a, shown ? shown : shown_error(a, &why), out, err);
    if (n < 0)
        return n;
    return shown ? 0 : 1;
}

static int dump(struct ol_arena *a, const struct ol_buf *json, const struct ol_yaml_style *style,
                FILE *out, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_SIZE);
    struct ol_val *tagged = NULL, *v = NULL;
    int r = ol_json_load(json->data, json->len, a, &tagged, err);

    if (r == 0)
        r = ol_tagged_to(a, tagged, &v, err);
    if (r < 0)
        return r;
    r = ol_yaml_dump(v, style, &text);
    if (r < 0)
        return ol_err_set(err, -r, "write YAML: %s", strerror(-r));
    fwrite(text.data, 1, text.len, out);
    return 0;
}

int devel_yaml(struct ol_env *env, const char *file, const char *dump_style, FILE *out,
               struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(MAX_SIZE);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_SIZE);
    const struct ol_yaml_style *style = NULL;
    int r;

    if (dump_style && (!*dump_style || !strcmp(dump_style, "safe_dump")))
        style = &ol_yaml_safe_dump;
    else if (dump_style && !strcmp(dump_style, "cloud-init"))
        style = &ol_yaml_cloud_init;
    else if (dump_style)
        return ol_err_set(err, EINVAL, "unknown dump style '%s'", dump_style);
    r = ol_file_read(env, file, &text, err);
    if (r < 0)
        return r;
    r = style ? dump(&a, &text, style, out, err) : show(&a, &text, out, err);
    return r < 0 ? ol_err_prefix(err, r, "%s", file) : r;
}
