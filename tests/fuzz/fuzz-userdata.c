/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "guest/userdata/userdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 32 << 20 };

static char root[] = "/tmp/fuzz-userdata-XXXXXX";

/* Boothooks are not run. */
static int refuse(struct ol_env *env, const struct ol_spawn *spawn, struct ol_child **ret,
                  struct ol_err *err)
{
    return ol_err_set(err, ENOSYS, "'%s' is not started", spawn->argv[0]);
}

static void pass(void *ctx, ol_time span) {}

static ol_time stand_still(void *ctx)
{
    return 0;
}

static void remove_root(void)
{
    struct ol_env env;

    if (ol_env_init(&env, "/tmp", NULL) < 0 || ol_remove_tree(&env, strrchr(root, '/'), NULL) < 0)
        abort();
    ol_env_done(&env);
}

static void make_root(void)
{
    static bool is_made;

    if (is_made)
        return;
    if (!mkdtemp(root))
        abort();
    is_made = true;
    atexit(remove_root);
}

/* The input as the first line of "self", so that an include can find it again. */
static void fill_tree(struct ol_env *env, const uint8_t *data, size_t size)
{
    static const char vars[] = "{\"v1\": {\"instance_id\": \"i\"}}";

    if (ol_remove_tree(env, "/var", NULL) < 0
        || ol_mkdir_p(env, "/var/lib/cloud/instance", 0755, NULL) < 0
        || ol_mkdir_p(env, "/run/cloud-init", 0755, NULL) < 0
        || ol_file_write(env, "/self", data, size, 0600, 0, NULL) < 0
        || ol_file_puts(env, "/run/cloud-init/instance-data-sensitive.json", vars, 0600, 0, NULL)
               < 0)
        abort();
}

/* User-data from the bytes to the files of the instance: without network, nothing is started, and
 * what it takes stays within the arena's maximum and one more document. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ol_exec exec = {.start = refuse};
    static const struct ol_clock clock = {stand_still, stand_still, pass, NULL};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ROOM);
    struct ol_val *doc = ol_val_new_map(&a);
    struct userdata all = {{NULL}};
    struct guest g = {.arena = &a};
    struct ol_env env;

    make_root();
    if (ol_env_init(&env, root, NULL) < 0)
        abort();
    env.exec = &exec;
    env.clock = &clock;
    g.env = &env;
    g.ds.doc = doc;
    fill_tree(&env, data, size);
    ol_val_set(&a, doc, "userdata_raw", ol_val_new_bytes(&a, data, size));
    ol_val_set(&a, doc, "metadata", ol_val_new_map(&a));
    guest_set_config(&g, ol_val_new_map(&a));
    if (userdata_store(&g, &all, NULL) == 0
        && userdata_consume(&g, &all, USERDATA_USER, FREQ_INSTANCE, NULL) == 0
        && !ol_exists(&env, "/var/lib/cloud/instance/cloud-config.txt"))
        abort();
    if (a.used > 8u * ROOM)
        abort();
    ol_env_done(&env);
    return 0;
}
