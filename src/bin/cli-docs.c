/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Part of the build, never installed: prints what is made from the tables of a program's
 * command line.
 *
 *     cli-docs completion PROGRAM       the bash completion
 *     cli-docs man PROGRAM PAGE         the man page PAGE, its line '.\" TABLES' replaced by
 *                                       the sections OPTIONS and COMMANDS
 */
#include <stdio.h>
#include <string.h>

#include "compute/service/args.h"
#include "core/cleanup.h"
#include "guest/cli/cli.h"
#include "orlop/programs.h"
#include "volume/driver/cli.h"

static const char mark[] = ".\\\" TABLES\n";

static const struct ol_program *const daemons[] = {
    &orlop_program, &apiserver_program, &controller_program,
    &node_program,  &driver_program,    &compute_program,
};

static const struct ol_program *find_program(const char *name)
{
    for (const struct ol_program *p = cloud_init_programs; p->name; p++)
        if (!strcmp(p->name, name))
            return p;
    for (size_t i = 0; i < ol_count(daemons); i++)
        if (!strcmp(daemons[i]->name, name))
            return daemons[i];
    return NULL;
}

static int print_man(const struct ol_program *program, const char *page)
{
    ol_autofclose FILE *from = fopen(page, "re");
    ol_autofree char *line = NULL;
    size_t size = 0;
    int n_marks = 0;

    if (!from) {
        perror(page);
        return 1;
    }
    while (getline(&line, &size, from) >= 0) {
        if (strcmp(line, mark)) {
            fputs(line, stdout);
            continue;
        }
        ol_cli_print_man(program, stdout);
        n_marks++;
    }
    if (n_marks == 1)
        return 0;
    fprintf(stderr, "%s: %d lines say where the tables belong, there has to be one\n", page,
            n_marks);
    return 1;
}

int main(int argc, char **argv)
{
    const struct ol_program *program = argc > 2 ? find_program(argv[2]) : NULL;

    if (program && argc == 4 && !strcmp(argv[1], "man"))
        return print_man(program, argv[3]);
    if (!program || argc != 3 || strcmp(argv[1], "completion")) {
        fputs("usage: cli-docs completion PROGRAM | cli-docs man PROGRAM PAGE\n", stderr);
        return 64;
    }
    ol_cli_print_completion(program, stdout);
    return 0;
}
