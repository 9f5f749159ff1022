/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "guest/cli/cli.h"

/* What is printed for people about one program. */
struct printed {
    char *help, *completion, *man;
};

static void printed_done(struct printed *p)
{
    free(p->help);
    free(p->completion);
    free(p->man);
}

static void print_all_help(const struct ol_program *p, FILE *to)
{
    ol_cli_print_help(p, NULL, to);
    for (const struct ol_cmd *c = p->cmds; c && c->name; c++) {
        ol_cli_print_help(p, c, to);
        for (const struct ol_cmd *s = c->subs; s && s->name; s++)
            ol_cli_print_help(p, s, to);
    }
}

static char *text_of(const struct ol_program *p,
                     void (*print)(const struct ol_program *p, FILE *to))
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    assert_non_null(to);
    print(p, to);
    assert_int_equal(fclose(to), 0);
    return text;
}

static struct printed print_program(const struct ol_program *p)
{
    return (struct printed){
        .help = text_of(p, print_all_help),
        .completion = text_of(p, ol_cli_print_completion),
        .man = text_of(p, ol_cli_print_man),
    };
}

static void assert_has(const char *text, const char *word, const char *where, const char *of)
{
    if (!strstr(text, word))
        fail_msg("%s: '%s' is not in the %s", of, word, where);
}

/* "a-b" as man(7) wants it. */
static void add_escaped(struct ol_buf *to, const char *text)
{
    for (; *text; text++)
        ol_buf_adds(to, *text == '-' ? "\\-" : (const char[]){*text, '\0'});
}

static void check_option(const struct printed *p, const struct ol_opt *o, const char *of)
{
    ol_auto(ol_buf_done) struct ol_buf plain = OL_BUF_INIT(1 << 10), man = OL_BUF_INIT(1 << 10);

    ol_buf_printf(&plain, "--%s", o->name);
    ol_buf_adds(&man, "\\fB\\-\\-");
    add_escaped(&man, o->name);
    ol_buf_adds(&man, "\\fR");
    assert_has(p->help, plain.data, "help", of);
    assert_has(p->completion, plain.data, "completion", of);
    assert_has(p->man, man.data, "man page", of);
    for (size_t i = 0; o->choices && o->choices[i]; i++) {
        ol_buf_clear(&man);
        add_escaped(&man, o->choices[i]);
        assert_has(p->help, o->choices[i], "help", of);
        assert_has(p->man, man.data, "man page", of);
    }
}

static void check_options(const struct printed *p, const struct ol_opt *o, const char *of)
{
    for (; o && o->name; o++)
        check_option(p, o, of);
}

/* demands: 8 */
static void every_option_is_in_help_completion_and_man(void **state)
{
    for (const struct ol_program *p = cloud_init_programs; p->name; p++) {
        ol_auto(printed_done) struct printed printed = print_program(p);

        check_options(&printed, p->opts, p->name);
        for (const struct ol_cmd *c = p->cmds; c && c->name; c++) {
            check_options(&printed, c->opts, c->name);
            for (const struct ol_cmd *s = c->subs; s && s->name; s++)
                check_options(&printed, s->opts, s->name);
        }
    }
}

/* demands: 8 */
static void every_command_is_in_help_completion_and_man(void **state)
{
    ol_auto(printed_done) struct printed printed = print_program(&cloud_init_programs[0]);
    ol_auto(ol_buf_done) struct ol_buf title = OL_BUF_INIT(1 << 10);

    for (const struct ol_cmd *c = cloud_init_programs[0].cmds; c->name; c++) {
        assert_has(printed.help, c->name, "help", c->name);
        assert_has(printed.completion, c->name, "completion", c->name);
        for (const struct ol_cmd *s = c->subs; s && s->name; s++) {
            ol_buf_clear(&title);
            ol_buf_printf(&title, ".SS \"%s ", c->name);
            add_escaped(&title, s->name);
            assert_has(printed.help, s->name, "help", s->name);
            assert_has(printed.completion, s->name, "completion", s->name);
            assert_has(printed.man, title.data, "man page", s->name);
        }
        if (c->subs)
            continue;
        ol_buf_clear(&title);
        ol_buf_adds(&title, ".SS \"");
        add_escaped(&title, c->name);
        assert_has(printed.man, title.data, "man page", c->name);
    }
}

static void two_programs_do_not_share_a_completion_function(void **state)
{
    ol_auto(printed_done) struct printed first = print_program(&cloud_init_programs[0]);
    ol_auto(printed_done) struct printed second = print_program(&cloud_init_programs[1]);

    assert_has(first.completion, "-F _cloud_init cloud-init\n", "completion", "cloud-init");
    assert_has(second.completion, "-F _cloud_id cloud-id\n", "completion", "cloud-id");
}

static void a_program_without_commands_has_no_such_section(void **state)
{
    ol_auto(printed_done) struct printed id = print_program(&cloud_init_programs[1]);

    assert_null(strstr(id.man, "COMMANDS"));
    assert_null(strstr(id.help, "Commands:"));
}

static void help_names_the_arguments_of_a_program(void **state)
{
    ol_auto(printed_done) struct printed per = print_program(&cloud_init_programs[2]);

    assert_has(per.help, "cloud-init-per [OPTIONS] once|instance|always NAME COMMAND", "help",
               "cloud-init-per");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_in_help_completion_and_man),
        cmocka_unit_test(every_command_is_in_help_completion_and_man),
        cmocka_unit_test(two_programs_do_not_share_a_completion_function),
        cmocka_unit_test(a_program_without_commands_has_no_such_section),
        cmocka_unit_test(help_names_the_arguments_of_a_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
