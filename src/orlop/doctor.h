/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/buf.h"
#include "core/env.h"

/*
 * What of this machine orlop needs, and what is missing: a table of checks, each with what it is
 * for and what to do. Nothing is changed.
 */
enum doctor_state { DOCTOR_OK, DOCTOR_MISSING, DOCTOR_BAD };

struct doctor_finding {
    const char *name; /* "ext4", "mkfs.xfs" */
    enum doctor_state state;
    const char *use;    /* what it is for */
    const char *advice; /* what to do when it is missing */
    bool is_needed;     /* nothing works without it; else only its use does not */
};

enum { DOCTOR_MAX_FINDINGS = 40 };

struct doctor_report {
    struct doctor_finding v[DOCTOR_MAX_FINDINGS];
    size_t n;
};

/* Looks at the tree of env (programs in PATH, /proc, /dev). */
void doctor_examine(struct ol_env *env, struct doctor_report *ret);
/* As a table for people, or as JSON. */
void doctor_print_table(const struct doctor_report *r, struct ol_buf *to);
void doctor_print_json(const struct doctor_report *r, struct ol_buf *to);
/* Something that is needed is missing. */
bool doctor_is_ill(const struct doctor_report *r);
