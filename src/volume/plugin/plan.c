/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/plugin/plan.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"

void volume_plan_init(struct volume_plan *p)
{
    *p = (struct volume_plan){.wire = OL_BUF_INIT(VOLUME_PLAN_MAX)};
}

void volume_plan_done(struct volume_plan *p)
{
    ol_buf_done(&p->wire);
}

const char *volume_verb_name(enum volume_verb verb)
{
#define X(name, text) [VOLUME_##name] = text,
    static const char *const names[] = {VOLUME_VERBS(X)};
#undef X

    return names[verb];
}

/* A step is "VERB N;" and N times "SIZE:bytes,": the netstrings of D. J. Bernstein. */
void volume_plan_add_args(struct volume_plan *p, enum volume_verb verb,
                          const struct volume_arg *args, size_t n)
{
    if (n > VOLUME_STEP_ARGS) {
        p->wire.failed = E2BIG;
        return;
    }
    ol_buf_printf(&p->wire, "%d %zu;", (int)verb, n);
    for (size_t i = 0; i < n; i++) {
        ol_buf_printf(&p->wire, "%zu:", args[i].size);
        ol_buf_add(&p->wire, args[i].data, args[i].size);
        ol_buf_addc(&p->wire, ',');
    }
    p->n_steps++;
}

void volume_plan_add_strs(struct volume_plan *p, enum volume_verb verb, const char *const *strs)
{
    struct volume_arg args[VOLUME_STEP_ARGS + 1];
    size_t n = 0;

    for (; strs[n] && n <= VOLUME_STEP_ARGS; n++)
        args[n] = (struct volume_arg){strs[n], strlen(strs[n])};
    volume_plan_add_args(p, verb, args, n);
}

/* A decimal number that ends with 'end'; -EBADMSG when there is none. */
static int take_number(const char *wire, size_t size, size_t *at, char end, size_t *ret)
{
    size_t n = 0, start = *at;

    for (; *at < size && wire[*at] >= '0' && wire[*at] <= '9'; ++*at) {
        n = n * 10 + (size_t)(wire[*at] - '0');
        if (n > VOLUME_PLAN_MAX)
            return -EBADMSG;
    }
    if (*at == start || *at == size || wire[*at] != end)
        return -EBADMSG;
    ++*at;
    *ret = n;
    return 0;
}

int volume_plan_next(char *wire, size_t size, size_t *at, struct volume_step *ret)
{
    size_t verb, len;

    if (*at == size)
        return 0;
    if (take_number(wire, size, at, ' ', &verb) < 0 || verb >= VOLUME_N_VERBS
        || take_number(wire, size, at, ';', &ret->n) < 0 || ret->n > VOLUME_STEP_ARGS)
        return -EBADMSG;
    ret->verb = (enum volume_verb)verb;
    for (size_t i = 0; i < ret->n; i++) {
        if (take_number(wire, size, at, ':', &len) < 0 || len >= size - *at
            || (wire[*at + len] != ',' && wire[*at + len] != '\0'))
            return -EBADMSG;
        ret->args[i] = (struct volume_arg){wire + *at, len};
        wire[*at + len] = '\0';
        *at += len + 1;
    }
    return 1;
}

static bool is_hidden(const struct volume_step *s, size_t arg)
{
    return (s->verb == VOLUME_FILE && arg == 2) || (s->verb == VOLUME_ISCSI_AUTH && arg > 2);
}

void volume_plan_show(const struct volume_plan *p, struct ol_buf *to)
{
    ol_autofree char *wire = ol_xcalloc(1, p->wire.len + 1);
    struct volume_step step;
    size_t at = 0;

    memcpy(wire, p->wire.data, p->wire.len + 1);
    while (volume_plan_next(wire, p->wire.len, &at, &step) > 0) {
        ol_buf_adds(to, volume_verb_name(step.verb));
        for (size_t i = 0; i < step.n; i++) {
            if (is_hidden(&step, i))
                ol_buf_printf(to, " <%zu bytes>", step.args[i].size);
            else
                ol_buf_printf(to, " %s", *step.args[i].data ? step.args[i].data : "''");
        }
        ol_buf_addc(to, '\n');
    }
}
