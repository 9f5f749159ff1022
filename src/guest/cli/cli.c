/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/cli/cli.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "core/path.h"
#include "guest/base/version.h"
#include "net/http-client.h"

#define AT(member) offsetof(struct cli_options, member)

static const char *const modes[] = {"init", "config", "final", NULL};
static const char *const frequencies[] = {"instance", "always", "once", NULL};
static const char *const status_formats[] = {"json", "tabular", "yaml", NULL};
static const char *const config_kinds[] = {"all",        "ssh_config", "network",
                                           "datasource", "fstab",      NULL};
static const char *const dump_styles[] = {"safe_dump", "cloud-init", NULL};
static const char *const input_kinds[] = {"eni",        "network_data.json", "yaml",
                                          "azure-imds", "vmware-imc",        NULL};
static const char *const output_kinds[] = {"eni",       "netplan",         "networkd",
                                           "sysconfig", "network-manager", NULL};

/* clang-format off */
static const struct ol_opt program_opts[] = {
    {"version", 'v', OL_OPT_FLAG, NULL, "Show the version and exit", AT(version)},
    {"debug", 'd', OL_OPT_FLAG, NULL, "Show the log on stderr too", AT(debug)},
    {"force", 0, OL_OPT_FLAG, NULL, "Go on even if no datasource is found", AT(force)},
    {"all-stages", 0, OL_OPT_FLAG, NULL, "Run the four stages, one after the other", AT(all_stages)},
    {"root", 0, OL_OPT_STR, "DIR", "Work on the tree below DIR instead of /", AT(root)},
    {"dry-run", 0, OL_OPT_FLAG, NULL, "Say what would be changed, change nothing", AT(dry_run)},
    {0},
};

static const struct ol_opt init_opts[] = {
    {"local", 'l', OL_OPT_FLAG, NULL, "The stage before the network", AT(local)},
    {"file", 'f', OL_OPT_LIST, "FILE", "Use one more configuration file", AT(files)},
    {0},
};

static const struct ol_opt modules_opts[] = {
    {"mode", 'm', OL_OPT_STR, "MODE", "Which modules (config)", AT(mode), modes},
    {"file", 'f', OL_OPT_LIST, "FILE", "Use one more configuration file", AT(files)},
    {0},
};

static const struct ol_opt single_opts[] = {
    {"name", 'n', OL_OPT_STR, "NAME", "Module to run", AT(name), NULL, true},
    {"frequency", 0, OL_OPT_STR, "HOW", "How often it counts as run", AT(frequency), frequencies},
    {"report", 0, OL_OPT_FLAG, NULL, "Accepted for compatibility", AT(report)},
    {"file", 'f', OL_OPT_LIST, "FILE", "Use one more configuration file", AT(files)},
    {0},
};

static const struct ol_opt query_opts[] = {
    {"debug", 'd', OL_OPT_FLAG, NULL, "Show the log on stderr", AT(debug)},
    {"instance-data", 'i', OL_OPT_STR, "FILE", "Read this instance-data.json", AT(instance_data)},
    {"list-keys", 'l', OL_OPT_FLAG, NULL, "List the keys there", AT(list_keys)},
    {"user-data", 'u', OL_OPT_STR, "FILE", "Read this user-data", AT(user_data)},
    {"vendor-data", 'v', OL_OPT_STR, "FILE", "Read this vendor-data", AT(vendor_data)},
    {"all", 'a', OL_OPT_FLAG, NULL, "Print all instance data", AT(all)},
    {"format", 'f', OL_OPT_STR, "TEXT", "Fill in this text: '{{ v1.cloud_name }}'", AT(format)},
    {"name", 'n', OL_OPT_STR, "KEY", "The key, as an option", AT(name)},
    {0},
};

static const struct ol_opt status_opts[] = {
    {"format", 0, OL_OPT_STR, "FORM", "How to print it (tabular)", AT(status_format), status_formats},
    {"long", 'l', OL_OPT_FLAG, NULL, "Say more", AT(is_long)},
    {"wait", 'w', OL_OPT_FLAG, NULL, "Wait until cloud-init is done", AT(wait)},
    {0},
};

static const struct ol_opt clean_opts[] = {
    {"logs", 'l', OL_OPT_FLAG, NULL, "Remove the logs too", AT(logs)},
    {"machine-id", 0, OL_OPT_FLAG, NULL, "Make /etc/machine-id uninitialized", AT(machine_id)},
    {"reboot", 'r', OL_OPT_FLAG, NULL, "Reboot afterwards", AT(reboot)},
    {"seed", 's', OL_OPT_FLAG, NULL, "Remove the seed directory too", AT(seed)},
    {"configs", 'c', OL_OPT_LIST, "KIND", "Remove generated files of a kind", AT(configs), config_kinds},
    {0},
};

static const struct ol_opt yaml_opts[] = {
    {"dump", 0, OL_OPT_MAYBE, "[=STYLE]", "Read tagged JSON and print YAML", AT(dump), dump_styles},
    {0},
};

static const struct ol_opt net_convert_opts[] = {
    {"network-data", 'p', OL_OPT_STR, "FILE", "The network configuration", AT(network_data), NULL, true},
    {"kind", 'k', OL_OPT_STR, "KIND", "Its format", AT(kind), input_kinds, true},
    {"directory", 'd', OL_OPT_STR, "DIR", "Where to write to", AT(directory), NULL, true},
    {"distro", 'D', OL_OPT_STR, "NAME", "Distribution to write for", AT(distro), NULL, true},
    {"mac", 'm', OL_OPT_LIST, "NAME,MAC", "An interface's name and address", AT(mac)},
    {"debug", 0, OL_OPT_FLAG, NULL, "Show what is done", AT(debug)},
    {"output-kind", 'O', OL_OPT_STR, "KIND", "Format to write", AT(output_kind), output_kinds, true},
    {0},
};

static const struct ol_opt make_mime_opts[] = {
    {"attach", 'a', OL_OPT_LIST, "FILE:TYPE", "Attach a file as text/TYPE", AT(attach)},
    {"list-types", 'l', OL_OPT_FLAG, NULL, "List the types", AT(list_types)},
    {"force", 'f', OL_OPT_FLAG, NULL, "Take types that are not known", AT(force)},
    {0},
};

static const struct ol_opt render_opts[] = {
    {"instance-data", 'i', OL_OPT_STR, "FILE", "Read this instance-data.json", AT(instance_data)},
    {"debug", 'd', OL_OPT_FLAG, NULL, "Show what is done", AT(debug)},
    {0},
};

static const struct ol_cmd cache_cmds[] = {
    {"get", "PATH", "Print a value of the cached datasource", 0, 1, NULL, NULL, cmd_cache_get},
    {"set", "PATH [JSON]", "Change a value of the cached datasource", 1, 2, NULL, NULL, cmd_cache_set},
    {0},
};

static const struct ol_cmd devel_cmds[] = {
    {"make-mime", "", "Put files together as one MIME message", 0, 0, make_mime_opts, NULL, cmd_devel_make_mime},
    {"net-convert", "", "Convert a network configuration", 0, 0, net_convert_opts, NULL, cmd_devel_net_convert},
    {"render", "FILE", "Render user-data that is a jinja template", 1, 1, render_opts, NULL, cmd_devel_render},
    {"yaml", "FILE", "Show how YAML values are typed", 1, 1, yaml_opts, NULL, cmd_devel_yaml},
    {0},
};

static const struct ol_cmd commands[] = {
    {"init", "", "Find the datasource and apply the early modules", 0, 0, init_opts, NULL, cmd_init},
    {"modules", "", "Run the modules of a later stage", 0, 0, modules_opts, NULL, cmd_modules},
    {"single", "[ARGUMENT...]", "Run one module", 0, -1, single_opts, NULL, cmd_single},
    {"query", "[KEY]", "Print instance data", 0, 1, query_opts, NULL, cmd_query},
    {"status", "", "Say how far the boot is and what failed", 0, 0, status_opts, NULL, cmd_status},
    {"clean", "", "Remove what a run left, to run again", 0, -1, clean_opts, NULL, cmd_clean},
    {"features", "", "List the features that there are", 0, 0, NULL, NULL, cmd_features},
    {"explain", "", "Say why this is or is not a new instance", 0, 0, NULL, NULL, cmd_explain},
    {"cache", "COMMAND", "Read or change the cached datasource", 0, 0, NULL, cache_cmds, NULL},
    {"devel", "COMMAND", "Tools for developers", 0, 0, NULL, devel_cmds, NULL},
    {0},
};

static const struct ol_opt cloud_id_opts[] = {
    {"json", 'j', OL_OPT_FLAG, NULL, "Print all standard keys as JSON", AT(json)},
    {"long", 'l', OL_OPT_FLAG, NULL, "Print the region too", AT(is_long)},
    {"instance-data", 'i', OL_OPT_STR, "FILE", "Read this instance-data.json", AT(instance_data)},
    {"root", 0, OL_OPT_STR, "DIR", "Work on the tree below DIR instead of /", AT(root)},
    {0},
};
static const struct ol_opt per_opts[] = {
    {"root", 0, OL_OPT_STR, "DIR", "Work on the tree below DIR instead of /", AT(root)},
    {0},
};
/* clang-format on */

static int run_bare(struct ol_cli *cli, int argc, char **argv)
{
    struct cli_context *ctx = cli->ctx;

    if (ctx->options.all_stages)
        return cmd_all_stages(ctx);
    ol_cli_print_help(cli->program, NULL, stderr);
    return cli->program->misuse_status;
}

static void print_plan(void *ctx, const char *verb, const char *object)
{
    printf("would %s %s\n", verb, object);
}

/* What every command needs: the environment that the options ask for. */
static int prepare(struct ol_cli *cli)
{
    struct cli_context *ctx = cli->ctx;
    struct ol_err err = OL_ERR_INIT;

    if (ctx->options.version) {
        printf("%s %s\n", ctx->called_as, GUEST_VERSION);
        return 0;
    }
    if (ol_env_init(&ctx->env, ctx->options.root ? ctx->options.root : "/", &err) < 0) {
        fprintf(stderr, "%s: %s\n", cli->program->name, ol_err_text(&err));
        return 1;
    }
    ctx->env.http = &ol_http_real;
    ctx->env.is_dry_run = ctx->options.dry_run;
    ctx->env.plan = print_plan;
    ol_env_arm_kill(&ctx->env);
    return OL_CLI_GO_ON;
}

const struct ol_program cloud_init_programs[] = {
    {"cloud-init", "Bring this machine up as its datasource says", GUEST_VERSION, program_opts,
     commands, run_bare, 2, prepare},
    {"cloud-id", "Print which cloud this instance runs on", GUEST_VERSION, cloud_id_opts, NULL,
     cmd_cloud_id, 2, prepare},
    {"cloud-init-per", "Run a command once per instance, once, or always", GUEST_VERSION, per_opts,
     NULL, cmd_per, 1, prepare, true, "once|instance|always NAME COMMAND [ARGUMENT...]"},
    {0},
};

static const struct ol_program *program_for(const char *called_as)
{
    const char *base = ol_path_base(called_as);

    for (const struct ol_program *p = cloud_init_programs; p->name; p++)
        if (!strcmp(p->name, base))
            return p;
    return &cloud_init_programs[0];
}

/* A file that we open must not become the stdout of somebody who started us without one, and what
 * else we were started with is not for our children. */
static void put_descriptors_in_order(void)
{
    ol_autoclosedir DIR *dir = NULL;
    struct dirent *entry;
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return;
    dir = opendir("/proc/self/fd");
    while (dir && (entry = readdir(dir)))
        if (ol_parse_int(entry->d_name, 10, STDERR_FILENO + 1, INT_MAX, &fd) == 0)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int cloud_init_main(int argc, char **argv)
{
    const char *called_as = argc ? argv[0] : "cloud-init";
    struct cli_context ctx = {.env = {.root_fd = -1}, .called_as = called_as};
    struct ol_cli cli = {
        .program = program_for(called_as),
        .options = &ctx.options,
        .ctx = &ctx,
    };
    int status;

    put_descriptors_in_order();
    /* An initramfs may start us without one, and the library's default has no sbin. */
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
    signal(SIGPIPE, SIG_IGN);
    status = ol_cli_run(&cli, argc, argv);
    ol_env_done(&ctx.env);
    ol_strv_done(&ctx.options.files);
    ol_strv_done(&ctx.options.configs);
    ol_strv_done(&ctx.options.attach);
    ol_strv_done(&ctx.options.mac);
    return status;
}
