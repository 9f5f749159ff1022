/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/guru.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/strv.h"

enum { WIDTH = 72, MAX_REPORT = 4 << 20 };

/* oslo_reports views/text/header.py: the title in the middle of a bar. */
static void title(struct ol_buf *to, char bar, const char *text)
{
    size_t side = 4, room = WIDTH - 2 * side, len = strlen(text);
    size_t left = len < room ? (room - len) / 2 : 0;

    ol_buf_addn(to, bar, side);
    ol_buf_addn(to, ' ', left);
    ol_buf_adds(to, text);
    if (len < room)
        ol_buf_addn(to, ' ', room - len - left);
    ol_buf_addn(to, bar, side);
    ol_buf_addc(to, '\n');
}

static void rule(struct ol_buf *to, char c)
{
    ol_buf_addn(to, c, WIDTH);
    ol_buf_addc(to, '\n');
}

static void section(struct ol_buf *to, const char *text)
{
    rule(to, '=');
    title(to, '=', text);
    rule(to, '=');
}

static char *thread_file(const struct guru *g, const char *id, const char *name)
{
    ol_autofree char *path = ol_xasprintf("/proc/self/task/%s/%s", id, name);
    char *text = ol_file_read_line(g->env, path);

    return text ? text : ol_xstrdup("-");
}

static void write_threads(const struct guru *g, struct ol_buf *to)
{
    ol_auto(ol_strv_done) struct ol_strv ids = OL_STRV_INIT;

    if (ol_list_dir(g->env, "/proc/self/task", &ids, NULL) < 0)
        return;
    ol_strv_each (id, &ids) {
        ol_autofree char *name = thread_file(g, id, "comm"), *wait = thread_file(g, id, "wchan");
        ol_autofree char *heading = ol_xasprintf("Thread #%s %s", id, name);

        title(to, '-', heading);
        ol_buf_printf(to, "\nwaits in: %s\n\n", wait);
    }
}

struct task_list {
    struct ol_buf *to;
    ol_time now;
};

static void write_task(void *ctx, const struct task_view *v)
{
    struct task_list *l = ctx;

    ol_buf_printf(l->to, "%s %s, %s for %.1f s\n", v->name, v->key ? v->key : "-",
                  v->is_running ? "runs" : "waits",
                  (double)(l->now - v->since) / (double)OL_SECOND);
}

static void write_processes(struct ol_buf *to)
{
    struct passwd entry, *found = NULL;
    char text[2048];

    if (getpwuid_r(getuid(), &entry, text, sizeof(text), &found) || !found)
        entry.pw_name = text, text[0] = '\0';
    ol_buf_printf(to, "Process %d (under %d) [ run by: %s (%u), state: running ]\n\n",
                  (int)getpid(), (int)getppid(), entry.pw_name, (unsigned)getuid());
}

struct option_list {
    struct ol_buf *to;
    const char *group;
};

static void write_option(void *ctx, const char *group, const char *name, const char *value)
{
    struct option_list *l = ctx;

    if (!l->group || strcmp(l->group, group))
        ol_buf_printf(l->to, "\n%s: \n", strcmp(group, "DEFAULT") ? group : "default");
    l->group = group;
    ol_buf_printf(l->to, "  %s = %s\n", name, value);
}

static void write_queues(const struct guru *g, struct ol_buf *to)
{
    struct rpc_state state;

    if (!g->parts || !g->parts->rpc) {
        ol_buf_adds(to, "not open\n");
        return;
    }
    rpc_state(g->parts->rpc, &state);
    ol_buf_printf(to,
                  "peer = %s\nconnected = %s\nsince = %.1f s\nconnections made = %u\n"
                  "calls under way = %zu\n",
                  state.peer ? state.peer : "-", state.is_connected ? "True" : "False",
                  (double)(ol_now_boot(g->env) - state.since) / (double)OL_SECOND, state.n_connects,
                  state.n_calls);
}

void guru_write(const struct guru *g, struct ol_buf *to)
{
    struct task_list tasks = {.to = to, .now = ol_now_boot(g->env)};
    struct option_list options = {.to = to};

    rule(to, '=');
    title(to, '=', "Guru Meditation");
    rule(to, '=');
    rule(to, '|');
    ol_buf_adds(to, "\n\n");
    section(to, "Package");
    ol_buf_printf(to,
                  "product = OpenStack Nova\nvendor = orlop\nversion = %s\nrelease = %s\n"
                  "state = %s\n",
                  g->release->number, g->release->name, g->phase);
    section(to, "Threads");
    write_threads(g, to);
    section(to, "Tasks");
    ol_buf_addc(to, '\n');
    if (g->parts && g->parts->pool)
        task_pool_each(g->parts->pool, write_task, &tasks);
    section(to, "Processes");
    write_processes(to);
    section(to, "Queues");
    write_queues(g, to);
    section(to, "Instances");
    ol_buf_printf(to, "instances = %zu\n",
                  g->parts && g->parts->manager ? manager_instances(g->parts->manager) : 0);
    section(to, "Configuration");
    compute_config_each(g->config, write_option, &options);
}

static int write_file(const struct guru *g, const struct ol_buf *text, struct ol_err *err)
{
    time_t now = (time_t)(ol_now_wall(g->env) / OL_SECOND);
    ol_autofree char *path = NULL;
    struct tm tm;
    char when[32];

    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y%m%d%H%M%S", &tm);
    path = ol_xasprintf("%s/nova-compute_gurumeditation_%s", g->config->reports_log_dir, when);
    return ol_file_write_buf(g->env, path, text, 0600, 0, err);
}

void guru_report(const struct guru *g)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_REPORT);
    struct ol_err err = OL_ERR_INIT;

    guru_write(g, &text);
    if (!g->config->reports_log_dir) {
        fwrite(text.data, 1, text.len, stderr);
        fflush(stderr);
        return;
    }
    if (write_file(g, &text, &err) < 0)
        ol_error(g->env, "Unable to dump Guru Meditation Report: %s", ol_err_text(&err));
}
