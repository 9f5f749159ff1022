/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/libvirt-read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "core/str.h"

#define SPACE " \t\r\n"

/* A place in domain/devices/KIND/CHILD. */
enum { DEPTH_DOMAIN, DEPTH_DEVICES, DEPTH_DEVICE, DEPTH_CHILD };

struct span {
    const char *at;
    size_t len;
};

struct reader {
    struct ol_arena *a;
    const char *kind;
    struct span open[LIBVIRT_MAX_DEPTH]; /* names of elements that are open */
    size_t depth;
    struct libvirt_devices *found;
    struct libvirt_device *device; /* that we are in; NULL = none */
};

static bool is_name(const struct span *s, const char *name)
{
    return strlen(name) == s->len && memcmp(s->at, name, s->len) == 0;
}

/* Without the five entities that XML has; others stay as they are. */
static const char *plain(struct ol_arena *a, struct span s)
{
    static const struct {
        const char *entity;
        char c;
    } rows[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}, {"&quot;", '"'}};
    char *out = ol_arena_memdup(a, s.at, s.len), *to = out;

    for (const char *from = out; *from;) {
        const char *next = from + 1;

        *to = *from;
        for (size_t i = 0; i < ol_count(rows); i++)
            if (ol_str_starts(from, rows[i].entity)) {
                *to = rows[i].c;
                next = from + strlen(rows[i].entity);
            }
        to++;
        from = next;
    }
    *to = '\0';
    return out;
}

/* The next attribute of a tag whose rest is *tag; false when there is none. */
static bool next_attribute(struct span *tag, struct span *ret_name, struct span *ret_value)
{
    const char *end = tag->at + tag->len, *at = tag->at, *value, *close;

    while (at < end && strchr(SPACE, *at))
        at++;
    *ret_name = (struct span){at, 0};
    while (at < end && *at != '=' && !strchr(SPACE, *at))
        at++;
    ret_name->len = (size_t)(at - ret_name->at);
    while (at < end && strchr(SPACE "=", *at))
        at++;
    if (at >= end || (*at != '\'' && *at != '"'))
        return false;
    value = at + 1;
    close = memchr(value, *at, (size_t)(end - value));
    if (!close)
        return false;
    *ret_value = (struct span){value, (size_t)(close - value)};
    *tag = (struct span){close + 1, (size_t)(end - close - 1)};
    return true;
}

/* What a child of a device says of it. */
static void take_child(struct reader *r, const struct span *child, struct span tag)
{
    static const struct {
        const char *child, *attribute;
        size_t offset;
    } rows[] = {
        {"target", "dev", offsetof(struct libvirt_device, target)},
        {"source", "file", offsetof(struct libvirt_device, source)},
        {"source", "dev", offsetof(struct libvirt_device, source)},
        {"alias", "name", offsetof(struct libvirt_device, alias)},
        {"mac", "address", offsetof(struct libvirt_device, mac)},
    };
    struct span name, value;

    while (next_attribute(&tag, &name, &value))
        for (size_t i = 0; i < ol_count(rows); i++)
            if (is_name(child, rows[i].child) && is_name(&name, rows[i].attribute)) {
                const char *text = plain(r->a, value);

                memcpy((char *)r->device + rows[i].offset, &text, sizeof(text));
            }
}

static int begin_device(struct reader *r, const char *text)
{
    struct libvirt_devices *f = r->found;

    if (f->n == LIBVIRT_MAX_FOUND)
        return -E2BIG;
    f->list = ol_arena_grow(r->a, f->list, f->n * sizeof(*f->list), (f->n + 1) * sizeof(*f->list));
    r->device = &f->list[f->n++];
    *r->device = (struct libvirt_device){.text = text};
    return 0;
}

static bool is_in_devices(const struct reader *r)
{
    return is_name(&r->open[DEPTH_DOMAIN], "domain") && is_name(&r->open[DEPTH_DEVICES], "devices");
}

/* "<" is at 'text'. */
static int begin(struct reader *r, const char *text, struct span name, struct span attributes)
{
    int result = 0;

    if (r->depth == LIBVIRT_MAX_DEPTH)
        return -EINVAL;
    r->open[r->depth++] = name;
    if (r->depth == DEPTH_DEVICE + 1 && is_in_devices(r) && is_name(&name, r->kind))
        result = begin_device(r, text);
    else if (r->depth == DEPTH_CHILD + 1 && r->device)
        take_child(r, &name, attributes);
    return result;
}

/* 'text' is what stands before "</", 'after' is behind its ">". */
static int end(struct reader *r, struct span text, struct span name, const char *after)
{
    if (!r->depth || r->open[r->depth - 1].len != name.len
        || memcmp(r->open[r->depth - 1].at, name.at, name.len) != 0)
        return -EINVAL;
    if (r->device && r->depth == DEPTH_CHILD + 1 && is_name(&name, "serial"))
        r->device->serial = plain(r->a, text);
    if (r->device && r->depth == DEPTH_DEVICE + 1) {
        r->device->len = (size_t)(after - r->device->text);
        r->device = NULL;
    }
    r->depth--;
    return 0;
}

/* The ">" of a tag: one in a quoted value is none. */
static const char *tag_end(const char *at)
{
    for (char quote = '\0'; *at; at++) {
        if (quote)
            quote = *at == quote ? '\0' : quote;
        else if (*at == '\'' || *at == '"')
            quote = *at;
        else if (*at == '>')
            return at;
    }
    return NULL;
}

static int take_tag(struct reader *r, struct span before, const char *at, const char *close)
{
    const char *name = at + 1;
    bool is_end = *name == '/', is_empty = close[-1] == '/';
    struct span tag = {name + is_end, 0}, attributes;
    int result;

    tag.len = strcspn(tag.at, SPACE "/>");
    if (!tag.len || tag.at + tag.len > close)
        return -EINVAL;
    if (is_end)
        return end(r, before, tag, close + 1);
    attributes.at = tag.at + tag.len;
    attributes.len = (size_t)(close - attributes.at) - (is_empty && close > attributes.at);
    result = begin(r, at, tag, attributes);
    if (result == 0 && is_empty)
        result = end(r, (struct span){at, 0}, tag, close + 1);
    return result;
}

/* Behind a comment or an instruction; NULL when it is none, or does not end. */
static const char *skipped(const char *at)
{
    const char *mark = ol_str_starts(at, "<!--") ? "-->" : ol_str_starts(at, "<?") ? "?>" : NULL;
    const char *found = mark ? strstr(at + 2, mark) : NULL;

    return found ? found + strlen(mark) : NULL;
}

int libvirt_find_devices(struct ol_arena *a, const char *xml, const char *kind,
                         struct libvirt_devices *ret)
{
    struct libvirt_devices found = {.n = 0};
    struct reader r = {.a = a, .kind = kind, .found = &found};
    const char *from = xml, *at;
    int result = 0;

    while (result == 0 && (at = strchr(from, '<'))) {
        bool is_special = at[1] == '!' || at[1] == '?';
        const char *close = is_special ? skipped(at) : tag_end(at);

        if (!close || ol_arena_is_over(a))
            return -EINVAL;
        if (!is_special)
            result = take_tag(&r, (struct span){from, (size_t)(at - from)}, at, close);
        from = is_special ? close : close + 1;
    }
    if (result == 0 && r.depth)
        result = -EINVAL;
    if (result == 0)
        *ret = found;
    return result;
}

static bool is_alias(const struct libvirt_device *d, const char *id)
{
    return d->alias && ol_str_starts(d->alias, "ua-") && !strcmp(d->alias + 3, id);
}

const struct libvirt_device *libvirt_find_disk(const struct libvirt_devices *l, const char *role)
{
    const struct libvirt_device *by_name = NULL;

    for (size_t i = 0; i < l->n; i++) {
        const struct libvirt_device *d = &l->list[i];
        const char *file = d->source ? strrchr(d->source, '/') : NULL;

        if (is_alias(d, role) || (d->serial && !strcmp(d->serial, role)))
            return d;
        if (file && !strcmp(file + 1, role) && ol_str_starts(role, "disk"))
            by_name = d;
    }
    return by_name;
}

const struct libvirt_device *libvirt_find_nic(const struct libvirt_devices *l, const char *id,
                                              const char *mac)
{
    char tap[16];

    snprintf(tap, sizeof(tap), "tap%.11s", id);
    for (size_t i = 0; i < l->n; i++) {
        const struct libvirt_device *d = &l->list[i];

        if (is_alias(d, id) || (mac && d->mac && !strcasecmp(d->mac, mac))
            || (d->target && !strcmp(d->target, tap)))
            return d;
    }
    return NULL;
}
