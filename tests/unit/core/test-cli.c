/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/cli.h"
#include "core/strv.h"

struct options {
    bool debug, dry;
    const char *name, *maybe, *frequency;
    struct ol_strv files;
};

#define AT(member) offsetof(struct options, member)

static const char *const frequencies[] = {"always", "once", NULL};

static const struct ol_opt program_opts[] = {
    {"debug", 'd', OL_OPT_FLAG, NULL, "Say more", AT(debug)},
    {"dry-run", 0, OL_OPT_FLAG, NULL, "Change nothing", AT(dry)},
    {0},
};
static const struct ol_opt single_opts[] = {
    {"name", 'n', OL_OPT_STR, "NAME", "Which", AT(name), NULL, true},
    {"file", 'f', OL_OPT_LIST, "FILE", "More", AT(files)},
    {"maybe", 'm', OL_OPT_MAYBE, "[=X]", "Perhaps", AT(maybe)},
    {"frequency", 0, OL_OPT_STR, "HOW", "How often", AT(frequency), frequencies},
    {0},
};

/* Tells what was parsed: words joined by '/'. */
static int run(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

    for (int i = 0; i < argc; i++)
        ol_strv_add(&words, argv[i]);
    *(char **)cli->ctx = ol_strv_join(&words, "/");
    return 0;
}

static const struct ol_cmd sub_cmds[] = {
    {"deep", "[X]", "Deeper", 0, 1, NULL, NULL, run},
    {0},
};
static const struct ol_cmd cmds[] = {
    {"single", "[ARG...]", "One", 0, -1, single_opts, NULL, run},
    {"two", "A B", "Two", 2, 2, NULL, NULL, run},
    {"devel", "COMMAND", "More", 0, 0, NULL, sub_cmds, NULL},
    {0},
};
static const struct ol_program program = {
    .name = "prog",
    .summary = "Does it",
    .version = "1",
    .opts = program_opts,
    .cmds = cmds,
    .misuse_status = 64,
};

/* Parses words while stdout and stderr go nowhere: they are the test's own. */
static int parse_quietly(struct ol_cli *cli, int argc, char **argv)
{
    ol_autoclose int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ol_autoclose int out = -1, err = -1;
    int status;

    fflush(NULL);
    out = dup(STDOUT_FILENO);
    err = dup(STDERR_FILENO);
    assert_true(dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0);
    status = ol_cli_run(cli, argc, argv);
    fflush(NULL);
    assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
    return status;
}

/* A line of words with blanks between them. */
static int parse(const char *line, struct options *options, char **ret_words)
{
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;
    struct ol_cli cli = {.program = &program, .options = options, .ctx = ret_words};

    ol_strv_split(&words, line, " ");
    return parse_quietly(&cli, (int)words.n, words.v);
}

static void options_may_be_written_in_many_ways(void **state)
{
    static const char *const lines[] = {
        "prog single --name=x",      "prog single --name x", "prog single -n x",
        "prog single -nx",           "prog single --na x",   "prog single -dnx",
        "prog --debug single -nx",   "prog single -nx -d",   "prog single -n x --frequency=once",
        "prog single --fr once -nx", "prog single -nx -m",   "prog single -mz -nx",
    };

    for (size_t i = 0; i < ol_count(lines); i++) {
        struct options o = {.name = NULL};
        ol_autofree char *words = NULL;

        if (parse(lines[i], &o, &words) != 0 || !words)
            fail_msg("%s", lines[i]);
        assert_string_equal(words, "");
    }
    (void)state;
}

static void values_and_words_are_kept_apart(void **state)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    struct options o = {.name = NULL};
    ol_autofree char *words = NULL, *files = NULL;
    struct ol_cli cli = {.program = &program, .options = &o, .ctx = &words};

    ol_strv_split(&argv, "prog single a -f1 --file=2 -n -- -- -d --x", " ");
    assert_int_equal(ol_cli_run(&cli, (int)argv.n, argv.v), 0);
    assert_string_equal(words, "a/-d/--x");
    assert_string_equal(o.name, "--");
    files = ol_strv_join(&o.files, ",");
    assert_string_equal(files, "1,2");
    assert_false(o.debug);
    ol_strv_done(&o.files);
    (void)state;
}

static void misuse_ends_with_its_status(void **state)
{
    static const char *const lines[] = {
        "prog",
        "prog nothing",
        "prog single",        /* a required option is missing */
        "prog single --name", /* its value is missing */
        "prog single -nx --unknown",
        "prog single -nx -z",
        "prog single -nx --debug=1", /* a flag takes no value */
        "prog --d single -nx",       /* debug or dry-run */
        "prog single -nx --frequency=now",
        "prog two a",
        "prog two a b c",
        "prog devel",
        "prog devel nothing",
        "prog devel deep a b",
    };

    for (size_t i = 0; i < ol_count(lines); i++) {
        struct options o = {.name = NULL};
        ol_autofree char *words = NULL;

        if (parse(lines[i], &o, &words) != 64)
            fail_msg("'%s' is taken", lines[i]);
        assert_null(words);
    }
    (void)state;
}

static int run_nothing(struct ol_cli *cli, int argc, char **argv)
{
    return 0;
}

static void program_without_commands_takes_no_words_unless_it_names_them(void **state)
{
    struct ol_program bare = {.name = "prog", .run = run_nothing, .misuse_status = 2};
    struct ol_cli cli = {.program = &bare};
    char *argv[] = {(char[]){"prog"}, (char[]){"word"}, NULL};

    assert_int_equal(parse_quietly(&cli, 1, argv), 0);
    assert_int_equal(parse_quietly(&cli, 2, argv), 2);
    bare.args = "WORD";
    assert_int_equal(parse_quietly(&cli, 2, argv), 0);
    (void)state;
}

static void help_is_no_misuse(void **state)
{
    static const char *const lines[] = {"prog --help", "prog -h", "prog single -h", "prog --he",
                                        "prog devel deep --help"};

    for (size_t i = 0; i < ol_count(lines); i++) {
        struct options o = {.name = NULL};
        ol_autofree char *words = NULL;

        assert_int_equal(parse(lines[i], &o, &words), 0);
        assert_null(words);
    }
    (void)state;
}

static char *printed(void (*print)(FILE *to))
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    assert_non_null(to);
    print(to);
    fclose(to);
    return text;
}

static void print_help(FILE *to)
{
    ol_cli_print_help(&program, &cmds[0], to);
}

static void print_deep_help(FILE *to)
{
    ol_cli_print_help(&program, &sub_cmds[0], to);
}

static void print_completion(FILE *to)
{
    ol_cli_print_completion(&program, to);
}

static void print_man(FILE *to)
{
    ol_cli_print_man(&program, to);
}

static void help_completion_and_man_page_come_from_the_tables(void **state)
{
    ol_autofree char *help = printed(print_help), *deep = printed(print_deep_help);
    ol_autofree char *completion = printed(print_completion), *man = printed(print_man);

    assert_non_null(strstr(help, "Usage: prog single [OPTIONS] [ARG...]\n\nOne.\n"));
    assert_non_null(strstr(help, "  -n, --name NAME           Which\n"));
    assert_non_null(strstr(help, "How often (always, once)\n"));
    assert_non_null(strstr(help, "Options of every command:\n  -d, --debug"));
    assert_non_null(strstr(deep, "Usage: prog devel deep [OPTIONS] [X]\n"));
    assert_non_null(strstr(completion, "'devel deep') words='--debug --dry-run --help'"));
    assert_non_null(
        strstr(completion,
               "'single '*) words='--name --file --maybe --frequency --debug --dry-run --help'"));
    assert_non_null(strstr(completion, "*) words='single two devel --debug --dry-run --help'"));
    assert_non_null(strstr(completion, "complete -o default -F _prog prog\n"));
    assert_non_null(strstr(man, ".TP\n\\fB\\-n\\fR, \\fB\\-\\-name\\fR \\fINAME\\fR\nWhich.\n"));
    assert_non_null(strstr(man, ".SS \"devel deep [X]\"\nDeeper.\n"));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_be_written_in_many_ways),
        cmocka_unit_test(values_and_words_are_kept_apart),
        cmocka_unit_test(misuse_ends_with_its_status),
        cmocka_unit_test(program_without_commands_takes_no_words_unless_it_names_them),
        cmocka_unit_test(help_is_no_misuse),
        cmocka_unit_test(help_completion_and_man_page_come_from_the_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
