/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/base/context.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/cleanup.h"

#define PREFIX "_context_"

enum { PREFIX_LEN = sizeof(PREFIX) - 1 };

/* RFC 9562, version 4. */
static void random_uuid(unsigned char out[16])
{
    size_t done = 0;

    while (done < 16) {
        ssize_t n = getrandom(out + done, 16 - done, 0);

        done += n > 0 ? (size_t)n : 0;
    }
    out[6] = (unsigned char)((out[6] & 0x0f) | 0x40);
    out[8] = (unsigned char)((out[8] & 0x3f) | 0x80);
}

void nova_uuid_hex(char out[33])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char b[16];

    random_uuid(b);
    for (int i = 0; i < 16; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[32] = '\0';
}

void nova_uuid(char out[37])
{
    char hex[33];

    nova_uuid_hex(hex);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* "2026-11-22T01:03:49.205635": as datetime.isoformat() without a zone. */
static const char *timestamp(struct ol_arena *a, ol_time wall)
{
    time_t seconds = (time_t)(wall / OL_SECOND);
    struct tm tm;
    char text[32];

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    return ol_arena_printf(a, "%s.%06d", text, (int)(wall % OL_SECOND / 1000));
}

static void set_null(struct ol_arena *a, struct ol_val *map, const char *const *keys)
{
    for (; *keys; keys++)
        ol_val_set(a, map, *keys, ol_val_new_null(a));
}

struct nova_context nova_context_admin(struct ol_arena *a, struct ol_env *env)
{
    static const char *const nobody[] = {
        "user",        "project_id",     "system_scope", "project",           "domain",
        "user_domain", "project_domain", "auth_token",   "global_request_id", "resource_uuid",
        "user_id",     "remote_address", "quota_class",  "user_name",         "project_name",
        NULL,
    };
    struct ol_val *v = ol_val_new_map(a);
    char uuid[37];

    nova_uuid(uuid);
    set_null(a, v, nobody);
    ol_val_set_bool(a, v, "is_admin", true);
    ol_val_set_bool(a, v, "is_admin_project", true);
    ol_val_set_bool(a, v, "read_only", false);
    ol_val_set_bool(a, v, "show_deleted", false);
    ol_val_set_str(a, v, "read_deleted", "no");
    ol_val_set_str(a, v, "user_identity", "- - - - -");
    ol_val_set_str(a, v, "request_id", ol_arena_printf(a, "req-%s", uuid));
    ol_val_set_str(a, v, "timestamp", timestamp(a, ol_now_wall(env)));
    ol_val_set(a, v, "roles", ol_val_new_list(a));
    ol_val_set(a, v, "service_catalog", ol_val_new_list(a));
    return (struct nova_context){v};
}

struct nova_context nova_context_load(struct ol_arena *a, const struct ol_val *message)
{
    struct ol_val *v = ol_val_new_map(a);

    for (size_t i = 0; i < ol_val_count(message); i++) {
        const struct ol_pair *p = ol_val_pair(message, i);
        const char *key = p ? ol_val_str(p->key) : NULL;

        if (key && strncmp(key, PREFIX, PREFIX_LEN) == 0)
            ol_val_set(a, v, key + PREFIX_LEN, p->value);
    }
    return (struct nova_context){v};
}

struct nova_context nova_context_copy(struct ol_arena *a, const struct nova_context *c)
{
    return (struct nova_context){ol_val_copy(a, c->values)};
}

struct nova_context nova_context_elevated(struct ol_arena *a, const struct nova_context *c)
{
    struct nova_context e = {ol_val_copy_top(a, c->values)};
    const struct ol_val *roles = ol_val_get(c->values, "roles");
    struct ol_val *more =
        ol_val_is(roles, OL_VAL_LIST) ? ol_val_copy_top(a, roles) : ol_val_new_list(a);
    bool is_there = false;

    for (size_t i = 0; i < ol_val_count(more); i++) {
        const char *role = ol_val_str(ol_val_item(more, i));

        is_there |= role && strcmp(role, "admin") == 0;
    }
    if (!is_there)
        ol_val_append(a, more, ol_val_new_str(a, "admin"));
    ol_val_set(a, e.values, "roles", more);
    ol_val_set_bool(a, e.values, "is_admin", true);
    return e;
}

void nova_context_dump(const struct nova_context *c, struct ol_arena *a, struct ol_val *message)
{
    for (size_t i = 0; i < ol_val_count(c->values); i++) {
        const struct ol_pair *p = ol_val_pair(c->values, i);

        ol_val_set(a, message, ol_arena_printf(a, PREFIX "%s", ol_val_str(p->key)), p->value);
    }
}

const char *nova_context_request_id(const struct nova_context *c)
{
    const char *id = ol_val_str(ol_val_get(c->values, "request_id"));

    return id ? id : "";
}

const char *nova_context_token(const struct nova_context *c)
{
    return ol_val_str(ol_val_get(c->values, "auth_token"));
}

bool nova_is_uuid(const char *s)
{
    size_t n = 0;

    for (; s[n]; n++) {
        bool is_dash = n == 8 || n == 13 || n == 18 || n == 23;

        if (n >= 36 || (is_dash ? s[n] != '-' : !isxdigit((unsigned char)s[n])))
            return false;
    }
    return n == 36;
}
