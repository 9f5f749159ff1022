/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "volume/driver/driver-internal.h"
#include "volume/driver/job.h"

/* mkfs of a large image, or the removal of millions of files; a CO's call ends earlier and asks
 * again, and is told ABORTED until this has ended. */
static const ol_time job_timeout = 600 * OL_SECOND;

struct running {
    struct driver *d;
    struct ol_grpc_request *request;
    char ids[2][DRIVER_ID_MAX];
    char verb[16];
    driver_reply_fn reply;
    void *ctx;
};

/* "changes N", then a result per line. */
static void read_results(struct ol_env *env, const char *text, struct driver_result *ret)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    uint64_t n = 0;

    *ret = (struct driver_result){.n = 0};
    ol_strv_split(&lines, text, "\n");
    ol_strv_each (line, &lines) {
        if (ol_str_starts(line, "changes ") && ol_parse_u64(line + strlen("changes "), 10, &n) == 0)
            env->n_changes += n;
        else if (ret->n < ol_count(ret->v) && ol_parse_i64(line, 10, &ret->v[ret->n]) == 0)
            ret->n++;
    }
}

static void unlock(struct driver *d, const char *id)
{
    for (size_t i = 0; i < d->busy.n; i++) {
        if (strcmp(d->busy.v[i], id) != 0)
            continue;
        ol_strv_remove(&d->busy, i);
        return;
    }
}

static void fail(struct running *run, int status, const struct ol_buf *words)
{
    struct ol_env *env = run->d->loop->env;
    enum ol_grpc_code code = OL_GRPC_INTERNAL;
    char text[600];

    if (status == -ETIMEDOUT) {
        code = OL_GRPC_DEADLINE_EXCEEDED;
        snprintf(text, sizeof(text), "%s took too long and was killed", run->verb);
    } else if (status > DRIVER_STATUS && status < DRIVER_STATUS + OL_GRPC_N_CODES) {
        code = (enum ol_grpc_code)(status - DRIVER_STATUS);
        snprintf(text, sizeof(text), "%s", words->data);
    } else {
        snprintf(text, sizeof(text), "%s ended with status %d: %s", run->verb, status, words->data);
    }
    ol_warn(env, "%s %s: %s: %s", run->verb, run->ids[0], ol_grpc_code_name(code), text);
    if (run->request)
        ol_grpc_fail(run->request, code, "%s", text);
}

static void on_done(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *words)
{
    struct running *run = ctx;
    struct driver *d = run->d;
    struct driver_result result;

    read_results(d->loop->env, out->data, &result);
    /* A test kills us before a change that the job was to make: that takes the whole program. */
    if (d->loop->env->kill_at && status == 128 + SIGKILL)
        kill(getpid(), SIGKILL);
    for (size_t i = 0; i < ol_count(run->ids) && *run->ids[i]; i++) {
        unlock(d, run->ids[i]);
        driver_table_refresh(&d->table, d->loop->env, d->config->state_dir, run->ids[i]);
    }
    d->n_jobs--;
    if (status != 0) {
        fail(run, status, words);
    } else {
        ol_debug(d->loop->env, "%s %s: done", run->verb, run->ids[0]);
        if (run->request)
            run->reply(d, run->request, &result, run->ctx);
    }
    free(run->ctx);
    free(run);
    if (d->is_stopping && !d->n_jobs)
        driver_stop(d, d->stopped, d->stopped_ctx);
}

static bool is_busy(const struct driver *d, const struct driver_operation *o)
{
    for (size_t i = 0; i < ol_count(o->ids) && o->ids[i]; i++)
        if (ol_strv_has(&d->busy, o->ids[i]))
            return true;
    return false;
}

static unsigned long changes_left(const struct ol_env *env)
{
    /* Starting the job is the next change itself. */
    return env->kill_at > env->n_changes + 1 ? env->kill_at - env->n_changes - 1 : 0;
}

void driver_operate(struct driver *d, const struct driver_operation *o)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    struct ol_job_options options = {.is_function = true, .timeout = job_timeout, .done = on_done};
    struct running *run;

    if (is_busy(d, o)) {
        assert(o->request);
        ol_grpc_fail(o->request, OL_GRPC_ABORTED, "an operation on %s is under way already",
                     o->ids[0]);
        free(o->ctx);
        return;
    }
    run = ol_xcalloc(1, sizeof(*run));
    run->d = d;
    run->request = o->request;
    run->reply = o->reply;
    run->ctx = o->ctx;
    snprintf(run->verb, sizeof(run->verb), "%s", o->verb);
    for (size_t i = 0; i < ol_count(o->ids) && o->ids[i]; i++) {
        snprintf(run->ids[i], sizeof(run->ids[i]), "%s", o->ids[i]);
        ol_strv_add(&d->busy, o->ids[i]);
    }
    ol_strv_add(&argv, DRIVER_JOB);
    ol_strv_add(&argv, o->verb);
    ol_strv_add(&argv, d->config->state_dir);
    ol_strv_add(&argv, o->ids[0]);
    ol_strv_addf(&argv, "%lu", changes_left(d->loop->env));
    for (size_t i = 0; i < ol_count(o->args) && o->args[i]; i++)
        ol_strv_add(&argv, o->args[i]);
    options.argv = ol_strv_argv(&argv);
    options.ctx = run;
    if (o->input) {
        options.in = o->input->data;
        options.in_size = o->input->len;
    }
    d->n_jobs++;
    ol_job_start(d->loop, &options);
}

void driver_reply_empty(struct driver *d, struct ol_grpc_request *r,
                        const struct driver_result *res, void *ctx)
{
    ol_grpc_reply(r, NULL, 0); /* a message without fields has no bytes */
}
