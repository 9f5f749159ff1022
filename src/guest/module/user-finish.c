/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "guest/module/user-create.h"

/* "passwd -u" of shadow: there is nothing behind the lock. */
enum { PASSWD_WOULD_BE_BLANK = 3 };

void user_work_done(struct user_work *work)
{
    ol_strv_done(&work->lock);
    ol_strv_done(&work->unlock);
    ol_strv_done(&work->blank);
}

static bool has_passwd(struct guest *g)
{
    ol_autofree char *path = ol_which(g->env, "passwd");

    return path != NULL;
}

static int lock(struct guest *g, const char *name, struct ol_err *err)
{
    const char *const passwd[] = {"passwd", "-l", name, NULL};
    const char *const usermod[] = {"usermod", "--lock", name, NULL};
    int r = ol_run(g->env, has_passwd(g) ? passwd : usermod, NULL, err);

    return r < 0 ? ol_err_prefix(err, r, "Failed to disable password for user %s", name) : 0;
}

static int make_blank(struct guest *g, const char *name, struct ol_err *err)
{
    const char *const passwd[] = {"passwd", "-d", name, NULL};
    const char *const usermod[] = {"usermod", "--password", "", name, NULL};
    int r = ol_run(g->env, has_passwd(g) ? passwd : usermod, NULL, err);

    return r < 0 ? ol_err_prefix(err, r, "Failed to set blank password for user %s", name) : 0;
}

static int unlock(struct guest *g, const char *name, struct ol_err *err)
{
    const char *const passwd[] = {"passwd", "-u", name, NULL};
    const char *const usermod[] = {"usermod", "--unlock", name, NULL};
    int r = ol_run(g->env, has_passwd(g) ? passwd : usermod, NULL, err);

    if (r == -EIO && err->status == PASSWD_WOULD_BE_BLANK)
        return make_blank(g, name, err);
    return r < 0 ? ol_err_prefix(err, r, "Failed to enable password for user %s", name) : 0;
}

/* Keeps the last error in 'ret'; the one before it is logged. */
static void note(struct guest *g, int r, const struct ol_err *one, struct ol_err *ret)
{
    if (r >= 0)
        return;
    if (ret->code)
        ol_warn(g->env, "%s", ol_err_text(ret));
    *ret = *one;
}

static void for_all(struct guest *g, const struct ol_strv *names,
                    int (*what)(struct guest *g, const char *name, struct ol_err *err),
                    struct ol_err *ret)
{
    ol_strv_each (name, names) {
        struct ol_err one = OL_ERR_INIT;

        note(g, what(g, name, &one), &one, ret);
    }
}

int user_finish(struct guest *g, const struct user_work *work, struct ol_err *err)
{
    struct ol_err last = OL_ERR_INIT, one = OL_ERR_INIT;

    note(g, passwords_set(g, &work->text, 0, &one), &one, &last);
    note(g, passwords_set(g, &work->hashed, PASSWORD_HASHED, &one), &one, &last);
    for_all(g, &work->lock, lock, &last);
    for_all(g, &work->unlock, unlock, &last);
    for_all(g, &work->blank, make_blank, &last);
    if (last.code && err)
        *err = last;
    return -last.code;
}
