/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
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

/* What the handler writes on one signal. 'result' is empty but in the final stage. */
struct last_words {
    struct ol_buf message, status, result;
};

/* Made beforehand: a handler may do little more than write and rename. */
struct interrupt {
    int data_dir, run_dir;
    const char *link; /* of result.json in the run directory */
    struct last_words words[N_SIGNALS];
    struct sigaction before[N_SIGNALS];
};

/* A handler is given nothing but the signal, so this has to be found without a context. */
static struct interrupt *volatile armed;

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

static void write_file(int dir, const char *tmp, const char *name, const struct ol_buf *text)
{
    int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd < 0)
        return;
    write_text(fd, text);
    if (fchmod(fd, 0644) == 0)
        renameat(dir, tmp, dir, name);
    close(fd);
}

static void say(const struct interrupt *x, const struct last_words *w)
{
    write_text(STDERR_FILENO, &w->message);
    write_file(x->data_dir, ".status.json.tmp", "status.json", &w->status);
    if (!w->result.len)
        return;
    write_file(x->data_dir, ".result.json.tmp", "result.json", &w->result);
    if (symlinkat(x->link, x->run_dir, "result.json") < 0)
        return; /* it is there, or nothing can be done */
}

static void on_signal(int number)
{
    for (size_t i = 0; armed && i < N_SIGNALS; i++)
        if (signals[i].number == number)
            say(armed, &armed->words[i]);
    _exit(1);
}

static void interrupt_free(struct interrupt *x)
{
    for (size_t i = 0; i < N_SIGNALS; i++) {
        ol_buf_done(&x->words[i].message);
        ol_buf_done(&x->words[i].status);
        ol_buf_done(&x->words[i].result);
    }
    ol_close_at(&x->data_dir);
    ol_close_at(&x->run_dir);
    free(x);
}

static int add_json(const struct ol_val *doc, struct ol_buf *to)
{
    int r = ol_json_dump(doc, &ol_json_cloud_init, to);

    ol_buf_addc(to, '\n');
    return r < 0 ? r : ol_buf_status(to);
}

static int compose(struct guest *g, const struct status *s, const char *name,
                   struct last_words *ret)
{
    struct ol_val *doc = ol_val_copy(g->arena, s->doc);
    struct ol_val *v1 = ol_val_get_mut(doc, "v1");
    struct ol_val *errors = ol_val_get_mut(ol_val_get_mut(v1, s->mode), "errors");
    int r;

    ol_buf_init(&ret->message, TEXT_MAX);
    ol_buf_init(&ret->status, TEXT_MAX);
    ol_buf_init(&ret->result, TEXT_MAX);
    ol_buf_printf(&ret->message, "Cloud-init %s received %s, exiting", GUEST_VERSION, name);
    ol_val_append(g->arena, errors, ol_val_new_str(g->arena, ret->message.data));
    ol_buf_addc(&ret->message, '\n');
    ol_val_set(g->arena, v1, "stage", ol_val_new_null(g->arena));
    r = add_json(doc, &ret->status);
    if (r == 0 && !strcmp(s->mode, "modules-final"))
        r = add_json(status_result(g, v1), &ret->result);
    return r;
}

void interrupt_arm(struct guest *g, const struct status *s)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct interrupt *x;
    int r = 0;

    if (g->env->is_dry_run)
        return;
    x = ol_xcalloc(1, sizeof(*x));
    x->data_dir = ol_open(g->env, guest_cloud_path(g, "data"), O_PATH | O_DIRECTORY, 0);
    x->run_dir = ol_open(g->env, g->paths.run_dir, O_PATH | O_DIRECTORY, 0);
    x->link = status_link(g, guest_cloud_path(g, "data/result.json"));
    for (size_t i = 0; i < N_SIGNALS; i++)
        r |= compose(g, s, signals[i].name, &x->words[i]);
    if (x->data_dir < 0 || x->run_dir < 0 || r < 0) {
        interrupt_free(x);
        return;
    }
    armed = x;
    for (size_t i = 0; i < N_SIGNALS; i++) {
        sigaction(signals[i].number, &action, &x->before[i]);
        if (x->before[i].sa_handler == SIG_IGN)
            sigaction(signals[i].number, &x->before[i], NULL);
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
    struct interrupt *x = armed;

    mask(SIG_BLOCK);
    if (!x)
        return;
    for (size_t i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i].number, &x->before[i], NULL);
    armed = NULL;
    interrupt_free(x);
}

void interrupt_release(void)
{
    mask(SIG_UNBLOCK);
}
