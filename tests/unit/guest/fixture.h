/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "fake-exec.h"
#include "guest/base/guest.h"
#include "guest/module/module.h"

/*
 * A machine in a temporary directory: an empty tree below env's root, no processes (fake-exec.h),
 * a log that is kept, a clock that stands still unless somebody sleeps on it.
 *
 *     struct fixture *f = fixture_new();
 *     fixture_put(f, "/etc/fstab", "LABEL=root / ext4 defaults 0 1\n");
 *     r = fixture_run(f, &module_mounts, "{\"mounts\": []}", &err);
 *     fixture_assert_file(f, "/etc/fstab", "...");
 *     fixture_free(f);
 */
struct fixture {
    char root[64];
    struct ol_env env;
    struct ol_log log;
    struct ol_buf log_text; /* "WARNING: sentence\n" for each line, DEBUG included */
    struct ol_clock clock;
    ol_time now_wall, now_boot;
    struct ol_arena arena;
    struct fake_exec exec;
    struct guest g;
};

/* A Debian machine with an instance "iid-1", the directories /etc, /dev, /run and /tmp, and a
 * console that keeps what it is told. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);

/* Writes a file and its parents, mode 0644. */
void fixture_put(struct fixture *f, const char *path, const char *text);
void fixture_put_mode(struct fixture *f, const char *path, const char *text, mode_t mode);
/* The value of a JSON text, in the fixture's arena. */
struct ol_val *fixture_value(struct fixture *f, const char *json);
/* Sets the machine's configuration (a JSON map); the distro is Debian unless it says otherwise. */
void fixture_configure(struct fixture *f, const char *json);
/* Configures and runs a module without arguments, as the stage runner does. */
int fixture_run(struct fixture *f, const struct module *module, const char *json,
                struct ol_err *err);

/* What a file holds, in the fixture's arena; NULL when there is none. */
const char *fixture_text(struct fixture *f, const char *path);
/* Permission bits of a file; fails the test when there is none. */
mode_t fixture_mode(struct fixture *f, const char *path);

#define fixture_assert_file(f, path, want)                                                         \
    do {                                                                                           \
        assert_non_null(fixture_text((f), (path)));                                                \
        assert_string_equal(fixture_text((f), (path)), (want));                                    \
    } while (0)
#define fixture_assert_logged(f, text) assert_non_null(strstr((f)->log_text.data, (text)))
