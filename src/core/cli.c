/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cli.h"

#include <stdarg.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "core/strv.h"

enum { NOT_DONE = OL_CLI_GO_ON };

/* Where parsing stands. */
struct parse {
    struct ol_cli *cli;
    int argc;
    char **argv;
    int at;      /* next argument */
    char **args; /* positional arguments, in order */
    int n_args;
    bool only_args; /* after "--" */
    const struct ol_opt *seen[64];
    int n_seen;
};

/* The command that cmd is a subcommand of; NULL for one of the program's own. */
static const char *parent_name(const struct ol_program *p, const struct ol_cmd *cmd)
{
    for (const struct ol_cmd *c = p->cmds; c && c->name; c++)
        for (const struct ol_cmd *s = c->subs; s && s->name; s++)
            if (s == cmd)
                return c->name;
    return NULL;
}

static int misuse(const struct parse *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int misuse(const struct parse *p, const char *fmt, ...)
{
    const struct ol_program *program = p->cli->program;
    const struct ol_cmd *cmd = p->cli->cmd;
    const char *parent = cmd ? parent_name(program, cmd) : NULL;
    va_list ap;

    fprintf(stderr, "%s: ", program->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, " (see '%s%s%s%s%s --help')\n", program->name, parent ? " " : "",
            parent ? parent : "", cmd ? " " : "", cmd ? cmd->name : "");
    return program->misuse_status;
}

static const struct ol_opt *find_letter(const struct ol_opt *opts, char letter)
{
    for (; opts && opts->name; opts++)
        if (opts->letter == letter)
            return opts;
    return NULL;
}

/* An exact name, or the only option that starts so; *n_found counts candidates. */
static const struct ol_opt *find_long(const struct ol_opt *opts, const char *name, size_t len,
                                      int *n_found)
{
    const struct ol_opt *found = NULL;

    for (; opts && opts->name; opts++) {
        if (strncmp(opts->name, name, len))
            continue;
        if (!opts->name[len]) {
            *n_found = 1;
            return opts;
        }
        found = opts;
        ++*n_found;
    }
    return found;
}

static int store(struct parse *p, const struct ol_opt *o, const char *value)
{
    char *at = (char *)p->cli->options + o->offset;

    if (value && *value && o->choices && !ol_str_in(value, o->choices))
        return misuse(p, "--%s: '%s' is not one of its choices", o->name, value);
    if (p->n_seen < (int)ol_count(p->seen))
        p->seen[p->n_seen++] = o;
    switch (o->kind) {
    case OL_OPT_FLAG: *(bool *)at = true; break;
    case OL_OPT_STR:
    case OL_OPT_MAYBE: *(const char **)(void *)at = value; break;
    case OL_OPT_LIST: ol_strv_add((struct ol_strv *)(void *)at, value); break;
    }
    return NOT_DONE;
}

static int store_with_value(struct parse *p, const struct ol_opt *o, const char *inline_value)
{
    if (o->kind == OL_OPT_FLAG)
        return inline_value ? misuse(p, "--%s takes no value", o->name) : store(p, o, NULL);
    if (o->kind == OL_OPT_MAYBE)
        return store(p, o, inline_value ? inline_value : "");
    if (!inline_value) {
        if (p->at == p->argc)
            return misuse(p, "--%s needs a value: %s", o->name, o->arg);
        inline_value = p->argv[p->at++];
    }
    return store(p, o, inline_value);
}

static int parse_long(struct parse *p, const char *name)
{
    size_t len = strcspn(name, "=");
    const char *value = name[len] ? name + len + 1 : NULL;
    int n_found = 0;
    const struct ol_opt *o = NULL;

    if (p->cli->cmd)
        o = find_long(p->cli->cmd->opts, name, len, &n_found);
    if (!o)
        o = find_long(p->cli->program->opts, name, len, &n_found);
    if (!o && len && !strncmp("help", name, len)) {
        ol_cli_print_help(p->cli->program, p->cli->cmd, stdout);
        return 0;
    }
    if (!o)
        return misuse(p, "there is no option '--%.*s'", (int)len, name);
    if (n_found > 1)
        return misuse(p, "'--%.*s' could be several options", (int)len, name);
    return store_with_value(p, o, value);
}

/* "-abc" is "-a -b -c"; the first that takes a value takes the rest. */
static int parse_letters(struct parse *p, const char *letters)
{
    for (; *letters; letters++) {
        const struct ol_opt *o = NULL;
        int r;

        if (p->cli->cmd)
            o = find_letter(p->cli->cmd->opts, *letters);
        if (!o)
            o = find_letter(p->cli->program->opts, *letters);
        if (!o && *letters == 'h') {
            ol_cli_print_help(p->cli->program, p->cli->cmd, stdout);
            return 0;
        }
        if (!o)
            return misuse(p, "there is no option '-%c'", *letters);
        if (o->kind != OL_OPT_FLAG)
            return store_with_value(p, o, letters[1] ? letters + 1 : NULL);
        r = store_with_value(p, o, NULL);
        if (r != NOT_DONE)
            return r;
    }
    return NOT_DONE;
}

/* The first positional words choose the command and its subcommand. */
static int take_word(struct parse *p, char *word)
{
    const struct ol_cmd *c = p->cli->cmd ? p->cli->cmd->subs : p->cli->program->cmds;

    if (!c || p->n_args) {
        p->args[p->n_args++] = word;
        p->only_args |= p->cli->program->is_options_first;
        return NOT_DONE;
    }
    for (; c->name; c++) {
        if (!strcmp(c->name, word)) {
            p->cli->cmd = c;
            return NOT_DONE;
        }
    }
    return misuse(p, "there is no command '%s'", word);
}

static int parse_all(struct parse *p)
{
    while (p->at < p->argc) {
        char *word = p->argv[p->at++];
        int r;

        if (p->only_args || word[0] != '-' || !word[1])
            r = take_word(p, word);
        else if (!strcmp(word, "--"))
            r = (p->only_args = true, NOT_DONE);
        else
            r = word[1] == '-' ? parse_long(p, word + 2) : parse_letters(p, word + 1);
        if (r != NOT_DONE)
            return r;
    }
    return NOT_DONE;
}

static bool was_seen(const struct parse *p, const struct ol_opt *o)
{
    for (int i = 0; i < p->n_seen; i++)
        if (p->seen[i] == o)
            return true;
    return false;
}

static int check_command(const struct parse *p, const struct ol_cmd *c)
{
    if (c->subs && !c->run)
        return misuse(p, "'%s' needs a subcommand", c->name);
    for (const struct ol_opt *o = c->opts; o && o->name; o++)
        if (o->is_required && !was_seen(p, o))
            return misuse(p, "'%s' needs --%s %s", c->name, o->name, o->arg ? o->arg : "");
    if (p->n_args < c->min_args)
        return misuse(p, "'%s' needs %s", c->name, c->args);
    if (c->max_args >= 0 && p->n_args > c->max_args)
        return misuse(p, "'%s' does not take '%s'", c->name, p->args[c->max_args]);
    return NOT_DONE;
}

static int check(const struct parse *p)
{
    if (p->cli->cmd)
        return check_command(p, p->cli->cmd);
    if (p->n_args && !p->cli->program->args)
        return misuse(p, "'%s' is not understood", p->args[0]);
    return NOT_DONE;
}

int ol_cli_run(struct ol_cli *cli, int argc, char **argv)
{
    ol_autofree char **args = ol_xcalloc((size_t)argc + 1, sizeof(*args));
    struct parse p = {.cli = cli, .argc = argc, .argv = argv, .at = 1, .args = args};
    int r = parse_all(&p);

    if (r == NOT_DONE)
        r = check(&p);
    if (r == NOT_DONE && cli->program->prepare)
        r = cli->program->prepare(cli);
    if (r != NOT_DONE)
        return r;
    if (cli->cmd)
        return cli->cmd->run(cli, p.n_args, args);
    if (cli->program->run)
        return cli->program->run(cli, p.n_args, args);
    ol_cli_print_help(cli->program, NULL, stderr);
    return cli->program->misuse_status;
}

/* What stands between an option and its value: "[=VALUE]" brings its own. */
static const char *gap(const struct ol_opt *o)
{
    return o->arg && o->arg[0] != '[' ? " " : "";
}

static void print_opts(const struct ol_opt *o, FILE *to)
{
    for (; o && o->name; o++) {
        char left[64];
        int n = snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->letter ? "-" : " ",
                         o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, gap(o),
                         o->arg ? o->arg : "");

        fprintf(to, "  %-26s%s%s", left, n > 25 ? "\n                            " : "", o->help);
        for (size_t i = 0; o->choices && o->choices[i]; i++)
            fprintf(to, "%s%s", i ? ", " : " (", o->choices[i]);
        fputs(o->choices ? ")\n" : "\n", to);
    }
}

static void print_cmds(const struct ol_cmd *c, FILE *to)
{
    for (; c && c->name; c++)
        fprintf(to, "  %-16s %s\n", c->name, c->help);
}

static void print_usage(const struct ol_program *p, const struct ol_cmd *cmd, FILE *to)
{
    const char *parent = cmd ? parent_name(p, cmd) : NULL;
    bool has_cmds = cmd ? cmd->subs != NULL : p->cmds != NULL;
    const char *args = has_cmds ? "COMMAND" : cmd ? cmd->args : p->args;

    fprintf(to, "Usage: %s", p->name);
    if (parent)
        fprintf(to, " %s", parent);
    if (cmd)
        fprintf(to, " %s", cmd->name);
    fprintf(to, " [OPTIONS]%s%s\n\n%s.\n", args && *args ? " " : "", args ? args : "",
            cmd ? cmd->help : p->summary);
}

void ol_cli_print_help(const struct ol_program *p, const struct ol_cmd *cmd, FILE *to)
{
    const struct ol_cmd *cmds = cmd ? cmd->subs : p->cmds;

    print_usage(p, cmd, to);
    if (cmds) {
        fputs("\nCommands:\n", to);
        print_cmds(cmds, to);
    }
    if (cmd && cmd->opts) {
        fputs("\nOptions:\n", to);
        print_opts(cmd->opts, to);
    }
    if (p->opts) {
        fputs(cmd ? "\nOptions of every command:\n" : "\nOptions:\n", to);
        print_opts(p->opts, to);
    }
    fputs("  -h, --help                Show this help\n", to);
}

static void print_words(const struct ol_program *p, const struct ol_cmd *c, FILE *to)
{
    for (const struct ol_cmd *s = c ? c->subs : p->cmds; s && s->name; s++)
        fprintf(to, "%s ", s->name);
    for (const struct ol_opt *o = c ? c->opts : NULL; o && o->name; o++)
        fprintf(to, "--%s ", o->name);
    for (const struct ol_opt *o = p->opts; o && o->name; o++)
        fprintf(to, "--%s ", o->name);
    fputs("--help", to);
}

static void print_case(const struct ol_program *p, const struct ol_cmd *c, const char *pattern,
                       FILE *to)
{
    fprintf(to, "    %s) words='", pattern);
    print_words(p, c, to);
    fputs("' ;;\n", to);
}

static void print_cases(const struct ol_program *p, FILE *to)
{
    char pattern[64];

    for (const struct ol_cmd *c = p->cmds; c && c->name; c++) {
        for (const struct ol_cmd *s = c->subs; s && s->name; s++) {
            snprintf(pattern, sizeof(pattern), "'%s %s'", c->name, s->name);
            print_case(p, s, pattern, to);
        }
        snprintf(pattern, sizeof(pattern), "'%s '*", c->name);
        print_case(p, c, pattern, to);
    }
    print_case(p, NULL, "*", to);
}

void ol_cli_print_completion(const struct ol_program *p, FILE *to)
{
    ol_autofree char *function = ol_str_tr(ol_xasprintf("_%s", p->name), '-', '_');

    fprintf(to, "# bash completion for %s\n%s() {\n", p->name, function);
    fputs("    local words key=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
          "    [ \"$COMP_CWORD\" -le 1 ] && key=''\n"
          "    [ \"$COMP_CWORD\" -eq 2 ] && key=\"${COMP_WORDS[1]} \"\n"
          "    case \"$key\" in\n",
          to);
    print_cases(p, to);
    fputs("    esac\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
          "}\n",
          to);
    fprintf(to, "complete -o default -F %s %s\n", function, p->name);
}

/* Text for man(7): a bare '-' would be printed as a hyphen, which is not what one types. */
static void print_man_text(const char *text, FILE *to)
{
    for (; *text; text++)
        fputs(*text == '-' ? "\\-" : (const char[]){*text, '\0'}, to);
}

static void print_man_opts(const struct ol_opt *o, FILE *to)
{
    for (; o && o->name; o++) {
        fputs(".TP\n", to);
        if (o->letter)
            fprintf(to, "\\fB\\-%c\\fR, ", o->letter);
        fputs("\\fB\\-\\-", to);
        print_man_text(o->name, to);
        fprintf(to, "\\fR%s%s%s%s\n", gap(o), o->arg ? "\\fI" : "", o->arg ? o->arg : "",
                o->arg ? "\\fR" : "");
        print_man_text(o->help, to);
        for (size_t i = 0; o->choices && o->choices[i]; i++) {
            fputs(i ? ", \\fB" : ": \\fB", to);
            print_man_text(o->choices[i], to);
            fputs("\\fR", to);
        }
        fputs(".\n", to);
    }
}

static void print_man_cmds(const struct ol_cmd *c, const char *parent, FILE *to)
{
    for (; c && c->name; c++) {
        if (c->subs) {
            print_man_cmds(c->subs, c->name, to);
            continue;
        }
        fprintf(to, ".SS \"%s%s", parent ? parent : "", parent ? " " : "");
        print_man_text(c->name, to);
        fprintf(to, "%s%s\"\n", *c->args ? " " : "", c->args);
        print_man_text(c->help, to);
        fputs(".\n", to);
        print_man_opts(c->opts, to);
    }
}

void ol_cli_print_man(const struct ol_program *p, FILE *to)
{
    fputs(".SH OPTIONS\n", to);
    print_man_opts(p->opts, to);
    fputs(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nShow the options of the program or command.\n",
          to);
    if (!p->cmds)
        return;
    fputs(".SH COMMANDS\n", to);
    print_man_cmds(p->cmds, NULL, to);
}
