/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/semaphore.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

enum sem_verdict sem_decide(const struct sem_state *s)
{
    if (!s->has_mark)
        return s->has_sem ? SEM_DONE : SEM_RUN;
    if (!s->has_sem)
        return SEM_RUN; /* killed before it could start */
    /* Killed while it ran. A script that takes the machine down must not do so again. */
    return s->is_user_code && !s->is_same_boot ? SEM_DONE : SEM_RUN;
}

static const char *boot_id(struct guest *g)
{
    if (!g->boot_id) {
        ol_autofree char *id = ol_file_read_line(g->env, "/proc/sys/kernel/random/boot_id");

        g->boot_id = ol_arena_strdup(g->arena, id ? id : "unknown");
    }
    return g->boot_id;
}

/* Dashes become underscores; once gets its suffix (cloud-init helpers.py FileSemaphores). */
static struct sem sem_for(struct guest *g, const char *name, enum frequency frequency)
{
    char *file = ol_str_tr(ol_arena_strdup(g->arena, name), '-', '_');
    struct sem sem;

    if (frequency == FREQ_ALWAYS)
        return (struct sem){NULL, NULL};
    if (frequency == FREQ_ONCE)
        sem.path = guest_cloud_path(g, ol_arena_printf(g->arena, "sem/%s.once", file));
    else
        sem.path = guest_instance_path(g, ol_arena_printf(g->arena, "sem/%s", file));
    sem.mark = ol_arena_printf(g->arena, "%s.running", sem.path);
    return sem;
}

static struct sem_state look(struct guest *g, const struct sem *sem, unsigned flags)
{
    ol_autofree char *marked = ol_file_read_line(g->env, sem->mark);

    return (struct sem_state){
        .has_sem = ol_exists(g->env, sem->path),
        .has_mark = marked != NULL,
        .is_same_boot = marked && !strcmp(marked, boot_id(g)),
        .is_user_code = flags & MODULE_USER_CODE,
    };
}

static int write_files(struct guest *g, const struct sem *sem, struct ol_err *err)
{
    char number[32];
    const char *text;
    int r = ol_file_puts(g->env, sem->mark, boot_id(g), 0644, OL_WRITE_PARENTS, err);

    if (r < 0)
        return r;
    ol_float_repr((double)ol_now_wall(g->env) / (double)OL_SECOND, number);
    text = ol_arena_printf(g->arena, "%d: %s\n", (int)getpid(), number);
    return ol_file_puts(g->env, sem->path, text, 0644, 0, err);
}

int sem_acquire(struct guest *g, const char *name, enum frequency frequency, unsigned flags,
                struct sem *ret, struct ol_err *err)
{
    struct sem sem = sem_for(g, name, frequency);
    struct sem_state state;
    int r;

    if (!sem.path) {
        *ret = sem;
        return SEM_RUN;
    }
    state = look(g, &sem, flags);
    if (sem_decide(&state) == SEM_DONE) {
        if (state.has_mark)
            sem_release(g, &sem);
        return SEM_DONE;
    }
    if (state.has_mark && state.has_sem)
        ol_info(g->env, "%s was interrupted, running it again", name);
    r = write_files(g, &sem, err);
    if (r < 0)
        return r;
    *ret = sem;
    return SEM_RUN;
}

void sem_release(struct guest *g, const struct sem *sem)
{
    struct ol_err err = OL_ERR_INIT;

    if (sem->mark && ol_unlink(g->env, sem->mark, &err) < 0)
        ol_warn(g->env, "%s", ol_err_text(&err));
}
