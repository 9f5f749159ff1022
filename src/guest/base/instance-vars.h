/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "guest/base/guest.h"

/*
 * Instance data as templates and 'query' see it (cloud-init 26.2 handlers/jinja_template.py):
 * keys sorted, the keys of v1 also at the top.
 */
enum vars_flag {
    VARS_ALIASES = 1 << 0, /* "local-hostname" also as local_hostname */
};

struct ol_val *instance_vars(struct ol_arena *a, const struct ol_val *instance_data,
                             unsigned flags);

/* "a-b.c" as "a_b_c": what Jinja takes for operators becomes '_'. NULL when nothing changes. */
const char *instance_var_alias(struct ol_arena *a, const char *key);

/*
 * Renders a "## template: jinja" text with the instance data that is in the run directory.
 * Variables that are missing are warned about with 'name'. -ENOENT: there is no instance data
 * yet; other errors as ol_template_render().
 */
int instance_vars_render(struct guest *g, const char *name, const char *text, size_t len,
                         struct ol_buf *to, struct ol_err *err) __attribute__((warn_unused_result));
