/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-parameters.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/str.h"

#define PREFIX "csi.storage.k8s.io/"

enum { NAME_MAX_LEN = 253, LABEL_MAX_LEN = 63, TEMPLATE_MAX = 64 << 10 };

struct secret_row {
    const char *label; /* as in error sentences */
    const char *name, *ns;
    const char *old_name, *old_ns; /* keys before the prefix; they reach the driver too */
};

/* clang-format off */
static const struct secret_row secret_rows[CSI_N_SECRETS] = {
    [CSI_SECRET_PROVISIONER] = {
        "Provisioner", PREFIX "provisioner-secret-name", PREFIX "provisioner-secret-namespace",
        "csiProvisionerSecretName", "csiProvisionerSecretNamespace"},
    [CSI_SECRET_CONTROLLER_PUBLISH] = {
        "ControllerPublish", PREFIX "controller-publish-secret-name",
        PREFIX "controller-publish-secret-namespace",
        "csiControllerPublishSecretName", "csiControllerPublishSecretNamespace"},
    [CSI_SECRET_NODE_STAGE] = {
        "NodeStage", PREFIX "node-stage-secret-name", PREFIX "node-stage-secret-namespace",
        "csiNodeStageSecretName", "csiNodeStageSecretNamespace"},
    [CSI_SECRET_NODE_PUBLISH] = {
        "NodePublish", PREFIX "node-publish-secret-name", PREFIX "node-publish-secret-namespace",
        "csiNodePublishSecretName", "csiNodePublishSecretNamespace"},
    [CSI_SECRET_CONTROLLER_EXPAND] = {
        "ControllerExpand", PREFIX "controller-expand-secret-name",
        PREFIX "controller-expand-secret-namespace", NULL, NULL},
    [CSI_SECRET_NODE_EXPAND] = {
        "NodeExpand", PREFIX "node-expand-secret-name", PREFIX "node-expand-secret-namespace",
        NULL, NULL},
    [CSI_SECRET_CONTROLLER_MODIFY] = {
        "ControllerModify", PREFIX "controller-modify-secret-name",
        PREFIX "controller-modify-secret-namespace", NULL, NULL},
};
/* clang-format on */
static const struct secret_row default_row = {"Default", PREFIX "secret-name",
                                              PREFIX "secret-namespace", NULL, NULL};

/* --- templates --- */
struct tokens {
    const char *pv_name;
    const struct kube_meta *claim;
    bool is_name; /* tokens that the claim's author controls are for names alone */
};

static const char *annotation_of(const struct kube_meta *claim, const char *token)
{
    static const char head[] = "pvc.annotations['";
    size_t len = strlen(token), n = sizeof(head) - 1;

    if (len < n + 2 || strncmp(token, head, n) != 0 || strcmp(token + len - 2, "']") != 0)
        return NULL;
    for (uint32_t i = 0; i < claim->annotations.n; i++) {
        const struct kube_pair *p = &claim->annotations.v[i];

        if (strlen(p->key) == len - n - 2 && strncmp(p->key, token + n, len - n - 2) == 0)
            return p->value;
    }
    return NULL;
}

static const char *token_value(const struct tokens *t, const char *token)
{
    if (strcmp(token, "pv.name") == 0)
        return t->pv_name;
    if (!t->claim)
        return NULL;
    if (strcmp(token, "pvc.namespace") == 0)
        return t->claim->ns;
    if (!t->is_name)
        return NULL;
    if (strcmp(token, "pvc.name") == 0)
        return t->claim->name;
    return annotation_of(t->claim, token);
}

/* Length of a $name without braces (Go's os.Expand): letters, digits and underscores, or one
 * special character. */
static size_t bare_len(const char *s)
{
    size_t n = 0;

    if (*s && strchr("*#$@!?-0123456789", *s))
        return 1;
    while (s[n] == '_' || (s[n] >= '0' && s[n] <= '9')
           || ((s[n] | 32) >= 'a' && (s[n] | 32) <= 'z'))
        n++;
    return n;
}

static void add_token(const struct tokens *t, const char *token, struct ol_buf *to,
                      struct ol_buf *bad)
{
    const char *value = token_value(t, token);

    if (value)
        ol_buf_adds(to, value);
    else
        ol_buf_printf(bad, "%s\"%s\"", bad->len > 0 ? " " : "", token);
}

/* os.Expand(): "${x}" and "$x"; a '$' before anything else stays, and "${}" is dropped. */
static int resolve(const struct tokens *t, const char *template, struct ol_arena *a,
                   const char **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf to = OL_BUF_INIT(TEMPLATE_MAX);
    ol_auto(ol_buf_done) struct ol_buf bad = OL_BUF_INIT(TEMPLATE_MAX);

    for (const char *s = template; *s;) {
        const char *end = strncmp(s, "${", 2) == 0 ? strchr(s, '}') : NULL;
        size_t n = *s == '$' && !end ? bare_len(s + 1) : 0;

        if (end) {
            if (end > s + 2)
                add_token(t, ol_arena_memdup(a, s + 2, (size_t)(end - s - 2)), &to, &bad);
            s = end + 1;
        } else if (n > 0) {
            add_token(t, ol_arena_memdup(a, s + 1, n), &to, &bad);
            s += n + 1;
        } else {
            ol_buf_addc(&to, *s++);
        }
    }
    if (bad.len > 0)
        return ol_err_set(err, EINVAL, "error resolving value \"%s\": invalid tokens: [%s]",
                          template, bad.data);
    if (ol_buf_status(&to) < 0)
        return ol_err_set(err, EINVAL, "a secret's name resolves to more than %d bytes",
                          TEMPLATE_MAX);
    *ret = ol_arena_memdup(a, to.data, to.len);
    return 0;
}

/* --- names --- */
static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A DNS label (RFC 1123) of 'len' characters. */
static bool is_label(const char *s, size_t len)
{
    if (len == 0 || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(s[i]) && s[i] != '-')
            return false;
    return true;
}

static bool is_namespace(const char *s)
{
    return strlen(s) <= LABEL_MAX_LEN && is_label(s, strlen(s));
}

static bool is_subdomain(const char *s)
{
    if (strlen(s) > NAME_MAX_LEN)
        return false;
    for (;;) {
        size_t n = strcspn(s, ".");

        if (!is_label(s, n))
            return false;
        if (!s[n])
            return true;
        s += n + 1;
    }
}

static int refuse_name(const char *template, const char *resolved, const char *what,
                       struct ol_err *err)
{
    if (strcmp(template, resolved) != 0)
        return ol_err_set(err, EINVAL, "\"%s\" resolved to \"%s\" which is not a valid %s name",
                          template, resolved, what);
    return ol_err_set(err, EINVAL, "\"%s\" is not a valid %s name", template, what);
}

/* --- secrets --- */
struct templates {
    const char *name, *ns; /* NULL = not given */
};

static unsigned pick(const struct kube_map *p, const char *old_key, const char *key,
                     const char **ret)
{
    const char *old = old_key ? kube_map_get(p, old_key) : NULL;
    const char *now = kube_map_get(p, key);

    *ret = now ? now : old;
    return (old ? 1u : 0u) + (now ? 1u : 0u);
}

static int read_templates(const struct kube_map *p, const struct secret_row *row,
                          struct templates *ret, struct ol_err *err)
{
    unsigned n_names = pick(p, row->old_name, row->name, &ret->name);
    unsigned n_spaces = pick(p, row->old_ns, row->ns, &ret->ns);

    if (n_names > 1 || n_spaces > 1)
        return ol_err_set(err, EINVAL,
                          "%s secrets specified in parameters with both \"csi\" and \"" PREFIX
                          "\" keys",
                          row->label);
    if (n_names != n_spaces)
        return ol_err_set(err, EINVAL,
                          "either name and namespace for %s secrets specified, Both must be "
                          "specified",
                          row->label);
    if (n_names == 1 && (!*ret->name || !*ret->ns))
        return ol_err_set(err, EINVAL,
                          "%s secrets specified in parameters but value of either namespace or "
                          "name is empty",
                          row->label);
    return (int)n_names;
}

static int find_templates(const struct kube_map *p, enum csi_secret which, struct templates *ret,
                          struct ol_err *err)
{
    int r = read_templates(p, &secret_rows[which], ret, err);

    if (r < 0)
        return ol_err_prefix(err, r, "failed to get name and namespace template from params");
    if (r > 0)
        return r;
    r = read_templates(p, &default_row, ret, err);
    if (r < 0)
        return ol_err_prefix(err, r,
                             "failed to get default name and namespace template from params");
    return r;
}

int csi_parameters_secret(const struct kube_map *parameters, enum csi_secret which,
                          const char *pv_name, const struct kube_meta *claim, struct ol_arena *a,
                          struct csi_secret_ref *ret, struct ol_err *err)
{
    struct tokens t = {.pv_name = pv_name, .claim = claim};
    struct templates found = {NULL, NULL};
    struct csi_secret_ref ref = {NULL, NULL};
    int r = find_templates(parameters, which, &found, err);

    if (r < 0)
        return r;
    if (r == 0) {
        *ret = ref;
        return 0;
    }
    r = resolve(&t, found.ns, a, &ref.ns, err);
    if (r < 0)
        return r;
    if (!is_namespace(ref.ns))
        return refuse_name(found.ns, ref.ns, "namespace", err);
    t.is_name = true;
    r = resolve(&t, found.name, a, &ref.name, err);
    if (r < 0)
        return r;
    if (!is_subdomain(ref.name))
        return refuse_name(found.name, ref.name, "secret", err);
    *ret = ref;
    return 0;
}

/* --- the whole --- */
static bool is_known(const char *key)
{
    if (strcmp(key, PREFIX "fstype") == 0 || strcmp(key, default_row.name) == 0
        || strcmp(key, default_row.ns) == 0)
        return true;
    for (size_t i = 0; i < ol_count(secret_rows); i++)
        if (strcmp(key, secret_rows[i].name) == 0 || strcmp(key, secret_rows[i].ns) == 0)
            return true;
    return false;
}

static int read_fs_type(const struct kube_map *p, const char **ret, struct ol_err *err)
{
    const char *found = NULL;

    for (uint32_t i = 0; i < p->n; i++) {
        const char *key = p->v[i].key;

        if (!ol_str_eq_nocase(key, "fstype") && strcmp(key, PREFIX "fstype") != 0)
            continue;
        if (found)
            return ol_err_set(err, EINVAL,
                              "fstype specified in parameters with both \"fstype\" and \"" PREFIX
                              "fstype\" keys");
        found = p->v[i].value;
    }
    *ret = found ? found : "";
    return 0;
}

int csi_parameters_read(const struct kube_map *parameters, const char *pv_name,
                        const struct kube_meta *claim, struct ol_arena *a,
                        struct csi_parameters *ret, struct ol_err *err)
{
    struct csi_parameters p = {0};
    int r = read_fs_type(parameters, &p.fs_type, err);

    if (r < 0)
        return r;
    for (int i = 0; i < CSI_N_SECRETS; i++) {
        r = csi_parameters_secret(parameters, (enum csi_secret)i, pv_name, claim, a, &p.secrets[i],
                                  err);
        if (r < 0)
            return r;
    }
    p.passed.v = ol_arena_alloc(a, (parameters->n + 1) * sizeof(*p.passed.v));
    for (uint32_t i = 0; i < parameters->n; i++) {
        const struct kube_pair *pair = &parameters->v[i];

        if (!ol_str_starts(pair->key, PREFIX))
            p.passed.v[p.passed.n++] = *pair;
        else if (!is_known(pair->key))
            return ol_err_set(err, EINVAL,
                              "failed to strip CSI Parameters of prefixed keys: found unknown "
                              "parameter key \"%s\" with reserved namespace " PREFIX,
                              pair->key);
    }
    *ret = p;
    return 0;
}
