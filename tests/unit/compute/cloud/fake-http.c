/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"

struct ol_http_keep {
    struct fake_http *f;
};

static const char token_body[] =
    "{'token': {'issued_at': '2026-11-22T01:00:00.000000Z', 'expires_at': "
    "'2026-11-22T02:00:00.000000Z', 'catalog': [{'type': 'placement', 'endpoints': "
    "[{'interface': 'internal', 'region_id': 'One', 'url': 'http://placement/'}]}, {'type': "
    "'image', 'endpoints': [{'interface': 'public', 'region_id': 'One', 'url': "
    "'http://glance/v2'}]}, {'type': 'volumev3', 'endpoints': [{'interface': 'public', "
    "'region_id': 'One', 'url': 'http://cinder/v3/ours'}]}]}}";

/* Whatever a test writes with ' for ". */
static void add_json(struct ol_buf *to, const char *text)
{
    ol_autofree char *copy = strdup(text);

    ol_buf_adds(to, ol_str_tr(copy, '\'', '"'));
}

static struct fake_answer *find(struct fake_http *f, const char *what)
{
    for (size_t i = 0; i < ol_count(f->answers); i++)
        if (f->answers[i].what && !f->answers[i].is_used && ol_str_starts(what, f->answers[i].what))
            return &f->answers[i];
    return NULL;
}

static void keep(struct fake_http *f, const struct ol_http_request *q)
{
    if (!q->keep || *q->keep)
        return;
    *q->keep = calloc(1, sizeof(**q->keep));
    (*q->keep)->f = f;
    f->n_keeps++;
}

static void record(struct fake_http *f, const struct ol_http_request *q)
{
    ol_auto(ol_buf_done) struct ol_buf headers = OL_BUF_INIT(1 << 16);

    for (const char *const *h = q->headers; h && *h; h++)
        ol_buf_printf(&headers, "%s\n", *h);
    ol_strv_addf(&f->asked, "%s %s", q->method, q->url);
    ol_strv_add(&f->headers, headers.data);
    ol_strv_addn(&f->bodies, q->body ? q->body : "", q->body_size);
}

static int fetch(struct ol_env *env, const struct ol_http_request *q, struct ol_http_response *ret,
                 struct ol_err *err)
{
    struct fake_http *f = env->test;
    struct fake_answer *answer;

    record(f, q);
    keep(f, q);
    answer = find(f, f->asked.v[f->asked.n - 1]);
    if (answer) {
        answer->is_used = true;
        if (answer->code)
            return ol_err_set(err, -answer->code, "it went wrong");
        add_json(&ret->body, answer->body);
        ret->status = answer->status;
    } else if (ol_str_ends(q->url, "/auth/tokens")) {
        add_json(&ret->body, token_body);
        ol_buf_printf(ret->head, "HTTP/1.1 201\r\nX-Subject-Token: token-%u\r\n", ++f->n_tokens);
        ret->status = 201;
    } else {
        ol_buf_adds(&ret->body, "{}");
        ret->status = 200;
    }
    return 0;
}

static void keep_free(struct ol_http_keep *k)
{
    k->f->n_keeps--;
    free(k);
}

static const struct ol_http fake = {.fetch = fetch, .keep_free = keep_free};

static ol_time now(void *ctx)
{
    return ((struct fake_http *)ctx)->now;
}

static void sleep_on(void *ctx, ol_time span)
{
    struct fake_http *f = ctx;

    f->now += span;
    f->slept += span;
}

void fake_http_init(struct fake_http *f)
{
    *f = (struct fake_http){.now = OL_SECOND};
    assert_int_equal(ol_env_init(&f->env, "/", NULL), 0);
    f->clock = (struct ol_clock){.wall = now, .boot = now, .sleep = sleep_on, .ctx = f};
    f->env.clock = &f->clock;
    f->env.http = &fake;
    f->env.log = &f->log;
    f->env.test = f;
}

void fake_http_done(struct fake_http *f)
{
    for (size_t i = 0; i < ol_count(f->answers); i++)
        if (f->answers[i].what && !f->answers[i].is_used)
            fail_msg("nobody asked for %s", f->answers[i].what);
    assert_int_equal(f->n_keeps, 0);
    ol_strv_done(&f->asked);
    ol_strv_done(&f->headers);
    ol_strv_done(&f->bodies);
    ol_env_done(&f->env);
}

void fake_http_answer(struct fake_http *f, const char *what, int code, int status, const char *body)
{
    for (size_t i = 0; i < ol_count(f->answers); i++)
        if (!f->answers[i].what) {
            f->answers[i] = (struct fake_answer){what, code, status, body, false};
            return;
        }
    fail_msg("too many answers");
}
