/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/eni-parse.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "core/strv.h"

#define BLANKS " \t\r\f\v"

struct reader {
    struct ol_arena *arena;
    struct ol_err *err;
    int line;
    struct ol_strv automatic, hotplug; /* names behind auto and allow-hotplug */
    struct ol_val *devices;            /* name → its entry in "config" */
    struct ol_val *device, *subnet;    /* of the stanza that is being read; NULL = none yet */
};

static void reader_done(struct reader *r)
{
    ol_strv_done(&r->automatic);
    ol_strv_done(&r->hotplug);
}

static int fail(struct reader *r, const char *what, const char *word)
{
    return ol_err_set_at(r->err, EINVAL, r->line, 1, "interfaces: line %d: %s '%s'", r->line, what,
                         word);
}

static struct ol_val *texts(struct ol_arena *a, const struct ol_strv *words, size_t from)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = from; i < words->n; i++)
        ol_val_append(a, list, ol_val_new_str(a, words->v[i]));
    return list;
}

/* "eth0:1" is an address of the device eth0. */
static struct ol_val *find_device(struct reader *r, const char *name)
{
    const char *key = ol_arena_memdup(r->arena, name, strcspn(name, ":"));
    struct ol_val *device = ol_val_get_mut(r->devices, key);

    if (device)
        return device;
    device = ol_val_new_map(r->arena);
    ol_val_set_str(r->arena, device, "type", strcmp(key, "lo") == 0 ? "loopback" : "physical");
    ol_val_set_str(r->arena, device, "name", key);
    ol_val_set(r->arena, device, "subnets", ol_val_new_list(r->arena));
    ol_val_set(r->arena, r->devices, key, device);
    return device;
}

static const char *subnet_type(const char *family, const char *method)
{
    if (strcmp(family, "inet6") != 0)
        return method;
    if (strcmp(method, "dhcp") == 0)
        return "dhcp6";
    return strcmp(method, "auto") == 0 ? "ipv6_slaac" : method;
}

static int start_stanza(struct reader *r, const struct ol_strv *words)
{
    if (words->n < 4)
        return fail(r, "expected a name, a family and a method after", words->v[0]);
    r->device = find_device(r, words->v[1]);
    r->subnet = ol_val_new_map(r->arena);
    ol_val_set_str(r->arena, r->subnet, "_orig_eni_name", words->v[1]);
    ol_val_set_str(r->arena, r->subnet, "type", subnet_type(words->v[2], words->v[3]));
    ol_val_append(r->arena, ol_val_get_mut(r->device, "subnets"), r->subnet);
    return 0;
}

/* "hwaddress ether 52:54:00:12:34:56", where "ether" may be left out. */
static void read_hwaddress(struct reader *r, const struct ol_strv *words)
{
    size_t at = words->n > 2 && strcmp(words->v[1], "ether") == 0 ? 2 : 1;

    if (!ol_val_get(r->device, "mac_address"))
        ol_val_set_str(r->arena, r->device, "mac_address", words->v[at]);
}

static int read_option(struct reader *r, const struct ol_strv *words)
{
    static const char *const copied[] = {"address", "netmask", "gateway", "broadcast", NULL};
    const char *option = words->v[0];

    if (words->n < 2)
        return 0;
    if (ol_str_in(option, copied))
        ol_val_set_str(r->arena, r->subnet, option, words->v[1]);
    else if (strcmp(option, "dns-nameservers") == 0)
        ol_val_set(r->arena, r->subnet, "dns_nameservers", texts(r->arena, words, 1));
    else if (strcmp(option, "dns-search") == 0)
        ol_val_set(r->arena, r->subnet, "dns_search", texts(r->arena, words, 1));
    else if (strcmp(option, "hwaddress") == 0)
        read_hwaddress(r, words);
    return 0;
}

static void add_names(struct ol_strv *to, const struct ol_strv *words)
{
    for (size_t i = 1; i < words->n; i++)
        ol_strv_add(to, words->v[i]);
}

static int read_line(struct reader *r, const char *text)
{
    static const char *const automatic[] = {"auto", "allow-auto", NULL};
    /* Words that start something other than a stanza of an interface. */
    static const char *const other[] = {"source",   "source-directory", "mapping",      "rename",
                                        "template", "no-scripts",       "no-auto-down", NULL};
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

    ol_strv_split(&words, text, BLANKS);
    if (words.n == 0 || words.v[0][0] == '#')
        return 0;
    if (strcmp(words.v[0], "iface") == 0)
        return start_stanza(r, &words);
    if (ol_str_in(words.v[0], automatic)) {
        add_names(&r->automatic, &words);
    } else if (strcmp(words.v[0], "allow-hotplug") == 0) {
        add_names(&r->hotplug, &words);
    } else if (ol_str_in(words.v[0], other) || ol_str_starts(words.v[0], "allow-")) {
        return 0;
    } else {
        if (!r->subnet)
            return fail(r, "no 'iface' before", words.v[0]);
        return read_option(r, &words);
    }
    return 0;
}

static int finish_subnet(struct reader *r, struct ol_val *subnet)
{
    const char *name = ol_val_str(ol_val_get(subnet, "_orig_eni_name"));
    const char *type = ol_val_str(ol_val_get(subnet, "type"));
    const char *control = "manual";

    if (strcmp(type, "static") == 0 && !ol_val_get(subnet, "address"))
        return ol_err_set(r->err, EINVAL, "interfaces: %s: a static stanza needs an address", name);
    if (strcmp(type, "static") != 0)
        ol_val_remove(subnet, "address");
    if (ol_strv_has(&r->automatic, name))
        control = "auto";
    else if (ol_strv_has(&r->hotplug, name))
        control = "hotplug";
    ol_val_set_str(r->arena, subnet, "control", control);
    return 0;
}

static int finish(struct reader *r, struct ol_val **ret)
{
    struct ol_val *config = ol_val_new_map(r->arena), *list = ol_val_new_list(r->arena);
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    for (size_t i = 0; i < ol_val_count(r->devices); i++)
        ol_strv_add(&names, ol_val_str(ol_val_pair(r->devices, i)->key));
    ol_strv_sort(&names);
    for (size_t n = 0; n < names.n; n++) {
        struct ol_val *device = ol_val_get_mut(r->devices, names.v[n]);
        const struct ol_val *subnets = ol_val_get(device, "subnets");

        for (size_t i = 0; i < ol_val_count(subnets); i++) {
            int status = finish_subnet(r, (struct ol_val *)ol_val_item(subnets, i));

            if (status < 0)
                return status;
        }
        ol_val_append(r->arena, list, device);
    }
    ol_val_set_int(r->arena, config, "version", 1);
    ol_val_set(r->arena, config, "config", list);
    *ret = config;
    return 0;
}

int net_from_eni(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret,
                 struct ol_err *err)
{
    ol_auto(reader_done) struct reader r = {.arena = a, .err = err, .devices = ol_val_new_map(a)};
    const char *end = text + len;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        int status;

        r.line++;
        status = read_line(&r, ol_arena_memdup(a, text, (size_t)(stop - text)));
        if (status < 0)
            return status;
        if (ol_arena_is_over(a))
            return ol_err_set(err, EFBIG, "interfaces: too large");
        text = stop + 1;
    }
    return finish(&r, ret);
}
