/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/passwords.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/base/userdb.h"

enum { INPUT_MAX = 1 << 20 };

void passwords_add(struct ol_arena *a, struct password_list *list, const char *user,
                   const char *secret)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 4;

        list->items = ol_arena_grow(a, list->items, list->cap * sizeof(*list->items),
                                    cap * sizeof(*list->items));
        list->cap = cap;
    }
    list->items[list->n++] = (struct password){
        .user = ol_arena_strdup(a, user),
        .secret = ol_arena_strdup(a, secret),
    };
}

bool password_is_hash(const char *secret)
{
    static const char *const methods[] = {"$1$", "$2a$", "$2b$", "$2x$", "$2y$",
                                          "$5$", "$6$",  "$7$",  "$y$",  "$gy$"};

    for (size_t i = 0; i < ol_count(methods); i++) {
        const char *salt = secret + strlen(methods[i]);
        const char *hash;

        if (!ol_str_starts(secret, methods[i]))
            continue;
        hash = strchr(salt, '$');
        return hash && hash != salt && hash[1] && !strchr(secret, ':');
    }
    return false;
}

static bool is_sound(const struct password *p, unsigned flags)
{
    const char *forbidden = flags & PASSWORD_HASHED ? "\r\n:" : "\r\n";

    return !strpbrk(p->secret, forbidden) && userdb_name_is_sound(p->user);
}

static int call_chpasswd(struct guest *g, const struct ol_buf *lines, unsigned flags,
                         struct ol_err *err)
{
    const char *const argv[] = {"chpasswd", flags & PASSWORD_HASHED ? "-e" : NULL, NULL};

    return ol_run_input(g->env, argv, lines->data, lines->len, err);
}

static int set_one(struct guest *g, const struct password *p, unsigned flags, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(INPUT_MAX);
    int r;

    if (!is_sound(p, flags))
        return ol_err_set_domain(
            err, EINVAL, "ValueError", 0,
            "Failed to set password for '%s': the name of the user in 'chpasswd' is"
            " not possible, or the password is more than one line",
            p->user);
    ol_buf_printf(&line, "%s:%s\n", p->user, p->secret);
    r = ol_buf_status(&line);
    if (r < 0)
        return ol_err_set(err, -r, "Failed to set password for %s: it is too long", p->user);
    r = call_chpasswd(g, &line, flags, err);
    explicit_bzero(line.data, line.len);
    return r < 0 ? ol_err_prefix(err, r, "Failed to set password for %s", p->user) : r;
}

static int set_each(struct guest *g, const struct password_list *list, unsigned flags,
                    struct ol_err *err)
{
    struct ol_err last = OL_ERR_INIT;
    int failed = 0;

    for (size_t i = 0; i < list->n; i++) {
        struct ol_err one = OL_ERR_INIT;
        int r = set_one(g, &list->items[i], flags, &one);

        if (r >= 0)
            continue;
        if (failed < 0)
            ol_warn(g->env, "%s", ol_err_text(&last));
        last = one;
        failed = r;
    }
    if (failed < 0 && err)
        *err = last;
    return failed;
}

int passwords_set(struct guest *g, const struct password_list *list, unsigned flags,
                  struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf lines = OL_BUF_INIT(INPUT_MAX);
    bool are_sound = true;
    int r;

    if (list->n < 2)
        return set_each(g, list, flags, err);
    for (size_t i = 0; i < list->n; i++) {
        are_sound &= is_sound(&list->items[i], flags);
        ol_buf_printf(&lines, "%s:%s\n", list->items[i].user, list->items[i].secret);
    }
    r = are_sound && ol_buf_status(&lines) == 0 ? call_chpasswd(g, &lines, flags, NULL) : -EINVAL;
    explicit_bzero(lines.data, lines.len);
    return r < 0 ? set_each(g, list, flags, err) : 0;
}
