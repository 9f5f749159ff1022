/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "codec/gzip.h"
#include "codec/yaml.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/md5.h"
#include "core/num.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/fetch.h"
#include "guest/userdata/userdata-internal.h"

enum {
    MIME_WITHIN = 4096, /* bytes in which "mime-version:" has to appear */
    MAX_LEVELS = 16,    /* of includes in includes */
    FETCH_TRIES = 11,
};

/* A message under construction. */
struct process {
    struct guest *g;
    struct ol_mime_part *out;
    int n_parts, n_includes, level;
};

static int add_blob(struct process *p, const char *data, size_t size, struct ol_err *err);

static const char *const gzip_types[] = {
    "application/gzip",       "application/gzip-compressed",   "application/gzipped",
    "application/x-compress", "application/x-compressed",      "application/x-gunzip",
    "application/x-gzip",     "application/x-gzip-compressed", NULL,
};

/* Its launch-index key counts when the part has no header that says it. */
static const char *payload_launch_index(struct process *p, const struct ol_mime_part *part)
{
    struct ol_arena *a = p->g->arena;
    size_t size = 0;
    const char *data = ol_mime_payload(a, part, &size);
    struct ol_val *cfg = NULL;

    if (!data || ol_yaml_load(data, size, a, &cfg, NULL) < 0 || !ol_val_get(cfg, "launch-index"))
        return NULL;
    return ol_val_to_text(a, ol_val_get(cfg, "launch-index"));
}

static void attach(struct process *p, struct ol_mime_part *part)
{
    struct ol_arena *a = p->g->arena;
    const char *name = ol_mime_filename(a, part);
    const char *index = ol_mime_get(part, "Launch-Index");
    int64_t number;

    p->n_parts++;
    if (!name || !*name)
        ol_mime_set_filename(a, part, ol_arena_printf(a, "part-%03d", p->n_parts));
    if (!index && !strcmp(ol_mime_content_type(a, part), "text/cloud-config"))
        index = payload_launch_index(p, part);
    if (index && ol_parse_i64(index, 10, &number) == 0)
        ol_mime_add(a, part, "Launch-Index", ol_arena_printf(a, "%lld", (long long)number));
    ol_mime_attach(a, p->out, part);
    ol_mime_set(a, p->out, "Number-Attachments", ol_arena_printf(a, "%d", p->n_parts));
}

static const char *once_path(struct process *p, const char *url)
{
    char digest[33];

    ol_md5_hex(url, strlen(url), digest);
    return guest_instance_path(p->g, ol_arena_printf(p->g->arena, "data/urlcache/%s", digest));
}

/* Fetches one URL, or takes what an earlier boot fetched; then goes on with what came. */
static int include_url(struct process *p, const char *url, bool is_once, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(USERDATA_MAX);
    const char *cache = is_once ? once_path(p, url) : NULL;
    const struct ol_http_request request = {.url = url, .timeout = 5 * OL_SECOND};
    int r;

    if (++p->n_includes > USERDATA_MAX_INCLUDES || p->level >= MAX_LEVELS)
        return ol_err_set_domain(err, ELOOP, "RuntimeError", 0,
                                 "include of '%s': too many includes", ol_url_shown(url));
    if (cache && ol_is_file(p->g->env, cache)) {
        r = ol_file_read(p->g->env, cache, &body, err);
    } else {
        r = fetch_url(p->g->env, &request, FETCH_TRIES, OL_SECOND, &body, err);
        if (r == 0 && cache)
            r = ol_file_write_buf(p->g->env, cache, &body, 0600, OL_WRITE_PARENTS, err);
    }
    if (r < 0)
        return ol_err_prefix(err, r, "Fetching from %s", ol_url_shown(url));
    p->level++;
    r = add_blob(p, body.data, body.len, err);
    p->level--;
    return r;
}

/* The line without "#include"; says whether fetching is once from here on. */
static const char *include_line(const char *line, bool *is_once)
{
    static const struct {
        const char *word;
        bool is_once;
    } words[] = {{"#include-once", true}, {"#include", false}};

    for (size_t i = 0; i < ol_count(words); i++) {
        size_t len = strlen(words[i].word);

        if (!strncasecmp(line, words[i].word, len)) {
            *is_once = words[i].is_once;
            return line + len;
        }
    }
    return line;
}

static int include_all(struct process *p, const char *text, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    bool is_once = false;
    int r = 0;

    ol_strv_split(&lines, text, "\r\n");
    for (size_t i = 0; r == 0 && i < lines.n; i++) {
        ol_autofree char *url = ol_str_stripped(include_line(lines.v[i], &is_once));

        if (*url && *url != '#')
            r = include_url(p, url, is_once, err);
    }
    return r;
}

/* Headers of an archive's entry that are not passed on as they are. */
static const char *const archive_keys[] = {"content",
                                           "filename",
                                           "type",
                                           "launch-index",
                                           "content-type",
                                           "content-disposition",
                                           "number-attachments",
                                           NULL};

static bool is_archive_key(const char *key)
{
    for (const char *const *k = archive_keys; *k; k++)
        if (ol_str_eq_nocase(*k, key))
            return true;
    return false;
}

static struct ol_mime_part *archive_part(struct process *p, const struct ol_val *entry)
{
    struct ol_arena *a = p->g->arena;
    const struct ol_val *content =
        ol_val_is(entry, OL_VAL_STR) ? entry : ol_val_get(entry, "content");
    bool is_bytes = ol_val_is(content, OL_VAL_BYTES);
    const char *data = is_bytes || ol_val_str(content) ? content->str.data
                       : content                       ? ol_val_to_text(a, content)
                                                       : "";
    size_t size = is_bytes || ol_val_str(content) ? content->str.len : strlen(data);
    const char *type = ol_val_str(ol_val_get(entry, "type"));
    struct ol_mime_part *part;

    if ((!type || !*type) && (!is_bytes || ol_utf8_is_valid(data, size)))
        type = userdata_sniff(data, size);
    if (!type || !*type)
        type = is_bytes ? "application/octet-stream" : "text/cloud-config";
    if (ol_str_starts(type, "text/"))
        return ol_mime_new_text(a, type + strlen("text/"), NULL, data, size);
    part = ol_mime_new(a, type);
    ol_mime_set_body(a, part, data, size);
    return part;
}

static void add_archive_entry(struct process *p, const struct ol_val *entry)
{
    struct ol_arena *a = p->g->arena;
    struct ol_mime_part *part;

    if (!ol_val_is(entry, OL_VAL_STR) && !ol_val_is(entry, OL_VAL_MAP))
        return;
    part = archive_part(p, entry);
    if (ol_val_get(entry, "filename"))
        ol_mime_set_filename(a, part, ol_val_to_text(a, ol_val_get(entry, "filename")));
    if (ol_val_get(entry, "launch-index"))
        ol_mime_add(a, part, "Launch-Index", ol_val_to_text(a, ol_val_get(entry, "launch-index")));
    for (size_t i = 0; ol_val_is(entry, OL_VAL_MAP) && i < ol_val_count(entry); i++) {
        const struct ol_pair *pair = ol_val_pair(entry, i);
        const char *key = ol_val_to_text(a, pair->key);

        if (!is_archive_key(key))
            ol_mime_add(a, part, key, ol_val_to_text(a, pair->value));
    }
    attach(p, part);
}

static void add_archive(struct process *p, const char *data, size_t size)
{
    struct ol_val *entries = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (ol_yaml_load(data, size, p->g->arena, &entries, &err) < 0) {
        ol_warn(p->g->env, "Failed loading yaml blob. %s", cfg_yaml_error(p->g->arena, &err));
        return;
    }
    if (!ol_val_is(entries, OL_VAL_LIST) && !ol_val_is(entries, OL_VAL_NULL))
        ol_warn(p->g->env,
                "Failed loading yaml blob. Yaml load allows (list, set) root types, but"
                " got %s instead",
                ol_val_type_name(entries));
    for (size_t i = 0; i < ol_val_count(entries); i++)
        add_archive_entry(p, ol_val_item(entries, i));
}

/* A part whose type says that it is compressed, decompressed; headers that matter come along. */
static int decompressed(struct process *p, struct ol_mime_part *part, const char *type,
                        struct ol_mime_part **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf plain = OL_BUF_INIT(USERDATA_MAX);
    struct ol_arena *a = p->g->arena;
    size_t size = 0;
    const char *data = ol_mime_payload(a, part, &size);
    const char *found;
    int r = ol_gzip_decompress(data ? data : "", size, &plain, err);

    if (r < 0) {
        if (err)
            err->domain = "RuntimeError";
        return ol_err_prefix(err, r, "Failed decompressing payload from %s of length %zu due to",
                             type, size);
    }
    found = ol_utf8_is_valid(plain.data, plain.len) ? userdata_sniff(plain.data, plain.len) : NULL;
    *ret = ol_mime_new(a, found ? found : "text/plain");
    ol_mime_set_body(a, *ret, plain.data, plain.len);
    if (ol_mime_filename(a, part))
        ol_mime_set_filename(a, *ret, ol_mime_filename(a, part));
    if (ol_mime_get(part, "Launch-Index"))
        ol_mime_set(a, *ret, "Launch-Index", ol_mime_get(part, "Launch-Index"));
    if (found)
        ol_mime_set(a, *ret, "Content-Type", found);
    return 0;
}

static bool is_sniffed(const char *type)
{
    static const char *const types[] = {"text/plain", "text/x-not-multipart", "text/x-shellscript",
                                        NULL};

    return ol_str_in(type, types);
}

/* The type that counts: what the first characters say, where the header is not to be trusted. */
static const char *settle_type(struct ol_arena *a, struct ol_mime_part *part, const char *data,
                               size_t size)
{
    const char *type = ol_mime_content_type(a, part);
    const char *found = is_sniffed(type) ? userdata_sniff(data, size) : NULL;

    if (found && strcmp(found, type))
        ol_mime_set(a, part, "Content-Type", found);
    return found ? found : type;
}

/* 'message' is what the part belongs to: upstream notes the type of its parts in it, which shows
 * when it is the part itself. */
static int add_part(struct process *p, struct ol_mime_part *message, struct ol_mime_part *part,
                    struct ol_err *err)
{
    struct ol_arena *a = p->g->arena;
    const char *type = ol_mime_content_type(a, part), *data;
    size_t size = 0;
    int r;

    if (ol_str_in(type, gzip_types)) {
        r = decompressed(p, part, type, &part, err);
        if (r < 0)
            return r;
    }
    data = ol_mime_payload(a, part, &size);
    data = data ? data : "";
    if (ol_arena_is_over(a))
        return ol_err_set_domain(err, EFBIG, "RuntimeError", 0, "user-data is too large");
    type = settle_type(a, part, data, size);
    if (!strcmp(type, "text/x-include-url") || !strcmp(type, "text/x-include-once-url"))
        return include_all(p, data, err);
    if (!strcmp(type, "text/cloud-config-archive")) {
        add_archive(p, data, size);
        return 0;
    }
    ol_mime_set(a, message, "Content-Type", type);
    attach(p, part);
    return 0;
}

static bool has_mime_version(const char *data, size_t size)
{
    static const char word[] = "mime-version:";
    size_t len = sizeof(word) - 1, end = size < MIME_WITHIN ? size : MIME_WITHIN;

    for (size_t i = 0; i + len <= end; i++)
        if (!strncasecmp(data + i, word, len))
            return true;
    return false;
}

/* One blob: perhaps compressed as a whole, perhaps a message, else a single part. */
static int add_blob(struct process *p, const char *data, size_t size, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf plain = OL_BUF_INIT(USERDATA_MAX);
    struct ol_arena *a = p->g->arena;
    struct ol_mime_part *message, **parts;
    size_t n = 0;
    int r = 0;

    if (ol_gzip_is(data, size)) {
        r = ol_gzip_decompress(data, size, &plain, err);
        if (r == -EFBIG)
            return r;
        if (r == 0) {
            data = plain.data;
            size = plain.len;
        }
    }
    if (has_mime_version(data, size)) {
        r = ol_mime_parse(a, data, size, &message, err);
        if (r < 0)
            return r;
    } else {
        message = ol_mime_new(a, "text/x-not-multipart");
        ol_mime_set_body(a, message, data, size);
    }
    parts = ol_mime_walk(a, message, &n);
    r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        if (!parts[i]->n_parts && !ol_mime_is_container(a, parts[i]))
            r = add_part(p, message, parts[i], err);
    return r;
}

static int add_value(struct process *p, const struct ol_val *v, struct ol_err *err)
{
    if (ol_val_is(v, OL_VAL_STR) || ol_val_is(v, OL_VAL_BYTES))
        return add_blob(p, v->str.data, v->str.len, err);
    return add_blob(p, "", 0, err);
}

int userdata_process(struct guest *g, const struct ol_val *raw, struct ol_mime_part **ret,
                     struct ol_err *err)
{
    struct process p = {.g = g, .out = ol_mime_new(g->arena, "multipart/mixed")};
    int r = 0;

    if (!ol_val_is(raw, OL_VAL_LIST))
        r = add_value(&p, raw, err);
    for (size_t i = 0; r == 0 && ol_val_is(raw, OL_VAL_LIST) && i < ol_val_count(raw); i++)
        r = add_value(&p, ol_val_item(raw, i), err);
    if (r == 0)
        *ret = p.out;
    return r;
}
