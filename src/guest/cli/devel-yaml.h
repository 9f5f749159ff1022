/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "core/env.h"
#include "core/err.h"

/*
 * "devel yaml FILE" and "devel yaml --dump[=STYLE] FILE": shows how YAML is read and written,
 * for comparison with PyYAML.
 *
 * Without a dump style ('dump_style' NULL) FILE is YAML and its tagged form (codec/tagged.h)
 * goes to 'out' as one line of JSON. A document that is refused is shown too:
 *     {"error": CLASS, "line": L, "column": C, "problem": TEXT}
 * with line, column and problem only where PyYAML gives a place; the result is then 1.
 *
 * With a style FILE is JSON, the tagged form of a value, and its YAML goes to 'out' as
 * yaml.safe_dump (style "" or "safe_dump") or cloud-init ("cloud-init") writes it.
 *
 * 0, 1 or -errno: the file cannot be read; -EINVAL: it is no tagged JSON, or no such style.
 */
int devel_yaml(struct ol_env *env, const char *file, const char *dump_style, FILE *out,
               struct ol_err *err) __attribute__((warn_unused_result));
