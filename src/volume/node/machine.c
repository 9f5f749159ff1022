/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/machine.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/str.h"
#include "core/strv.h"
#include "kube/base/time.h"

#define MAX_PODS "110"

static const struct {
    const char *linux_name, *go_name;
} arches[] = {{"x86_64", "amd64"},    {"aarch64", "arm64"},   {"i686", "386"},   {"armv7l", "arm"},
              {"ppc64le", "ppc64le"}, {"riscv64", "riscv64"}, {"s390x", "s390x"}};

static void read_memory(struct ol_env *env, struct node_machine *m)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

    if (ol_file_read(env, "/proc/meminfo", &text, NULL) < 0)
        return;
    ol_strv_split(&words, text.data, " \n");
    for (size_t i = 0; i + 1 < words.n; i++) {
        if (!strcmp(words.v[i], "MemTotal:")
            && ol_parse_i64(words.v[i + 1], 10, &m->memory_kib) == 0)
            return;
    }
}

static void read_os(struct ol_env *env, struct node_machine *m)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    snprintf(m->os_image, sizeof(m->os_image), "Linux");
    if (ol_file_read(env, "/etc/os-release", &text, NULL) < 0)
        return;
    ol_strv_split(&lines, text.data, "\n");
    ol_strv_each (line, &lines) {
        if (!ol_str_starts(line, "PRETTY_NAME=\""))
            continue;
        snprintf(m->os_image, sizeof(m->os_image), "%s", line + strlen("PRETTY_NAME=\""));
        if (ol_str_ends(m->os_image, "\""))
            m->os_image[strlen(m->os_image) - 1] = '\0';
    }
}

static void read_line(struct ol_env *env, const char *path, char *out, size_t size)
{
    ol_autofree char *line = ol_file_read_line(env, path);

    snprintf(out, size, "%s", line ? line : "");
}

void node_machine_read(struct ol_env *env, struct node_machine *ret)
{
    struct utsname u;

    *ret = (struct node_machine){.arch = "amd64", .n_cpus = sysconf(_SC_NPROCESSORS_ONLN)};
    if (uname(&u) == 0) {
        snprintf(ret->kernel, sizeof(ret->kernel), "%s", u.release);
        for (size_t i = 0; i < ol_count(arches); i++) {
            if (!strcmp(arches[i].linux_name, u.machine))
                ret->arch = arches[i].go_name;
        }
    }
    read_memory(env, ret);
    read_os(env, ret);
    read_line(env, "/etc/machine-id", ret->machine_id, sizeof(ret->machine_id));
    read_line(env, "/sys/class/dmi/id/product_uuid", ret->system_uuid, sizeof(ret->system_uuid));
    if (!*ret->system_uuid)
        memcpy(ret->system_uuid, ret->machine_id, sizeof(ret->system_uuid));
    read_line(env, "/proc/sys/kernel/random/boot_id", ret->boot_id, sizeof(ret->boot_id));
}

static bool take_address(const struct ifaddrs *all, int family, char out[64])
{
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        const void *raw = NULL;

        if (!a->ifa_addr || a->ifa_addr->sa_family != family || (a->ifa_flags & IFF_LOOPBACK))
            continue;
        if (family == AF_INET) {
            raw = &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
        } else {
            const struct sockaddr_in6 *six = (const void *)a->ifa_addr;

            if (IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
                continue;
            raw = &six->sin6_addr;
        }
        return inet_ntop(family, raw, out, 64) != NULL;
    }
    return false;
}

void node_machine_address(char out[64])
{
    struct ifaddrs *all = NULL;
    bool is_found;

    if (getifaddrs(&all) < 0)
        all = NULL;
    is_found = take_address(all, AF_INET, out) || take_address(all, AF_INET6, out);
    if (!is_found)
        snprintf(out, 64, "127.0.0.1");
    if (all)
        freeifaddrs(all);
}

static void put_resources(struct ol_jw *w, const char *key, const struct node_machine *m)
{
    char cpu[24], memory[32];

    snprintf(cpu, sizeof(cpu), "%lld", (long long)m->n_cpus);
    snprintf(memory, sizeof(memory), "%lldKi", (long long)m->memory_kib);
    ol_jw_map(w, key);
    ol_jw_str(w, "cpu", cpu);
    ol_jw_str(w, "memory", memory);
    ol_jw_str(w, "pods", MAX_PODS);
    ol_jw_end(w);
}

static void put_condition(struct ol_jw *w, const char *type, bool is_true, const char *reason,
                          const char *message, const struct kube_node *old, ol_time now)
{
    const struct kube_condition *c = old ? old->status.conditions.v : NULL;
    char at[KUBE_TIME_SIZE], since[KUBE_TIME_SIZE];

    kube_time_format(now, at);
    kube_time_format(now, since);
    for (uint32_t i = 0; old && i < old->status.conditions.n; i++) {
        if (!strcmp(c[i].type, type) && !strcmp(c[i].status, is_true ? "True" : "False")
            && c[i].changed)
            kube_time_format(c[i].changed, since);
    }
    ol_jw_map(w, NULL);
    ol_jw_str(w, "type", type);
    ol_jw_str(w, "status", is_true ? "True" : "False");
    ol_jw_str(w, "reason", reason);
    ol_jw_str(w, "message", message);
    ol_jw_str(w, "lastHeartbeatTime", at);
    ol_jw_str(w, "lastTransitionTime", since);
    ol_jw_end(w);
}

static void put_conditions(struct ol_jw *w, const struct kube_node *old, ol_time now)
{
    ol_jw_list(w, "conditions");
    put_condition(w, "MemoryPressure", false, "KubeletHasSufficientMemory",
                  "kubelet has sufficient memory available", old, now);
    put_condition(w, "DiskPressure", false, "KubeletHasNoDiskPressure",
                  "kubelet has no disk pressure", old, now);
    put_condition(w, "PIDPressure", false, "KubeletHasSufficientPID",
                  "kubelet has sufficient PID available", old, now);
    put_condition(w, "Ready", true, "KubeletReady", "orlop-node is posting ready status", old, now);
    ol_jw_end(w);
}

static void put_info(struct ol_jw *w, const struct node_machine *m)
{
    ol_jw_map(w, "nodeInfo");
    ol_jw_str(w, "machineID", m->machine_id);
    ol_jw_str(w, "systemUUID", m->system_uuid);
    ol_jw_str(w, "bootID", m->boot_id);
    ol_jw_str(w, "kernelVersion", m->kernel);
    ol_jw_str(w, "osImage", m->os_image);
    ol_jw_str(w, "containerRuntimeVersion", m->runtime);
    ol_jw_str(w, "kubeletVersion", "v1.32.0+orlop");
    ol_jw_str(w, "kubeProxyVersion", "");
    ol_jw_str(w, "operatingSystem", "linux");
    ol_jw_str(w, "architecture", m->arch);
    ol_jw_end(w);
}

void node_machine_status(const struct node_machine *m, const char *name, const char *address,
                         const struct kube_node *old, ol_time now, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "status");
    put_resources(&w, "capacity", m);
    put_resources(&w, "allocatable", m);
    put_conditions(&w, old, now);
    ol_jw_list(&w, "addresses");
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "type", "InternalIP");
    ol_jw_str(&w, "address", address);
    ol_jw_end(&w);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "type", "Hostname");
    ol_jw_str(&w, "address", name);
    ol_jw_end(&w);
    ol_jw_end(&w);
    put_info(&w, m);
    ol_jw_end(&w);
    ol_jw_end(&w);
}
