/* SPDX-License-Identifier: Apache-2.0 */
#include "scripted-virt.h"

#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"

struct virt {
    int unused;
};

static struct virt only;
static struct scripted script;

struct scripted *scripted_state(void)
{
    return &script;
}

static int find(const char *uuid)
{
    for (size_t i = 0; i < ol_count(script.machines); i++)
        if (strcmp(script.machines[i].uuid, uuid) == 0)
            return (int)i;
    return -1;
}

void scripted_put(const char *uuid, enum virt_power power)
{
    int at = find(uuid);

    if (at < 0)
        at = find("");
    snprintf(script.machines[at].uuid, sizeof(script.machines[at].uuid), "%s", uuid);
    script.machines[at].power = power;
}

enum virt_power scripted_power(const char *uuid)
{
    int at = find(uuid);

    return at < 0 ? VIRT_NOSTATE : script.machines[at].power;
}

static int note(const char *word, struct ol_err *err)
{
    size_t len = strlen(script.words);

    snprintf(script.words + len, sizeof(script.words) - len, "%s%s", len ? " " : "", word);
    if (script.failing && strcmp(script.failing, word) == 0)
        return nova_fail(err, script.how, "the test made '%s' fail", word);
    return 0;
}

static int set(const char *word, const char *uuid, enum virt_power power, struct ol_err *err)
{
    int r = note(word, err);

    if (r >= 0)
        scripted_put(uuid, power);
    return r;
}

static int s_open(const struct virt_options *o, struct virt **ret, struct ol_err *err)
{
    *ret = &only;
    return 0;
}

static void s_close(struct virt *v) {}

static int s_resources(struct virt *v, struct ol_arena *a, struct virt_resources *ret,
                       struct ol_err *err)
{
    *ret = (struct virt_resources){
        .vcpus = 4,
        .memory_mb = 4096,
        .local_gb = 50,
        .hypervisor_type = "scripted",
        .hypervisor_version = 1,
        .hypervisor_hostname = "node1",
        .cpu_info = "{}",
    };
    return 0;
}

static int s_uptime(struct virt *v, struct ol_arena *a, const char **ret, struct ol_err *err)
{
    return nova_fail(err, NOVA_NOT_IMPLEMENTED, "no uptime");
}

static int s_list(struct virt *v, struct ol_strv *ret, struct ol_err *err)
{
    for (size_t i = 0; i < ol_count(script.machines); i++)
        if (script.machines[i].uuid[0])
            ol_strv_add(ret, script.machines[i].uuid);
    return 0;
}

static int s_info(struct virt *v, const char *uuid, struct virt_info *ret, struct ol_err *err)
{
    if (find(uuid) < 0)
        return nova_fail(err, NOVA_INSTANCE_NOT_FOUND, "Instance %s could not be found.", uuid);
    ret->power = scripted_power(uuid);
    return 0;
}

static int s_spawn(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    int r = set("spawn", m->uuid, m->is_held ? VIRT_PAUSED : VIRT_RUNNING, err);

    if (r >= 0 && m->is_held && script.held)
        script.held(m->uuid);
    return r;
}

static int s_destroy(struct virt *v, const char *uuid, const char *directory, bool disks,
                     struct ol_err *err)
{
    int r = note("destroy", err), at = find(uuid);

    if (r >= 0 && at >= 0)
        script.machines[at].uuid[0] = '\0';
    return r;
}

static int s_off(struct virt *v, const char *uuid, ol_time timeout, ol_time retry,
                 struct ol_err *err)
{
    return set(timeout ? "off" : "off-hard", uuid, VIRT_SHUTDOWN, err);
}

static int s_on(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    return set("on", m->uuid, VIRT_RUNNING, err);
}

static int s_reboot(struct virt *v, const struct virt_machine *m, bool is_hard, struct ol_err *err)
{
    return set(is_hard ? "reboot-hard" : "reboot", m->uuid, VIRT_RUNNING, err);
}

static int s_pause(struct virt *v, const char *uuid, struct ol_err *err)
{
    return set("pause", uuid, VIRT_PAUSED, err);
}

static int s_unpause(struct virt *v, const char *uuid, struct ol_err *err)
{
    return set("unpause", uuid, VIRT_RUNNING, err);
}

static int s_suspend(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    return set("suspend", m->uuid, VIRT_SUSPENDED, err);
}

static int s_resume(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    return set("resume", m->uuid, VIRT_RUNNING, err);
}

static int s_console(struct virt *v, const char *uuid, const char *directory, size_t max,
                     struct ol_buf *ret, struct ol_err *err)
{
    ol_buf_adds(ret, "one\ntwo\nthr\xc3\xa9\x65\n");
    return 0;
}

static int s_attach_disk(struct virt *v, const struct virt_machine *m, const struct virt_disk *d,
                         struct ol_err *err)
{
    snprintf(script.path, sizeof(script.path), "%s", d->path ? d->path : "");
    return note("attach", err);
}

static int s_detach_disk(struct virt *v, const struct virt_machine *m, const char *role,
                         struct ol_err *err)
{
    return note("detach", err);
}

static int s_attach_nic(struct virt *v, const struct virt_machine *m, const struct virt_nic *n,
                        struct ol_err *err)
{
    return note("plug", err);
}

static int s_detach_nic(struct virt *v, const struct virt_machine *m, const char *id,
                        struct ol_err *err)
{
    return note("unplug", err);
}

const struct virt_driver scripted_driver = {
    .name = "scripted",
    .has_wires = true,
    .open = s_open,
    .close = s_close,
    .resources = s_resources,
    .uptime = s_uptime,
    .list = s_list,
    .info = s_info,
    .spawn = s_spawn,
    .destroy = s_destroy,
    .power_off = s_off,
    .power_on = s_on,
    .reboot = s_reboot,
    .pause = s_pause,
    .unpause = s_unpause,
    .suspend = s_suspend,
    .resume = s_resume,
    .console = s_console,
    .attach_disk = s_attach_disk,
    .detach_disk = s_detach_disk,
    .attach_nic = s_attach_nic,
    .detach_nic = s_detach_nic,
};
