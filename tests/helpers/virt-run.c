/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "compute/base/privileged.h"
#include "compute/virt/virt.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/*
 * Drives a virt driver: virt-run DRIVER OPTIONS-JSON, then one call a line on standard input,
 *
 *     {"call": "spawn", "machine": {"uuid": …, "disks": […], …}}
 *
 * and one line for each: {"result": 0, …} or {"result": -2, "error": …, "domain": …}; what the
 * driver tells by itself comes as {"event": KIND, "uuid": U}. ORLOP_KILL_AT counts its changes.
 * {"calls": […]} makes all of them at once, each in a thread of its own.
 */
enum { LINE_MAX_SIZE = 1 << 16, MAX_DEVICES = 32 };

struct call {
    const struct virt_driver *driver;
    struct virt *virt;
    struct ol_arena *a;
    const struct ol_val *in;
    struct ol_val *out;
    struct virt_disk disks[MAX_DEVICES];
    struct virt_nic nics[MAX_DEVICES];
    struct virt_machine machine;
    const char *uuid;
};

static void say(const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(1 << 20);

    if (ol_json_dump(v, &ol_json_python, &line) < 0)
        return;
    ol_buf_addc(&line, '\n');
    (void)!write(STDOUT_FILENO, line.data, line.len);
}

static void say_event(void *ctx, const struct virt_event *e)
{
    static const char *const names[] = {"started", "stopped",   "paused",
                                        "resumed", "suspended", "crashed"};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4096);
    struct ol_val *v = ol_val_new_map(&a);

    ol_val_set_str(&a, v, "event", names[e->kind]);
    ol_val_set_str(&a, v, "uuid", e->uuid);
    say(v);
    (void)ctx;
}

static void say_log(void *ctx, const struct ol_log_record *record)
{
    fprintf(stderr, "%s %s\n", ol_log_level_name(record->level), record->msg);
    (void)ctx;
}

static const char *text(const struct ol_val *map, const char *key)
{
    return ol_val_str(ol_val_get(map, key));
}

static struct virt_disk disk_of(const struct ol_val *v)
{
    return (struct virt_disk){
        .path = text(v, "path"),
        .base = text(v, "base"),
        .is_base_qcow2 = ol_val_is_truthy(ol_val_get(v, "is_base_qcow2")),
        .format = ol_val_is_truthy(ol_val_get(v, "is_qcow2")) ? VIRT_QCOW2 : VIRT_RAW,
        .size = ol_val_int(ol_val_get(v, "size"), 0),
        .bus = text(v, "bus"),
        .serial = text(v, "serial"),
        .role = text(v, "role"),
        .initiator = text(v, "initiator"),
        .user = text(v, "user"),
        .password = text(v, "password"),
        .is_cdrom = ol_val_is_truthy(ol_val_get(v, "is_cdrom")),
        .is_read_only = ol_val_is_truthy(ol_val_get(v, "is_read_only")),
        .is_ours = ol_val_is_truthy(ol_val_get(v, "is_ours")),
        .boot_index = (int)ol_val_int(ol_val_get(v, "boot_index"), -1),
    };
}

static struct virt_nic nic_of(const struct ol_val *v)
{
    return (struct virt_nic){
        .id = text(v, "id"),
        .mac = text(v, "mac"),
        .model = text(v, "model"),
        .kind = text(v, "kind"),
        .bridge = text(v, "bridge"),
        .tap = text(v, "tap"),
        .mtu = (int)ol_val_int(ol_val_get(v, "mtu"), 0),
        .forwards = text(v, "forwards"),
    };
}

static void read_machine(struct call *c)
{
    const struct ol_val *v = ol_val_get(c->in, "machine");

    c->machine = (struct virt_machine){
        .uuid = text(v, "uuid"),
        .name = text(v, "name"),
        .directory = text(v, "directory"),
        .memory_mb = ol_val_int(ol_val_get(v, "memory_mb"), 0),
        .vcpus = (int)ol_val_int(ol_val_get(v, "vcpus"), 1),
        .machine_type = text(v, "machine_type"),
        .kernel = text(v, "kernel"),
        .initrd = text(v, "initrd"),
        .cmdline = text(v, "cmdline"),
        .disks = c->disks,
        .nics = c->nics,
        .is_held = ol_val_is_truthy(ol_val_get(v, "is_held")),
        .has_status_port = ol_val_is_truthy(ol_val_get(v, "has_status_port")),
    };
    for (size_t i = 0; i < ol_val_count(ol_val_get(v, "disks")) && i < MAX_DEVICES; i++)
        c->disks[c->machine.n_disks++] = disk_of(ol_val_item(ol_val_get(v, "disks"), i));
    for (size_t i = 0; i < ol_val_count(ol_val_get(v, "nics")) && i < MAX_DEVICES; i++)
        c->nics[c->machine.n_nics++] = nic_of(ol_val_item(ol_val_get(v, "nics"), i));
    c->uuid = c->machine.uuid;
}

static ol_time seconds(const struct call *c, const char *key)
{
    return ol_val_int(ol_val_get(c->in, key), 0) * OL_MS;
}

static struct ol_val *list_of(struct call *c, const struct ol_strv *l)
{
    struct ol_val *list = ol_val_new_list(c->a);

    ol_strv_each (s, l)
        ol_val_append(c->a, list, ol_val_new_str(c->a, s));
    return list;
}

static int do_spawn(struct call *c, struct ol_err *err)
{
    return c->driver->spawn(c->virt, &c->machine, err);
}

static int do_destroy(struct call *c, struct ol_err *err)
{
    bool keep = ol_val_is_truthy(ol_val_get(c->in, "keep_disks"));

    return c->driver->destroy(c->virt, c->uuid, c->machine.directory, !keep, err);
}

static int do_power_off(struct call *c, struct ol_err *err)
{
    return c->driver->power_off(c->virt, c->uuid, seconds(c, "timeout_ms"), seconds(c, "retry_ms"),
                                err);
}

static int do_power_on(struct call *c, struct ol_err *err)
{
    return c->driver->power_on(c->virt, &c->machine, err);
}

static int do_reboot(struct call *c, struct ol_err *err)
{
    return c->driver->reboot(c->virt, &c->machine, ol_val_is_truthy(ol_val_get(c->in, "is_hard")),
                             err);
}

static int do_pause(struct call *c, struct ol_err *err)
{
    return c->driver->pause(c->virt, c->uuid, err);
}

static int do_unpause(struct call *c, struct ol_err *err)
{
    return c->driver->unpause(c->virt, c->uuid, err);
}

static int do_suspend(struct call *c, struct ol_err *err)
{
    return c->driver->suspend(c->virt, &c->machine, err);
}

static int do_resume(struct call *c, struct ol_err *err)
{
    return c->driver->resume(c->virt, &c->machine, err);
}

static int do_info(struct call *c, struct ol_err *err)
{
    struct virt_info info;
    int r = c->driver->info(c->virt, c->uuid, &info, err);

    if (r < 0)
        return r;
    ol_val_set_int(c->a, c->out, "power", info.power);
    ol_val_set_int(c->a, c->out, "memory_kb", info.memory_kb);
    ol_val_set_int(c->a, c->out, "cpu_ms", info.cpu_time / OL_MS);
    return r;
}

static int do_list(struct call *c, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv uuids = OL_STRV_INIT;
    int r = c->driver->list(c->virt, &uuids, err);

    ol_val_set(c->a, c->out, "uuids", list_of(c, &uuids));
    return r;
}

static int do_resources(struct call *c, struct ol_err *err)
{
    struct virt_resources r;
    int result = c->driver->resources(c->virt, c->a, &r, err);

    if (result < 0)
        return result;
    ol_val_set_int(c->a, c->out, "vcpus", r.vcpus);
    ol_val_set_int(c->a, c->out, "vcpus_used", r.vcpus_used);
    ol_val_set_int(c->a, c->out, "memory_mb", r.memory_mb);
    ol_val_set_int(c->a, c->out, "memory_mb_used", r.memory_mb_used);
    ol_val_set_int(c->a, c->out, "local_gb", r.local_gb);
    ol_val_set_int(c->a, c->out, "hypervisor_version", r.hypervisor_version);
    ol_val_set_str(c->a, c->out, "hypervisor_type", r.hypervisor_type);
    ol_val_set_str(c->a, c->out, "cpu_info", r.cpu_info);
    ol_val_set(c->a, c->out, "hv_specs", list_of(c, &r.hv_specs));
    ol_val_set(c->a, c->out, "traits", list_of(c, &r.traits));
    ol_strv_done(&r.hv_specs);
    ol_strv_done(&r.traits);
    return result;
}

static int do_uptime(struct call *c, struct ol_err *err)
{
    const char *line = NULL;
    int r = c->driver->uptime(c->virt, c->a, &line, err);

    if (r == 0)
        ol_val_set_str(c->a, c->out, "uptime", line);
    return r;
}

static int do_console(struct call *c, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf bytes = OL_BUF_INIT(1 << 20);
    int r = c->driver->console(c->virt, c->uuid, c->machine.directory, 100000, &bytes, err);

    if (r == 0)
        ol_val_set_str(c->a, c->out, "console", bytes.data);
    return r;
}

static int do_attach_disk(struct call *c, struct ol_err *err)
{
    struct virt_disk d = disk_of(ol_val_get(c->in, "disk"));

    return c->driver->attach_disk(c->virt, &c->machine, &d, err);
}

static int do_detach_disk(struct call *c, struct ol_err *err)
{
    return c->driver->detach_disk(c->virt, &c->machine, text(c->in, "role"), err);
}

static int do_attach_nic(struct call *c, struct ol_err *err)
{
    struct virt_nic n = nic_of(ol_val_get(c->in, "nic"));

    return c->driver->attach_nic(c->virt, &c->machine, &n, err);
}

static int do_detach_nic(struct call *c, struct ol_err *err)
{
    return c->driver->detach_nic(c->virt, &c->machine, text(c->in, "id"), err);
}

static const struct {
    const char *name;
    int (*run)(struct call *c, struct ol_err *err);
} calls[] = {
    {"spawn", do_spawn},
    {"destroy", do_destroy},
    {"power_off", do_power_off},
    {"power_on", do_power_on},
    {"reboot", do_reboot},
    {"pause", do_pause},
    {"unpause", do_unpause},
    {"suspend", do_suspend},
    {"resume", do_resume},
    {"info", do_info},
    {"list", do_list},
    {"resources", do_resources},
    {"uptime", do_uptime},
    {"console", do_console},
    {"attach_disk", do_attach_disk},
    {"detach_disk", do_detach_disk},
    {"attach_nic", do_attach_nic},
    {"detach_nic", do_detach_nic},
};

static void answer(struct call *c, struct ol_env *env)
{
    const char *name = text(c->in, "call");
    struct ol_err err = OL_ERR_INIT;
    ol_time begin = ol_now_boot(env);
    int r = -ENOSYS;

    read_machine(c);
    for (size_t i = 0; name && i < ol_count(calls); i++)
        if (!strcmp(calls[i].name, name))
            r = calls[i].run(c, &err);
    ol_val_set_int(c->a, c->out, "result", r);
    if (c->uuid)
        ol_val_set_str(c->a, c->out, "uuid", c->uuid);
    ol_val_set_int(c->a, c->out, "us", (ol_now_boot(env) - begin) / 1000);
    ol_val_set_int(c->a, c->out, "changes",
                   (int64_t)__atomic_load_n(&env->n_changes, __ATOMIC_RELAXED));
    if (r < 0) {
        ol_val_set_str(c->a, c->out, "error", ol_err_text(&err));
        ol_val_set_str(c->a, c->out, "domain", err.domain ? err.domain : "");
    }
    say(c->out);
}

struct ask {
    const struct virt_driver *driver;
    struct virt *virt;
    struct ol_env *env;
    const struct ol_val *in;
    pthread_t thread;
};

static void *run(void *arg)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 << 20);
    const struct ask *ask = arg;
    struct call c = {.driver = ask->driver, .virt = ask->virt, .a = &a, .in = ask->in};

    c.out = ol_val_new_map(&a);
    answer(&c, ask->env);
    return NULL;
}

/* {"calls": […]}: each in a thread of its own. */
static void run_all(const struct ask *like, const struct ol_val *calls_in)
{
    struct ask asks[MAX_DEVICES];
    size_t n = 0;

    for (; n < ol_val_count(calls_in) && n < MAX_DEVICES; n++) {
        asks[n] = *like;
        asks[n].in = ol_val_item(calls_in, n);
        pthread_create(&asks[n].thread, NULL, run, &asks[n]);
    }
    for (size_t i = 0; i < n; i++)
        pthread_join(asks[i].thread, NULL);
}

static int serve(const struct virt_driver *driver, struct virt *virt, struct ol_env *env)
{
    ol_autofree char *line = ol_xcalloc(1, LINE_MAX_SIZE);

    while (fgets(line, LINE_MAX_SIZE, stdin)) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 << 20);
        struct ask ask = {.driver = driver, .virt = virt, .env = env};
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *in = NULL;

        if (ol_json_load(line, strlen(line), &a, &in, &err) < 0) {
            fprintf(stderr, "%s\n", ol_err_text(&err));
            return 1;
        }
        ask.in = in;
        if (ol_val_get(in, "calls"))
            run_all(&ask, ol_val_get(in, "calls"));
        else
            run(&ask);
    }
    return 0;
}

int main(int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct virt_driver *driver = argc == 3 ? virt_driver_find(argv[1]) : NULL;
    struct ol_log log = {.n_sinks = 1, .sinks = {{OL_LOG_DEBUG, say_log, NULL}}};
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *options = NULL;
    struct compute_config config = {.host = "test"};
    struct virt *virt = NULL;
    struct privileged *helper = NULL;
    struct ol_env env;
    int r;

    privileged_main(argc, argv);
    if (!driver || ol_json_load(argv[2], strlen(argv[2]), &a, &options, &err) < 0
        || ol_env_init(&env, "/", &err) < 0) {
        fprintf(stderr, "virt-run DRIVER OPTIONS: %s\n", ol_err_text(&err));
        return 64;
    }
    env.log = &log;
    ol_env_arm_kill(&env);
    config.compute_driver = argv[1];
    config.instances_path = text(options, "instances_path");
    config.state_path = text(options, "state_path");
    config.accelerator = text(options, "accelerator");
    config.qemu_machine = text(options, "qemu_machine");
    config.qemu_user = text(options, "qemu_user");
    config.connection_uri = text(options, "connection_uri");
    config.virt_type = text(options, "virt_type");
    config.disk_cachemodes = text(options, "disk_cachemodes");
    if (text(options, "user")) {
        const char *roots[] = {config.instances_path, NULL};

        if (privileged_start(roots, &helper, &err) < 0
            || privileged_drop(text(options, "user"), &err) < 0) {
            fprintf(stderr, "%s\n", ol_err_text(&err));
            return 1;
        }
    }
    r = driver->open(
        &(struct virt_options){
            .env = &env, .config = &config, .event = say_event, .privileged = helper},
        &virt, &err);
    if (r < 0) {
        fprintf(stderr, "%s\n", ol_err_text(&err));
        return 1;
    }
    (void)!write(STDOUT_FILENO, "{\"open\": true}\n", 15);
    r = serve(driver, virt, &env);
    driver->close(virt);
    privileged_free(helper);
    ol_env_done(&env);
    return r;
}
