/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "compute/service/log-format.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"

enum { MAX_LINE = 64 << 10 };

struct service_log {
    struct ol_env *env;
    const struct compute_config *config;
    struct log_formats formats;
    struct ol_log *log;
    char *path, *program;
    int file_fd, journal_fd;
    bool has_stdout, has_stderr, has_syslog;
    int facility;
    pthread_mutex_t lock;
};

static const struct {
    const char *name;
    int facility;
} facilities[] = {
    {"KERN", LOG_KERN},     {"USER", LOG_USER},         {"MAIL", LOG_MAIL},
    {"DAEMON", LOG_DAEMON}, {"AUTH", LOG_AUTH},         {"SYSLOG", LOG_SYSLOG},
    {"LPR", LOG_LPR},       {"NEWS", LOG_NEWS},         {"UUCP", LOG_UUCP},
    {"CRON", LOG_CRON},     {"AUTHPRIV", LOG_AUTHPRIV}, {"FTP", LOG_FTP},
    {"LOCAL0", LOG_LOCAL0}, {"LOCAL1", LOG_LOCAL1},     {"LOCAL2", LOG_LOCAL2},
    {"LOCAL3", LOG_LOCAL3}, {"LOCAL4", LOG_LOCAL4},     {"LOCAL5", LOG_LOCAL5},
    {"LOCAL6", LOG_LOCAL6}, {"LOCAL7", LOG_LOCAL7},
};

static int find_facility(const char *text, int *ret, struct ol_err *err)
{
    const char *name = !strncasecmp(text, "LOG_", 4) ? text + 4 : text;

    for (size_t i = 0; i < ol_count(facilities); i++) {
        if (!ol_str_eq_nocase(facilities[i].name, name))
            continue;
        *ret = facilities[i].facility;
        return 0;
    }
    return ol_err_set(err, EINVAL, "[DEFAULT] syslog_log_facility: there is no facility '%s'",
                      text);
}

static int priority_of(enum ol_log_level level)
{
    if (level >= OL_LOG_CRITICAL)
        return LOG_CRIT;
    if (level >= OL_LOG_ERROR)
        return LOG_ERR;
    if (level >= OL_LOG_WARNING)
        return LOG_WARNING;
    return level >= OL_LOG_INFO ? LOG_INFO : LOG_DEBUG;
}

/* Logging must go on whatever fails, so nobody is told when a line can't be written. */
static void write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static int open_file(struct service_log *l)
{
    return ol_open(l->env, l->path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0640);
}

/* logrotate moves the file away; Python's WatchedFileHandler looks before each line. */
static void reopen_if_moved(struct service_log *l)
{
    struct stat have, named;
    int fd;

    if (fstat(l->file_fd, &have) >= 0 && ol_stat(l->env, l->path, &named) >= 0
        && have.st_dev == named.st_dev && have.st_ino == named.st_ino)
        return;
    fd = open_file(l);
    if (fd < 0)
        return;
    close(l->file_fd);
    l->file_fd = fd;
}

/* The journal's own protocol: a field a line; one that may hold newlines has its length first. */
static void write_journal(struct service_log *l, enum ol_log_level level, const char *name,
                          const struct ol_buf *line)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_LINE + 1024);
    uint64_t len = line->len - 1;
    unsigned char size[8];

    for (size_t i = 0; i < sizeof(size); i++)
        size[i] = (unsigned char)(len >> (8 * i));
    ol_buf_printf(&b,
                  "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nSYSLOG_FACILITY=%d\nLOGGER_NAME=%s\n"
                  "LOGGER_LEVEL=%s\nMESSAGE\n",
                  priority_of(level), l->program, l->facility >> 3, name, ol_log_level_name(level));
    ol_buf_add(&b, size, sizeof(size));
    ol_buf_add(&b, line->data, line->len);
    if (ol_buf_status(&b) >= 0 && send(l->journal_fd, b.data, b.len, MSG_NOSIGNAL) < 0)
        return;
}

static void write_line(void *ctx, const struct ol_log_record *record)
{
    struct service_log *l = ctx;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_LINE);
    char made[64];
    struct log_line line = {
        .level = record->level,
        .name = log_name(record->file, made),
        .msg = record->msg,
        .wall = ol_now_wall(l->env),
        .pid = getpid(),
        .binding = log_context_current(),
    };

    if (record->level < log_level_of(&l->config->default_log_levels, line.name, OL_LOG_DEBUG))
        return;
    log_format(&l->formats, &line, &b);
    /* A line that is too long keeps its beginning. */
    if (b.len >= MAX_LINE - 1)
        ol_buf_truncate(&b, MAX_LINE - 2);
    b.failed = 0;
    ol_buf_addc(&b, '\n');
    pthread_mutex_lock(&l->lock);
    if (l->file_fd >= 0) {
        reopen_if_moved(l);
        write_all(l->file_fd, b.data, b.len);
    }
    if (l->has_stdout)
        write_all(STDOUT_FILENO, b.data, b.len);
    if (l->has_stderr)
        write_all(STDERR_FILENO, b.data, b.len);
    if (l->has_syslog)
        syslog(priority_of(line.level), "%.*s", (int)b.len - 1, b.data);
    if (l->journal_fd >= 0)
        write_journal(l, line.level, line.name, &b);
    pthread_mutex_unlock(&l->lock);
}

/* oslo_log 5.0 log.py _get_log_file_path(). Heap; NULL = no file. */
static char *log_path(const struct compute_config *c, const char *program)
{
    ol_autofree char *name = NULL;

    if (!c->log_dir)
        return c->log_file ? ol_xstrdup(c->log_file) : NULL;
    name = c->log_file ? ol_xstrdup(c->log_file) : ol_xasprintf("%s.log", program);
    return ol_path_join(c->log_dir, name);
}

static int open_journal(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int open_outputs(struct service_log *l, struct ol_err *err)
{
    const struct compute_config *c = l->config;
    int r = find_facility(c->syslog_log_facility, &l->facility, err);

    if (r < 0)
        return r;
    if (l->path) {
        l->file_fd = open_file(l);
        if (l->file_fd < 0)
            return ol_err_set(err, -l->file_fd, "log file %s: %s", l->path, strerror(-l->file_fd));
    }
    if (c->use_journal)
        l->journal_fd = open_journal();
    l->has_stderr = c->use_stderr;
    l->has_syslog = c->use_syslog;
    l->has_stdout = !l->path && !c->use_stderr && l->journal_fd < 0;
    if (l->has_syslog)
        openlog(l->program, 0, l->facility);
    return 0;
}

static enum ol_log_level root_level(const struct compute_config *c)
{
    return c->debug ? OL_LOG_DEBUG : OL_LOG_INFO;
}

int service_log_open(struct ol_env *env, const struct compute_config *c, const char *program,
                     struct ol_log *log, struct service_log **ret, struct ol_err *err)
{
    struct service_log *l = ol_xcalloc(1, sizeof(*l));
    const struct ol_log_sink sink = {.least = root_level(c), .write = write_line, .ctx = l};
    int r;

    *l = (struct service_log){
        .env = env,
        .config = c,
        .formats = {.context = c->logging_context_format_string,
                    .plain = c->logging_default_format_string,
                    .user_identity = c->logging_user_identity_format,
                    .instance = c->instance_format,
                    .date = c->log_date_format},
        .log = log,
        .path = log_path(c, program),
        .program = ol_xstrdup(program),
        .file_fd = -1,
        .journal_fd = -1,
    };
    pthread_mutex_init(&l->lock, NULL);
    r = open_outputs(l, err);
    if (r >= 0 && ol_log_add_sink(log, &sink) < 0)
        r = ol_err_set(err, ENOSPC, "no room for a log");
    if (r < 0) {
        service_log_close(l);
        return r;
    }
    *ret = l;
    return 0;
}

void service_log_refresh(struct service_log *l)
{
    for (int i = 0; i < l->log->n_sinks; i++)
        if (l->log->sinks[i].ctx == l)
            __atomic_store_n(&l->log->sinks[i].least, root_level(l->config), __ATOMIC_RELAXED);
}

void service_log_close(struct service_log *l)
{
    if (!l)
        return;
    ol_log_remove_sink(l->log, l);
    if (l->file_fd >= 0)
        close(l->file_fd);
    if (l->journal_fd >= 0)
        close(l->journal_fd);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l->program);
    free(l);
}
