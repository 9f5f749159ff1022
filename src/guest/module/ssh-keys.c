/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/ssh-keys.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/resolve.h"
#include "core/str.h"

enum { KEYS_MAX = 4 << 20 };

static const char *const key_types[] = {
    "rsa",
    "ecdsa",
    "ed25519",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com",
    "ssh-ed25519",
    "ssh-rsa-cert-v01@openssh.com",
    "ssh-rsa",
    "ssh-xmss-cert-v01@openssh.com",
    "ssh-xmss@openssh.com",
    NULL,
};

/* Users know this text from their terminals. */
static const char disable_form[] =
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,"
    "command=\"echo 'Please login as the user \\\"$USER\\\" rather than the user"
    " \\\"$DISABLE_USER\\\".';echo;sleep 10;exit 142\"";

/* Cuts the next word off '*at' (blanks before it too); NULL when there is none. */
static const char *next_word(struct ol_arena *a, const char **at)
{
    const char *start = *at;

    while (ol_is_space(*start))
        start++;
    *at = start;
    while (**at && !ol_is_space(**at))
        ++*at;
    return *at == start ? NULL : ol_arena_memdup(a, start, (size_t)(*at - start));
}

/* "TYPE BLOB [COMMENT]" into 'key'; false when it is something else. */
static bool parse_key(struct ol_arena *a, const char *text, struct ssh_key *key)
{
    const char *type = next_word(a, &text);
    const char *blob = next_word(a, &text);

    if (!type || !blob || !ol_str_in(type, key_types))
        return false;
    while (ol_is_space(*text))
        text++;
    key->type = type;
    key->blob = blob;
    key->comment = *text ? text : NULL;
    return true;
}

/* Length of the options that a line begins with: up to a blank that is not quoted. */
static size_t options_length(const char *text)
{
    bool is_quoted = false;
    size_t i = 0;

    while (text[i] && (is_quoted || (text[i] != ' ' && text[i] != '\t'))) {
        if (text[i] == '\\' && text[i + 1] == '"')
            i++;
        else if (text[i] == '"' && text[i + 1])
            is_quoted = !is_quoted;
        i++;
    }
    return i;
}

struct ssh_key ssh_key_parse(struct ol_arena *a, const char *line, const char *options)
{
    struct ssh_key key = {.source = ol_arena_strdup(a, line)};
    size_t len;
    const char *stripped = ol_str_strip(line, strlen(line), &len);
    const char *text = ol_arena_memdup(a, stripped, len);
    size_t n_options;

    if (line[0] == '#' || !len)
        return key;
    if (options && !*options)
        options = NULL;
    if (!parse_key(a, text, &key)) {
        n_options = options_length(text);
        if (!parse_key(a, text + n_options, &key))
            return key;
        if (!options)
            options = ol_arena_memdup(a, text, n_options);
    }
    key.options = options;
    return key;
}

static void add_key(struct ol_arena *a, struct ssh_key_list *to, struct ssh_key key)
{
    if (to->n == to->cap) {
        size_t cap = to->cap ? 2 * to->cap : 8;

        to->items =
            ol_arena_grow(a, to->items, to->cap * sizeof(*to->items), cap * sizeof(*to->items));
        to->cap = cap;
    }
    to->items[to->n++] = key;
}

void ssh_keys_parse(struct ol_arena *a, const char *text, struct ssh_key_list *to)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        add_key(a, to, ssh_key_parse(a, ol_arena_memdup(a, text, len), NULL));
        text += len + (text[len] == '\n');
    }
}

static void write_key(const struct ssh_key *key, struct ol_buf *to)
{
    const char *const parts[] = {key->options, key->type, key->blob, key->comment};
    bool is_first = true;

    if (!key->blob) {
        ol_buf_printf(to, "%s\n", key->source);
        return;
    }
    for (size_t i = 0; i < ol_count(parts); i++) {
        if (!parts[i] || !*parts[i])
            continue;
        ol_buf_printf(to, "%s%s", is_first ? "" : " ", parts[i]);
        is_first = false;
    }
    ol_buf_addc(to, '\n');
}

/* The last of 'keys' with this blob, NULL when there is none. */
static const struct ssh_key *find_blob(const struct ssh_key_list *keys, const char *blob)
{
    const struct ssh_key *found = NULL;

    for (size_t i = 0; blob && i < keys->n; i++)
        if (keys->items[i].blob && !strcmp(keys->items[i].blob, blob))
            found = &keys->items[i];
    return found;
}

void ssh_keys_merge(const struct ssh_key_list *old, const struct ssh_key_list *keys,
                    struct ol_buf *to)
{
    for (size_t i = 0; i < old->n; i++) {
        const struct ssh_key *better = find_blob(keys, old->items[i].blob);

        write_key(better ? better : &old->items[i], to);
    }
    for (size_t i = 0; i < keys->n; i++)
        if (keys->items[i].blob && !find_blob(old, keys->items[i].blob))
            write_key(&keys->items[i], to);
}

static void replace(struct ol_buf *text, const char *from, const char *to)
{
    ol_autofree char *old = ol_buf_take(text);

    for (const char *at = old; *at;) {
        const char *hit = strstr(at, from);
        size_t len = hit ? (size_t)(hit - at) : strlen(at);

        ol_buf_add(text, at, len);
        if (hit)
            ol_buf_adds(text, to);
        at += len + (hit ? strlen(from) : 0);
    }
}

const char *ssh_disable_options(struct ol_arena *a, const char *form, const char *user,
                                const char *instead)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    ol_buf_adds(&text, form ? form : disable_form);
    replace(&text, "$USER", instead);
    replace(&text, "$DISABLE_USER", user);
    return ol_arena_strdup(a, text.data);
}

void ssh_key_paths(const char *value, const char *home, const char *user, struct ol_strv *to)
{
    ol_auto(ol_strv_done) struct ol_strv patterns = OL_STRV_INIT;

    ol_strv_split(&patterns, value && *value ? value : "%h/.ssh/authorized_keys", " \t");
    ol_strv_each (pattern, &patterns) {
        ol_auto(ol_buf_done) struct ol_buf path = OL_BUF_INIT(64 << 10);

        ol_buf_adds(&path, pattern);
        replace(&path, "%h", home);
        replace(&path, "%u", user);
        replace(&path, "%%", "%");
        if (path.data[0] == '/')
            ol_strv_add(to, path.data);
        else
            ol_strv_addf(to, "%s/%s", home, path.data);
    }
}

/* Never the text: somebody may have given us the private key. */
static void add_wanted(struct guest *g, const char *user, struct ssh_key key, size_t at,
                       struct ssh_key_list *to)
{
    if (key.blob)
        add_key(g->arena, to, key);
    else if (key.source[strspn(key.source, " \t")] && key.source[0] != '#')
        ol_warn(g->env,
                "ssh_authorized_keys of user '%s': key %zu is no public key and is left out", user,
                at + 1);
}

static int set_up_keys(struct guest *g, const struct ol_strv *keys, const char *user,
                       const char *options, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(KEYS_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(2 * KEYS_MAX);
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT, unique = OL_STRV_INIT;
    struct ssh_key_list has = {0}, wants = {0};
    const char *path;
    struct stat st;
    int r = ssh_user_key_file(g, user, &path, err);

    if (r < 0)
        return r;
    if (ol_stat(g->env, path, &st) == -ELOOP)
        return ol_err_set(err, ELOOP,
                          "keys of user '%s': '%s' goes through a link that is not root's", user,
                          path);
    ol_strv_each (key, keys)
        ol_strv_split(&lines, key, "\r\n"); /* or the options would be of the first line only */
    for (size_t i = 0; i < lines.n; i++) {
        if (ol_strv_has(&unique, lines.v[i]))
            continue;
        ol_strv_add(&unique, lines.v[i]);
        add_wanted(g, user, ssh_key_parse(g->arena, lines.v[i], options), i, &wants);
    }
    if (ol_is_file(g->env, path)) {
        r = ol_file_read(g->env, path, &old, err);
        if (r < 0)
            return r;
    }
    ssh_keys_parse(g->arena, old.data, &has);
    ssh_keys_merge(&has, &wants, &text);
    if (ol_buf_status(&text) < 0)
        return ol_err_set(err, EFBIG, "'%s' would be too large", path);
    if (ol_is_file(g->env, path) && text.len == old.len && !memcmp(text.data, old.data, text.len))
        return 0;
    return ol_file_write_buf(g->env, path, &text, 0644, OL_WRITE_KEEP_MODE | OL_WRITE_PARENTS, err);
}

/* The user may have put links into the home, to where only root can write. */
int ssh_setup_user_keys(struct guest *g, const struct ol_strv *keys, const char *user,
                        const char *options, struct ol_err *err)
{
    unsigned before = g->env->resolve;
    int r;

    g->env->resolve |= OL_RESOLVE_ROOT_LINKS;
    r = set_up_keys(g, keys, user, options, err);
    g->env->resolve = before;
    return r;
}
