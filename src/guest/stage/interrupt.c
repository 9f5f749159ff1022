/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/base/version.h"

enum { TEXT_MAX = 32 << 20 };

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}};

enum { N_SIGNALS = ol_count(signals) };

/* What the handler says, made beforehand: a handler may do little more than write and rename. */
struct last_words {
    int dir;
    struct ol_buf status[N_SIGNALS], message[N_SIGNALS];
    struct sigaction before[N_SIGNALS];
};

/* A handler is given nothing but the signal, so this has to be found without a context. */
static struct last_words *volatile armed;

static void write_text(int fd, const struct ol_buf *text)
{
    size_t sent = 0;

    while (sent < text->len) {
        ssize_t n = write(fd, text->data + sent, text->len - sent);

        if (n <= 0)
            return;
        sent += (size_t)n;
    }
}

static void write_status(int dir, const struct ol_buf *text)
{
    static const char tmp[] = ".status.json.tmp";
    int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd < 0)
        return;
    write_text(fd, text);
    if (fchmod(fd, 0644) == 0)
        renameat(dir, tmp, dir, "status.json");
}

static void on_signal(int number)
{
    for (size_t i = 0; armed && i < N_SIGNALS; i++) {
        if (signals[i].number != number)
            continue;
        write_text(STDERR_FILENO, &armed->message[i]);
        write_status(armed->dir, &armed->status[i]);
    }
    _exit(1);
}

static void last_words_free(struct last_words *w)
{
    for (size_t i = 0; i < N_SIGNALS; i++) {
        ol_buf_done(&w->status[i]);
        ol_buf_done(&w->message[i]);
    }
    ol_close_at(&w->dir);
    free(w);
}

static int compose(struct guest *g, const struct status *s, const char *name,
                   struct ol_buf *ret_status, struct ol_buf *ret_message)
{
    struct ol_val *doc = ol_val_copy(g->arena, s->doc);
    struct ol_val *v1 = ol_val_get_mut(doc, "v1");
    struct ol_val *errors = ol_val_get_mut(ol_val_get_mut(v1, s->mode), "errors");

    ol_buf_printf(ret_message, "Cloud-init %s received %s, exiting", GUEST_VERSION, name);
    ol_val_append(g->arena, errors, ol_val_new_str(g->arena, ret_message->data));
    ol_buf_addc(ret_message, '\n');
    ol_val_set(g->arena, v1, "stage", ol_val_new_null(g->arena));
    if (ol_json_dump(doc, &ol_json_cloud_init, ret_status) < 0)
        return -1;
    ol_buf_addc(ret_status, '\n');
    return ol_buf_status(ret_status);
}

void interrupt_arm(struct guest *g, const struct status *s, const char *dir)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct last_words *w;
    int r = 0;

    if (g->env->is_dry_run)
        return;
    w = ol_xcalloc(1, sizeof(*w));
    w->dir = ol_open(g->env, dir, O_PATH | O_DIRECTORY, 0);
    for (size_t i = 0; i < N_SIGNALS; i++) {
        ol_buf_init(&w->status[i], TEXT_MAX);
        ol_buf_init(&w->message[i], TEXT_MAX);
        if (r == 0)
            r = compose(g, s, signals[i].name, &w->status[i], &w->message[i]);
    }
    if (w->dir < 0 || r < 0) {
        last_words_free(w);
        return;
    }
    armed = w;
    for (size_t i = 0; i < N_SIGNALS; i++) {
        sigaction(signals[i].number, &action, &w->before[i]);
        if (w->before[i].sa_handler == SIG_IGN)
            sigaction(signals[i].number, &w->before[i], NULL);
    }
}

static void mask(int how)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < N_SIGNALS; i++)
        sigaddset(&set, signals[i].number);
    sigprocmask(how, &set, NULL);
}

void interrupt_disarm(void)
{
    struct last_words *w = armed;

    mask(SIG_BLOCK);
    if (!w)
        return;
    for (size_t i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i].number, &w->before[i], NULL);
    armed = NULL;
    last_words_free(w);
}

void interrupt_release(void)
{
    mask(SIG_UNBLOCK);
}
