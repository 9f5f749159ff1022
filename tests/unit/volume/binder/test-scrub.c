/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "volume/binder/in-tree.h"

struct fixture {
    char root[64];
    struct ol_env env;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->root, sizeof(f->root), "/tmp/binder-scrub-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    assert_int_equal(ol_env_init(&f->env, f->root, NULL), 0);
    assert_int_equal(ol_mkdir_p(&f->env, "/tmp/v/deep/er", 0755, NULL), 0);
    assert_int_equal(ol_mkdir_p(&f->env, "/srv/other", 0755, NULL), 0);
    assert_int_equal(ol_symlink(&f->env, "/srv/other", "/tmp/v/link", NULL), 0);
    assert_int_equal(ol_symlink(&f->env, "/srv/other", "/tmp/v/deep/link", NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    struct ol_env tmp;

    ol_env_done(&f->env);
    assert_int_equal(ol_env_init(&tmp, "/tmp", NULL), 0);
    assert_int_equal(ol_remove_tree(&tmp, f->root + strlen("/tmp"), NULL), 0);
    ol_env_done(&tmp);
    free(f);
    return 0;
}

static void emptying_removes_links_and_what_they_are_not(void **state)
{
    struct fixture *f = *state;
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    assert_int_equal(binder_scrub(&f->env, "empty", "/tmp/v", NULL), 0);
    assert_int_equal(ol_list_dir(&f->env, "/tmp/v", &names, NULL), 0);
    assert_int_equal(names.n, 0);
    assert_true(ol_is_dir(&f->env, "/srv/other"));
    assert_int_equal(binder_scrub(&f->env, "empty", "/tmp/v", NULL), 0);
}

static void removing_is_for_what_is_below_tmp(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(binder_scrub(&f->env, "remove", "/srv/other", &err), -EPERM);
    assert_string_equal(err.msg,
                        "host_path deleter only supports /tmp/.+ but received provided /srv/other");
    assert_int_equal(binder_scrub(&f->env, "remove", "/tmp/v", NULL), 0);
    assert_false(ol_exists(&f->env, "/tmp/v"));
    assert_true(ol_is_dir(&f->env, "/srv/other"));
    assert_int_equal(binder_scrub(&f->env, "remove", "/tmp/v", NULL), 0);
}

static void what_is_no_volume_stays(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {
        "", "/", "//", "/.", "srv", "/tmp/../srv", "/tmp/v/..", "/..",
    };

    for (size_t i = 0; i < ol_count(paths); i++) {
        assert_int_equal(binder_scrub(&f->env, "empty", paths[i], NULL), -EINVAL);
        assert_int_equal(binder_scrub(&f->env, "remove", paths[i], NULL), -EINVAL);
    }
    assert_int_equal(binder_scrub(&f->env, "empty", "/not/there", NULL), -ENOENT);
    assert_int_equal(binder_scrub(&f->env, "shred", "/tmp/v", NULL), -EINVAL);
    assert_true(ol_is_dir(&f->env, "/srv/other"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(emptying_removes_links_and_what_they_are_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(removing_is_for_what_is_below_tmp, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_volume_stays, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
