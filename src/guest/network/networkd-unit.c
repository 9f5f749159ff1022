/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/networkd-unit.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"

static const char *const names[UNIT_N_SECTIONS] = {
    "Address",
    "Bond",
    "Bridge",
    "DHCPv4",
    "DHCPv6",
    "Link",
    "Match",
    "NetDev",
    "Network",
    "Route",
    "RoutingPolicyRule",
    "VLAN",
};

void unit_done(struct unit *u)
{
    for (int s = 0; s < UNIT_N_SECTIONS; s++)
        ol_strv_done(&u->lines[s]);
    for (size_t n = 0; n < u->n_blocks; n++) {
        ol_strv_done(&u->blocks[n].lines);
        free(u->blocks[n].id);
    }
    free(u->blocks);
}

static void add_line(struct ol_strv *lines, const char *key, const char *value)
{
    ol_autofree char *line = ol_xasprintf("%s=%s", key, value);

    if (!ol_strv_has(lines, line))
        ol_strv_take(lines, ol_take_ptr(line));
}

void unit_add(struct unit *u, enum unit_section section, const char *key, const char *value)
{
    add_line(&u->lines[section], key, value);
}

static struct unit_block *find_block(struct unit *u, enum unit_section section, const char *id)
{
    for (size_t n = 0; n < u->n_blocks; n++)
        if (u->blocks[n].section == section && strcmp(u->blocks[n].id, id) == 0)
            return &u->blocks[n];
    if (u->n_blocks == u->cap_blocks) {
        u->cap_blocks = u->cap_blocks ? u->cap_blocks * 2 : 4;
        u->blocks = ol_xrealloc(u->blocks, u->cap_blocks, sizeof(*u->blocks));
    }
    u->blocks[u->n_blocks] = (struct unit_block){.section = section, .id = ol_xstrdup(id)};
    return &u->blocks[u->n_blocks++];
}

void unit_add_to(struct unit *u, enum unit_section section, const char *id, const char *key,
                 const char *value)
{
    add_line(&find_block(u, section, id)->lines, key, value);
}

static int compare_blocks(const void *a, const void *b)
{
    const struct unit_block *x = a, *y = b;

    if (x->section != y->section)
        return x->section < y->section ? -1 : 1;
    return strcmp(x->id, y->id);
}

static void write_section(enum unit_section section, struct ol_strv *lines, struct ol_buf *to)
{
    ol_strv_sort(lines);
    if (lines->n > 0)
        ol_buf_printf(to, "%s[%s]\n", to->len > 0 ? "\n" : "", names[section]);
    ol_strv_each (line, lines)
        ol_buf_printf(to, "%s\n", line);
}

static void write_addresses(struct ol_strv *lines, struct ol_buf *to)
{
    ol_strv_sort(lines);
    ol_strv_each (line, lines) {
        ol_buf_printf(to, "%s[%s]\n%s\n", to->len > 0 ? "\n" : "", names[UNIT_ADDRESS], line);
    }
}

void unit_write(struct unit *u, struct ol_buf *to)
{
    if (u->n_blocks > 0)
        qsort(u->blocks, u->n_blocks, sizeof(*u->blocks), compare_blocks);
    write_addresses(&u->lines[UNIT_ADDRESS], to);
    for (int s = UNIT_ADDRESS + 1; s < UNIT_N_SECTIONS; s++) {
        write_section(s, &u->lines[s], to);
        for (size_t n = 0; n < u->n_blocks; n++)
            if (u->blocks[n].section == (enum unit_section)s)
                write_section(s, &u->blocks[n].lines, to);
    }
}
