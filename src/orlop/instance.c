/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/rpc/rpc.h"
#include "compute/rpc/transport.h"
#include "compute/standalone/standalone.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "orlop/cli.h"
#include "orlop/output.h"

/*
 * 'orlop service|hypervisor|instance …': asks the agent of this machine, which runs by
 * orlop-compute --standalone, over its bus.
 */
enum { CONNECT_SECONDS = 2, SERVE_SECONDS = 10, ANSWER_SECONDS = 60, WAIT_SECONDS = 600 };
enum { MAX_FILE = 64 << 10 };

struct asker {
    struct ol_env env;
    struct rpc *rpc;
    struct ol_arena arena;
    const struct orlop_options *options;
};

static int failed(const struct ol_err *err)
{
    fprintf(stderr, "orlop: %s\n", ol_err_text(err));
    return 1;
}

static void asker_close(struct asker *k)
{
    rpc_free(k->rpc);
    ol_arena_done(&k->arena);
    ol_env_done(&k->env);
}

static void pause_for(struct asker *k, ol_time span)
{
    k->env.clock->sleep(k->env.clock->ctx, span);
}

/* A socket may be left over from an agent that was killed. */
static int wait_connected(struct asker *k, const char *path, struct ol_err *err)
{
    ol_time until = ol_now_boot(&k->env) + CONNECT_SECONDS * OL_SECOND;
    struct rpc_state state;

    for (;;) {
        rpc_state(k->rpc, &state);
        if (state.is_connected)
            return 0;
        if (ol_now_boot(&k->env) > until)
            return ol_err_set(err, ECONNREFUSED,
                              "nobody answers at %s: is 'orlop-compute --standalone' running?",
                              path);
        pause_for(k, 2 * OL_MS);
    }
}

static int asker_open(struct asker *k, const struct orlop_options *o, struct ol_err *err)
{
    struct rpc_transport_options transport = {
        .url = o->bus, .connection_name = "orlop", .is_guest = true};
    struct rpc_options options = {
        .transport = &transport, .exchange = "nova", .timeout = ANSWER_SECONDS * OL_SECOND};
    const char *path = strstr(o->bus, "://") ? strstr(o->bus, "://") + 3 : "";
    int r;

    *k = (struct asker){.options = o};
    ol_arena_init(&k->arena, 64 << 20);
    r = ol_env_init(&k->env, "/", err);
    if (r < 0)
        return r;
    if (!ol_exists(&k->env, path))
        r = ol_err_set(err, ENOENT,
                       "there is no %s: start 'orlop-compute --standalone', or name its bus by "
                       "--bus",
                       path);
    if (r >= 0)
        r = rpc_new(&k->env, &options, &k->rpc, err);
    if (r >= 0)
        r = wait_connected(k, path, err);
    if (r < 0)
        asker_close(k);
    return r;
}

static int ask(struct asker *k, const char *method, const struct ol_val *args,
               const struct ol_val **ret, struct ol_err *err)
{
    static const struct rpc_target to = {
        .topic = STANDALONE_TOPIC, .version = STANDALONE_VERSION, .is_mandatory = true};
    ol_time until = ol_now_boot(&k->env) + SERVE_SECONDS * OL_SECOND;
    struct nova_context context = nova_context_admin(&k->arena, &k->env);
    struct rpc_message m = {method, args};

    /* An agent that starts has its bus before it answers. What nobody took may be sent again. */
    for (;;) {
        int r = rpc_call(k->rpc, &to, &context, &m, &k->arena, ret, err);

        if (r >= 0 || !nova_is(err, NOVA_MESSAGE_UNDELIVERABLE))
            return r;
        if (ol_now_boot(&k->env) > until)
            return ol_err_set(err, EAGAIN, "the agent at %s does not answer questions yet",
                              k->options->bus);
        *err = OL_ERR_INIT;
        pause_for(k, 50 * OL_MS);
    }
}

/* One question, and how its answer is shown: 'columns' NULL = as one thing. */
static int ask_and_show(const struct orlop_options *o, const char *method,
                        struct ol_val *(*args)(struct asker *k, char **argv), char **argv,
                        const struct output_column *columns)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(16 << 20);
    const struct ol_val *answer;
    struct ol_err err = OL_ERR_INIT;
    struct asker k;
    int r = asker_open(&k, o, &err);

    if (r < 0)
        return failed(&err);
    r = ask(&k, method, args(&k, argv), &answer, &err);
    if (r >= 0)
        r = columns ? output_rows(answer, columns, o->output, &text)
                    : output_one(answer, o->output, &text);
    fputs(text.data, stdout);
    asker_close(&k);
    return r < 0 ? failed(&err) : 0;
}

static struct ol_val *list_of(struct asker *k, const char *what)
{
    struct ol_val *args = ol_val_new_map(&k->arena);

    ol_val_set_str(&k->arena, args, "what", what);
    return args;
}

static struct ol_val *services(struct asker *k, char **argv)
{
    return list_of(k, "services");
}

static struct ol_val *hypervisors(struct asker *k, char **argv)
{
    return list_of(k, "hypervisors");
}

static struct ol_val *instances(struct asker *k, char **argv)
{
    return list_of(k, "instances");
}

static struct ol_val *named(struct asker *k, char **argv)
{
    struct ol_val *args = ol_val_new_map(&k->arena);

    ol_val_set_str(&k->arena, args, "instance", argv[0]);
    return args;
}

int cmd_service_list(struct ol_cli *cli, int argc, char **argv)
{
    static const struct output_column columns[] = {
        {"ID", "id"},       {"Binary", "binary"},      {"Host", "host"},
        {"State", "state"}, {"Updated", "updated_at"}, {NULL}};

    return ask_and_show(cli->options, "list", services, argv, columns);
}

int cmd_hypervisor_list(struct ol_cli *cli, int argc, char **argv)
{
    static const struct output_column columns[] = {{"Hostname", "hypervisor_hostname"},
                                                   {"Type", "hypervisor_type"},
                                                   {"Host IP", "host_ip"},
                                                   {"VCPUs", "vcpus"},
                                                   {"Used", "vcpus_used"},
                                                   {"Memory MB", "memory_mb"},
                                                   {"Used", "memory_mb_used"},
                                                   {"Machines", "running_vms"},
                                                   {NULL}};

    return ask_and_show(cli->options, "list", hypervisors, argv, columns);
}

int cmd_instance_list(struct ol_cli *cli, int argc, char **argv)
{
    static const struct output_column columns[] = {{"ID", "uuid"},
                                                   {"Name", "display_name"},
                                                   {"State", "vm_state"},
                                                   {"Task", "task_state"},
                                                   {"Power", "power_state"},
                                                   {"Image", "image_ref"},
                                                   {NULL}};

    return ask_and_show(cli->options, "list", instances, argv, columns);
}

int cmd_instance_show(struct ol_cli *cli, int argc, char **argv)
{
    return ask_and_show(cli->options, "show", named, argv, NULL);
}

/* --- what is done, and waited for --- */

static const char *field(const struct ol_val *row, const char *name)
{
    const char *text = ol_val_str(ol_val_get(row, name));

    return text ? text : "";
}

/* True once nothing is under way any more. An instance that has gone is *ret NULL. */
static int look(struct asker *k, const char *uuid, const struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_map(&k->arena);
    int r;

    ol_val_set_str(&k->arena, args, "instance", uuid);
    r = ask(k, "show", args, ret, err);
    if (r >= 0 || !nova_is(err, NOVA_INSTANCE_NOT_FOUND))
        return r;
    *err = OL_ERR_INIT;
    *ret = NULL;
    return 0;
}

static bool is_busy(const struct ol_val *row)
{
    const char *state = field(row, "vm_state");

    /* "deleted" is on its way out of the list. */
    return *field(row, "task_state") || strcmp(state, "building") == 0
           || strcmp(state, "deleted") == 0;
}

/* Until it has ended, with what it ended in. */
static int wait_for(struct asker *k, const char *uuid, const struct ol_val **row,
                    struct ol_err *err)
{
    ol_time until = ol_now_boot(&k->env) + WAIT_SECONDS * OL_SECOND;
    ol_time pause = 50 * OL_MS;

    for (;; pause = pause < OL_SECOND ? pause + pause / 4 : OL_SECOND) {
        int r = look(k, uuid, row, err);

        if (r < 0 || !*row || !is_busy(*row))
            return r;
        if (ol_now_boot(&k->env) > until)
            return ol_err_set(err, ETIMEDOUT, "instance %s is still %s after %d seconds", uuid,
                              field(*row, "task_state"), WAIT_SECONDS);
        pause_for(k, pause);
    }
}

static int report(const struct ol_val *row, const struct orlop_options *o, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    int r;

    if (!row)
        return 0;
    r = output_one(row, o->output, &text);
    fputs(text.data, stdout);
    if (r >= 0 && o->want_wait && strcmp(field(row, "vm_state"), "error") == 0)
        return ol_err_set(err, EIO, "instance %s is in error: %s", field(row, "display_name"),
                          field(ol_val_get(row, "fault"), "message"));
    return r;
}

static int do_and_wait(struct asker *k, const char *method, const struct ol_val *args,
                       struct ol_err *err)
{
    const struct ol_val *row;
    int r = ask(k, method, args, &row, err);

    if (r >= 0 && k->options->want_wait)
        r = wait_for(k, field(row, "uuid"), &row, err);
    return r < 0 ? r : report(row, k->options, err);
}

static int read_text(struct asker *k, const char *path, struct ol_val *args, const char *name,
                     struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_FILE);
    int r;

    if (!path)
        return 0;
    r = ol_file_read(&k->env, path, &text, err);
    if (r >= 0 && memchr(text.data, '\0', text.len))
        return ol_err_set(err, EINVAL, "%s is no text", path);
    if (r >= 0)
        ol_val_set_str(&k->arena, args, name, text.data);
    return r;
}

static int put_number(struct asker *k, const char *text, struct ol_val *args, const char *name,
                      struct ol_err *err)
{
    int64_t value;

    if (!text)
        return 0;
    if (ol_parse_i64(text, 10, &value) < 0 || value < 0)
        return ol_err_set(err, EINVAL, "'%s' is no number for %s", text, name);
    ol_val_set_int(&k->arena, args, name, value);
    return 0;
}

/* Images are files of this host by their whole path, or names of images that it has. */
static const char *image_of(struct asker *k, const char *image)
{
    char cwd[4096];

    if (!image || !strchr(image, '/') || *image == '/' || !getcwd(cwd, sizeof(cwd)))
        return image;
    return ol_arena_printf(&k->arena, "%s/%s", cwd, image);
}

static int create(struct asker *k, const char *name, struct ol_err *err)
{
    const struct orlop_options *o = k->options;
    struct ol_val *args = ol_val_new_map(&k->arena);
    int r;

    ol_val_set_str(&k->arena, args, "name", name);
    ol_val_set_str(&k->arena, args, "image", image_of(k, o->image));
    ol_val_set_str(&k->arena, args, "networks", o->network ? o->network : "");
    r = put_number(k, o->memory, args, "memory_mb", err);
    if (r >= 0)
        r = put_number(k, o->vcpus, args, "vcpus", err);
    if (r >= 0)
        r = put_number(k, o->disk, args, "root_gb", err);
    if (r >= 0)
        r = read_text(k, o->user_data, args, "user_data", err);
    if (r >= 0)
        r = read_text(k, o->key, args, "key", err);
    return r < 0 ? r : do_and_wait(k, "create", args, err);
}

int cmd_instance_create(struct ol_cli *cli, int argc, char **argv)
{
    struct ol_err err = OL_ERR_INIT;
    struct asker k;
    int r = asker_open(&k, cli->options, &err);

    if (r < 0)
        return failed(&err);
    r = create(&k, argv[0], &err);
    asker_close(&k);
    return r < 0 ? failed(&err) : 0;
}

/* start, stop, reboot, pause, unpause, suspend, resume, delete: an action has its command's
 * name. */
int cmd_instance_act(struct ol_cli *cli, int argc, char **argv)
{
    const struct orlop_options *o = cli->options;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *args;
    struct asker k;
    int r = asker_open(&k, o, &err);

    if (r < 0)
        return failed(&err);
    args = named(&k, argv);
    ol_val_set_str(&k.arena, args, "action",
                   o->is_hard ? ol_arena_printf(&k.arena, "%s-hard", cli->cmd->name)
                              : cli->cmd->name);
    r = do_and_wait(&k, "act", args, &err);
    asker_close(&k);
    return r < 0 ? failed(&err) : 0;
}

int cmd_instance_console(struct ol_cli *cli, int argc, char **argv)
{
    const struct orlop_options *o = cli->options;
    const struct ol_val *text = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *args;
    struct asker k;
    int r = asker_open(&k, o, &err);

    if (r < 0)
        return failed(&err);
    args = named(&k, argv);
    r = put_number(&k, o->lines, args, "lines", &err);
    if (r >= 0)
        r = ask(&k, "console", args, &text, &err);
    if (r >= 0)
        puts(ol_val_str(text) ? ol_val_str(text) : "");
    asker_close(&k);
    return r < 0 ? failed(&err) : 0;
}
