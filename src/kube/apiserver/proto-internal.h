/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

enum proto_type {
    PROTO_STR,
    PROTO_BYTES,
    PROTO_INT,
    PROTO_BOOL,
    PROTO_MESSAGE,
    PROTO_QUANTITY,   /* message {string 1} */
    PROTO_TIME,       /* message {seconds 1, nanos 2} */
    PROTO_MICROTIME,  /* the same, written with microseconds */
    PROTO_INT_OR_STR, /* message {type 1, int 2, string 3} */
    PROTO_RAW,        /* message {bytes 1}, which are JSON */
    PROTO_ITEMS,      /* message {repeated string 1} */
};

/* Bits of proto_field.how */
enum proto_how {
    PROTO_INLINE = 1 << 0, /* its members are members of what it is in */
    PROTO_KEEP = 1 << 1,   /* a pointer in Go: zero is said, and not the same as absent */
    PROTO_MAP = 1 << 2,    /* by strings */
    PROTO_REPEATED = 1 << 3,
};

struct proto_field {
    const char *name; /* in JSON */
    uint16_t number, of;
    uint8_t type, how;
};
struct proto_message {
    uint16_t first, n; /* in proto_fields */
};
struct proto_root {
    const char *api_version, *kind;
    uint16_t message;
};

extern const struct proto_field proto_fields[];
extern const struct proto_message proto_messages[];
extern const struct proto_root proto_roots[]; /* ended by kind NULL */
