/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/logging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/base/cfg.h"
#include "guest/base/userdb.h"

enum { EARLY_MAX = 256 << 10 };

struct stage_log {
    struct ol_log log;
    struct ol_env *env;
    int fd;              /* the log file, -1 = not open yet */
    bool is_waiting;     /* lines are kept in 'early' until the file is open */
    struct ol_buf early; /* beyond its maximum, lines are dropped */
    struct ol_arena arena;
    struct ol_val *errors;
};

static void format_line(struct stage_log *l, const struct ol_log_record *record, struct ol_buf *to)
{
    ol_time now = ol_now_wall(l->env);
    time_t seconds = (time_t)(now / OL_SECOND);
    struct tm tm;
    char stamp[32];

    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
    ol_buf_printf(to, "%s,%03d - %s[%s]: %s\n", stamp, (int)(now / OL_MS % 1000), record->file,
                  ol_log_level_name(record->level), record->msg);
}

/* What cannot be written has nowhere else to be told: the console line was written already. */
static void write_out(int fd, const struct ol_buf *line)
{
    size_t sent = 0;

    while (sent < line->len) {
        ssize_t n = write(fd, line->data + sent, line->len - sent);

        if (n < 0 && errno != EINTR)
            return;
        sent += n > 0 ? (size_t)n : 0;
    }
}

static void to_file(void *ctx, const struct ol_log_record *record)
{
    struct stage_log *l = ctx;
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(1 << 20);

    if (l->fd < 0 && l->is_waiting) {
        format_line(l, record, &l->early);
        return;
    }
    format_line(l, record, &line);
    if (l->fd >= 0)
        write_out(l->fd, &line);
}

static void to_stderr(void *ctx, const struct ol_log_record *record)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(1 << 20);

    format_line(ctx, record, &line);
    fputs(line.data, stderr);
}

static void to_record(void *ctx, const struct ol_log_record *record)
{
    struct stage_log *l = ctx;
    const char *level = ol_log_level_name(record->level);
    struct ol_val *list = ol_val_get_mut(l->errors, level);

    if (ol_arena_is_over(&l->arena))
        return;
    if (!list) {
        list = ol_val_new_list(&l->arena);
        ol_val_set(&l->arena, l->errors, level, list);
    }
    ol_val_append(&l->arena, list, ol_val_new_str(&l->arena, record->msg));
}

static void add_sink(struct stage_log *l, enum ol_log_level least,
                     void (*write)(void *, const struct ol_log_record *))
{
    const struct ol_log_sink sink = {.least = least, .write = write, .ctx = l};

    if (ol_log_add_sink(&l->log, &sink) < 0)
        fputs("cloud-init: too many log sinks\n", stderr);
}

/* Lines from this level on go to stderr, each once. */
static void stderr_from(struct stage_log *l, enum ol_log_level least)
{
    for (int i = 0; i < l->log.n_sinks; i++) {
        struct ol_log_sink *sink = &l->log.sinks[i];

        if (sink->write != to_stderr)
            continue;
        sink->least = least < sink->least ? least : sink->least;
        return;
    }
    add_sink(l, least, to_stderr);
}

struct stage_log *stage_log_new(struct ol_env *env)
{
    struct stage_log *l = ol_xcalloc(1, sizeof(*l));

    l->env = env;
    l->fd = -1;
    l->is_waiting = true;
    ol_buf_init(&l->early, EARLY_MAX);
    ol_arena_init(&l->arena, 1 << 20);
    l->errors = ol_val_new_map(&l->arena);
    add_sink(l, OL_LOG_DEBUG, to_file);
    add_sink(l, OL_LOG_WARNING, to_record);
    env->log = &l->log;
    return l;
}

void stage_log_free(struct stage_log *l)
{
    if (!l)
        return;
    l->env->log = NULL;
    if (l->fd >= 0)
        close(l->fd);
    ol_buf_done(&l->early);
    ol_arena_done(&l->arena);
    free(l);
}

/* The first FileHandler path of one entry of log_cfgs: args=('/path', …). */
static const char *file_handler_path(struct ol_arena *a, const char *text)
{
    const char *handler = strstr(text, "class=FileHandler");
    const char *args = handler ? strstr(handler, "args=(") : NULL;
    size_t len;

    if (!args || (args[6] != '\'' && args[6] != '"') || args[7] != '/')
        return NULL;
    len = strcspn(args + 7, "'\"\n");
    return ol_arena_memdup(a, args + 7, len);
}

static const char *path_of_entry(struct ol_arena *a, const struct ol_val *entry)
{
    ol_auto(ol_strv_done) struct ol_strv pieces = OL_STRV_INIT;
    ol_autofree char *text = NULL;

    if (ol_val_str(entry))
        return file_handler_path(a, ol_val_str(entry));
    for (size_t i = 0; i < ol_val_count(entry); i++)
        ol_strv_add(&pieces, ol_val_to_text(a, ol_val_item(entry, i)));
    text = ol_strv_join(&pieces, "\n");
    return file_handler_path(a, text);
}

const char *stage_log_path(struct ol_arena *a, const struct ol_val *cfg)
{
    const struct ol_val *entries = ol_val_get(cfg, "log_cfgs");
    const char *fallback = ol_val_str(ol_val_get(cfg, "def_log_file"));

    for (size_t i = 0; i < ol_val_count(entries); i++) {
        const char *path = path_of_entry(a, ol_val_item(entries, i));

        if (path)
            return path;
    }
    return fallback && fallback[0] == '/' ? fallback : "/var/log/cloud-init.log";
}

static bool is_owned_by(struct ol_env *env, const char *path, uid_t uid, gid_t gid)
{
    struct stat st;

    return ol_stat(env, path, &st) == 0 && (uid == (uid_t)-1 || st.st_uid == uid)
           && (gid == (gid_t)-1 || st.st_gid == gid);
}

/* The first of syslog_fix_perms whose user and group exist. */
static void fix_owner(struct stage_log *l, const char *path, const struct ol_val *cfg)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 10);
    ol_auto(ol_strv_done) struct ol_strv specs = OL_STRV_INIT;
    struct ol_err err = OL_ERR_INIT;

    cfg_list(&a, cfg, "syslog_fix_perms", &specs);
    ol_strv_each (spec, &specs) {
        uid_t uid;
        gid_t gid;

        if (userdb_owner(l->env, spec, &uid, &gid, &err) < 0)
            continue;
        if (is_owned_by(l->env, path, uid, gid))
            return;
        if (ol_chown(l->env, path, uid, gid, &err) == 0)
            return;
    }
    if (specs.n)
        ol_warn(l->env, "Failed changing perms on '%s'. %s", path, ol_err_text(&err));
}

/* 0640 or stricter, as cloud-init's Init._initialize_filesystem() leaves it. */
static mode_t log_mode(struct ol_env *env, const char *path)
{
    struct stat st;

    return ol_stat(env, path, &st) == 0 ? st.st_mode & 0640 : 0640;
}

void stage_log_open(struct stage_log *l, const struct ol_val *cfg)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 10);
    const char *path = stage_log_path(&a, cfg);
    struct ol_err err = OL_ERR_INIT;
    mode_t mode = log_mode(l->env, path);

    if (l->fd >= 0)
        return;
    stderr_from(l, OL_LOG_WARNING);
    if (l->env->is_dry_run) {
        l->is_waiting = false;
        return;
    }
    l->fd = ol_open(l->env, path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, mode);
    l->is_waiting = false;
    if (l->fd < 0) {
        fprintf(stderr, "WARN: log file '%s': %s; logging to stderr\n", path, strerror(-l->fd));
        fputs(l->early.data, stderr);
        stderr_from(l, OL_LOG_DEBUG);
        return;
    }
    if (ol_chmod(l->env, path, mode, &err) < 0)
        ol_warn(l->env, "%s", ol_err_text(&err));
    fix_owner(l, path, cfg);
    write_out(l->fd, &l->early);
    ol_buf_done(&l->early);
}

void stage_log_to_stderr(struct stage_log *l, enum ol_log_level least)
{
    l->is_waiting = false;
    stderr_from(l, least);
}

struct ol_val *stage_log_take_errors(struct stage_log *l, struct ol_arena *a)
{
    struct ol_val *taken = ol_val_copy(a, l->errors);

    ol_arena_done(&l->arena);
    l->errors = ol_val_new_map(&l->arena);
    return taken;
}
