/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/resolve.h"
#include "core/strv.h"

/* A tree "in" inside of a directory that nothing may touch. */
struct tree {
    char outside[64], root[80];
    struct ol_env env;
};

static int set_up(void **state)
{
    struct tree *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    snprintf(t->outside, sizeof(t->outside), "/tmp/core-file-XXXXXX");
    assert_non_null(mkdtemp(t->outside));
    snprintf(t->root, sizeof(t->root), "%s/in", t->outside);
    assert_int_equal(mkdir(t->root, 0755), 0);
    assert_int_equal(ol_env_init(&t->env, t->root, NULL), 0);
    *state = t;
    return 0;
}

/* The same where the kernel has no openat2(). */
static int set_up_walk(void **state)
{
    int r = set_up(state);
    struct tree *t = *state;

    t->env.resolve = OL_RESOLVE_WALK;
    return r;
}

static int tear_down(void **state)
{
    struct tree *t = *state;
    struct ol_env tmp;

    ol_env_done(&t->env);
    assert_int_equal(ol_env_init(&tmp, "/tmp", NULL), 0);
    assert_int_equal(ol_remove_tree(&tmp, t->outside + strlen("/tmp"), NULL), 0);
    ol_env_done(&tmp);
    free(t);
    return 0;
}

static char *text_of(struct tree *t, const char *path)
{
    struct ol_buf b = OL_BUF_INIT(1 << 20);

    return ol_file_read(&t->env, path, &b, NULL) < 0 ? NULL : ol_buf_take(&b);
}

static void assert_text(struct tree *t, const char *path, const char *want)
{
    ol_autofree char *got = text_of(t, path);

    assert_non_null(got);
    assert_string_equal(got, want);
}

static mode_t mode_of(struct tree *t, const char *path)
{
    struct stat st;

    assert_int_equal(ol_stat(&t->env, path, &st), 0);
    return st.st_mode & 07777;
}

/* demands: 14 */
static void no_link_and_no_dots_lead_out_of_the_root(void **state)
{
    static const char *const paths[] = {"/../secret",  "../secret",  "/a/../../secret",
                                        "/abs/secret", "/up/secret", "/link"};
    struct tree *t = *state;
    char secret[128], up[128];
    struct stat st;

    snprintf(secret, sizeof(secret), "%s/secret", t->outside);
    assert_int_equal(close(open(secret, O_WRONLY | O_CREAT, 0600)), 0);
    assert_int_equal(ol_mkdir_p(&t->env, "/a", 0755, NULL), 0);
    assert_int_equal(ol_symlink(&t->env, t->outside, "/abs", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "..", "/up", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "../secret", "/link", NULL), 0);
    for (size_t i = 0; i < ol_count(paths); i++) {
        assert_false(ol_exists(&t->env, paths[i]));
        assert_int_equal(ol_remove_tree(&t->env, paths[i], NULL), 0);
    }
    assert_int_equal(ol_file_puts(&t->env, "/../made", "x", 0644, 0, NULL), 0);
    assert_text(t, "/made", "x");
    assert_int_equal(ol_remove_tree(&t->env, "/..", NULL), -EINVAL);
    assert_int_equal(ol_remove_tree(&t->env, "/a/..", NULL), -EINVAL);
    assert_int_equal(ol_remove_tree(&t->env, "/", NULL), -EINVAL);
    assert_int_equal(ol_unlink(&t->env, "..", NULL), -EINVAL);
    assert_int_equal(ol_rename(&t->env, "/made", "/a/..", NULL), -EINVAL);
    snprintf(up, sizeof(up), "%s/made", t->outside);
    assert_int_equal(stat(secret, &st), 0);
    assert_int_equal(stat(up, &st), -1);
}

static void files_get_exactly_their_mode(void **state)
{
    static const mode_t modes[] = {0600, 0644, 0777, 0400, 04755, 0, 02640};
    struct tree *t = *state;
    mode_t mask = umask(077);

    for (size_t i = 0; i < ol_count(modes); i++) {
        assert_int_equal(ol_file_puts(&t->env, "/f", "x", modes[i], 0, NULL), 0);
        assert_int_equal(mode_of(t, "/f"), modes[i]);
        assert_int_equal(ol_chmod(&t->env, "/f", 0600, NULL), 0); /* or only root could go on */
        assert_int_equal(ol_file_puts(&t->env, "/g", "x", modes[i], OL_WRITE_ATOMIC, NULL), 0);
        assert_int_equal(mode_of(t, "/g"), modes[i]);
    }
    assert_int_equal(ol_chmod(&t->env, "/f", 0640, NULL), 0);
    assert_int_equal(ol_file_puts(&t->env, "/f", "y", 0600, OL_WRITE_KEEP_MODE, NULL), 0);
    assert_int_equal(mode_of(t, "/f"), 0640);
    assert_int_equal(ol_file_puts(&t->env, "/new", "y", 0604, OL_WRITE_KEEP_MODE, NULL), 0);
    assert_int_equal(mode_of(t, "/new"), 0604);
    assert_int_equal(ol_mkdir_p(&t->env, "/d/e//f/", 0711, NULL), 0);
    assert_int_equal(mode_of(t, "/d"), 0711);
    assert_int_equal(mode_of(t, "/d/e/f"), 0711);
    assert_int_equal(ol_mkdir_p(&t->env, "/d", 0755, NULL), 0);
    assert_int_equal(mode_of(t, "/d"), 0711);
    umask(mask);
}

static void files_are_written_in_the_ways_asked_for(void **state)
{
    struct tree *t = *state;
    ol_autofree char *target = NULL;

    assert_int_equal(ol_file_puts(&t->env, "/a", "one", 0644, 0, NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "a", "/link", NULL), 0);
    assert_int_equal(ol_file_puts(&t->env, "/link", "two", 0644, 0, NULL), 0);
    assert_text(t, "/a", "two");
    assert_int_equal(ol_file_puts(&t->env, "/a", "+", 0644, OL_WRITE_APPEND, NULL), 0);
    assert_text(t, "/a", "two+");
    assert_int_equal(ol_file_puts(&t->env, "/a", "x", 0644, OL_WRITE_EXCL, NULL), -EEXIST);
    assert_int_equal(ol_file_puts(&t->env, "/p/q/r", "x", 0644, OL_WRITE_PARENTS, NULL), 0);
    assert_int_equal(mode_of(t, "/p/q"), 0755);
    /* Our own state replaces a link, it does not write through it. */
    assert_int_equal(ol_file_puts(&t->env, "/link", "three", 0644, OL_WRITE_ATOMIC, NULL), 0);
    assert_false(ol_is_link(&t->env, "/link"));
    assert_text(t, "/a", "two+");
    assert_int_equal(ol_symlink(&t->env, "/nowhere", "/link", NULL), 0);
    target = ol_readlink(&t->env, "/link");
    assert_string_equal(target, "/nowhere");
    assert_false(ol_exists(&t->env, "/link"));
}

static void reading_is_bounded_and_says_what_is_wrong(void **state)
{
    struct tree *t = *state;
    ol_auto(ol_buf_done) struct ol_buf small = OL_BUF_INIT(3), b = OL_BUF_INIT(10);
    ol_autofree char *line = NULL;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_file_puts(&t->env, "/f", " abc\n", 0644, 0, NULL), 0);
    assert_int_equal(ol_file_read(&t->env, "/f", &small, &err), -EFBIG);
    assert_string_equal(ol_err_text(&err), "'/f' has more than 3 bytes");
    assert_int_equal(ol_file_read(&t->env, "/none", &b, &err), -ENOENT);
    assert_string_equal(ol_err_text(&err), "open '/none': No such file or directory");
    assert_int_equal(ol_file_read(&t->env, "/", &b, &err), -EISDIR);
    assert_int_equal(mkfifoat(t->env.root_fd, "fifo", 0600), 0);
    assert_int_equal(ol_file_read(&t->env, "/fifo", &b, &err), -EINVAL);
    line = ol_file_read_line(&t->env, "/f");
    assert_string_equal(line, "abc");
    assert_null(ol_file_read_line(&t->env, "/none"));
}

static void a_full_disk_is_an_error_and_leaves_no_rubbish(void **state)
{
    struct tree *t = *state;
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct ol_env host;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_env_init(&host, "/", NULL), 0);
    assert_int_equal(ol_file_puts(&host, "/dev/full", "x", 0666, OL_WRITE_KEEP_MODE, &err),
                     -ENOSPC);
    assert_string_equal(ol_err_text(&err), "write '/dev/full': No space left on device");
    ol_env_done(&host);
    assert_int_equal(ol_mkdir_p(&t->env, "/d/f", 0755, NULL), 0);
    /* The rename is what fails here. */
    assert_true(ol_file_puts(&t->env, "/d/f", "x", 0644, OL_WRITE_ATOMIC, NULL) < 0);
    assert_int_equal(ol_list_dir(&t->env, "/d", &names, NULL), 0);
    assert_int_equal(names.n, 1);
    assert_int_equal(ol_file_puts(&t->env, "/d/f/x/y", "x", 0644, 0, NULL), -ENOENT);
    assert_int_equal(ol_file_puts(&t->env, "/file", "x", 0644, 0, NULL), 0);
    assert_int_equal(ol_mkdir_p(&t->env, "/file/x", 0755, &err), -ENOTDIR);
    assert_int_equal(ol_mkdir_p(&t->env, "/file", 0755, &err), -ENOTDIR);
}

static void a_shorter_text_leaves_nothing_of_the_longer(void **state)
{
    static const char *const texts[] = {"", "longer than the next\n", "x\n", "", "again\n", "\n"};
    struct tree *t = *state;

    for (size_t i = 0; i < ol_count(texts); i++) {
        assert_int_equal(ol_file_puts(&t->env, "/f", texts[i], 0644, 0, NULL), 0);
        assert_text(t, "/f", texts[i]);
    }
}

static void text_that_is_not_whole_is_not_written(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4);
    struct tree *t = *state;

    ol_buf_adds(&text, "new");
    assert_int_equal(ol_file_write_buf(&t->env, "/f", &text, 0644, 0, NULL), 0);
    ol_buf_adds(&text, "er");
    assert_int_equal(ol_file_write_buf(&t->env, "/f", &text, 0644, 0, NULL), -EFBIG);
    assert_text(t, "/f", "new");
}

static void removing_a_tree_follows_no_link(void **state)
{
    struct tree *t = *state;

    assert_int_equal(ol_file_puts(&t->env, "/keep/f", "x", 0644, OL_WRITE_PARENTS, NULL), 0);
    assert_int_equal(ol_file_puts(&t->env, "/rm/a/b/f", "x", 0644, OL_WRITE_PARENTS, NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "/keep", "/rm/a/link", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "../../..", "/rm/a/up", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "/keep", "/top", NULL), 0);
    assert_int_equal(ol_remove_tree(&t->env, "/rm", NULL), 0);
    assert_int_equal(ol_remove_tree(&t->env, "/top", NULL), 0);
    assert_int_equal(ol_remove_tree(&t->env, "/none/x", NULL), 0);
    assert_false(ol_exists(&t->env, "/rm"));
    assert_false(ol_is_link(&t->env, "/top"));
    assert_text(t, "/keep/f", "x");
}

static void names_in_a_directory_are_sorted(void **state)
{
    struct tree *t = *state;
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    ol_autofree char *joined = NULL;

    assert_int_equal(ol_file_puts(&t->env, "/b", "", 0644, 0, NULL), 0);
    assert_int_equal(ol_file_puts(&t->env, "/B", "", 0644, 0, NULL), 0);
    assert_int_equal(ol_file_puts(&t->env, "/.a", "", 0644, 0, NULL), 0);
    assert_int_equal(ol_list_dir(&t->env, "/", &names, NULL), 0);
    joined = ol_strv_join(&names, " ");
    assert_string_equal(joined, ".a B b");
    assert_int_equal(ol_list_dir(&t->env, "/b", &names, NULL), -ENOTDIR);
}

static void note_plan(void *ctx, const char *verb, const char *object)
{
    ol_strv_addf(ctx, "%s %s", verb, object);
}

static void a_dry_run_changes_nothing_and_tells_the_plan(void **state)
{
    static const char want[] = "write /f,mkdir /d,mkdir /d/e,symlink /l,rename /g,chmod /f,"
                               "chown /f,write /f,write /f";
    struct tree *t = *state;
    ol_auto(ol_strv_done) struct ol_strv plan = OL_STRV_INIT, names = OL_STRV_INIT;
    ol_autofree char *joined = NULL;

    t->env.is_dry_run = true;
    t->env.plan = note_plan;
    t->env.plan_ctx = &plan;
    assert_int_equal(ol_file_puts(&t->env, "/f", "x", 0644, 0, NULL), 0);
    assert_int_equal(ol_mkdir_p(&t->env, "/d/e", 0755, NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "a", "/l", NULL), 0);
    assert_int_equal(ol_rename(&t->env, "/f", "/g", NULL), 0);
    assert_int_equal(ol_chmod(&t->env, "/f", 0644, NULL), 0);
    assert_int_equal(ol_chown(&t->env, "/f", 0, 0, NULL), 0);
    assert_int_equal(ol_unlink(&t->env, "/f", NULL), 0);
    assert_int_equal(ol_remove_tree(&t->env, "/f", NULL), 0);
    assert_int_equal(ol_file_puts(&t->env, "/f", "x", 0644, OL_WRITE_ATOMIC, NULL), 0);
    assert_int_equal(ol_file_puts(&t->env, "/f", "x", 0644, OL_WRITE_APPEND, NULL), 0);
    joined = ol_strv_join(&plan, ",");
    assert_string_equal(joined, want);
    assert_int_equal(ol_list_dir(&t->env, "/", &names, NULL), 0);
    assert_int_equal(names.n, 0);
}

static void programs_are_found_in_the_tree(void **state)
{
    struct tree *t = *state;
    ol_autofree char *found = NULL;

    assert_null(ol_which(&t->env, "sh"));
    assert_int_equal(ol_file_puts(&t->env, "/usr/sbin/x", "", 0644, OL_WRITE_PARENTS, NULL), 0);
    assert_null(ol_which(&t->env, "x"));
    assert_int_equal(ol_file_puts(&t->env, "/bin/x", "", 0755, OL_WRITE_PARENTS, NULL), 0);
    found = ol_which(&t->env, "x");
    assert_string_equal(found, "/bin/x");
    assert_null(ol_which(&t->env, "/usr/sbin/x"));
}

/* Every path of the tree is what openat2() says it is, for each way to open it. */
static void walking_finds_what_the_kernel_finds(void **state)
{
    static const char *const paths[] = {
        "/",
        "",
        "/.",
        "/..",
        "/d",
        "/d/",
        "/d/.",
        "/d/..",
        "/d/f",
        "d//f",
        "/d/f/",
        "/d/f/x",
        "/d/none",
        "/none/x",
        "/abs",
        "/abs/",
        "/abs/f",
        "/up",
        "/up/d/f",
        "/loop",
        "/loop/x",
        "/to-file",
        "/to-file/",
        "/chain",
        "/chain/f",
        "/dangling",
        "/dangling/x",
        "/d/../../../d/f",
        "/d/self/self/f",
    };
    static const int flags[] = {O_RDONLY, O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_NOFOLLOW,
                                O_RDONLY | O_DIRECTORY};
    struct tree *t = *state;

    assert_int_equal(ol_file_puts(&t->env, "/d/f", "x", 0644, OL_WRITE_PARENTS, NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "/d", "/abs", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "../../..", "/up", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "loop", "/loop", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "d/f", "/to-file", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "up/abs", "/chain", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "/new", "/dangling", NULL), 0);
    assert_int_equal(ol_symlink(&t->env, ".", "/d/self", NULL), 0);
    for (size_t i = 0; i < ol_count(paths) * ol_count(flags); i++) {
        const char *path = paths[i / ol_count(flags)];
        int how = flags[i % ol_count(flags)];
        ol_autoclose int want = ol_resolve_open(t->env.root_fd, path, how, 0, 0);
        ol_autoclose int got = ol_resolve_open(t->env.root_fd, path, how, 0, OL_RESOLVE_WALK);
        struct stat a = {0}, b = {0};

        if (want < 0 || got < 0)
            assert_int_equal(got < 0 ? got : 0, want < 0 ? want : 0);
        else
            assert_int_equal(fstat(want, &a) | fstat(got, &b), 0);
        assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    }
}

static void walking_makes_files_where_the_kernel_does(void **state)
{
    static const struct {
        const char *path;
        int flags, want;
    } cases[] = {
        {"/new", O_CREAT | O_EXCL, 0},
        {"/new", O_CREAT | O_EXCL, -EEXIST},
        {"/link", O_CREAT | O_EXCL, -EEXIST},
        {"/link", O_CREAT, 0},
        {"/d/", O_CREAT, -EISDIR},
        {"/none/x", O_CREAT, -ENOENT},
    };
    struct tree *t = *state;

    assert_int_equal(ol_symlink(&t->env, "../d/made", "/link", NULL), 0);
    assert_int_equal(ol_mkdir_p(&t->env, "/d", 0755, NULL), 0);
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_autoclose int fd = ol_open(&t->env, cases[i].path, O_WRONLY | cases[i].flags, 0600);

        assert_int_equal(fd < 0 ? fd : 0, cases[i].want);
    }
    assert_int_equal(mode_of(t, "/d/made"), 0600);
}

static void only_links_of_root_are_followed_where_that_is_asked(void **state)
{
    struct tree *t = *state;
    struct stat st;

    assert_int_equal(ol_file_puts(&t->env, "/d/f", "x", 0644, OL_WRITE_PARENTS, NULL), 0);
    assert_int_equal(ol_symlink(&t->env, "d", "/link", NULL), 0);
    assert_int_equal(ol_lstat(&t->env, "/link", &st), 0);
    t->env.resolve = OL_RESOLVE_ROOT_LINKS;
    if (st.st_uid == 0) {
        assert_text(t, "/link/f", "x");
        assert_int_equal(fchownat(t->env.root_fd, "link", 1000, 1000, AT_SYMLINK_NOFOLLOW), 0);
    }
    assert_int_equal(ol_file_puts(&t->env, "/link/f", "y", 0644, 0, NULL), -ELOOP);
    assert_text(t, "/d/f", "x");
}

#define each(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define each_walking(test)                                                                         \
    {                                                                                              \
        .name = #test " (walking)", .test_func = (test), .setup_func = set_up_walk,                \
        .teardown_func = tear_down                                                                 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(no_link_and_no_dots_lead_out_of_the_root),
        each(files_get_exactly_their_mode),
        each(files_are_written_in_the_ways_asked_for),
        each(reading_is_bounded_and_says_what_is_wrong),
        each(a_full_disk_is_an_error_and_leaves_no_rubbish),
        each(a_shorter_text_leaves_nothing_of_the_longer),
        each(text_that_is_not_whole_is_not_written),
        each(removing_a_tree_follows_no_link),
        each(names_in_a_directory_are_sorted),
        each(a_dry_run_changes_nothing_and_tells_the_plan),
        each(programs_are_found_in_the_tree),
        each(walking_finds_what_the_kernel_finds),
        each(walking_makes_files_where_the_kernel_does),
        each_walking(walking_makes_files_where_the_kernel_does),
        each(only_links_of_root_are_followed_where_that_is_asked),
        each_walking(no_link_and_no_dots_lead_out_of_the_root),
        each_walking(files_get_exactly_their_mode),
        each_walking(files_are_written_in_the_ways_asked_for),
        each_walking(reading_is_bounded_and_says_what_is_wrong),
        each_walking(removing_a_tree_follows_no_link),
        each_walking(names_in_a_directory_are_sorted),
        each_walking(programs_are_found_in_the_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
