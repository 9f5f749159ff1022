/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/args.h"

#include <stdio.h>
#include <string.h>

#include "compute/object/release.h"
#include "core/cleanup.h"
#include "core/path.h"
#include "core/str.h"

#define AT(member) offsetof(struct compute_options, member)

/* clang-format off */
static const struct ol_opt opts[] = {
    {"config-file", 0, OL_OPT_LIST, "PATH", "Read this file; later ones win, option by option", AT(config_files)},
    {"config-dir", 0, OL_OPT_LIST, "DIR", "Read the *.conf files of this directory in order", AT(config_dirs)},
    {"debug", 'd', OL_OPT_FLAG, NULL, "Log at level DEBUG", AT(debug)},
    {"nodebug", 0, OL_OPT_FLAG, NULL, "The inverse of --debug", AT(nodebug)},
    {"log-file", 0, OL_OPT_STR, "PATH", "Log to this file", AT(log_file)},
    {"logfile", 0, OL_OPT_STR, "PATH", "The same as --log-file", AT(logfile)},
    {"log-dir", 0, OL_OPT_STR, "DIR", "Directory of the log file", AT(log_dir)},
    {"logdir", 0, OL_OPT_STR, "DIR", "The same as --log-dir", AT(logdir)},
    {"log-date-format", 0, OL_OPT_STR, "FORMAT", "How log lines show the time, as strftime", AT(log_date_format)},
    {"use-syslog", 0, OL_OPT_FLAG, NULL, "Log to syslog", AT(use_syslog)},
    {"nouse-syslog", 0, OL_OPT_FLAG, NULL, "The inverse of --use-syslog", AT(nouse_syslog)},
    {"syslog-log-facility", 0, OL_OPT_STR, "FACILITY", "Facility of syslog", AT(syslog_log_facility)},
    {"use-journal", 0, OL_OPT_FLAG, NULL, "Log to the journal", AT(use_journal)},
    {"nouse-journal", 0, OL_OPT_FLAG, NULL, "The inverse of --use-journal", AT(nouse_journal)},
    {"use-stderr", 0, OL_OPT_FLAG, NULL, "Log to standard error", AT(use_stderr)},
    {"nouse-stderr", 0, OL_OPT_FLAG, NULL, "The inverse of --use-stderr", AT(nouse_stderr)},
    {"watch-log-file", 0, OL_OPT_FLAG, NULL, "Follow a log file that is moved away (always done)", AT(watch_log_file)},
    {"nowatch-log-file", 0, OL_OPT_FLAG, NULL, "The inverse of --watch-log-file", AT(nowatch_log_file)},
    {"remote_debug-host", 0, OL_OPT_STR, "HOST", "With a port: stop at the start until a debugger comes", AT(debug_host)},
    {"remote_debug-port", 0, OL_OPT_STR, "PORT", "See --remote_debug-host", AT(debug_port)},
    {"standalone", 0, OL_OPT_FLAG, NULL, "No control plane: an own bus, and SQLite for objects", AT(standalone)},
    {"wait-libvirt", 0, OL_OPT_FLAG, NULL, "Start when libvirt takes connections", AT(wait_libvirt)},
    {"wait-unit", 0, OL_OPT_LIST, "NAME", "Start when this unit is up; start it if need be", AT(wait_units)},
    {"load-nbd", 0, OL_OPT_FLAG, NULL, "Load the module nbd first, unless this is a container", AT(load_nbd)},
    {"pre-start-only", 0, OL_OPT_FLAG, NULL, "End after these waits", AT(pre_start_only)},
    {"version", 0, OL_OPT_FLAG, NULL, "Print the version of nova that this is to a cloud", AT(version)},
    {0},
};
/* clang-format on */

static int prepare(struct ol_cli *cli)
{
    const struct compute_options *o = cli->options;

    if (!o->version)
        return OL_CLI_GO_ON;
    /* Scripts read it; the release may be another in [orlop] release, as shown in the log. */
    printf("%s\n", nova_release_find("zed")->number);
    return 0;
}

const struct ol_program compute_program = {
    .name = "orlop-compute",
    .summary = "OpenStack's host agent, as nova-compute",
    .version = "26.2.2",
    .opts = opts,
    .run = compute_run,
    .misuse_status = 2,
    .prepare = prepare,
};

static void set_flag(struct compute_config_args *ret, const char *name, bool yes, bool no)
{
    if (yes || no)
        ol_strv_addf(&ret->set, "%s=%s", name, no ? "false" : "true");
}

static void set_text(struct compute_config_args *ret, const char *name, const char *text)
{
    if (text)
        ol_strv_addf(&ret->set, "%s=%s", name, text);
}

static void take_settings(const struct compute_options *o, struct compute_config_args *ret)
{
    set_flag(ret, "DEFAULT.debug", o->debug, o->nodebug);
    set_flag(ret, "DEFAULT.use_syslog", o->use_syslog, o->nouse_syslog);
    set_flag(ret, "DEFAULT.use_journal", o->use_journal, o->nouse_journal);
    set_flag(ret, "DEFAULT.use_stderr", o->use_stderr, o->nouse_stderr);
    set_flag(ret, "DEFAULT.watch_log_file", o->watch_log_file, o->nowatch_log_file);
    set_flag(ret, "orlop.standalone", o->standalone, false);
    set_flag(ret, "orlop.wait_libvirt", o->wait_libvirt, false);
    set_flag(ret, "orlop.load_nbd", o->load_nbd, false);
    set_text(ret, "DEFAULT.log_file", o->log_file ? o->log_file : o->logfile);
    set_text(ret, "DEFAULT.log_dir", o->log_dir ? o->log_dir : o->logdir);
    set_text(ret, "DEFAULT.log_date_format", o->log_date_format);
    set_text(ret, "DEFAULT.syslog_log_facility", o->syslog_log_facility);
    set_text(ret, "remote_debug.host", o->debug_host);
    set_text(ret, "remote_debug.port", o->debug_port);
    if (o->wait_units.n) {
        ol_autofree char *units = ol_strv_join(&o->wait_units, ",");

        set_text(ret, "orlop.wait_unit", units);
    }
}

static void take_path(const char *path, bool is_dir, const char *cwd, struct ol_strv *to)
{
    ol_autofree char *joined = ol_path_join(cwd, path), *plain = ol_path_absolute(joined);

    ol_strv_addf(to, "%s%s", plain, is_dir ? "/" : "");
}

/* The two lists have lost how they were mixed; argv has it. Options can be cut short. */
static void take_files(const struct compute_options *o, int argc, char **argv,
                       struct compute_config_args *ret)
{
    ol_autofree char *cwd = getcwd(NULL, 0);
    size_t file = 0, dir = 0;

    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        if (ol_str_starts(argv[i], "--config-d") && dir < o->config_dirs.n)
            take_path(o->config_dirs.v[dir++], true, cwd ? cwd : "/", &ret->files);
        else if (ol_str_starts(argv[i], "--config-f") && file < o->config_files.n)
            take_path(o->config_files.v[file++], false, cwd ? cwd : "/", &ret->files);
    }
}

void compute_options_take(const struct compute_options *o, int argc, char **argv,
                          struct compute_config_args *ret)
{
    /* The name decides which second file is looked for by default; ours is nova-compute's. */
    ret->program = "nova-compute";
    ret->home = getenv("HOME");
    take_files(o, argc, argv, ret);
    take_settings(o, ret);
}

void compute_options_done(struct compute_options *o)
{
    ol_strv_done(&o->config_files);
    ol_strv_done(&o->config_dirs);
    ol_strv_done(&o->wait_units);
}
