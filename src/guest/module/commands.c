/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/strv.h"
#include "guest/module/module-internal.h"

enum { SCRATCH_MAX = 16 << 20 };

static void add_quoted(struct ol_buf *to, const char *word)
{
    ol_buf_addc(to, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            ol_buf_adds(to, "'\\''");
        else
            ol_buf_addc(to, *word);
    }
    ol_buf_addc(to, '\'');
}

static void add_words(struct ol_arena *a, const struct ol_val *words, struct ol_buf *to)
{
    for (size_t i = 0; i < ol_val_count(words); i++) {
        if (i)
            ol_buf_addc(to, ' ');
        add_quoted(to, ol_val_to_text(a, ol_val_item(words, i)));
    }
    ol_buf_addc(to, '\n');
}

/* Never the command itself: it may hold a secret. */
static int refuse_command(const struct ol_val *item, size_t number, struct ol_err *err)
{
    return ol_err_set_domain(err, EINVAL, "TypeError", 0,
                             "Unable to shellify type '%s' (command %zu). Expected list, string,"
                             " tuple: put the command in quotes",
                             ol_val_type_name(item), number);
}

int module_shellify(const struct ol_val *commands, struct ol_buf *ret, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(SCRATCH_MAX);
    int r;

    if (!ol_val_is(commands, OL_VAL_LIST))
        return ol_err_set_domain(err, EINVAL, "TypeError", 0,
                                 "Input to shellify was type '%s'. Expected list or tuple.",
                                 ol_val_type_name(commands));
    ol_buf_adds(ret, "#!/bin/sh\n");
    for (size_t i = 0; i < ol_val_count(commands); i++) {
        const struct ol_val *item = ol_val_item(commands, i);

        if (ol_val_is(item, OL_VAL_NULL))
            continue;
        if (ol_val_is(item, OL_VAL_LIST))
            add_words(&a, item, ret);
        else if (ol_val_str(item))
            ol_buf_printf(ret, "%s\n", ol_val_str(item));
        else
            return refuse_command(item, i + 1, err);
    }
    r = ol_buf_status(ret);
    return r < 0 ? ol_err_set(err, -r, "script of commands: %s", strerror(-r)) : 0;
}

static const char *command_repr(struct ol_arena *a, const char *const *argv)
{
    struct ol_val *words = ol_val_new_list(a);

    for (; *argv; argv++)
        ol_val_append(a, words, ol_val_new_str(a, *argv));
    return ol_val_to_repr(a, words);
}

int module_run_shown(struct ol_env *env, const char *const *argv, const char *const *environment,
                     struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(SCRATCH_MAX);
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {.argv = argv, .env = environment, .flags = OL_SPAWN_INHERIT};
    int r = ol_spawn_run(env, &spawn, &result, NULL);

    if (r < 0)
        return ol_err_set_domain(
            err, -r, "ProcessExecutionError", 0,
            "%s\nCommand: %s\nExit code: -\nReason: [Errno %d] %s: b'%s'\nStdout: -\nStderr: -",
            r == -ENOEXEC ? "Exec format error. Missing #! in script?"
                          : "Unexpected error while running command.",
            command_repr(&a, argv), -r, strerror(-r), argv[0]);
    if (result.status)
        return ol_err_set_domain(err, EIO, "ProcessExecutionError", result.status,
                                 "Unexpected error while running command.\nCommand: %s\n"
                                 "Exit code: %d\nReason: -\nStdout: -\nStderr: -",
                                 command_repr(&a, argv),
                                 result.signal ? -result.signal : result.status);
    return 0;
}

static int add_prefix(struct ol_arena *a, const struct ol_val *prefix, struct ol_strv *argv,
                      struct ol_err *err)
{
    if (!prefix || ol_val_is(prefix, OL_VAL_NULL))
        return 0;
    if (!ol_val_str(prefix) && !ol_val_is(prefix, OL_VAL_LIST))
        return ol_err_set_domain(
            err, EINVAL, "TypeError", 0,
            "vendor_data/prefix is a %s: exe_prefix must be None, str, or list",
            ol_val_type_name(prefix));
    if (ol_val_str(prefix))
        ol_strv_add(argv, ol_val_str(prefix));
    for (size_t i = 0; i < ol_val_count(prefix); i++)
        ol_strv_add(argv, ol_val_to_text(a, ol_val_item(prefix, i)));
    return 0;
}

/* Runs one file of the directory. 0 when there was nothing to run, 1 when it ran well, or the
 * failure of the run. */
static int run_part(struct guest *g, const struct ol_strv *prefix, const char *path,
                    struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    int r;

    if (!ol_is_file(g->env, path)) {
        ol_debug(g->env, "Not executing special file [%s]", path);
        return 0;
    }
    if (!ol_is_executable(g->env, path)) {
        ol_warn(g->env,
                "skipping %s as its not executable or the underlying file system is mounted "
                "without executable permissions.",
                path);
        return 0;
    }
    ol_strv_add_all(&argv, ol_strv_argv(prefix));
    ol_strv_add(&argv, path);
    r = module_run_shown(g->env, ol_strv_argv(&argv), NULL, err);
    return r < 0 ? r : 1;
}

int module_run_parts(struct guest *g, const char *dir, const struct ol_val *prefix,
                     struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT, failed = OL_STRV_INIT,
                                         before = OL_STRV_INIT;
    ol_autofree char *list = NULL;
    size_t n_attempted = 0;
    int r;

    if (!ol_is_dir(g->env, dir))
        return 0;
    r = add_prefix(g->arena, prefix, &before, err);
    if (r == 0)
        r = ol_list_dir(g->env, dir, &names, err);
    if (r < 0)
        return r;
    ol_strv_each (name, &names) {
        struct ol_err why = OL_ERR_INIT;

        r = run_part(g, &before, ol_arena_printf(g->arena, "%s/%s", dir, name), &why);
        n_attempted += r != 0;
        if (r < 0) {
            ol_debug(g->env, "%s", ol_err_text(&why));
            ol_strv_add(&failed, name);
        }
    }
    if (!failed.n)
        return 0;
    list = ol_strv_join(&failed, ",");
    return ol_err_set_domain(err, EIO, "RuntimeError", 0,
                             "Runparts: %zu failures (%s) in %zu attempted commands", failed.n,
                             list, n_attempted);
}

const char *module_first_arg(const struct guest *g, const struct ol_val *args)
{
    return ol_val_count(args) ? ol_val_to_text(g->arena, ol_val_item(args, 0)) : NULL;
}
