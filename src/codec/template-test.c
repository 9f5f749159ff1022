/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/template-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

/* The tests of "is": which types pass, as bits of enum ol_val_type. */
#define BIT(type) (1u << (type))

enum {
    NUMBERS = BIT(OL_VAL_BOOL) | BIT(OL_VAL_INT) | BIT(OL_VAL_FLOAT),
    SEQUENCES = BIT(OL_VAL_STR) | BIT(OL_VAL_LIST) | BIT(OL_VAL_MAP),
};

static const struct type_test {
    const char *name;
    unsigned types;
    bool takes_undefined;
} type_tests[] = {
    {"defined", ~0u, false},
    {"undefined", 0, true},
    {"none", BIT(OL_VAL_NULL), false},
    {"boolean", BIT(OL_VAL_BOOL), false},
    {"integer", BIT(OL_VAL_INT), false},
    {"float", BIT(OL_VAL_FLOAT), false},
    {"number", NUMBERS, false},
    {"string", BIT(OL_VAL_STR), false},
    {"mapping", BIT(OL_VAL_MAP), false},
    {"sequence", SEQUENCES, true},
    {"iterable", SEQUENCES, true},
};

static const char *const equality_tests[] = {"eq", "equalto", "ne", "in", "true", "false", NULL};

int tmpl_knows_test(const char *name)
{
    static const char *const others[] = {"odd",   "even",  "divisibleby", "filter",      "test",
                                         "lower", "upper", "callable",    "sameas",      "escaped",
                                         "gt",    "ge",    "lt",          "greaterthan", "lessthan",
                                         "le",    NULL};

    for (size_t i = 0; i < ol_count(type_tests); i++)
        if (!strcmp(type_tests[i].name, name))
            return 0;
    if (ol_str_in(name, equality_tests))
        return 0;
    return ol_str_in(name, others) ? -ENOSYS : -EINVAL;
}

int tmpl_test(struct tmpl_run *r, struct tmpl_call *c, bool *ret)
{
    const char *name = c->node->name;
    bool is_bool = !strcmp(name, "true") || !strcmp(name, "false");
    int n_args = ol_str_in(name, equality_tests) && !is_bool, e;

    if (c->n_args != n_args)
        return tmpl_unsupported(r->err, c->node->line, "'is %s' with %d arguments", name,
                                c->n_args);
    if (tmpl_is_tuple(c->of.v))
        return tmpl_unsupported(r->err, c->node->line, "'is %s' of a tuple", name);
    for (size_t i = 0; i < ol_count(type_tests); i++)
        if (!strcmp(type_tests[i].name, name)) {
            *ret = c->of.v ? (type_tests[i].types & BIT(c->of.v->type)) != 0
                           : type_tests[i].takes_undefined;
            return 0;
        }
    if (is_bool) {
        *ret = ol_val_is(c->of.v, OL_VAL_BOOL) && c->of.v->boolean == (name[0] == 't');
        return 0;
    }
    e = !strcmp(name, "in") ? tmpl_contains(r, c->node->line, &c->of, &c->args[0])
                            : tmpl_equal(r, c->node->line, &c->of, &c->args[0]);
    if (e < 0)
        return e;
    *ret = e != !strcmp(name, "ne");
    return 0;
}
