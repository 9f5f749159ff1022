/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/template.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/fetch.h"
#include "guest/base/hostname.h"
#include "guest/module/module-internal.h"
#include "guest/module/module.h"

enum {
    DEFAULT_TRIES = 10,
    BODY_MAX = 1 << 20,   /* bytes that we send */
    ANSWER_MAX = 1 << 20, /* bytes that we read and forget */
};

/* Everything that can be posted, in the order of "all". */
static const struct {
    const char *name;
    const char *path; /* of the file that holds it; NULL = known otherwise */
} posts[] = {
    {"pub_key_rsa", "/etc/ssh/ssh_host_rsa_key.pub"},
    {"pub_key_ecdsa", "/etc/ssh/ssh_host_ecdsa_key.pub"},
    {"pub_key_ed25519", "/etc/ssh/ssh_host_ed25519_key.pub"},
    {"instance_id", NULL},
    {"hostname", NULL},
    {"fqdn", NULL},
};

/* The values that there are, by name. */
static const struct ol_val *collect(struct guest *g)
{
    struct ol_val *known = ol_val_new_map(g->arena);
    struct guest_hostname name;

    guest_get_hostname(g, NULL, 0, &name);
    ol_val_set_str(g->arena, known, "instance_id", guest_instance_id(g));
    ol_val_set_str(g->arena, known, "hostname", name.hostname);
    ol_val_set_str(g->arena, known, "fqdn", name.fqdn);
    for (size_t i = 0; i < ol_count(posts); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

        if (!posts[i].path)
            continue;
        if (ol_file_read(g->env, posts[i].path, &b, NULL) == 0)
            ol_val_set_str(g->arena, known, posts[i].name, b.data);
        else
            ol_warn(g->env, "%s: failed to open, can not phone home that data!", posts[i].path);
    }
    return known;
}

/* application/x-www-form-urlencoded. */
static void add_form_text(struct ol_buf *to, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~";

    for (; *text; text++) {
        if (*text == ' ')
            ol_buf_addc(to, '+');
        else if (strchr(plain, *text))
            ol_buf_addc(to, *text);
        else
            ol_buf_printf(to, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static void add_field(struct guest *g, const struct ol_val *known, const char *name,
                      struct ol_buf *to)
{
    const char *value = ol_val_str(ol_val_get(known, name));

    if (!value)
        ol_warn(g->env, "Requested key %s from 'post' configuration list not available", name);
    if (to->len)
        ol_buf_addc(to, '&');
    add_form_text(to, name);
    ol_buf_addc(to, '=');
    add_form_text(to, value ? value : "N/A");
}

static void make_body(struct guest *g, const struct ol_val *cfg, struct ol_buf *to)
{
    const struct ol_val *known = collect(g);
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT, done = OL_STRV_INIT;

    cfg_list(g->arena, cfg, "post", &names);
    if (!ol_val_get(cfg, "post") || (names.n == 1 && !strcmp(names.v[0], "all"))) {
        ol_strv_done(&names);
        names = (struct ol_strv)OL_STRV_INIT;
        for (size_t i = 0; i < ol_count(posts); i++)
            ol_strv_add(&names, posts[i].name);
    }
    ol_strv_each (name, &names) {
        if (!ol_strv_has(&done, name))
            add_field(g, known, name, to);
        ol_strv_add(&done, name);
    }
}

static int read_tries(struct guest *g, const struct ol_val *cfg)
{
    const char *text = cfg_str(g->arena, cfg, "tries", NULL);
    int tries;

    if (!text)
        return DEFAULT_TRIES;
    if (ol_parse_int(text, 10, INT32_MIN, INT32_MAX, &tries) == 0)
        return tries;
    ol_warn(g->env, "Configuration entry 'tries' is not an integer, using %d instead",
            DEFAULT_TRIES);
    return DEFAULT_TRIES;
}

static int post(struct guest *g, const struct ol_val *cfg, const char *url, struct ol_err *err)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    ol_auto(ol_buf_done) struct ol_buf rendered = OL_BUF_INIT(1 << 16);
    ol_auto(ol_buf_done) struct ol_buf answer = OL_BUF_INIT(ANSWER_MAX);
    struct ol_val *vars = ol_val_new_map(g->arena);
    int tries = read_tries(g, cfg);
    struct ol_http_request request = {.method = "POST", .headers = headers};
    struct ol_err why = OL_ERR_INIT;
    int r;

    ol_val_set_str(g->arena, vars, "INSTANCE_ID", guest_instance_id(g));
    r = ol_template_render(url, strlen(url), vars, &rendered, err);
    if (r < 0)
        return r;
    make_body(g, cfg, &body);
    request.url = rendered.data;
    request.body = body.data;
    request.body_size = body.len;
    if (fetch_url(g->env, &request, tries, 3 * OL_SECOND, &answer, &why) < 0)
        ol_warn(g->env, "Failed to post phone home data to %s in %d tries: %s",
                ol_url_shown(rendered.data), tries, ol_err_text(&why));
    return 0;
}

/* The configuration from a file that cloud.cfg names. */
static int load(struct guest *g, const char *path, const struct ol_val **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    struct ol_val *v = NULL;
    int r = ol_file_read(g->env, path, &text, err);

    if (r == 0)
        r = ol_yaml_load(text.data, text.len, g->arena, &v, err);
    if (r == 0)
        *ret = v;
    return r;
}

/* cloud-init 26.2 cc_phone_home.py. */
static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    const struct ol_val *cfg = ol_val_get(call->cfg, "phone_home");
    const char *file = module_first_arg(g, call->args);
    const char *url;
    int r = file ? load(g, file, &cfg, err) : 0;

    if (r < 0)
        return r;
    url = cfg_str(g->arena, cfg, "url", NULL);
    if (!url) {
        ol_warn(g->env, "Skipping module named %s, no 'url' found in 'phone_home' configuration",
                call->name);
        return 0;
    }
    return post(g, cfg, url, err);
}

static const char *const keys[] = {"phone_home", NULL};

const struct module module_phone_home = {
    .name = "phone_home",
    .frequency = FREQ_INSTANCE,
    .keys = keys,
    .run = run,
};
