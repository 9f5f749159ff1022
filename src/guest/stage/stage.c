/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/base/cfg.h"
#include "guest/base/jobs.h"
#include "guest/base/notice.h"
#include "guest/base/version.h"
#include "guest/distro/distro.h"
#include "guest/module/hostname-set.h"
#include "guest/network/apply.h"
#include "guest/network/info.h"
#include "guest/source/source.h"
#include "guest/stage/config.h"
#include "guest/stage/instance-data.h"
#include "guest/stage/instance.h"
#include "guest/stage/interrupt.h"
#include "guest/stage/logging.h"
#include "guest/stage/output.h"
#include "guest/stage/report.h"
#include "guest/stage/run-modules.h"
#include "guest/stage/semaphore.h"
#include "guest/stage/status.h"
#include "guest/userdata/userdata.h"

enum {
    ARENA_MAX = 256 << 20,
    NET_TEXT_MAX = 1 << 20,
    DOC_MAX = 128 << 20, /* of a datasource's data when nothing in it is shared */
};

struct run;

/* One stage. 'flow' does its work and adds what went wrong to the status. */
struct stage_row {
    const char *mode;    /* in status.json; NULL = no boot stage, nothing is noted there */
    const char *title;   /* in the welcome line */
    const char *section; /* of modules and of output: */
    const char *event, *event_desc;
    void (*flow)(struct run *run);
};

struct run {
    struct guest g;
    const struct stage_row *row;
    const struct stage_options *options;
    struct stage_log *log;
    struct status status;
    struct output *output;
    struct output_plan plan;
    struct userdata data; /* once it is consumed */
};

static void fail(struct run *run, const char *text)
{
    if (run->row->mode)
        status_add_error(&run->g, &run->status, text);
}

static void welcome(struct guest *g, const char *title)
{
    const char *text = ol_arena_printf(
        g->arena, "Cloud-init v. %s running '%s' at %s. Up %.2f seconds.", GUEST_VERSION, title,
        guest_timestamp(g), (double)ol_now_boot(g->env) / (double)OL_SECOND);

    fprintf(stderr, "%s\n", text);
    ol_debug(g->env, "%s", text);
}

/* stdin, stdout, stderr and the log as the configuration of now wants them. */
static void set_up_io(struct run *run)
{
    struct guest *g = &run->g;
    struct ol_err err = OL_ERR_INIT;

    output_close_stdin(g->env);
    run->plan = output_decide(g->arena, g->cfg, run->row->section);
    run->output = output_redirect(g, &run->plan, &err);
    if (err.code)
        ol_warn(g->env, "Failed to setup output redirection! %s", ol_err_text(&err));
    if (run->options->is_debug)
        stage_log_to_stderr(run->log, OL_LOG_DEBUG);
    stage_log_open(run->log, g->cfg);
    welcome(g, run->row->title);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/* User-data may say that output goes elsewhere from here on. */
static void adjust_output(struct run *run)
{
    struct guest *g = &run->g;
    struct output_plan plan = output_decide(g->arena, g->cfg, run->row->section);
    struct ol_err err = OL_ERR_INIT;

    if (is_same_text(plan.out, run->plan.out) && is_same_text(plan.err, run->plan.err))
        return;
    ol_warn(g->env, "Stdout, stderr changing to (%s, %s)", plan.out ? plan.out : "None",
            plan.err ? plan.err : "None");
    output_restore(g, run->output);
    run->plan = plan;
    run->output = output_redirect(g, &plan, &err);
    if (err.code)
        ol_warn(g->env, "Failed to re-adjust output redirection! %s", ol_err_text(&err));
}

static void make_directories(struct guest *g)
{
    static const char *const names[] = {"scripts",
                                        "scripts/per-instance",
                                        "scripts/per-once",
                                        "scripts/per-boot",
                                        "scripts/vendor",
                                        "seed",
                                        "instances",
                                        "handlers",
                                        "sem",
                                        "data"};
    struct ol_err err = OL_ERR_INIT;

    for (size_t i = 0; i < ol_count(names); i++)
        if (ol_mkdir_p(g->env, guest_cloud_path(g, names[i]), 0755, &err) < 0)
            ol_warn(g->env, "Failed to initialize, likely bad things to come! %s",
                    ol_err_text(&err));
    /* What a run that was killed left there. */
    if (ol_remove_tree(g->env, guest_run_path(g, "tmp"), &err) < 0)
        ol_warn(g->env, "%s", ol_err_text(&err));
    if (ol_mkdir_p(g->env, guest_run_path(g, "sem"), 0755, &err) < 0)
        ol_warn(g->env, "Failed to initialize, likely bad things to come! %s", ol_err_text(&err));
}

bool stage_trusts_cache(struct guest *g)
{
    return cfg_bool(g->cfg, "manual_cache_clean", false)
           || ol_exists(g->env, guest_instance_path(g, "manual-clean"));
}

/* Restores the datasource or searches for one; true when there is one in g->ds. */
static bool fetch(struct run *run, enum instance_trust trust, unsigned have)
{
    struct guest *g = &run->g;
    const char *name = ol_arena_printf(g->arena, "%s/check-cache", run->row->event);
    struct report report;
    struct instance_verdict verdict;
    struct source_trials trials = {0};
    struct ol_err err = OL_ERR_INIT;

    report = report_start(g->env, name,
                          ol_arena_printf(g->arena, "attempting to read from cache [%s]",
                                          trust == INSTANCE_TRUST ? "trust" : "check"));
    verdict = instance_restore(g, trust);
    report_finish(g->env, &report, "SUCCESS", verdict.why);
    ol_debug(g->env, "%s", verdict.why);
    if (verdict.use_cache) {
        if (!ol_exists(g->env, guest_run_path(g, "instance-data.json"))
            && instance_data_write(g, &err) < 0)
            ol_warn(g->env, "Error persisting instance-data.json: %s", ol_err_text(&err));
        return true;
    }
    if (!have || source_find_first(g, have, &trials, &err) < 0)
        return false;
    if (!ol_val_is_within(g->ds.doc, DOC_MAX)) {
        ol_warn(g->env, "Datasource %s is not used: its data is too large, or nested in itself",
                g->ds.source->name);
        g->ds = (struct guest_ds){0};
        return false;
    }
    ol_info(g->env, "Loaded datasource DataSource%s - %s", g->ds.source->name,
            ol_val_to_text(g->arena, guest_ds_get(g, "description")));
    if (instance_data_write(g, &err) < 0)
        ol_warn(g->env, "Error persisting instance-data.json: %s", ol_err_text(&err));
    return true;
}

static void apply_network(struct run *run, unsigned flags)
{
    const struct ol_val *before = run->g.ds.doc;
    struct ol_err err = OL_ERR_INIT;

    if (cfg_bool(run->g.cfg, "disable_network_activation", false))
        flags &= ~(unsigned)NET_APPLY_BRING_UP;
    if (net_apply(&run->g, flags, &err) < 0) {
        ol_error(run->g.env, "Failed to apply the network configuration: %s", ol_err_text(&err));
        fail(run, exception_text(run->g.arena, &err));
    }
    /* A boot event asks the datasource again; later stages have to see what it said. */
    if (run->g.ds.doc != before && instance_store_cache(&run->g, &err) < 0)
        ol_warn(run->g.env, "%s", ol_err_text(&err));
}

/* The current instance's directory, link and cache; false when they cannot be written. */
static bool reflect(struct run *run)
{
    struct ol_err err = OL_ERR_INIT;

    if (instance_reflect(&run->g, &err) < 0) {
        ol_error(run->g.env, "%s", ol_err_text(&err));
        fail(run, exception_text(run->g.arena, &err));
        return false;
    }
    ol_debug(run->g.env, "[%s] will now be targeting instance id: %s. new=%s", run->row->mode,
             guest_instance_id(&run->g), run->g.is_new_instance ? "True" : "False");
    config_read(&run->g, run->options->files);
    return true;
}

static void commit(struct run *run)
{
    struct ol_err err = OL_ERR_INIT;

    if (instance_commit(&run->g, &err) < 0)
        ol_warn(run->g.env, "%s", ol_err_text(&err));
}

/* Names the machine early when its data says how, so that DHCP announces it. */
static void set_hostname_early(struct run *run)
{
    struct ol_err err = OL_ERR_INIT;

    if (set_hostname_now(&run->g, run->g.cfg, &err) < 0)
        ol_debug(run->g.env, "Failed setting hostname in %s stage, it is tried again: %s",
                 run->row->mode, ol_err_text(&err));
}

static int consume_kind(struct run *run, enum userdata_kind kind, enum frequency frequency,
                        struct ol_err *err)
{
    static const char *const names[] = {"consume-user-data", "consume-vendor-data",
                                        "consume-vendor-data2"};
    static const char *const descs[] = {"reading and applying user-data",
                                        "reading and applying vendor-data",
                                        "reading and applying vendor-data2"};
    const char *name = ol_arena_printf(run->g.arena, "%s/%s", run->row->event, names[kind]);
    struct report report = report_start(run->g.env, name, descs[kind]);
    int r = 0;

    if (kind == USERDATA_USER && !cfg_bool(run->g.cfg, "allow_userdata", true))
        ol_debug(run->g.env, "allow_userdata = False: discarding user-data");
    else
        r = userdata_consume(&run->g, &run->data, kind, frequency, err);
    report_finish(run->g.env, &report, r < 0 ? "FAIL" : "SUCCESS", NULL);
    /* What user-data says about vendor-data has to be known before that is looked at. */
    config_read(&run->g, run->options->files);
    return r;
}

static int consume_all(struct run *run, enum frequency frequency, struct ol_err *err)
{
    static const enum userdata_kind kinds[] = {USERDATA_USER, USERDATA_VENDOR, USERDATA_VENDOR2};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ol_count(kinds); i++)
        r = consume_kind(run, kinds[i], frequency, err);
    if (r == 0)
        r = instance_data_combine(&run->g, err);
    return r;
}

/* Once per instance everything, later only what runs always; true = go on with the modules. Data
 * that no later boot could read either do not keep the machine from its users and keys. */
static bool consume(struct run *run)
{
    struct guest *g = &run->g;
    struct ol_err err = OL_ERR_INIT;
    struct sem sem = {0};
    int r = userdata_store(g, &run->data, &err);

    if (r == 0)
        r = sem_acquire(g, "consume_data", FREQ_INSTANCE, 0, &sem, &err);
    if (r == SEM_DONE) {
        ol_debug(g->env, "consume_data already ran (freq=once-per-instance)");
        r = consume_all(run, FREQ_ALWAYS, &err);
    } else if (r == SEM_RUN) {
        r = consume_all(run, FREQ_INSTANCE, &err);
        sem_release(g, &sem);
    }
    if (r == 0 && run->data.refused.code)
        err = run->data.refused;
    if (err.code) {
        ol_warn(g->env, "Consuming user data failed! %s", ol_err_text(&err));
        fail(run, "Consuming user data failed!");
    }
    return r == 0;
}

static void run_section(struct run *run)
{
    struct module_failures failures = {.texts = ol_val_new_list(run->g.arena)};

    run_modules(&run->g, run->row->section, run->row->event, &failures);
    guest_jobs_await(&run->g);
    for (size_t i = 0; i < ol_val_count(failures.texts); i++)
        fail(run, ol_val_str(ol_val_item(failures.texts, i)));
}

static void apply_instance(struct run *run)
{
    if (!consume(run))
        return;
    set_hostname_early(run);
    adjust_output(run);
    run_section(run);
}

static const char *dsmode(const struct run *run)
{
    const char *mode = ol_val_str(guest_ds_get(&run->g, "dsmode"));

    return mode ? mode : "net";
}

static void say_unknown_distro(struct guest *g)
{
    const char *name =
        cfg_str(g->arena, ol_val_get(g->cfg, "system_info"), "distro", g->distro->name);

    if (strcmp(name, g->distro->name) != 0)
        ol_warn(g->env, "Distro '%s' is not known; its defaults are those of %s", name,
                g->distro->name);
}

static void start_init(struct run *run)
{
    config_read(&run->g, run->options->files);
    set_up_io(run);
    make_directories(&run->g);
    say_unknown_distro(&run->g);
}

static void flow_local(struct run *run)
{
    struct guest *g = &run->g;
    struct ol_err err = OL_ERR_INIT;

    start_init(run);
    if (ol_unlink(g->env, guest_instance_path(g, "boot-finished"), &err) < 0)
        ol_warn(g->env, "%s", ol_err_text(&err));
    if (!fetch(run, stage_trusts_cache(g) ? INSTANCE_TRUST : INSTANCE_CHECK, SOURCE_NEEDS_DISK)) {
        ol_debug(g->env, "No local datasource found");
        /* The link of an earlier instance would make later stages trust its cache. */
        if (ol_unlink(g->env, guest_cloud_path(g, "instance"), &err) < 0)
            ol_warn(g->env, "%s", ol_err_text(&err));
        apply_network(run, 0);
        return;
    }
    if (!reflect(run))
        return;
    set_hostname_early(run);
    apply_network(run, 0);
    commit(run);
    if (!strcmp(dsmode(run), "local"))
        apply_instance(run);
}

/* What the network manager made of the configuration, for who reads the console. */
static void show_network(struct guest *g)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(NET_TEXT_MAX);
    struct net_info info = {.arena = g->arena};
    struct ol_err err = OL_ERR_INIT;

    if (!g->env->is_live)
        return;
    if (net_info_read(&info, &err) < 0)
        ol_debug(g->env, "Net device info failed: %s", ol_err_text(&err));
    net_info_print(&info, &text);
    if (ol_buf_status(&text) == 0)
        fputs(text.data, stderr);
}

static void flow_network(struct run *run)
{
    struct guest *g = &run->g;

    start_init(run);
    show_network(g);
    if (!fetch(run, INSTANCE_TRUST, SOURCE_NEEDS_DISK | SOURCE_NEEDS_NET)) {
        ol_warn(g->env, "No instance datasource found! Likely bad things to come!");
        apply_network(run, NET_APPLY_BRING_UP);
        if (!run->options->is_forced) {
            fail(run, "No instance datasource found.");
            return;
        }
    } else if (strcmp(dsmode(run), "net")) {
        ol_debug(g->env, "[net] Exiting. datasource %s in %s mode",
                 ol_val_to_text(g->arena, guest_ds_get(g, "description")), dsmode(run));
        return;
    }
    if (!g->ds.source || !reflect(run))
        return;
    apply_network(run, NET_APPLY_BRING_UP);
    commit(run);
    apply_instance(run);
}

static void flow_modules(struct run *run)
{
    struct guest *g = &run->g;
    const char *message;
    bool has_ds;

    config_read(g, run->options->files);
    has_ds = fetch(run, INSTANCE_TRUST, 0);
    if (has_ds) {
        instance_compare(g);
        config_read(g, run->options->files);
    }
    set_up_io(run);
    if (!strcmp(run->row->section, "init"))
        guest_deprecated(g, "`--mode init`", 24, 1, "Use `cloud-init init` instead.");
    say_unknown_distro(g);
    if (!has_ds) {
        message = ol_arena_printf(g->arena,
                                  "Can not apply stage %s, no datasource found! Likely bad things"
                                  " to come!",
                                  run->row->section);
        ol_warn(g->env, "%s", message);
        if (!run->options->is_forced) {
            fail(run, message);
            return;
        }
    }
    run_section(run);
}

/* clang-format off */
static const struct stage_row rows[] = {
    [STAGE_LOCAL] = {"init-local", "init-local", "init",
        "init-local", "searching for local datasources", flow_local},
    [STAGE_NETWORK] = {"init", "init", "init",
        "init-network", "searching for network datasources", flow_network},
    [STAGE_CONFIG] = {"modules-config", "modules:config", "config",
        "modules-config", "running modules for config", flow_modules},
    [STAGE_FINAL] = {"modules-final", "modules:final", "final",
        "modules-final", "running modules for final", flow_modules},
    [STAGE_INIT_MODULES] = {NULL, "modules:init", "init",
        "modules-init", "running modules for init", flow_modules},
};
/* clang-format on */

void stage_open_guest(struct guest *g, struct ol_env *env, struct ol_arena *arena)
{
    *g = (struct guest){.env = env, .arena = arena, .previous_instance_id = ""};
    config_read(g, NULL);
}

void stage_open_guest_paths(struct guest *g, struct ol_env *env, struct ol_arena *arena)
{
    /* Reading it all costs about a millisecond, and paths are hardly ever moved; so the
     * configuration is only read when one of its files mentions them. */
    *g = (struct guest){.env = env, .arena = arena, .previous_instance_id = ""};
    if (config_mentions_paths(g))
        config_read(g, NULL);
    else
        guest_set_config(g, ol_val_new_map(arena));
}

static int finish(struct run *run, ol_time started)
{
    double seconds = (double)(ol_now_boot(run->g.env) - started) / (double)OL_SECOND;
    int status = 0;

    ol_debug(run->g.env, "cloud-init mode '%s' took %.3f seconds (%.2f)", run->row->title, seconds,
             seconds);
    output_close(&run->g, run->output);
    interrupt_disarm();
    if (run->row->mode)
        status = status_end(&run->g, &run->status, run->log);
    interrupt_release();
    output_restore(&run->g, run->output);
    return status;
}

int stage_run(struct ol_env *env, enum stage stage, const struct stage_options *options)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    struct run run = {.row = &rows[stage], .options = options, .log = stage_log_new(env)};
    ol_time started = ol_now_boot(env);
    struct report report;
    struct ol_err err = OL_ERR_INIT;
    int status;

    stage_open_guest(&run.g, env, &arena);
    if (run.row->mode && status_begin(&run.g, run.row->mode, &run.status, &err) < 0) {
        fprintf(stderr, "cloud-init: %s\n", ol_err_text(&err));
        stage_log_free(run.log);
        return 1;
    }
    if (run.row->mode)
        interrupt_arm(&run.g, &run.status);
    report = report_start(env, run.row->event, run.row->event_desc);
    run.row->flow(&run);
    report_finish(env, &report, "SUCCESS", NULL);
    status = finish(&run, started);
    stage_log_free(run.log);
    return status;
}

static const struct ol_val *arguments(struct ol_arena *a, const struct stage_single *single)
{
    struct ol_val *args = ol_val_new_list(a);

    for (int i = 0; i < single->argc; i++)
        ol_val_append(a, args, ol_val_new_str(a, single->argv[i]));
    return args;
}

static int run_single(struct run *run, const struct stage_single *single)
{
    static const struct {
        const char *name;
        enum frequency frequency;
    } names[] = {{"instance", FREQ_INSTANCE}, {"always", FREQ_ALWAYS}, {"once", FREQ_ONCE}};
    struct guest *g = &run->g;
    const enum frequency *frequency = NULL;
    int r;

    for (size_t i = 0; single->frequency && i < ol_count(names); i++)
        if (!strcmp(names[i].name, single->frequency))
            frequency = &names[i].frequency;
    r = run_single_module(g, single->name, frequency, arguments(g->arena, single));
    guest_jobs_await(g);
    if (r == -ENOENT)
        ol_warn(g->env, "Did not run %s, does it exist?", single->name);
    else if (r < 0)
        ol_warn(g->env, "Ran %s but it failed!", single->name);
    return r < 0 ? 1 : 0;
}

int stage_run_single(struct ol_env *env, const struct stage_single *single,
                     const struct stage_options *options)
{
    static const struct stage_row row = {NULL, "single", NULL, "single", "running one module",
                                         NULL};
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    struct run run = {.row = &row, .options = options, .log = stage_log_new(env)};
    bool has_ds;
    int status = 1;

    stage_open_guest(&run.g, env, &arena);
    has_ds = fetch(&run, INSTANCE_TRUST, 0);
    if (has_ds) {
        instance_compare(&run.g);
        config_read(&run.g, options->files);
    }
    set_up_io(&run);
    say_unknown_distro(&run.g);
    if (!has_ds)
        ol_warn(env, "Failed to fetch your datasource, likely bad things to come! Run 'cloud-init"
                     " init' first, or use --force");
    if (has_ds || options->is_forced)
        status = run_single(&run, single);
    output_restore(&run.g, run.output);
    stage_log_free(run.log);
    return status;
}
