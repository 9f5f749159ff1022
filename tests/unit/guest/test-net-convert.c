/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/network/eni-parse.h"
#include "guest/network/network.h"

/*
 * tests/golden/network/CASE.{yaml,json,eni} through every renderer: what is written, warnings
 * included, is CASE.RENDERER.out. OL_TEST_UPDATE=1 rewrites these.
 */
static const char *const cases[] = {
    "data-links.json", "interfaces-debian.eni", "v1-ipv6.yaml",
    "v1-simple.yaml",  "v1-stack.yaml",         "v2-numeric-mac.yaml",
    "v2-routes.yaml",  "v2-simple.yaml",        "v2-stack.yaml",
};

static const char known_macs[] =
    "{\"fa:16:3e:00:00:01\": \"eth0\", \"fa:16:3e:00:00:02\": \"eth1\","
    " \"fa:16:3e:00:00:03\": \"eth2\"}";

static struct ol_val *load(const char *name, const struct ol_buf *text,
                           const struct net_render_args *args, struct ol_arena *a)
{
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v = NULL, *data = NULL;
    int r;

    if (ol_str_ends(name, ".yaml")) {
        r = ol_yaml_load(text->data, text->len, a, &v, &err);
    } else if (ol_str_ends(name, ".eni")) {
        r = net_from_eni(text->data, text->len, a, &v, &err);
    } else {
        r = ol_json_load(text->data, text->len, a, &data, &err);
        if (r == 0)
            r = net_from_network_data(data, args, a, &v, &err);
    }
    if (r < 0)
        fail_msg("%s: %s", name, ol_err_text(&err));
    return v;
}

static void show(const struct net_files *files, const struct net_notes *notes, struct ol_buf *to)
{
    for (size_t i = 0; i < notes->n; i++)
        ol_buf_printf(to, "%s: %s\n", ol_log_level_name(notes->items[i].level),
                      notes->items[i].text);
    for (size_t i = 0; i < files->n; i++)
        ol_buf_printf(to, "==> %s %o %s\n%s", files->items[i].path, files->items[i].mode,
                      files->items[i].owner ? files->items[i].owner : "root", files->items[i].text);
}

static void convert(const char *name, const struct ol_buf *text,
                    const struct net_renderer *renderer, struct ol_buf *to)
{
    static const char *const features[] = {"ipv6-mtu", NULL};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct net_notes notes = {.n = 0};
    struct net_render_args args = {.distro = "debian", .features = features, .notes = &notes};
    struct net_files files = {.n = 0};
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *macs;

    assert_int_equal(ol_json_load(known_macs, strlen(known_macs), &a, &macs, &err), 0);
    args.known_macs = macs;
    if (net_convert(load(name, text, &args, &a), renderer, &args, &a, &files, &err) < 0)
        fail_msg("%s: %s", name, ol_err_text(&err));
    show(&files, &notes, to);
}

static void compare(struct ol_env *env, const char *path, const struct ol_buf *got)
{
    ol_auto(ol_buf_done) struct ol_buf want = OL_BUF_INIT(1 << 20);
    struct ol_err err = OL_ERR_INIT;

    if (getenv("OL_TEST_UPDATE")) {
        assert_int_equal(ol_file_puts(env, path, got->data, 0644, 0, &err), 0);
        return;
    }
    if (ol_file_read(env, path, &want, &err) < 0)
        fail_msg("%s", ol_err_text(&err));
    assert_string_equal(got->data, want.data);
}

/* demands: 33 50 */
static void writes_what_is_golden(void **state)
{
    const char *name = *state;
    ol_auto(ol_env_done) struct ol_env env;
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    char path[128];

    assert_int_equal(ol_env_init(&env, getenv("OL_TEST_SOURCE_DIR"), NULL), 0);
    snprintf(path, sizeof(path), "/tests/golden/network/%s", name);
    assert_int_equal(ol_file_read(&env, path, &text, NULL), 0);
    for (size_t i = 0; net_renderers[i]; i++) {
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(1 << 20);

        snprintf(path, sizeof(path), "/tests/golden/network/%.*s.%s.out", (int)strcspn(name, "."),
                 name, net_renderers[i]->name);
        convert(name, &text, net_renderers[i], &got);
        compare(&env, path, &got);
    }
}

int main(void)
{
    struct CMUnitTest tests[ol_count(cases)];

    for (size_t i = 0; i < ol_count(cases); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i],
                                       .test_func = writes_what_is_golden,
                                       .initial_state = (void *)cases[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
