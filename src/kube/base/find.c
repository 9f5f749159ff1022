/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/check-internal.h"

#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"

enum { VALUE_MAX = 64 << 10 };

static void find(struct kube_findings *to, const struct kube_path *at, const char *reason,
                 const char *what, const char *detail)
{
    char path[KUBE_PATH_MAX];

    kube_path_text(at, path);
    kube_find(to, reason, path, "%s%s%s", what, detail && *detail ? ": " : "",
              detail ? detail : "");
}

void check_required(struct kube_findings *to, const struct kube_path *at, const char *detail)
{
    find(to, at, "FieldValueRequired", "Required value", detail);
}

void check_forbidden(struct kube_findings *to, const struct kube_path *at, const char *detail)
{
    find(to, at, "FieldValueForbidden", "Forbidden", detail);
}

/* Go's %q, but for what is rare. */
static void add_quoted(struct ol_buf *b, const char *s)
{
    ol_buf_addc(b, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            ol_buf_printf(b, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            ol_buf_printf(b, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c < 0x20 || c == 0x7f)
            ol_buf_printf(b, "\\x%02x", c);
        else
            ol_buf_addc(b, (char)c);
    }
    ol_buf_addc(b, '"');
}

void check_invalid(struct kube_findings *to, const struct kube_path *at, const struct ol_val *value,
                   const char *detail)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(VALUE_MAX);

    ol_buf_adds(&b, "Invalid value: ");
    if (ol_val_str(value))
        add_quoted(&b, ol_val_str(value));
    else if (!value)
        ol_buf_adds(&b, "null");
    else if (ol_json_dump(value, &ol_json_compact, &b) < 0)
        ol_buf_adds(&b, "…");
    find(to, at, "FieldValueInvalid", b.data, detail);
}

void check_invalid_str(struct kube_findings *to, const struct kube_path *at, const char *value,
                       const char *detail)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(VALUE_MAX);

    ol_buf_adds(&b, "Invalid value: ");
    add_quoted(&b, value);
    find(to, at, "FieldValueInvalid", b.data, detail);
}

void check_invalid_int(struct kube_findings *to, const struct kube_path *at, int64_t value,
                       const char *detail)
{
    char text[64];

    snprintf(text, sizeof(text), "Invalid value: %lld", (long long)value);
    find(to, at, "FieldValueInvalid", text, detail);
}

void check_duplicate(struct kube_findings *to, const struct kube_path *at, const char *value)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(VALUE_MAX);

    ol_buf_adds(&b, "Duplicate value: ");
    add_quoted(&b, value);
    find(to, at, "FieldValueDuplicate", b.data, NULL);
}

void check_too_long(struct kube_findings *to, const struct kube_path *at, size_t max)
{
    char text[64];

    snprintf(text, sizeof(text), "may not be more than %zu bytes", max);
    find(to, at, "FieldValueTooLong", "Too long", text);
}

void check_unsupported(struct kube_findings *to, const struct kube_path *at, const char *value,
                       const char *const *names)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(VALUE_MAX);
    const char *last = "";

    ol_buf_adds(&b, "Unsupported value: ");
    add_quoted(&b, value);
    /* By alphabet, as sets are printed. */
    for (bool is_first = true;; is_first = false) {
        const char *next = NULL;

        for (size_t i = 0; names[i]; i++)
            if (strcmp(names[i], last) > 0 && (!next || strcmp(names[i], next) < 0))
                next = names[i];
        if (!next)
            break;
        ol_buf_adds(&b, is_first ? ": supported values: " : ", ");
        add_quoted(&b, next);
        last = next;
    }
    find(to, at, "FieldValueNotSupported", b.data, NULL);
}

bool check_same(const struct ol_val *a, const struct ol_val *b)
{
    return (!a && !b) || (a && b && ol_val_equal(a, b));
}

void check_immutable(const struct ol_val *now, const struct ol_val *old, const struct kube_path *at,
                     struct kube_findings *to)
{
    if (!check_same(now, old))
        check_invalid(to, at, now, "field is immutable");
}

const char *check_str(const struct ol_val *map, const char *key)
{
    const char *s = ol_val_str(ol_val_get(map, key));

    return s ? s : "";
}
