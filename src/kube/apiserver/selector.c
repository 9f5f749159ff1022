/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/apiserver/selector.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"

enum { MAX_REQUIREMENTS = 256, MAX_VALUES = 1024 };

struct parser {
    const char *text, *p;
    struct ol_arena *arena;
    struct api_selector *to;
    struct ol_err *err;
};

static void skip_blanks(struct parser *p)
{
    while (ol_is_space(*p->p))
        p->p++;
}

static int fail(struct parser *p, const char *wanted)
{
    char found[32];
    size_t n = strcspn(p->p, ", \t\n=!()<>");

    if (n == 0 && *p->p)
        n = 1;
    memcpy(found, p->p, n < 31 ? n : 31);
    found[n < 31 ? n : 31] = '\0';
    return ol_err_set(p->err, EINVAL, "unable to parse requirement: found '%s', expected: %s",
                      found, wanted);
}

/* A key or value; "" when there is none. */
static const char *word(struct parser *p)
{
    size_t n;

    skip_blanks(p);
    n = strcspn(p->p, ",=!()<> \t\r\n");
    p->p += n;
    return ol_arena_memdup(p->arena, p->p - n, n);
}

static bool is_name(const char *s, size_t max, const char *inner)
{
    size_t n = strlen(s);

    if (n == 0 || n > max)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool is_alnum =
            (s[i] >= '0' && s[i] <= '9') || ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z');

        if (!is_alnum && (i == 0 || i == n - 1 || !strchr(inner, s[i])))
            return false;
    }
    return true;
}

static bool is_label_key(const char *key)
{
    const char *slash = strchr(key, '/');
    char prefix[254];

    if (!slash)
        return is_name(key, 63, "-_.");
    if ((size_t)(slash - key) >= sizeof(prefix))
        return false;
    memcpy(prefix, key, (size_t)(slash - key));
    prefix[slash - key] = '\0';
    return is_name(prefix, 253, "-.") && is_name(slash + 1, 63, "-_.");
}

/* "a, b)" behind the opening parenthesis. */
static int read_set(struct parser *p, const char ***ret)
{
    const char **values = NULL;
    size_t n = 0;

    skip_blanks(p);
    if (*p->p++ != '(') {
        p->p--;
        return fail(p, "'('");
    }
    do {
        if (n == MAX_VALUES)
            return ol_err_set(p->err, EINVAL, "a set of more than %d values", (int)MAX_VALUES);
        values = ol_arena_grow(p->arena, values, n * sizeof(*values), (n + 2) * sizeof(*values));
        values[n++] = word(p);
        values[n] = NULL;
        skip_blanks(p);
    } while (*p->p == ',' && p->p++);
    if (*p->p != ')')
        return fail(p, "',' or ')'");
    p->p++;
    *ret = values;
    return 0;
}

static const char **one_value(struct parser *p, const char *value)
{
    const char **values = ol_arena_alloc(p->arena, 2 * sizeof(*values));

    values[0] = value;
    return values;
}

static const struct operator
{
    const char *text;
    enum api_operator op;
}
operators[] = {
    {"==", API_EQUALS}, {"!=", API_NOT_EQUALS}, {"=", API_EQUALS},
    {">", API_GREATER}, {"<", API_LESS},
};

static bool is_word(const char *p, const char *wanted)
{
    size_t n = strlen(wanted);

    return ol_str_starts(p, wanted) && (ol_is_space(p[n]) || p[n] == '(');
}

static int read_operator(struct parser *p, struct api_requirement *r)
{
    int64_t number;

    skip_blanks(p);
    if (!*p->p || *p->p == ',') {
        r->op = API_EXISTS;
        return 0;
    }
    for (size_t i = 0; i < ol_count(operators); i++) {
        if (!ol_str_starts(p->p, operators[i].text))
            continue;
        p->p += strlen(operators[i].text);
        r->op = operators[i].op;
        r->values = one_value(p, word(p));
        if (r->op >= API_GREATER && ol_parse_i64(r->values[0], 10, &number) < 0)
            return ol_err_set(p->err, EINVAL,
                              "values[0]: Invalid value: \"%.64s\": for 'Gt', 'Lt' "
                              "operators, the value must be an integer",
                              r->values[0]);
        return 0;
    }
    if (is_word(p->p, "in")) {
        p->p += 2;
        r->op = API_EQUALS;
    } else if (is_word(p->p, "notin")) {
        p->p += 5;
        r->op = API_NOT_EQUALS;
    } else {
        return fail(p, "in, notin, =, ==, !=, gt, lt");
    }
    return read_set(p, (const char ***)(void *)&r->values);
}

static int check_values(struct parser *p, const struct api_requirement *r)
{
    for (const char *const *v = r->values; v && *v; v++)
        if (**v && !is_name(*v, 63, "-_."))
            return ol_err_set(p->err, EINVAL,
                              "values: Invalid value: \"%.64s\": a valid label must "
                              "be an empty string or consist of alphanumeric "
                              "characters, '-', '_' or '.'",
                              *v);
    return 0;
}

static struct api_requirement *add(struct parser *p)
{
    struct api_selector *s = p->to;

    if (s->n == MAX_REQUIREMENTS)
        return NULL;
    s->v = ol_arena_grow(p->arena, s->v, s->n * sizeof(*s->v), (s->n + 1) * sizeof(*s->v));
    s->v[s->n] = (struct api_requirement){0};
    return &s->v[s->n++];
}

static int read_label(struct parser *p)
{
    struct api_requirement *r = add(p);
    bool is_absent;
    int e = 0;

    if (!r)
        return ol_err_set(p->err, EINVAL, "more than %d requirements", (int)MAX_REQUIREMENTS);
    skip_blanks(p);
    is_absent = *p->p == '!';
    p->p += is_absent;
    r->key = word(p);
    if (!*r->key)
        return fail(p, "identifier");
    if (!is_label_key(r->key))
        return ol_err_set(p->err, EINVAL,
                          "key: Invalid value: \"%.128s\": name part must consist "
                          "of alphanumeric characters, '-', '_' or '.'",
                          r->key);
    if (is_absent)
        r->op = API_ABSENT;
    else
        e = read_operator(p, r);
    return e < 0 ? e : check_values(p, r);
}

int api_selector_labels(const char *text, struct ol_arena *a, struct api_selector *ret,
                        struct ol_err *err)
{
    struct api_selector s = {0};
    struct parser p = {.text = text, .p = text, .arena = a, .to = &s, .err = err};
    int r;

    skip_blanks(&p);
    while (*p.p) {
        r = read_label(&p);
        if (r < 0)
            return r;
        skip_blanks(&p);
        if (*p.p && *p.p != ',')
            return fail(&p, "',' or 'end of string'");
        if (*p.p == ',' && !p.p[1])
            return ol_err_set(err, EINVAL, "found '', expected: identifier after ','");
        p.p += *p.p == ',';
        skip_blanks(&p);
    }
    *ret = s;
    return 0;
}

/* A value up to an unescaped comma; \\ \, \= stand for themselves. */
static const char *field_value(struct parser *p)
{
    size_t len = strlen(p->p);
    char *out = ol_arena_memdup(p->arena, p->p, len), *to = out;

    for (; *p->p && *p->p != ','; p->p++) {
        if (*p->p == '\\' && p->p[1])
            p->p++;
        *to++ = *p->p;
    }
    *to = '\0';
    return out;
}

static bool is_selectable(const struct kube_kind *kind, const char *path)
{
    if (strcmp(path, "metadata.name") == 0)
        return true;
    if (strcmp(path, "metadata.namespace") == 0)
        return (kind->flags & KUBE_NAMESPACED) != 0;
    return kind->selectable && ol_str_in(path, kind->selectable);
}

int api_selector_fields(const char *text, const struct kube_kind *kind, struct ol_arena *a,
                        struct api_selector *ret, struct ol_err *err)
{
    struct api_selector s = {0};
    struct parser p = {.text = text, .p = text, .arena = a, .to = &s, .err = err};

    while (*p.p) {
        size_t n = strcspn(p.p, "=!,");
        struct api_requirement *r = add(&p);

        if (!r)
            return ol_err_set(err, EINVAL, "more than %d requirements", (int)MAX_REQUIREMENTS);
        r->key = ol_arena_memdup(a, p.p, n);
        p.p += n;
        if (!ol_str_starts(p.p, "!=") && *p.p != '=')
            return ol_err_set(err, EINVAL, "invalid selector: '%.128s'; can't understand '%.64s'",
                              text, r->key);
        r->op = *p.p == '!' ? API_NOT_EQUALS : API_EQUALS;
        p.p += *p.p == '!' || p.p[1] == '=' ? 2 : 1;
        r->values = one_value(&p, field_value(&p));
        if (!is_selectable(kind, r->key))
            return ol_err_set(err, EINVAL, "field label not supported: %.128s", r->key);
        p.p += *p.p == ',';
    }
    *ret = s;
    return 0;
}

static bool is_among(const char *const *values, const char *what)
{
    for (; values && *values; values++)
        if (strcmp(*values, what) == 0)
            return true;
    return false;
}

static bool is_met(const struct api_requirement *r, const char *value)
{
    int64_t have, want;

    switch (r->op) {
    case API_EQUALS: return value && is_among(r->values, value);
    case API_NOT_EQUALS: return !value || !is_among(r->values, value);
    case API_EXISTS: return value != NULL;
    case API_ABSENT: return value == NULL;
    case API_GREATER:
    case API_LESS:
        if (!value || ol_parse_i64(value, 10, &have) < 0
            || ol_parse_i64(r->values[0], 10, &want) < 0)
            return false;
        return r->op == API_GREATER ? have > want : have < want;
    }
    return false;
}

bool api_selector_has_labels(const struct api_selector *s, const struct ol_val *object)
{
    const struct ol_val *labels = s->n ? ol_val_at(object, "metadata/labels") : NULL;

    for (size_t i = 0; i < s->n; i++)
        if (!is_met(&s->v[i], ol_val_str(ol_val_get(labels, s->v[i].key))))
            return false;
    return true;
}

static const char *field_of(const struct kube_kind *kind, const struct ol_val *object,
                            const char *path)
{
    const char *value;

    if (strcmp(path, "metadata.name") == 0)
        value = ol_val_str(ol_val_at(object, "metadata/name"));
    else if (strcmp(path, "metadata.namespace") == 0)
        value = ol_val_str(ol_val_at(object, "metadata/namespace"));
    else
        value = kind->select ? kind->select(object, path) : NULL;
    return value ? value : "";
}

bool api_selector_has_fields(const struct api_selector *s, const struct kube_kind *kind,
                             const struct ol_val *object)
{
    for (size_t i = 0; i < s->n; i++)
        if (!is_met(&s->v[i], field_of(kind, object, s->v[i].key)))
            return false;
    return true;
}

const char *api_selector_exact(const struct api_selector *s, const char *path)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].op == API_EQUALS && strcmp(s->v[i].key, path) == 0)
            return s->v[i].values[0];
    return NULL;
}
