/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Room for "2001-12-14 21:59:43.100000+05:30" and a NUL. */
enum { YAML_TIME_SIZE = 40 };

/*
 * What Python's str() shows of the date or datetime that PyYAML makes of a timestamp.
 * False with *ret_problem NULL: it has not the form of a timestamp; else the words of
 * Python's ValueError ("month must be in 1..12").
 */
bool yaml_time_text(const char *s, size_t len, char ret[YAML_TIME_SIZE], const char **ret_problem);
