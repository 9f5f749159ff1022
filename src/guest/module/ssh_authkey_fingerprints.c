/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "codec/base64.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/md5.h"
#include "core/sha256.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/console.h"
#include "guest/module/module.h"
#include "guest/module/ssh-keys.h"
#include "guest/module/users-cfg.h"

enum { N_COLUMNS = 4, KEYS_MAX = 4 << 20, BLOB_MAX = 1 << 20, HEX_MAX = 65 };

static const char prefix[] = "ci-info: ";

struct row {
    const char *cells[N_COLUMNS];
};

/* A table as cloud-init's SimpleTable draws it. */
struct table {
    struct row *rows; /* the first one is the head; in the arena */
    size_t n;
    size_t widths[N_COLUMNS]; /* in characters */
};

/* Characters of UTF-8. */
static size_t n_chars(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void add_row(struct table *t, const struct row *row)
{
    t->rows[t->n++] = *row;
    for (int i = 0; i < N_COLUMNS; i++)
        if (n_chars(row->cells[i]) > t->widths[i])
            t->widths[i] = n_chars(row->cells[i]);
}

/* Python's str.center(): the odd blank stands left where the cell's width is odd, else right. */
static void add_centred(struct ol_buf *to, const char *text, size_t width)
{
    size_t len = n_chars(text);
    size_t room = width > len ? width - len : 0;
    size_t left = room / 2 + (room & width & 1);

    ol_buf_addn(to, ' ', left);
    ol_buf_adds(to, text);
    ol_buf_addn(to, ' ', room - left);
}

static void add_rule(const struct table *t, struct ol_buf *to)
{
    ol_buf_adds(to, prefix);
    for (int i = 0; i < N_COLUMNS; i++) {
        ol_buf_addc(to, '+');
        ol_buf_addn(to, '-', t->widths[i] + 2);
    }
    ol_buf_adds(to, "+\n");
}

static void add_cells(const struct table *t, const struct row *row, struct ol_buf *to)
{
    ol_buf_adds(to, prefix);
    for (int i = 0; i < N_COLUMNS; i++) {
        ol_buf_addc(to, '|');
        add_centred(to, row->cells[i], t->widths[i] + 2);
    }
    ol_buf_adds(to, "|\n");
}

/* The title between '+' signs, as wide as the table. */
static void add_title(const struct table *t, const char *title, struct ol_buf *to)
{
    size_t width = 1, len = n_chars(title), room;

    for (int i = 0; i < N_COLUMNS; i++)
        width += t->widths[i] + 3;
    room = width > len ? width - len : 0;
    ol_buf_adds(to, prefix);
    ol_buf_addn(to, '+', room / 2);
    ol_buf_adds(to, title);
    ol_buf_addn(to, '+', room - room / 2);
    ol_buf_addc(to, '\n');
}

static void add_table(const struct table *t, const char *title, struct ol_buf *to)
{
    add_title(t, title, to);
    add_rule(t, to);
    add_cells(t, &t->rows[0], to);
    add_rule(t, to);
    for (size_t i = 1; i < t->n; i++)
        add_cells(t, &t->rows[i], to);
    add_rule(t, to);
}

/* The digest as hexadecimal digits; false for a method that we do not know. */
static bool digest_hex(const struct ol_buf *bytes, const char *method, char hex[HEX_MAX])
{
    uint8_t digest[OL_SHA256_SIZE];

    if (!strcmp(method, "md5")) {
        ol_md5_hex(bytes->data, bytes->len, hex);
        return true;
    }
    if (strcmp(method, "sha256") != 0)
        return false;
    ol_sha256(bytes->data, bytes->len, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return true;
}

/* "ab:cd:…" of the key's bytes; "?" when the key is not base64 or the method is not known. */
static const char *fingerprint(struct ol_arena *a, const char *blob, const char *method)
{
    ol_auto(ol_buf_done) struct ol_buf bytes = OL_BUF_INIT(BLOB_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4096);
    char hex[HEX_MAX];

    if (ol_base64_decode(blob, strlen(blob), 0, &bytes, NULL) < 0
        || !digest_hex(&bytes, method, hex))
        return "?";
    for (size_t i = 0; hex[i]; i += 2)
        ol_buf_printf(&text, "%s%.2s", i ? ":" : "", hex + i);
    return ol_arena_strdup(a, text.data);
}

static const char *or_dash(const char *s)
{
    return s && *s ? s : "-";
}

static struct table make_table(struct ol_arena *a, const struct ssh_key_list *keys,
                               const char *method)
{
    struct table t = {.rows = ol_arena_alloc(a, (keys->n + 1) * sizeof(struct row))};
    const struct row head = {
        {"Keytype", ol_arena_printf(a, "Fingerprint (%s)", method), "Options", "Comment"}};

    add_row(&t, &head);
    for (size_t i = 0; i < keys->n; i++) {
        const struct ssh_key *key = &keys->items[i];

        if (!key->blob)
            continue;
        add_row(&t, &(const struct row){{or_dash(key->type), fingerprint(a, key->blob, method),
                                         or_dash(key->options), or_dash(key->comment)}});
    }
    return t;
}

static int show_user(struct guest *g, const char *user, const char *method, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf file = OL_BUF_INIT(KEYS_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(2 * KEYS_MAX);
    struct ssh_key_list keys = {0};
    const char *path;
    int r = ssh_user_key_file(g, user, &path, err);

    if (r < 0)
        return r;
    if (ol_is_file(g->env, path) && ol_file_read(g->env, path, &file, NULL) < 0)
        ol_warn(g->env, "Error reading lines from %s", path);
    ssh_keys_parse(g->arena, file.data, &keys);
    if (keys.n) {
        struct table t = make_table(g->arena, &keys, method);

        add_table(&t, ol_arena_printf(g->arena, "Authorized keys from %s for user %s", path, user),
                  &text);
    } else {
        ol_buf_printf(&text, "%sno authorized SSH keys fingerprints found for user %s.\n", prefix,
                      user);
    }
    console_write(g, text.data, CONSOLE_CONSOLE, 0);
    return 0;
}

static bool has_no_home(const struct ol_val *cfg)
{
    return ol_val_is_truthy(ol_val_get(cfg, "no_create_home"))
           || ol_val_is_truthy(ol_val_get(cfg, "system"));
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    const char *method = cfg_str(g->arena, call->cfg, "authkey_hash", "sha256");
    struct ol_err last = OL_ERR_INIT;
    struct users_cfg parsed;
    int r;

    if (cfg_is_true(ol_val_get(call->cfg, "no_ssh_fingerprints"))) {
        ol_debug(g->env, "Skipping module named %s, logging of SSH fingerprints disabled",
                 call->name);
        return 0;
    }
    if (strcmp(method, "md5") != 0 && strcmp(method, "sha256") != 0)
        ol_warn(g->env, "authkey_hash: '%s' is not known here: write sha256 or md5", method);
    r = users_cfg_parse(g, call->cfg, USERS_CFG_QUIET, &parsed, err);
    for (size_t i = 0; r >= 0 && i < ol_val_count(parsed.users); i++) {
        const struct ol_pair *pair = ol_val_pair(parsed.users, i);
        const char *user = ol_val_to_text(g->arena, pair->key);

        if (has_no_home(pair->value))
            ol_debug(g->env,
                     "Skipping printing of ssh fingerprints for user '%s' because"
                     " no home directory is created",
                     user);
        else if (show_user(g, user, method, &last) < 0)
            ol_warn(g->env, "Fingerprints of keys are not shown: %s", ol_err_text(&last));
    }
    if (r < 0 || !last.code)
        return r;
    *err = last;
    return -last.code;
}

const struct module module_ssh_authkey_fingerprints = {
    .name = "ssh_authkey_fingerprints",
    .frequency = FREQ_INSTANCE,
    .run = run,
};
