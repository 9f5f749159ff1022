/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "codec/val.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/strv.h"

/*
 * cloud-init's templates (cloud-init 26.2 cloudinit/templater.py). The first line may say
 * which kind: "## template: jinja" or "## template: basic"; without it a text is basic.
 *
 *   basic  $name, ${name}, ${a.b}
 *   jinja  {{ expressions }}, {# comments #}, if/elif/else, for/else, set, raw, as Jinja2 3.1
 *          renders them with cloud-init's settings (trim_blocks; the last newline stays)
 *
 * A variable that is missing is rendered as CI_MISSING_JINJA_VAR/<name>; ol_template_missing()
 * finds those for the warning. What of Jinja2 is not known here (macros, includes, slices,
 * rarer filters and methods) is refused, never rendered otherwise than Jinja2 would.
 */
enum ol_template_kind {
    OL_TEMPLATE_BASIC,
    OL_TEMPLATE_JINJA,
};

/* Which kind a text is, and where its body starts. -EINVAL: "Unknown template rendering type". */
int ol_template_detect(const char *text, size_t len, enum ol_template_kind *ret_kind,
                       size_t *ret_body, struct ol_err *err) __attribute__((warn_unused_result));

/*
 * Renders a text of any kind and adds the result to 'to', which is left as it was on failure.
 * 'vars' is a map or NULL. Names such as "a-b" get no alias here; the caller adds them.
 *   -EINVAL  domain "TemplateSyntaxError": cloud-init's sentence, err->line counts the header;
 *            domain "UndefinedError", "TypeError", "ValueError": Jinja2's sentence about a
 *            value;
 *            domain "KeyError": a variable of a basic template is missing
 *   -ENOSYS  a construct that is not supported, with its line and name
 *   -EFBIG   'to' is full, or the template does more than ten million steps
 */
int ol_template_render(const char *text, size_t len, const struct ol_val *vars, struct ol_buf *to,
                       struct ol_err *err) __attribute__((warn_unused_result));

/* Adds the name of each CI_MISSING_JINJA_VAR/<name> in a rendered text, in order. */
void ol_template_missing(const char *rendered, struct ol_strv *ret_names);
