/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Path arithmetic on text; but for the last one nothing here touches the file system. */

/* Last component; "" for "/". Borrowed from path. */
const char *ol_path_base(const char *path);
/* Everything before the last component without the slash ("/" and "." as dirname(1)). Heap. */
char *ol_path_dir(const char *path) __attribute__((warn_unused_result));
/* "a/b" from "a" and "b"; an absolute b wins. Heap. */
char *ol_path_join(const char *a, const char *b) __attribute__((warn_unused_result));
/* "/a/c" from "/a/./b//../c" or "a/c": absolute, and shortened without asking the file system
 * (Python's os.path.abspath() with "/" as the working directory). Heap. */
char *ol_path_absolute(const char *path) __attribute__((warn_unused_result));
/* What a user wrote, as ol_path_absolute(), but in front of a relative path stands the working
 * directory: to be asked once, at the start. Heap; NULL stays NULL. */
char *ol_path_here(const char *path) __attribute__((warn_unused_result));
