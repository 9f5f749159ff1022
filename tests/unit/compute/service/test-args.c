/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "compute/service/args.h"
#include "core/cleanup.h"

static struct compute_options options;
static char *joined_files, *joined_set;

/* Parses as the program does, but for running it. */
static int take(struct ol_cli *cli, int argc, char **argv)
{
    return 0;
}

static void parse(const char *const *words)
{
    char **argv = (char **)(uintptr_t)words;
    struct ol_program program = compute_program;
    struct ol_cli cli = {.program = &program, .options = &options};
    struct compute_config_args args = {.program = NULL};
    int argc = 0;

    while (argv[argc])
        argc++;
    options = (struct compute_options){.version = false};
    program.run = take;
    program.prepare = NULL;
    assert_int_equal(ol_cli_run(&cli, argc, argv), 0);
    compute_options_take(&options, argc, argv, &args);
    joined_files = ol_strv_join(&args.files, " ");
    joined_set = ol_strv_join(&args.set, " ");
    ol_strv_done(&args.files);
    ol_strv_done(&args.set);
    compute_options_done(&options);
}

/* demands: C6 C24 */
static void files_keep_their_order(void **state)
{
    parse((const char *const[]){"x", "--config-file=/a", "--config-dir", "/d", "--config-file",
                                "/b", NULL});
    assert_string_equal(joined_files, "/a /d/ /b");
    free(joined_files);
    free(joined_set);
}

/* demands: C24 */
static void options_become_settings(void **state)
{
    static const struct {
        const char *argv[8], *want;
    } cases[] = {
        {{"x", "-d", "--use-syslog"}, "DEFAULT.debug=true DEFAULT.use_syslog=true"},
        {{"x", "--nodebug", "--nouse-syslog"}, "DEFAULT.debug=false DEFAULT.use_syslog=false"},
        {{"x", "--logfile", "/l", "--logdir=/d"}, "DEFAULT.log_file=/l DEFAULT.log_dir=/d"},
        {{"x", "--log-file=/l"}, "DEFAULT.log_file=/l"},
        {{"x", "--standalone", "--load-nbd", "--wait-libvirt"},
         "orlop.standalone=true orlop.wait_libvirt=true orlop.load_nbd=true"},
        {{"x", "--wait-unit", "a", "--wait-unit=b"}, "orlop.wait_unit=a,b"},
        {{"x", "--remote_debug-host", "h", "--remote_debug-port", "1"},
         "remote_debug.host=h remote_debug.port=1"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        parse(cases[i].argv);
        assert_string_equal(joined_set, cases[i].want);
        free(joined_files);
        free(joined_set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_keep_their_order),
        cmocka_unit_test(options_become_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
