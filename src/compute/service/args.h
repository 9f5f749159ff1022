/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/config/config.h"
#include "core/cli.h"

/*
 * The command line, as nova-compute has it from oslo.config and oslo.log, and what is ours. Options
 * that are also in nova.conf become settings that win over files.
 */
struct compute_options {
    struct ol_strv config_files, config_dirs;
    const char *log_file, *logfile, *log_dir, *logdir, *log_date_format, *syslog_log_facility;
    const char *debug_host, *debug_port;
    bool debug, nodebug, use_syslog, nouse_syslog, use_journal, nouse_journal, use_stderr;
    bool nouse_stderr, watch_log_file, nowatch_log_file;
    bool version;
    bool standalone, wait_libvirt, load_nbd, pre_start_only;
    struct ol_strv wait_units;
};

extern const struct ol_program compute_program;

/* What compute_config_load() takes. argv tells in which order files and directories were named. */
void compute_options_take(const struct compute_options *o, int argc, char **argv,
                          struct compute_config_args *ret);
void compute_options_done(struct compute_options *o);
/* Runs the program; the exit status. */
int compute_run(struct ol_cli *cli, int argc, char **argv);
