/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/conductor/conductor.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "fake-rpc.h"

/*
 * cases.json, run twice: on SQLite, and over an RPC whose other side is SQLite. A step makes,
 * changes and saves an object ("new", "as", "set", "child", "do", "kwargs") or calls a class's
 * method ("call", "args", "kwargs"); "then" is what the object has afterwards, "first" and "count"
 * what a list has, "result" a plain value, "fails" and "says" an exception. "tick" lets seconds
 * pass first. A case begins with an empty database.
 */
struct run {
    struct ol_env env;
    struct ol_clock clock;
    ol_time now;
    struct ol_arena arena;
    struct nova_context ctx;
    struct rpc rpc;
    struct conductor *behind, *c; /* the same without RPC */
    const char *name;
    size_t at;
    struct {
        const char *name;
        struct nova_object *o;
    } objects[16];
    size_t n_objects;
};

static ol_time fake_wall(void *ctx)
{
    return *(ol_time *)ctx;
}

static const char *json(struct run *r, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);

    if (!v || ol_json_dump(v, &ol_json_compact, &text) < 0)
        return "-";
    return ol_arena_strdup(&r->arena, text.data);
}

static void fail_step(struct run *r, const char *what, const char *got, const char *want)
{
    fail_msg("%s, step %zu: %s is %s, not %s", r->name, r->at + 1, what, got, want);
}

static struct nova_object **slot(struct run *r, const char *name)
{
    for (size_t i = 0; i < r->n_objects; i++)
        if (!strcmp(r->objects[i].name, name))
            return &r->objects[i].o;
    assert_true(r->n_objects < ol_count(r->objects));
    r->objects[r->n_objects].name = name;
    return &r->objects[r->n_objects++].o;
}

/* --- what is expected --- */

static bool is_like(const struct ol_val *want, const struct ol_val *got);

static bool is_map_like(const struct ol_val *want, const struct ol_val *got)
{
    for (size_t i = 0; i < ol_val_count(want); i++) {
        const struct ol_pair *p = ol_val_pair(want, i);
        const struct ol_val *v = ol_val_get_key(got, p->key);

        if (!v || !is_like(p->value, v))
            return false;
    }
    return true;
}

/* A map may have more than is wanted. */
static bool is_like(const struct ol_val *want, const struct ol_val *got)
{
    const char *text = ol_val_str(want);

    if (text && !strcmp(text, "$uuid"))
        return ol_val_str(got) && strlen(ol_val_str(got)) == 36;
    if (want->type == OL_VAL_MAP && ol_val_count(want))
        return is_map_like(want, got);
    return want->type == got->type && ol_val_equal(want, got);
}

static void check_map(struct run *r, const struct ol_val *want, const struct ol_val *got)
{
    for (size_t i = 0; i < ol_val_count(want); i++) {
        const struct ol_pair *p = ol_val_pair(want, i);
        const struct ol_val *v = ol_val_get_key(got, p->key);

        if (!v || !is_like(p->value, v))
            fail_step(r, ol_val_str(p->key), json(r, v), json(r, p->value));
    }
}

static void check_outcome(struct run *r, const struct ol_val *step, int result,
                          const struct ol_err *err)
{
    const char *fails = ol_val_str(ol_val_get(step, "fails"));
    const char *says = ol_val_str(ol_val_get(step, "says"));

    if (!fails && result < 0)
        fail_step(r, "the outcome", err->msg, "success");
    if (fails && (result >= 0 || !nova_is(err, nova_exception_find(fails))))
        fail_step(r, "the exception", result < 0 && err->domain ? err->domain : "none", fails);
    if (says && strcmp(err->msg, says) != 0)
        fail_step(r, "the sentence", err->msg, says);
}

static void check_result(struct run *r, const struct ol_val *step, const struct ol_val *got)
{
    const struct ol_val *count = ol_val_get(step, "count"), *first = ol_val_get(step, "first");
    const struct ol_val *exact = ol_val_get(step, "result"), *data, *objects;

    data = ol_val_get(got, "nova_object.data");
    objects = ol_val_get(data, "objects");
    check_map(r, ol_val_get(step, "then"), data);
    if (count && (!objects || (int64_t)ol_val_count(objects) != ol_val_int(count, -1)))
        fail_step(r, "the list", json(r, objects), json(r, count));
    if (first)
        check_map(r, first, ol_val_get(ol_val_item(objects, 0), "nova_object.data"));
    if (exact && !ol_val_equal(exact, got))
        fail_step(r, "the result", json(r, got), json(r, exact));
}

/* --- steps --- */

static void set_fields(struct run *r, struct nova_object *o, const struct ol_val *step)
{
    const struct ol_val *set = ol_val_get(step, "set"), *child = ol_val_get(step, "child");

    for (size_t i = 0; i < ol_val_count(set); i++) {
        const struct ol_pair *p = ol_val_pair(set, i);

        nova_set_val(o, ol_val_str(p->key), p->value);
    }
    for (size_t i = 0; i < ol_val_count(child); i++) {
        const struct ol_pair *p = ol_val_pair(child, i);

        nova_set_object(o, ol_val_str(p->key), *slot(r, ol_val_str(p->value)));
    }
}

static void run_object(struct run *r, const struct ol_val *step)
{
    const char *class = ol_val_str(ol_val_get(step, "new"));
    const char *method = ol_val_str(ol_val_get(step, "do"));
    struct nova_object **at = slot(r, ol_val_str(ol_val_get(step, "as")));
    struct ol_err err = OL_ERR_INIT;
    int result = 0;

    if (class)
        *at = nova_object_new(&r->arena, r->c->release, class);
    assert_non_null(*at);
    set_fields(r, *at, step);
    if (method)
        result = conductor_action(r->c, &r->ctx, *at, method, ol_val_get(step, "kwargs"), &err);
    check_outcome(r, step, result, &err);
    check_map(r, ol_val_get(step, "then"), (*at)->data);
    if (method && result >= 0)
        for (size_t i = 0; i < ol_val_count((*at)->data); i++) {
            const char *field = ol_val_str(ol_val_pair((*at)->data, i)->key);

            if (nova_is_changed(*at, field))
                fail_step(r, field, "still changed", "saved");
        }
}

static void run_call(struct run *r, const struct ol_val *step)
{
    char class[64] = "";
    const char *call = ol_val_str(ol_val_get(step, "call")), *dot = strchr(call, '.');
    const char *as = ol_val_str(ol_val_get(step, "as"));
    const struct ol_val *got = NULL;
    struct ol_err err = OL_ERR_INIT;
    int result;

    memcpy(class, call, (size_t)(dot - call));
    result = conductor_value(r->c, &r->ctx, class, dot + 1, ol_val_get(step, "args"),
                             ol_val_get(step, "kwargs"), &r->arena, &got, &err);
    check_outcome(r, step, result, &err);
    if (result < 0)
        return;
    check_result(r, step, got);
    if (as)
        assert_int_equal(nova_object_load(&r->arena, got, slot(r, as), NULL), 0);
}

static void run_step(struct run *r, const struct ol_val *step)
{
    const char *read_deleted = ol_val_str(ol_val_get(step, "read_deleted"));

    r->now += ol_val_int(ol_val_get(step, "tick"), 0) * OL_SECOND;
    ol_val_set_str(&r->arena, r->ctx.values, "read_deleted", read_deleted ? read_deleted : "no");
    if (ol_val_get(step, "call"))
        run_call(r, step);
    else
        run_object(r, step);
}

enum run_flag { OVER_RPC = 1 };

static void run_case(const struct ol_val *one, unsigned flags)
{
    struct run r = {.name = ol_val_str(ol_val_get(one, "name")),
                    .now = nova_time("2026-11-22T01:00:00Z")};
    const struct ol_val *steps = ol_val_get(one, "steps");

    r.clock = (struct ol_clock){.wall = fake_wall, .boot = fake_wall, .ctx = &r.now};
    /* A dry run's database is in memory; with no root there is no other to be opened. */
    r.env = (struct ol_env){.root_fd = -1, .root = "/", .clock = &r.clock, .is_dry_run = true};
    ol_arena_init(&r.arena, 32 << 20);
    fake_rpc_init(&r.rpc);
    r.ctx = nova_context_admin(&r.arena, &r.env);
    ol_val_set_str(&r.arena, r.ctx.values, "request_id", "req-1");
    assert_int_equal(conductor_local(&r.env, "/nova.db", nova_release_find("zed"), &r.behind, NULL),
                     0);
    r.rpc.behind = r.behind;
    r.c = flags & OVER_RPC ? conductor_remote(&r.env, &r.rpc, r.behind->release) : r.behind;
    for (r.at = 0; r.at < ol_val_count(steps); r.at++)
        run_step(&r, ol_val_item(steps, r.at));
    assert_true(r.c == r.behind || r.rpc.n_calls > 0);
    if (r.c != r.behind)
        conductor_free(r.c);
    conductor_free(r.behind);
    fake_rpc_done(&r.rpc);
    ol_arena_done(&r.arena);
}

static void run_all(unsigned flags)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    struct ol_val *cases = NULL;
    struct ol_env env;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_env_init(&env, getenv("OL_TEST_SOURCE_DIR"), NULL), 0);
    assert_int_equal(ol_file_read(&env, "/tests/unit/compute/conductor/cases.json", &text, NULL),
                     0);
    if (ol_json_load(text.data, text.len, &a, &cases, &err) < 0)
        fail_msg("cases.json: %s", err.msg);
    assert_true(ol_val_count(cases) > 0);
    for (size_t i = 0; i < ol_val_count(cases); i++)
        run_case(ol_val_item(cases, i), flags);
    ol_env_done(&env);
}

static void every_case_holds_on_sqlite(void **state)
{
    run_all(0);
}

/* demands: C31 */
static void every_case_holds_over_rpc(void **state)
{
    run_all(OVER_RPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_holds_on_sqlite),
        cmocka_unit_test(every_case_holds_over_rpc),
    };

    return cmocka_run_group_tests_name("compute/conductor/cases", tests, NULL, NULL);
}
