/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "kube/base/check-internal.h"

enum { LABEL_MAX = 63, SUBDOMAIN_MAX = 253 };

#define LABEL_RE     "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define SUBDOMAIN_RE LABEL_RE "(\\." LABEL_RE ")*"
#define KEY_RE       "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define KEY_WORDS                                                                                  \
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "    \
    "alphanumeric character"
#define KEY_EXAMPLES                                                                               \
    " (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '" KEY_RE "')"

static const char subdomain_error[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
    " '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is '" SUBDOMAIN_RE "')";
static const char label_error[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and"
    " must "
    "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    "validation is '" LABEL_RE "')";
static const char label_value_error[] =
    "a valid label must be an empty string or "
    "consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(" KEY_RE ")?')";
static const char data_key_error[] =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.na"
    "me',  "
    "or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_label(const char *s, size_t n)
{
    if (n == 0 || !is_lower(s[0]) || !is_lower(s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_lower(s[i]) && s[i] != '-')
            return false;
    return true;
}

static bool is_subdomain(const char *s, size_t n)
{
    const char *end = s + n;

    for (;;) {
        const char *dot = memchr(s, '.', (size_t)(end - s)), *stop = dot ? dot : end;

        if (!is_label(s, (size_t)(stop - s)))
            return false;
        if (!dot)
            return true;
        s = dot + 1;
    }
}

static bool is_key_name(const char *s, size_t n)
{
    if (n == 0 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
            return false;
    return true;
}

static void too_long(struct kube_findings *to, const struct kube_path *at, const char *value,
                     const char *prefix, int max)
{
    char text[96];

    /* apimachinery has two words for it: names count characters, label keys and values bytes. */
    snprintf(text, sizeof(text), "%smust be no more than %d %s", prefix, max,
             *prefix ? "bytes" : "characters");
    check_invalid_str(to, at, value, text);
}

static void check_key_prefix(struct kube_findings *to, const struct kube_path *at,
                             const char *value, size_t n)
{
    char text[512];

    if (n == 0)
        check_invalid_str(to, at, value, "prefix part must be non-empty");
    else if (n > SUBDOMAIN_MAX)
        too_long(to, at, value, "prefix part ", SUBDOMAIN_MAX);
    if (n && !is_subdomain(value, n)) {
        snprintf(text, sizeof(text), "prefix part %s", subdomain_error);
        check_invalid_str(to, at, value, text);
    }
}

static void check_key(struct kube_findings *to, const struct kube_path *at, const char *value)
{
    const char *slash = strchr(value, '/'), *name = slash ? slash + 1 : value;
    size_t n = strlen(name);

    if (slash && strchr(name, '/')) {
        check_invalid_str(to, at, value,
                          "a valid label key " KEY_WORDS KEY_EXAMPLES
                          " with an optional DNS subdomain prefix and '/' (e.g. "
                          "'example.com/MyName')");
        return;
    }
    if (slash)
        check_key_prefix(to, at, value, (size_t)(slash - value));
    if (n == 0)
        check_invalid_str(to, at, value, "name part must be non-empty");
    else if (n > LABEL_MAX)
        too_long(to, at, value, "name part ", LABEL_MAX);
    if (!is_key_name(name, n))
        check_invalid_str(to, at, value, "name part " KEY_WORDS KEY_EXAMPLES);
}

static void check_data_key(struct kube_findings *to, const struct kube_path *at, const char *value)
{
    size_t n = strlen(value);
    bool is_good = n > 0;

    if (n > SUBDOMAIN_MAX)
        too_long(to, at, value, "", SUBDOMAIN_MAX);
    for (size_t i = 0; i < n; i++)
        is_good = is_good && (is_alnum(value[i]) || strchr("-_.", value[i]));
    if (!is_good)
        check_invalid_str(to, at, value, data_key_error);
    if (!strcmp(value, "."))
        check_invalid_str(to, at, value, "must not be '.'");
    else if (!strcmp(value, ".."))
        check_invalid_str(to, at, value, "must not be '..'");
    else if (!strncmp(value, "..", 2))
        check_invalid_str(to, at, value, "must not start with '..'");
}

void check_form(struct kube_findings *to, const struct kube_path *at, const char *value,
                enum check_form form)
{
    size_t n = strlen(value);

    switch (form) {
    case CHECK_SUBDOMAIN:
        if (n > SUBDOMAIN_MAX)
            too_long(to, at, value, "", SUBDOMAIN_MAX);
        if (!is_subdomain(value, n))
            check_invalid_str(to, at, value, subdomain_error);
        break;
    case CHECK_LABEL:
        if (n > LABEL_MAX)
            too_long(to, at, value, "", LABEL_MAX);
        if (!is_label(value, n))
            check_invalid_str(to, at, value,
                              is_subdomain(value, n) ? "must not contain dots" : label_error);
        break;
    case CHECK_LABEL_VALUE:
        if (n > LABEL_MAX)
            check_invalid_str(to, at, value, "must be no more than 63 bytes");
        if (n && !is_key_name(value, n))
            check_invalid_str(to, at, value, label_value_error);
        break;
    case CHECK_KEY: check_key(to, at, value); break;
    case CHECK_DATA_KEY: check_data_key(to, at, value); break;
    }
}
