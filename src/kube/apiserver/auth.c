/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "core/strv.h"
#include "kube/apiserver/api-internal.h"

/* Who a request comes from: a verified client certificate, or a token of the file. */

enum { MAX_TOKENS = 10000, MAX_FILE = 4 << 20 };

struct token {
    char *token, *name, *uid;
    struct ol_strv groups;
};

struct api_auth {
    struct token *tokens;
    size_t n;
};

const struct api_user api_admin = {
    .name = "kubernetes-admin", .uid = "", .groups = {"system:masters", "system:authenticated"}};

struct api_auth *api_auth_new(void)
{
    return ol_xcalloc(1, sizeof(struct api_auth));
}

void api_auth_free(struct api_auth *a)
{
    for (size_t i = 0; a && i < a->n; i++) {
        explicit_bzero(a->tokens[i].token, strlen(a->tokens[i].token));
        free(a->tokens[i].token);
        free(a->tokens[i].name);
        free(a->tokens[i].uid);
        ol_strv_done(&a->tokens[i].groups);
    }
    if (a)
        free(a->tokens);
    free(a);
}

/* One CSV field: quotes may surround it, "" inside stands for one. Moves *at behind its comma. */
static char *csv_field(const char **at)
{
    const char *p = *at + strspn(*at, " ");
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_FILE);

    if (*p == '"') {
        for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
            p += *p == '"';
            ol_buf_addc(&b, *p);
        }
        p += *p == '"';
        p += strcspn(p, ",");
    } else {
        size_t len, n = strcspn(p, ",");
        const char *text = ol_str_strip(p, n, &len);

        ol_buf_add(&b, text, len);
        p += n;
    }
    *at = p + (*p == ',');
    return ol_xstrdup(b.data);
}

static int add_line(struct api_auth *a, const char *line)
{
    ol_autofree char *groups = NULL;
    struct token t = {0};

    t.token = csv_field(&line);
    t.name = csv_field(&line);
    t.uid = csv_field(&line);
    groups = csv_field(&line);
    ol_strv_split(&t.groups, groups, ", ");
    a->tokens = ol_xrealloc(a->tokens, a->n + 1, sizeof(*a->tokens));
    a->tokens[a->n++] = t;
    return *t.token && *t.name ? 0 : -EINVAL;
}

int api_auth_read_tokens(struct api_auth *a, struct ol_env *env, const char *path,
                         struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_FILE);
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    int r = ol_file_read(env, path, &text, err);

    if (r < 0)
        return r;
    ol_strv_split(&lines, text.data, "\r\n");
    explicit_bzero(text.data, text.len);
    for (size_t i = 0; i < lines.n && i < MAX_TOKENS; i++) {
        const char *line = lines.v[i] + strspn(lines.v[i], " \t");

        if (*line && *line != '#' && add_line(a, line) < 0)
            return ol_err_set_at(err, EINVAL, (int)i + 1, 0,
                                 "%s: line %zu: a token and a user name are needed", path, i + 1);
    }
    return 0;
}

/* In a time that says nothing of where they differ. */
static bool is_same_secret(const char *a, size_t a_len, const char *b)
{
    size_t b_len = strlen(b);
    unsigned difference = a_len != b_len;

    for (size_t i = 0; i < a_len && i < b_len; i++)
        difference |= (unsigned)(uint8_t)a[i] ^ (uint8_t)b[i];
    return difference == 0;
}

static void add_group(struct api_user *u, size_t *n, const char *group)
{
    if (*n < ol_count(u->groups) - 1)
        u->groups[(*n)++] = group;
}

static bool by_token(const struct api_auth *a, const char *header, struct api_user *ret)
{
    size_t n = 0, len;
    const char *secret;

    if (strncasecmp(header, "Bearer ", 7) != 0)
        return false;
    secret = ol_str_strip(header + 7, strlen(header + 7), &len);
    for (size_t i = 0; i < a->n; i++) {
        const struct token *t = &a->tokens[i];

        if (!is_same_secret(secret, len, t->token))
            continue;
        *ret = (struct api_user){.name = t->name, .uid = t->uid};
        for (size_t j = 0; j < t->groups.n; j++)
            add_group(ret, &n, t->groups.v[j]);
        add_group(ret, &n, "system:authenticated");
        return true;
    }
    return false;
}

bool api_auth_http(struct api_auth *a, const struct ol_http_exchange *x, struct api_user *ret)
{
    const char *header = ol_http_header(x, "Authorization"), *group;
    const char *cn = ol_http_peer_cn(x);
    size_t n = 0;

    if (cn && *cn) {
        *ret = (struct api_user){.name = cn, .uid = ""};
        for (size_t i = 0; (group = ol_http_peer_o(x, i)); i++)
            add_group(ret, &n, group);
        add_group(ret, &n, "system:authenticated");
        return true;
    }
    return header && by_token(a, header, ret);
}
