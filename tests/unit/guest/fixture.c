/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

static void keep_line(void *ctx, const struct ol_log_record *record)
{
    ol_buf_printf(ctx, "%s: %s\n", ol_log_level_name(record->level), record->msg);
}

static ol_time wall(void *ctx)
{
    return ((struct fixture *)ctx)->now_wall;
}

static ol_time boot(void *ctx)
{
    return ((struct fixture *)ctx)->now_boot;
}

static void pass(void *ctx, ol_time span)
{
    ((struct fixture *)ctx)->now_wall += span;
    ((struct fixture *)ctx)->now_boot += span;
}

struct fixture *fixture_new(void)
{
    static const char *const dirs[] = {"/etc", "/dev", "/run", "/tmp"};
    struct fixture *f = ol_xcalloc(1, sizeof(*f));

    snprintf(f->root, sizeof(f->root), "/tmp/guest-test-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    assert_int_equal(ol_env_init(&f->env, f->root, NULL), 0);
    f->env.is_live = true; /* what would be run is only recorded */
    ol_buf_init(&f->log_text, 1 << 20);
    assert_int_equal(ol_log_add_sink(&f->log,
                                     &(struct ol_log_sink){
                                         .least = OL_LOG_DEBUG,
                                         .write = keep_line,
                                         .ctx = &f->log_text,
                                     }),
                     0);
    f->env.log = &f->log;
    f->now_wall = 1700000000 * OL_SECOND;
    f->now_boot = 12340 * OL_MS;
    f->clock = (struct ol_clock){.wall = wall, .boot = boot, .sleep = pass, .ctx = f};
    f->env.clock = &f->clock;
    ol_arena_init(&f->arena, 64 << 20);
    fake_exec_init(&f->exec, &f->env, NULL);
    f->g = (struct guest){.env = &f->env, .arena = &f->arena};
    f->g.ds.doc = fixture_value(f, "{\"instance_id\": \"iid-1\"}");
    for (size_t i = 0; i < ol_count(dirs); i++)
        assert_int_equal(ol_mkdir_p(&f->env, dirs[i], 0755, NULL), 0);
    fixture_put(f, "/dev/console", ""); /* or what is for people would stand among our own lines */
    fixture_configure(f, "{}");
    return f;
}

void fixture_free(struct fixture *f)
{
    ol_env_done(&f->env);
    /* From outside: the tree's own root cannot be removed through the environment. */
    assert_int_equal(ol_env_init(&f->env, "/tmp", NULL), 0);
    assert_int_equal(ol_remove_tree(&f->env, strrchr(f->root, '/'), NULL), 0);
    ol_env_done(&f->env);
    fake_exec_done(&f->exec);
    ol_buf_done(&f->log_text);
    ol_arena_done(&f->arena);
    free(f);
}

void fixture_put_mode(struct fixture *f, const char *path, const char *text, mode_t mode)
{
    assert_int_equal(ol_file_puts(&f->env, path, text, mode, OL_WRITE_PARENTS, NULL), 0);
    f->g.cmdline = NULL; /* what was read before may be another text now */
    f->g.base_cfg = NULL;
    f->g.boot_id = NULL;
}

void fixture_put(struct fixture *f, const char *path, const char *text)
{
    fixture_put_mode(f, path, text, 0644);
}

struct ol_val *fixture_value(struct fixture *f, const char *json)
{
    struct ol_val *v = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (ol_json_load(json, strlen(json), &f->arena, &v, &err) < 0)
        fail_msg("%s: %s", json, ol_err_text(&err));
    return v;
}

void fixture_configure(struct fixture *f, const char *json)
{
    struct ol_val *cfg = fixture_value(f, json);

    if (!ol_val_get(cfg, "system_info"))
        ol_val_set(&f->arena, cfg, "system_info", fixture_value(f, "{\"distro\": \"debian\"}"));
    guest_set_config(&f->g, cfg);
}

int fixture_run(struct fixture *f, const struct module *module, const char *json,
                struct ol_err *err)
{
    fixture_configure(f, json);
    return module->run(&f->g,
                       &(struct module_call){
                           .name = module->name,
                           .cfg = f->g.cfg,
                           .args = ol_val_new_list(&f->arena),
                           .frequency = module->frequency,
                       },
                       err);
}

const char *fixture_text(struct fixture *f, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(16 << 20);

    if (ol_file_read(&f->env, path, &b, NULL) < 0)
        return NULL;
    return ol_arena_memdup(&f->arena, b.data, b.len);
}

mode_t fixture_mode(struct fixture *f, const char *path)
{
    struct stat st;

    assert_int_equal(ol_stat(&f->env, path, &st), 0);
    return st.st_mode & 07777;
}
