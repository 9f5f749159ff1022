/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "compute/base/task.h"
#include "core/cleanup.h"

/* Tasks note what they do; a gate holds those that should still run while the test looks. */
struct book {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[64];
    int running, most_running, dropped;
    bool is_open;
};

struct job {
    struct book *book;
    char letter;
};

static struct ol_env env;

static void book_init(struct book *b, bool is_open)
{
    memset(b, 0, sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->is_open = is_open;
}

static void note(void *ctx)
{
    struct job *j = ctx;
    struct book *b = j->book;

    pthread_mutex_lock(&b->lock);
    b->text[strlen(b->text)] = j->letter;
    b->running++;
    if (b->running > b->most_running)
        b->most_running = b->running;
    pthread_cond_broadcast(&b->changed);
    while (!b->is_open)
        pthread_cond_wait(&b->changed, &b->lock);
    b->running--;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void dropped(void *ctx)
{
    struct job *j = ctx;

    j->book->dropped++;
}

static void wait_for(struct book *b, size_t written)
{
    pthread_mutex_lock(&b->lock);
    while (strlen(b->text) < written || (b->is_open && b->running))
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void open_gate(struct book *b)
{
    pthread_mutex_lock(&b->lock);
    b->is_open = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void add(struct task_pool *p, struct job *j, const char *key, enum task_lane lane)
{
    task_pool_add(
        p, &(struct task){
               .name = "note", .key = key, .lane = lane, .run = note, .drop = dropped, .ctx = j});
}

static struct task_pool *pool(unsigned n_threads, unsigned n_builds)
{
    env.clock = &ol_clock_real;
    return task_pool_new(
        &env, &(struct task_pool_options){.n_threads = n_threads, .lanes[TASK_BUILD] = n_builds});
}

static void end(struct task_pool *p)
{
    assert_true(task_pool_stop(p, 30 * OL_SECOND));
    task_pool_free(p);
}

static void tasks_of_one_key_run_in_their_order(void **state)
{
    struct task_pool *p = pool(4, 0);
    struct job jobs[20];
    struct book b;

    book_init(&b, true);
    for (int i = 0; i < 20; i++) {
        jobs[i] = (struct job){&b, (char)('a' + i)};
        add(p, &jobs[i], "instance", TASK_ANY);
    }
    wait_for(&b, 20);
    assert_string_equal(b.text, "abcdefghijklmnopqrst");
    assert_int_equal(b.most_running, 1);
    end(p);
}

static void tasks_of_other_keys_run_beside_them(void **state)
{
    struct task_pool *p = pool(4, 0);
    struct job jobs[4];
    struct book b;

    book_init(&b, false);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct job){&b, (char)('a' + i)};
        add(p, &jobs[i], (const char *[]){"x", "x", "y", NULL}[i], TASK_ANY);
    }
    wait_for(&b, 3);
    assert_int_equal(b.running, 3);
    assert_int_equal(task_pool_running(p), 3);
    assert_null(strchr(b.text, 'b'));
    open_gate(&b);
    wait_for(&b, 4);
    assert_int_equal(b.text[3], 'b');
    end(p);
}

static void builds_keep_to_their_lane(void **state)
{
    struct task_pool *p = pool(8, 2);
    struct job jobs[6];
    struct book b;

    book_init(&b, false);
    for (int i = 0; i < 6; i++) {
        jobs[i] = (struct job){&b, (char)('a' + i)};
        add(p, &jobs[i], NULL, i < 5 ? TASK_BUILD : TASK_ANY);
    }
    wait_for(&b, 3);
    assert_int_equal(b.running, 3);
    assert_non_null(strchr(b.text, 'f'));
    open_gate(&b);
    wait_for(&b, 6);
    assert_int_equal(b.most_running, 3);
    end(p);
}

static void what_waits_at_the_end_is_dropped(void **state)
{
    struct task_pool *p = pool(1, 0);
    struct job jobs[3];
    struct book b;

    book_init(&b, false);
    for (int i = 0; i < 3; i++) {
        jobs[i] = (struct job){&b, (char)('a' + i)};
        add(p, &jobs[i], NULL, TASK_ANY);
    }
    wait_for(&b, 1);
    assert_false(task_pool_stop(p, 0));
    assert_int_equal(b.dropped, 2);
    add(p, &jobs[2], NULL, TASK_ANY);
    assert_int_equal(b.dropped, 3);
    open_gate(&b);
    end(p);
    assert_string_equal(b.text, "a");
}

static void what_waits_at_the_end_is_done_within_the_patience(void **state)
{
    struct task_pool *p = pool(1, 0);
    struct job jobs[3];
    struct book b;

    book_init(&b, true);
    for (int i = 0; i < 3; i++) {
        jobs[i] = (struct job){&b, (char)('a' + i)};
        add(p, &jobs[i], "instance", TASK_ANY);
    }
    end(p);
    assert_string_equal(b.text, "abc");
    assert_int_equal(b.dropped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_of_one_key_run_in_their_order),
        cmocka_unit_test(tasks_of_other_keys_run_beside_them),
        cmocka_unit_test(builds_keep_to_their_lane),
        cmocka_unit_test(what_waits_at_the_end_is_dropped),
        cmocka_unit_test(what_waits_at_the_end_is_done_within_the_patience),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
