/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/hostname.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "core/strv.h"

enum { HOSTS_MAX = 1 << 20 };

/* The domain that stands for "none": it never becomes part of a name. */
static const char no_domain[] = "localdomain";

/* The kernel's name of the machine whose tree this is. */
static const char *running_name(struct guest *g)
{
    char name[256] = "";
    ol_autofree char *line = NULL;

    if (ol_env_is_host(g->env) && gethostname(name, sizeof(name) - 1) == 0)
        return ol_arena_strdup(g->arena, name);
    line = ol_file_read_line(g->env, "/proc/sys/kernel/hostname");
    return line ? ol_arena_strdup(g->arena, line) : "localhost";
}

/* The canonical name in a line "ADDRESS CANONICAL ALIAS…" that has 'name' as an alias. */
static const char *canonical_in_line(struct guest *g, char *line, const char *name)
{
    ol_auto(ol_strv_done) struct ol_strv fields = OL_STRV_INIT;

    line[strcspn(line, "#")] = '\0';
    ol_strv_split(&fields, line, " \t\r\v\f");
    for (size_t i = 2; i < fields.n; i++)
        if (!strcmp(fields.v[i], name))
            return ol_arena_strdup(g->arena, fields.v[1]);
    return NULL;
}

static const char *canonical_in_hosts(struct guest *g, const char *name)
{
    ol_auto(ol_buf_done) struct ol_buf hosts = OL_BUF_INIT(HOSTS_MAX);
    const char *found = NULL;
    char *save = NULL;

    if (ol_file_read(g->env, "/etc/hosts", &hosts, NULL) < 0)
        return NULL;
    for (char *line = strtok_r(hosts.data, "\n", &save); line && !found;
         line = strtok_r(NULL, "\n", &save))
        found = canonical_in_line(g, line, name);
    return found;
}

static bool has_inner_dot(const char *name)
{
    const char *dot = name ? strchr(name, '.') : NULL;

    return dot && dot != name;
}

static const char *before_dot(struct guest *g, const char *name)
{
    return ol_arena_memdup(g->arena, name, strcspn(name, "."));
}

/* A dot may be at the end. '_' is nothing for DNS, but machines have such names. */
static bool is_sound(const char *name)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    enum { LONGEST_LABEL = 64, LONGEST = 253 };
    size_t len = strspn(name, chars);

    return len && !name[len] && len <= LONGEST && strcspn(name, ".") <= LONGEST_LABEL
           && !strchr("-.", name[0]);
}

static const char *sound_or_null(struct guest *g, const char *key, const char *name, unsigned flags)
{
    if (is_sound(name))
        return name;
    if (flags & HOSTNAME_TELL)
        ol_warn(g->env,
                "%s %.300s is no name for a machine and is ignored: use letters, digits, '-' and"
                " '.', 64 of them at most before the first dot",
                key, ol_val_to_repr(g->arena, ol_val_new_str(g->arena, name)));
    return NULL;
}

/* What the datasource calls the machine, qualified where it knows a domain. */
static const char *metadata_name(struct guest *g, unsigned flags)
{
    const struct ol_val *v = guest_metadata(g, "local-hostname");
    struct in_addr address;
    const char *name;

    if (!ol_val_is_truthy(v))
        return NULL;
    name = ol_val_to_text(g->arena, v);
    if (inet_pton(AF_INET, name, &address) != 1)
        return sound_or_null(g, "local-hostname", name, flags);
    return ol_str_tr(ol_arena_printf(g->arena, "ip-%s", name), '.', '-');
}

/* Fills in the datasource's answer: its name, else the one that the machine has already. */
static void from_datasource(struct guest *g, unsigned flags, struct guest_hostname *ret)
{
    const char *name = metadata_name(g, flags);
    const char *canonical = NULL;

    if (!name && (flags & HOSTNAME_METADATA_ONLY))
        return;
    if (!name) {
        name = running_name(g);
        ret->is_default = !strcmp(name, "localhost");
        canonical = canonical_in_hosts(g, name);
        name = has_inner_dot(canonical) ? canonical : *name ? name : "localhost";
    }
    ret->hostname = before_dot(g, name);
    ret->fqdn = name;
    if (!name[strlen(ret->hostname)] || !strcmp(name + strlen(ret->hostname) + 1, no_domain))
        ret->fqdn = ret->hostname;
}

static const char *given(struct guest *g, const struct ol_val *cfg, const char *key, unsigned flags)
{
    const struct ol_val *v = ol_val_get(cfg, key);

    if (!v || ol_val_is(v, OL_VAL_NULL))
        return NULL;
    return sound_or_null(g, key, ol_val_to_text(g->arena, v), flags);
}

void guest_get_hostname(struct guest *g, const struct ol_val *cfg, unsigned flags,
                        struct guest_hostname *ret)
{
    struct guest_hostname name = {0};
    const char *hostname = given(g, cfg, "hostname", flags);
    const char *fqdn = given(g, cfg, "fqdn", flags);

    if (fqdn) {
        name.fqdn = fqdn;
        name.hostname = hostname ? hostname : before_dot(g, fqdn);
    } else if (has_inner_dot(hostname)) {
        name.fqdn = hostname;
        name.hostname = before_dot(g, hostname);
    } else {
        from_datasource(g, flags, &name);
        if (hostname) {
            name.hostname = hostname;
            name.is_default = false;
        }
    }
    *ret = name;
}
