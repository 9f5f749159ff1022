/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/power-state.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/distro/distro.h"
#include "guest/module/module.h"

static const double default_timeout = 30; /* seconds */

static const struct {
    const char *mode, *option;
} modes[] = {
    {"halt", "-H"},
    {"poweroff", "-P"},
    {"reboot", "-r"},
};

static int type_error(struct ol_err *err, const char *format, const char *found)
{
    return ol_err_set_domain(err, EINVAL, "TypeError", 0, format, found);
}

static int parse_mode(struct ol_arena *a, const struct ol_val *v, size_t *ret, struct ol_err *err)
{
    for (size_t i = 0; i < ol_count(modes); i++) {
        if (!ol_val_str(v) || strcmp(ol_val_str(v), modes[i].mode) != 0)
            continue;
        *ret = i;
        return 0;
    }
    return type_error(
        err, "power_state[mode] required, must be one of: halt,poweroff,reboot. found: '%s'.",
        ol_val_to_text(a, v));
}

/* Minutes; -1 is now. */
static int parse_delay(struct ol_arena *a, const struct ol_val *v, int64_t *ret, struct ol_err *err)
{
    ol_autofree char *text = ol_str_stripped(v ? ol_val_to_text(a, v) : "now");
    int64_t minutes;

    if (!strcmp(text, "now")) {
        *ret = -1;
        return 0;
    }
    if (ol_parse_i64(text[0] == '+' ? text + 1 : text, 10, &minutes) < 0 || minutes < 0)
        return type_error(err, "power_state[delay] must be 'now' or '+m' (minutes). found '%s'.",
                          text);
    *ret = minutes;
    return 0;
}

static int parse_timeout(struct ol_arena *a, const struct ol_val *v, ol_time *ret,
                         struct ol_err *err)
{
    ol_autofree char *text = v ? ol_str_stripped(ol_val_to_text(a, v)) : NULL;
    double seconds = default_timeout;
    char *end = NULL;

    if (text) {
        seconds = strtod(text, &end);
        if (end == text || *end || !isfinite(seconds))
            return ol_err_set_domain(err, EINVAL, "ValueError", 0,
                                     "failed to convert timeout '%s' to float.", text);
    }
    if (!(seconds > 0)) /* nor a number, for that matter */
        seconds = 0;
    *ret = (ol_time)((seconds < 1e9 ? seconds : 1e9) * (double)OL_SECOND);
    return 0;
}

static const char **words_of(struct ol_arena *a, const struct ol_val *list)
{
    size_t n = ol_val_count(list);
    const char **words = ol_arena_alloc(a, (n + 1) * sizeof(*words));

    for (size_t i = 0; i < n; i++)
        words[i] = ol_val_to_text(a, ol_val_item(list, i));
    return words;
}

static int parse_condition(struct ol_arena *a, const struct ol_val *v, struct power_state *ret,
                           struct ol_err *err)
{
    const char **words;

    ret->is_wanted = !v || !ol_val_is(v, OL_VAL_BOOL) || v->boolean;
    if (!v || ol_val_is(v, OL_VAL_BOOL))
        return 0;
    if (ol_val_is(v, OL_VAL_LIST)) {
        ret->condition = words_of(a, v);
        return ret->condition[0] ? 0 : type_error(err, "%s", "condition is an empty list.");
    }
    if (!ol_val_str(v))
        return type_error(err, "condition type %s invalid. must be list, bool, str",
                          ol_val_to_text(a, v));
    words = ol_arena_alloc(a, 4 * sizeof(*words));
    words[0] = "/bin/sh";
    words[1] = "-c";
    words[2] = ol_val_str(v);
    ret->condition = words;
    return 0;
}

/* Alpine has no shutdown(8); its tools count in seconds and take no message. */
static void make_alpine_command(struct ol_arena *a, size_t mode, int64_t delay,
                                struct power_state *ret)
{
    ret->argv[0] = modes[mode].mode;
    ret->argv[1] = "-d";
    ret->argv[2] = ol_arena_printf(a, "%lld", delay < 0 ? 0LL : (long long)delay * 60);
}

static void make_command(struct ol_arena *a, size_t mode, int64_t delay,
                         const struct ol_val *message, struct power_state *ret)
{
    ret->argv[0] = "shutdown";
    ret->argv[1] = modes[mode].option;
    ret->argv[2] = delay < 0 ? "now" : ol_arena_printf(a, "+%lld", (long long)delay);
    ret->argv[3] = ol_val_is_truthy(message) ? ol_val_to_text(a, message) : NULL;
}

int power_state_parse(struct ol_arena *a, const struct ol_val *v, const char *family,
                      struct power_state *ret, struct ol_err *err)
{
    struct power_state state = {.is_wanted = true};
    int64_t delay = -1;
    size_t mode = 0;
    int r;

    if (!ol_val_is(v, OL_VAL_MAP))
        return type_error(err, "%s", "power_state is not a dict.");
    r = parse_mode(a, ol_val_get(v, "mode"), &mode, err);
    if (r == 0)
        r = parse_delay(a, ol_val_get(v, "delay"), &delay, err);
    if (r == 0)
        r = parse_timeout(a, ol_val_get(v, "timeout"), &state.timeout, err);
    if (r == 0)
        r = parse_condition(a, ol_val_get(v, "condition"), &state, err);
    if (r < 0)
        return r;
    if (!strcmp(family, "alpine"))
        make_alpine_command(a, mode, delay, &state);
    else
        make_command(a, mode, delay, ol_val_get(v, "message"), &state);
    *ret = state;
    return 0;
}

enum { EXIT_FAILED = 254 };

static bool is_condition_met(struct ol_env *env, const struct power_state *state)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {.argv = state->condition, .flags = OL_SPAWN_MERGE_ERR};
    struct ol_err err = OL_ERR_INIT;

    if (!state->condition)
        return true;
    if (!state->condition[0] || ol_spawn_run(env, &spawn, &result, &err) < 0) {
        ol_warn(env, "check_condition command: Unexpected error: %s", ol_err_text(&err));
        return false;
    }
    if (result.out.len)
        ol_debug(env, "check_condition command said: %s", result.out.data);
    if (result.status > 1)
        ol_warn(env, "check_condition command: unexpected exit %d. do not apply change.",
                result.status);
    else
        ol_debug(env, "check_condition command: exited %d. condition %smet.", result.status,
                 result.status ? "not " : "");
    return result.status == 0;
}

/* In the process that outlives us. */
static int change(struct ol_env *env, void *ctx)
{
    const struct power_state *state = ctx;
    struct ol_err err = OL_ERR_INIT;

    if (!is_condition_met(env, state))
        return 0;
    if (ol_run(env, state->argv, NULL, &err) == 0)
        return 0;
    ol_warn(env, "power_state: %s", ol_err_text(&err));
    return EXIT_FAILED;
}

/* cloud-init 26.2 cc_power_state_change.py. */
static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    const struct ol_val *given = ol_val_get(call->cfg, "power_state");
    struct power_state *state = ol_arena_alloc(g->arena, sizeof(*state));
    struct ol_err why = OL_ERR_INIT;

    if (!given || ol_val_is(given, OL_VAL_NULL)) {
        ol_debug(g->env, "no power_state provided. doing nothing");
        return 0;
    }
    if (power_state_parse(g->arena, given, g->distro ? g->distro->family : "", state, &why) < 0) {
        ol_warn(g->env, "%s Not performing power state change!", ol_err_text(&why));
        return 0;
    }
    if (!state->is_wanted) {
        ol_debug(g->env, "Condition was false. Will not perform state change.");
        return 0;
    }
    ol_debug(g->env, "After this process ends, will execute: %s %s %s", state->argv[0],
             state->argv[1], state->argv[2]);
    return ol_after_exit(g->env, state->timeout,
                         &(struct ol_afterwards){.run = change, .ctx = state}, err);
}

static const char *const keys[] = {"power_state", NULL};

/* User code: a machine that went down on our word must not be sent down again when it is back. */
const struct module module_power_state_change = {
    .name = "power_state_change",
    .frequency = FREQ_INSTANCE,
    .keys = keys,
    .flags = MODULE_USER_CODE,
    .run = run,
};
