/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "volume/plugin/plan.h"
#include "volume/plugin/run.h"

struct tree {
    char root[64];
    struct ol_env env;
};

static int make_tree(void **state)
{
    struct tree *t = calloc(1, sizeof(*t));
    struct ol_err err = OL_ERR_INIT;

    snprintf(t->root, sizeof(t->root), "/tmp/orlop-plan-XXXXXX");
    if (!mkdtemp(t->root) || ol_env_init(&t->env, t->root, &err) < 0
        || ol_file_puts(&t->env, "/proc/self/mountinfo", "", 0600, OL_WRITE_PARENTS, &err) < 0)
        return -1;
    *state = t;
    return 0;
}

static int drop_tree(void **state)
{
    struct tree *t = *state;
    struct ol_err err = OL_ERR_INIT;
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (ol_list_dir(&t->env, "/", &names, &err) < 0)
        return -1;
    ol_strv_each (name, &names) {
        if (ol_remove_tree(&t->env, name, &err) < 0)
            return -1;
    }
    ol_env_done(&t->env);
    rmdir(t->root);
    free(t);
    return 0;
}

static int run(struct tree *t, struct volume_plan *p, struct ol_err *err)
{
    int r = volume_plan_run(&t->env, &p->wire, err);

    volume_plan_done(p);
    volume_plan_init(p);
    return r;
}

static void a_plan_survives_its_bytes(void **state)
{
    const struct volume_arg args[] = {{"n", 1}, {"0600", 4}, {"a\0b,3:", 6}};
    struct volume_step step;
    struct volume_plan p;
    size_t at = 0;

    volume_plan_init(&p);
    volume_plan_add(&p, VOLUME_MKDIR, "/a b", "");
    volume_plan_add_args(&p, VOLUME_FILE, args, 3);
    assert_int_equal(volume_plan_next(p.wire.data, p.wire.len, &at, &step), 1);
    assert_int_equal(step.verb, VOLUME_MKDIR);
    assert_string_equal(step.args[0].data, "/a b");
    assert_string_equal(step.args[1].data, "");
    assert_int_equal(volume_plan_next(p.wire.data, p.wire.len, &at, &step), 1);
    assert_int_equal(step.args[2].size, 6);
    assert_memory_equal(step.args[2].data, "a\0b,3:", 6);
    assert_int_equal(volume_plan_next(p.wire.data, p.wire.len, &at, &step), 0);
    volume_plan_done(&p);
}

static void bytes_that_are_no_plan_are_refused(void **state)
{
    static const char *const cases[] = {"x",
                                        "0",
                                        "0 ",
                                        "0 1;",
                                        "0 1;3:ab",
                                        "0 1;9:abc,",
                                        "999 0;",
                                        "0 99;",
                                        "0 1;3abc",
                                        "0 1;3:abcd",
                                        "0 1;99999999999999999999:a,"};

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_autofree char *copy = strdup(cases[i]);
        struct volume_step step;
        size_t at = 0;

        assert_int_equal(volume_plan_next(copy, strlen(copy), &at, &step), -EBADMSG);
    }
}

static void add_payload(struct volume_plan *p, const char *a, const char *b)
{
    volume_plan_add(p, VOLUME_MKDIR, "/v", "0777");
    volume_plan_add(p, VOLUME_PAYLOAD, "/v");
    volume_plan_add(p, VOLUME_FILE, "a", "0644", a);
    if (b)
        volume_plan_add(p, VOLUME_FILE, "d/b", "0640", b);
    volume_plan_add(p, VOLUME_COMMIT, "/v");
}

static char *text_of(struct tree *t, const char *path)
{
    return ol_file_read_line(&t->env, path);
}

static void files_of_the_api_change_all_at_once(void **state)
{
    struct tree *t = *state;
    ol_autofree char *first = NULL, *second = NULL, *third = NULL, *a = NULL, *b = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct volume_plan p;

    volume_plan_init(&p);
    add_payload(&p, "1", "2");
    assert_int_equal(run(t, &p, &err), 0);
    first = ol_readlink(&t->env, "/v/..data");
    b = text_of(t, "/v/d/b");
    assert_string_equal(b, "2");

    add_payload(&p, "1", "2"); /* nothing new: nothing changes */
    assert_int_equal(run(t, &p, &err), 0);
    second = ol_readlink(&t->env, "/v/..data");
    assert_string_equal(first, second);

    add_payload(&p, "3", NULL);
    assert_int_equal(run(t, &p, &err), 0);
    third = ol_readlink(&t->env, "/v/..data");
    assert_string_not_equal(first, third);
    a = text_of(t, "/v/a");
    assert_string_equal(a, "3");
    assert_false(ol_is_link(&t->env, "/v/d"));
    volume_plan_done(&p);
}

static void a_host_path_is_what_it_is_said_to_be(void **state)
{
    struct tree *t = *state;
    static const struct {
        const char *type, *path, *want;
    } cases[] = {
        {"Directory", "/no", "hostPath type check failed: /no is not a directory"},
        {"DirectoryOrCreate", "/made", ""},
        {"Directory", "/made", ""},
        {"File", "/made", "hostPath type check failed: /made is not a file"},
        {"FileOrCreate", "/file", ""},
        {"File", "/file", ""},
        {"Socket", "/file", "hostPath type check failed: /file is not a socket file"},
        {"BlockDevice", "/file", "hostPath type check failed: /file is not a block device"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;
        struct volume_plan p;

        volume_plan_init(&p);
        volume_plan_add(&p, VOLUME_HOST_PATH, cases[i].type, cases[i].path);
        run(t, &p, &err);
        assert_string_equal(err.code ? ol_err_text(&err) : "", cases[i].want);
        volume_plan_done(&p);
    }
}

/* demands: V29 */
static void only_an_empty_directory_is_removed(void **state)
{
    struct tree *t = *state;
    struct ol_err err = OL_ERR_INIT;
    struct volume_plan p;

    volume_plan_init(&p);
    assert_int_equal(ol_file_puts(&t->env, "/d/data", "x", 0600, OL_WRITE_PARENTS, &err), 0);
    volume_plan_add(&p, VOLUME_UMOUNT, "/d", "-");
    volume_plan_add(&p, VOLUME_RMDIR, "/d");
    assert_int_equal(run(t, &p, &err), -ENOTEMPTY);
    assert_true(ol_exists(&t->env, "/d/data"));
    assert_int_equal(ol_unlink(&t->env, "/d/data", &err), 0);
    volume_plan_add(&p, VOLUME_RMDIR, "/d");
    volume_plan_add(&p, VOLUME_RMDIR, "/never-was");
    assert_int_equal(run(t, &p, &err), 0);
    assert_false(ol_exists(&t->env, "/d"));
    volume_plan_done(&p);
}

static void what_is_a_mount_point_is_not_removed(void **state)
{
    struct tree *t = *state;
    struct ol_err err = OL_ERR_INIT;
    struct volume_plan p;

    volume_plan_init(&p);
    assert_int_equal(ol_mkdir_p(&t->env, "/d/e", 0700, &err), 0);
    assert_int_equal(ol_file_puts(&t->env, "/proc/self/mountinfo",
                                  "1 2 8:1 / /d/e rw - ext4 /dev/sda rw\n", 0600, 0, &err),
                     0);
    volume_plan_add(&p, VOLUME_RMDIR, "/d/e");
    assert_int_equal(run(t, &p, &err), -EBUSY);
    volume_plan_add(&p, VOLUME_REMOVE_TREE, "/d");
    assert_int_equal(run(t, &p, &err), -EBUSY);
    assert_true(ol_is_dir(&t->env, "/d/e"));
    volume_plan_done(&p);
}

static void a_link_does_not_lead_a_subpath_out(void **state)
{
    struct tree *t = *state;
    static const struct {
        const char *part, *target;
    } cases[] = {{"out", "/"}, {"up", "../outside"}, {"deep", "/etc/passwd"}};
    struct ol_err err = OL_ERR_INIT;
    struct volume_plan p;

    volume_plan_init(&p);
    assert_int_equal(ol_file_puts(&t->env, "/vol/f", "x", 0600, OL_WRITE_PARENTS, &err), 0);
    assert_int_equal(ol_file_puts(&t->env, "/outside", "x", 0600, 0, &err), 0);
    for (size_t i = 0; i < ol_count(cases); i++) {
        char path[64];

        snprintf(path, sizeof(path), "/vol/%s", cases[i].part);
        assert_int_equal(ol_symlink(&t->env, cases[i].target, path, &err), 0);
        volume_plan_add(&p, VOLUME_SUBPATH, "/vol", cases[i].part, "/target", "rw");
        assert_int_equal(run(t, &p, &err), -EXDEV);
        assert_non_null(strstr(ol_err_text(&err), "not within volume path"));
    }
    volume_plan_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_survives_its_bytes),
        cmocka_unit_test(bytes_that_are_no_plan_are_refused),
        cmocka_unit_test_setup_teardown(files_of_the_api_change_all_at_once, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(a_host_path_is_what_it_is_said_to_be, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(only_an_empty_directory_is_removed, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(what_is_a_mount_point_is_not_removed, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(a_link_does_not_lead_a_subpath_out, make_tree, drop_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
