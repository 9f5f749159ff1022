/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A command line described by tables: parsing, help, shell completion and the option
 * sections of the man page all come from the same rows, so they cannot drift apart.
 *
 * All options of a program fill one struct; a row says where. Long options may be cut
 * short while they stay unique, "--name=value" and "-nvalue" work, "--" ends them: what
 * users of Python's argparse and of getopt_long are used to.
 */
enum ol_opt_kind {
    OL_OPT_FLAG,  /* bool at 'offset' */
    OL_OPT_STR,   /* const char * at 'offset', borrowed from argv */
    OL_OPT_LIST,  /* struct ol_strv at 'offset', may be given several times */
    OL_OPT_MAYBE, /* const char * at 'offset': "" for --name, the text for --name=text */
};

struct ol_opt {
    const char *name; /* long name without dashes; NULL ends a table */
    char letter;      /* short name, 0 = none */
    enum ol_opt_kind kind;
    const char *arg;  /* what the value is called in help; NULL for flags */
    const char *help; /* one line, no full stop */
    size_t offset;
    const char *const *choices; /* NULL = any value */
    bool is_required;
};

struct ol_cli;

struct ol_cmd {
    const char *name;          /* NULL ends a table */
    const char *args;          /* positional arguments as shown in help, "" when none */
    const char *help;          /* one line, no full stop, <= 60 columns */
    int min_args, max_args;    /* max -1 = any number */
    const struct ol_opt *opts; /* or NULL */
    const struct ol_cmd *subs; /* subcommands instead of run; or NULL */
    int (*run)(struct ol_cli *cli, int argc, char **argv); /* exit status */
};

struct ol_program {
    const char *name;
    const char *summary; /* one line */
    const char *version;
    const struct ol_opt *opts; /* before or after the command; or NULL */
    const struct ol_cmd *cmds;
    /* When there is no command: */
    int (*run)(struct ol_cli *cli, int argc, char **argv); /* NULL = help, exit misuse_status */
    int misuse_status; /* exit status of a wrong command line: 64, or 2 as argparse */
    /* Called between parsing and running, for what all commands need. OL_CLI_GO_ON, or the exit
     * status with which the program ends here. Optional. */
    int (*prepare)(struct ol_cli *cli);
    bool is_options_first; /* what follows the first positional argument is not ours to parse */
    const char *args;      /* positional arguments as shown in help, without commands; or NULL */
};

enum { OL_CLI_GO_ON = -1 };

struct ol_cli {
    const struct ol_program *program;
    const struct ol_cmd *cmd; /* NULL = none was given */
    void *options;            /* the struct that the rows' offsets point into */
    void *ctx;                /* the program's own */
};

/* Parses argv into cli->options and runs the command; returns the exit status. Knows
 * --help/-h everywhere. Misuse is one line on stderr. */
int ol_cli_run(struct ol_cli *cli, int argc, char **argv) __attribute__((warn_unused_result));

/* "Usage: …", the commands or options of 'cmd' (NULL = the program). */
void ol_cli_print_help(const struct ol_program *p, const struct ol_cmd *cmd, FILE *to);
/* A bash completion script for the program. */
void ol_cli_print_completion(const struct ol_program *p, FILE *to);
/* The OPTIONS section of the man page and, where there are commands, COMMANDS (man(7) markup). */
void ol_cli_print_man(const struct ol_program *p, FILE *to);
