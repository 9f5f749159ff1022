/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/main.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/privileged.h"
#include "compute/service/args.h"
#include "compute/service/debugger.h"
#include "compute/service/pre-start.h"
#include "compute/service/service.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "net/http-lean.h"

enum { MISUSE = 2 };

/* What is said before the log is open. */
struct early {
    struct ol_strv lines;
    enum ol_log_level levels[64];
};

struct program {
    int argc;
    char **argv;
    struct ol_env env;
    struct ol_log log;
    struct early early;
    struct service service;
    const char *reason_root; /* why we stay root; NULL = we don't, or were not */
};

static void keep(void *ctx, const struct ol_log_record *record)
{
    struct early *e = ctx;

    if (e->lines.n == ol_count(e->levels))
        return;
    e->levels[e->lines.n] = record->level;
    ol_strv_add(&e->lines, record->msg);
}

static int misuse(const struct ol_err *err)
{
    fprintf(stderr, "nova-compute: %s\n", ol_err_text(err));
    return MISUSE;
}

static int load(struct program *p, const struct compute_options *o, struct ol_err *err)
{
    struct compute_config_args args = {.program = NULL};
    struct compute_config *c = NULL;
    int r;

    compute_options_take(o, p->argc, p->argv, &args);
    r = compute_config_load(&p->env, &args, &c, err);
    ol_strv_done(&args.files);
    ol_strv_done(&args.set);
    if (r < 0)
        return r;
    p->service.config = c;
    p->service.release = nova_release_find(c->release);
    if (!p->service.release)
        return ol_err_set(err, EINVAL, "%s: [orlop] release: there is no release '%s'",
                          compute_config_where(c, "orlop", "release"), c->release);
    return 0;
}

static int make_owned(struct program *p, const char *path, const struct passwd *user,
                      struct ol_err *err)
{
    int r;

    if (ol_is_dir(&p->env, path))
        return 0;
    r = ol_mkdir_p(&p->env, path, 0755, err);
    return r >= 0 && user ? ol_chown(&p->env, path, user->pw_uid, user->pw_gid, err) : r;
}

/* A machine that stands alone needs nobody to have made its directories. */
static int make_directories(struct program *p, const struct passwd *user, struct ol_err *err)
{
    const struct compute_config *c = p->service.config;
    int r = make_owned(p, c->state_path, user, err);

    if (r >= 0 && !strcmp(c->transport_url, SERVICE_NO_BROKER))
        r = make_owned(p, SERVICE_BUS_DIRECTORY, user, err);
    return r;
}

/* As root: the helper is started, then we become an ordinary user for good. */
static int give_up_root(struct program *p, struct ol_err *err)
{
    struct compute_config *c = p->service.config;
    const char *const roots[] = {c->state_path, c->instances_path, NULL};
    bool is_root = geteuid() == 0 && *c->user && strcmp(c->user, "root");
    const struct passwd *user = is_root ? getpwnam(c->user) : NULL;
    int r = c->standalone ? make_directories(p, user, err) : 0;

    if (r < 0 || !is_root)
        return r;
    if (!user) {
        p->reason_root = c->user;
        return 0;
    }
    r = privileged_start(roots, &c->privileged, err);
    return r < 0 ? r : privileged_drop(c->user, err);
}

static int open_log(struct program *p, struct ol_err *err)
{
    struct service *s = &p->service;
    int r = service_log_open(&p->env, s->config, "nova-compute", &p->log, &s->log, err);

    if (r < 0)
        return r;
    ol_log_remove_sink(&p->log, &p->early);
    for (size_t i = 0; i < p->early.lines.n; i++)
        ol_log_at(&p->log, p->early.levels[i], "config.c", "%s", p->early.lines.v[i]);
    return 0;
}

static void log_option(void *ctx, const char *group, const char *name, const char *value)
{
    const struct program *p = ctx;

    ol_debug(&p->env, "%s.%-30s = %s", group, name, value);
}

static void tell(struct program *p)
{
    const struct compute_config *c = p->service.config;
    static const char *const databases[] = {"database", "api_database"};

    if (p->reason_root)
        ol_warn(&p->env, "There is no user '%s' ([orlop] user): the daemon goes on as root",
                p->reason_root);
    for (size_t i = 0; i < ol_count(databases); i++) {
        const char *where = compute_config_where(c, databases[i], "connection");

        if (where)
            ol_warn(&p->env,
                    "%s sets [%s] connection: this service has no access to a database and never "
                    "uses it; take it out of this host's files",
                    where, databases[i]);
    }
    if (c->log_options && c->debug) {
        ol_debug(&p->env, "Full set of CONF:");
        compute_config_each(c, log_option, p);
    }
}

static int pre_start(struct program *p, struct ol_err *err)
{
    const struct compute_config *c = p->service.config;
    int r = c->load_nbd ? pre_start_nbd(&p->env, c, err) : 0;

    if (r >= 0 && c->wait_libvirt)
        r = pre_start_libvirt(&p->env, err);
    if (r < 0)
        return r;
    ol_strv_each (unit, &c->wait_unit)
        pre_start_unit(&p->env, unit);
    return 0;
}

static int live(struct program *p, struct ol_err *err)
{
    struct service *s = &p->service;
    int r;

    debugger_wait(&p->env, s->config);
    s->env = &p->env;
    s->parts = (struct service_parts){
        .env = &p->env, .config = s->config, .release = s->release, .report_count = 0};
    s->setting = (struct service_setting){.env = &p->env,
                                          .config = s->config,
                                          .release = s->release,
                                          .ops = &service_parts_ops,
                                          .ctx = &s->parts};
    r = service_parts_open(&s->parts, err);
    if (r >= 0)
        r = service_serve(s, err);
    if (r < 0)
        return r;
    r = service_wait(s);
    /* A start that failed may have left tasks behind. */
    if (!task_pool_stop(s->parts.pool, OL_SECOND))
        _exit(r);
    service_parts_close(&s->parts);
    return r;
}

static int run(struct program *p, const struct compute_options *o)
{
    struct ol_err err = OL_ERR_INIT;
    int r = load(p, o, &err);

    if (r < 0)
        return misuse(&err);
    r = give_up_root(p, &err);
    if (r >= 0)
        r = open_log(p, &err);
    if (r < 0)
        return misuse(&err);
    tell(p);
    r = pre_start(p, &err);
    if (r >= 0 && !o->pre_start_only)
        r = live(p, &err);
    if (r < 0) {
        ol_log(&p->env, OL_LOG_CRITICAL, "%s", ol_err_text(&err));
        fprintf(stderr, "nova-compute: %s\n", ol_err_text(&err));
        return r == -EINVAL ? MISUSE : 1;
    }
    return r;
}

int compute_run(struct ol_cli *cli, int argc, char **argv)
{
    struct program *p = cli->ctx;
    const struct ol_log_sink sink = {.least = OL_LOG_INFO, .write = keep, .ctx = &p->early};
    struct ol_err err = OL_ERR_INIT;
    int r;

    (void)argc;
    (void)argv;
    r = ol_env_init(&p->env, "/", &err);
    if (r < 0 || ol_log_add_sink(&p->log, &sink) < 0)
        return misuse(&err);
    p->env.log = &p->log;
    p->env.http = &ol_http_lean;
    ol_env_arm_kill(&p->env);
    r = run(p, cli->options);
    service_log_close(p->service.log);
    if (p->service.config)
        privileged_free(p->service.config->privileged);
    compute_config_free(p->service.config);
    ol_strv_done(&p->early.lines);
    ol_env_done(&p->env);
    return r;
}

int compute_main(int argc, char **argv)
{
    struct compute_options options = {.version = false};
    struct program program = {.argc = argc, .argv = argv};
    struct ol_cli cli = {.program = &compute_program, .options = &options, .ctx = &program};
    int r;

    privileged_main(argc, argv);
    ol_alloc_be_frugal();
    r = ol_cli_run(&cli, argc, argv);
    compute_options_done(&options);
    return r;
}
