/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "core/strv.h"

/*
 * One file of systemd-networkd while it is put together. Sections and the lines in them are
 * sorted, equal lines stand once, as cloud-init writes them.
 *
 *     ol_auto(unit_done) struct unit u = UNIT_INIT;
 *     unit_add(&u, UNIT_MATCH, "Name", "eth0");
 *     unit_write(&u, &text);
 */
enum unit_section {               /* in the order of the file */
                    UNIT_ADDRESS, /* each line is a section of its own */
                    UNIT_BOND,
                    UNIT_BRIDGE,
                    UNIT_DHCPV4,
                    UNIT_DHCPV6,
                    UNIT_LINK,
                    UNIT_MATCH,
                    UNIT_NETDEV,
                    UNIT_NETWORK,
                    UNIT_ROUTE,  /* a section per id */
                    UNIT_POLICY, /* a section per id */
                    UNIT_VLAN,
                    UNIT_N_SECTIONS,
};

/* A section that may occur several times. */
struct unit_block {
    enum unit_section section;
    char *id; /* blocks of a section are sorted by it */
    struct ol_strv lines;
};

struct unit {
    struct ol_strv lines[UNIT_N_SECTIONS];
    struct unit_block *blocks;
    size_t n_blocks, cap_blocks;
};

#define UNIT_INIT                                                                                  \
    {                                                                                              \
        .n_blocks = 0                                                                              \
    }

void unit_done(struct unit *u);
void unit_add(struct unit *u, enum unit_section section, const char *key, const char *value);
void unit_add_to(struct unit *u, enum unit_section section, const char *id, const char *key,
                 const char *value);
/* Sorts and adds the text of the file. */
void unit_write(struct unit *u, struct ol_buf *to);
