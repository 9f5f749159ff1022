/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/base/exception.h"
#include "compute/conductor/local.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

#define PATH "/nova.db"

struct fixture {
    char root[32];
    struct ol_env env;
    struct ol_arena arena;
    struct nova_context ctx;
    const struct nova_release *release;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.root = "/tmp/orlop-test-XXXXXX", .release = nova_release_find("zed")};
    if (!mkdtemp(f.root) || ol_env_init(&f.env, f.root, NULL) < 0)
        return -1;
    ol_arena_init(&f.arena, 64 << 20);
    f.ctx = nova_context_admin(&f.arena, &f.env);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)!ol_remove_tree(&f->env, PATH, NULL);
    (void)!ol_remove_tree(&f->env, PATH "-wal", NULL);
    (void)!ol_remove_tree(&f->env, PATH "-shm", NULL);
    ol_env_done(&f->env);
    ol_arena_done(&f->arena);
    return rmdir(f->root);
}

static struct conductor *open_db(struct fixture *f)
{
    struct conductor *c = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (conductor_local(&f->env, PATH, f->release, &c, &err) < 0)
        fail_msg("%s", err.msg);
    return c;
}

static void sql(struct fixture *f, const char *text)
{
    ol_autofree char *real = ol_xasprintf("%s%s", f->root, PATH);
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(real, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static struct nova_object *instance(struct fixture *f, const char *uuid)
{
    struct nova_object *o = nova_object_new(&f->arena, f->release, "Instance");

    nova_set_str(o, "uuid", uuid);
    nova_set_str(o, "host", "h");
    return o;
}

static void what_is_written_is_there_after_opening_it_again(void **state)
{
    struct fixture *f = *state;
    struct conductor *c = open_db(f);
    struct nova_object *o = NULL;

    assert_int_equal(conductor_create(c, &f->ctx, instance(f, "u"), NULL), 0);
    conductor_free(c);
    f->release = nova_release_find("master");
    c = open_db(f);
    assert_int_equal(conductor_get_instance(c, &f->ctx, "u", NULL, &f->arena, &o, NULL), 0);
    assert_string_equal(nova_str(o, "host"), "h");
    assert_string_equal(o->version, "2.8");
    assert_false(nova_has(o, "info_cache"));
    conductor_free(c);
}

static void the_file_is_the_owner_s_alone(void **state)
{
    static const char *const files[] = {PATH, PATH "-wal", PATH "-shm"};
    struct fixture *f = *state;
    struct conductor *c = open_db(f);
    struct stat st;

    for (size_t i = 0; i < ol_count(files); i++) {
        assert_int_equal(ol_stat(&f->env, files[i], &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    conductor_free(c);
    assert_int_equal(ol_chmod(&f->env, PATH, 0644, NULL), 0);
    c = open_db(f);
    assert_int_equal(ol_stat(&f->env, PATH, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    conductor_free(c);
}

static void assert_refused(struct fixture *f, int code, const char *part)
{
    struct conductor *c = NULL;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(conductor_local(&f->env, PATH, f->release, &c, &err), code);
    assert_non_null(strstr(err.msg, PATH));
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
    assert_null(c);
}

static void a_database_that_is_not_ours_is_refused_in_words(void **state)
{
    struct fixture *f = *state;
    static const char noise[] = "This is no database, but it is long enough to be taken for one, "
                                "if one looks at the first hundred bytes of it alone.";

    conductor_free(open_db(f));
    sql(f, "PRAGMA user_version=7");
    assert_refused(f, -EPROTONOSUPPORT, "was written by a newer version (layout 7");
    assert_int_equal(ol_unlink(&f->env, PATH, NULL), 0);
    sql(f, "CREATE TABLE cats(name)");
    assert_refused(f, -EEXIST, "belongs to another program");
    assert_int_equal(ol_file_puts(&f->env, PATH, noise, 0600, 0, NULL), 0);
    assert_refused(f, -EUCLEAN, "is damaged");
}

static void damage_that_is_found_later_is_told(void **state)
{
    struct fixture *f = *state;
    struct conductor *c = open_db(f);
    struct nova_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(conductor_create(c, &f->ctx, instance(f, "u"), NULL), 0);
    sql(f, "UPDATE instance SET data='{'");
    assert_int_equal(conductor_get_instance(c, &f->ctx, "u", NULL, &f->arena, &o, &err), -EUCLEAN);
    assert_string_equal(err.msg, "the database " PATH " is damaged: a row is not JSON");
    conductor_free(c);
}

static void a_reader_shows_and_does_not_write(void **state)
{
    struct fixture *f = *state;
    struct conductor *c = NULL, *writer;
    struct nova_object *list = NULL;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(conductor_local_reader(&f->env, PATH, f->release, &c, &err), -ENOENT);
    writer = open_db(f);
    assert_int_equal(conductor_local_reader(&f->env, PATH, f->release, &c, &err), 0);
    assert_int_equal(conductor_create(writer, &f->ctx, instance(f, "u"), NULL), 0);
    assert_int_equal(conductor_show(c, LOCAL_SHOW_INSTANCES, NULL, &f->arena, &list, NULL), 0);
    assert_int_equal(nova_list_count(list), 1);
    assert_string_equal(nova_str(nova_child(nova_list_item(list, 0), "info_cache"), "network_info"),
                        "[]");
    assert_int_equal(conductor_show(c, LOCAL_SHOW_SERVICES, NULL, &f->arena, &list, NULL), 0);
    assert_int_equal(nova_list_count(list), 0);
    assert_int_equal(conductor_show(c, LOCAL_SHOW_NODES, NULL, &f->arena, &list, NULL), 0);
    assert_int_equal(conductor_show(c, LOCAL_SHOW_ACTIONS, "u", &f->arena, &list, NULL), 0);
    assert_int_equal(conductor_show(c, LOCAL_SHOW_EVENTS, "1", &f->arena, &list, NULL), 0);
    assert_int_equal(conductor_show(c, LOCAL_SHOW_EVENTS, "x", &f->arena, &list, NULL), -EINVAL);
    assert_int_equal(conductor_create(c, &f->ctx, instance(f, "v"), &err), -EROFS);
    conductor_free(c);
    conductor_free(writer);
}

static void each_writing_call_asks_once_and_reading_ones_never(void **state)
{
    struct fixture *f = *state;
    struct conductor *c = open_db(f);
    struct nova_object *o = instance(f, "u");
    unsigned long before = f->env.n_changes;

    assert_int_equal(conductor_create(c, &f->ctx, o, NULL), 0);
    assert_int_equal(f->env.n_changes, before + 1);
    nova_set_int(o, "progress", 3);
    assert_int_equal(conductor_save(c, &f->ctx, o, NULL), 0);
    assert_int_equal(f->env.n_changes, before + 2);
    assert_int_equal(conductor_get_instance(c, &f->ctx, "u", NULL, &f->arena, &o, NULL), 0);
    assert_int_equal(f->env.n_changes, before + 2);
    conductor_free(c);
}

static void a_dry_run_leaves_no_file(void **state)
{
    struct fixture *f = *state;
    struct conductor *c;

    f->env.is_dry_run = true;
    c = open_db(f);
    assert_int_equal(conductor_create(c, &f->ctx, instance(f, "u"), NULL), 0);
    conductor_free(c);
    assert_false(ol_exists(&f->env, PATH));
}

/* --- threads --- */

enum { THREADS = 4, ROUNDS = 10 };

struct worker {
    struct fixture *f;
    struct conductor *c;
    int n_won, result;
};

/* Each moves the same instance from "a" to "b" and back; who comes too late is told so. */
static void *work(void *ctx)
{
    struct worker *w = ctx;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    const struct nova_context admin = nova_context_copy(&a, &w->f->ctx);

    for (int i = 0; i < ROUNDS && w->result == 0; i++) {
        static const char *const states[] = {"a", "b"};
        const char *const expected[] = {states[i % 2], NULL};
        struct nova_object *o = NULL;
        struct ol_err err = OL_ERR_INIT;
        bool turns = false;
        int r = conductor_get_instance(w->c, &admin, "u", NULL, &a, &o, &err);

        if (r == 0) {
            nova_set_str(o, "task_state", states[!(i % 2)]);
            nova_set_int(o, "progress", i);
            turns = nova_is_changed(o, "task_state");
            r = conductor_save_instance(w->c, &admin, o, expected, &err);
        }
        if (r == 0)
            w->n_won += turns;
        else if (!nova_is(&err, NOVA_UNEXPECTED_TASK_STATE))
            w->result = r;
    }
    return NULL;
}

static void threads_save_one_after_the_other(void **state)
{
    struct fixture *f = *state;
    struct conductor *c = open_db(f);
    struct nova_object *o = instance(f, "u");
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    int won = 0;

    nova_set_str(o, "task_state", "a");
    assert_int_equal(conductor_create(c, &f->ctx, o, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = f, .c = c};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].result, 0);
        won += workers[i].n_won;
    }
    assert_int_equal(conductor_get_instance(c, &f->ctx, "u", NULL, &f->arena, &o, NULL), 0);
    /* Each save that was let through has turned the state once. */
    assert_string_equal(nova_str(o, "task_state"), won % 2 ? "b" : "a");
    assert_true(won >= 1);
    conductor_free(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_there_after_opening_it_again),
        TEST(the_file_is_the_owner_s_alone),
        TEST(a_database_that_is_not_ours_is_refused_in_words),
        TEST(damage_that_is_found_later_is_told),
        TEST(a_reader_shows_and_does_not_write),
        TEST(each_writing_call_asks_once_and_reading_ones_never),
        TEST(a_dry_run_leaves_no_file),
        TEST(threads_save_one_after_the_other),
    };

    return cmocka_run_group_tests_name("compute/conductor/local", tests, NULL, NULL);
}
