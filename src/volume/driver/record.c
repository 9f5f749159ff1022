/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/driver/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/sha256.h"
#include "core/str.h"

enum { RECORD_MAX = 16 << 10, ID_BYTES = 16 };

static const char *const kinds[] = {"volume", "snapshot", NULL};
static const char *const prefixes[] = {"vol-", "snap-", NULL};
static const char *const types[] = {"image", "directory", NULL};
static const char *const states[] = {"creating", "ready", "deleting", NULL};

void driver_id(enum driver_kind kind, const char *name, char ret_id[DRIVER_ID_MAX])
{
    uint8_t digest[OL_SHA256_SIZE];
    int n = snprintf(ret_id, DRIVER_ID_MAX, "%s", prefixes[kind]);

    ol_sha256(name, strlen(name), digest);
    for (int i = 0; i < ID_BYTES; i++)
        n += snprintf(ret_id + n, DRIVER_ID_MAX - (size_t)n, "%02x", digest[i]);
}

bool driver_id_is_valid(const char *id)
{
    for (size_t i = 0; prefixes[i]; i++) {
        const char *digits = id + strlen(prefixes[i]);

        if (ol_str_starts(id, prefixes[i]) && strlen(digits) == 2 * ID_BYTES
            && strspn(digits, "0123456789abcdef") == 2 * ID_BYTES)
            return true;
    }
    return false;
}

void driver_record_write(const struct driver_record *r, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", kinds[r->kind]);
    ol_jw_str(&w, "id", r->id);
    ol_jw_str(&w, "name", r->name);
    ol_jw_str(&w, "type", types[r->type]);
    ol_jw_str(&w, "state", states[r->state]);
    ol_jw_int(&w, "size", r->size);
    ol_jw_bool(&w, "thick", r->is_thick);
    ol_jw_str(&w, "fs", r->fs);
    ol_jw_bool(&w, "formatted", r->is_formatted);
    ol_jw_str(&w, "source", r->source);
    ol_jw_str(&w, "attached", r->attached);
    ol_jw_bool(&w, "attachedReadOnly", r->is_attached_read_only);
    ol_jw_int(&w, "created", r->created);
    ol_jw_end(&w);
    ol_buf_addc(to, '\n');
}

static int word(const struct ol_val *v, const char *key, const char *const *words)
{
    const char *text = ol_val_str(ol_val_get(v, key));

    for (int i = 0; text && words[i]; i++)
        if (!strcmp(words[i], text))
            return i;
    return -1;
}

static bool flag(const struct ol_val *v, const char *key)
{
    return ol_val_is_truthy(ol_val_get(v, key));
}

/* False when it is too long. */
static bool copy(const struct ol_val *v, const char *key, char *to, size_t size)
{
    const char *text = ol_val_str(ol_val_get(v, key));

    return !text || (size_t)snprintf(to, size, "%s", text) < size;
}

int driver_record_read(const char *text, size_t len, struct driver_record *ret, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(1 << 20);
    struct driver_record r = {.kind = DRIVER_VOLUME};
    struct ol_val *v = NULL;
    int kind, type, state, result = ol_json_load(text, len, &arena, &v, err);

    if (result < 0)
        return result;
    kind = word(v, "kind", kinds);
    type = word(v, "type", types);
    state = word(v, "state", states);
    r.size = ol_val_int(ol_val_get(v, "size"), -1);
    r.created = ol_val_int(ol_val_get(v, "created"), 0);
    r.is_thick = flag(v, "thick");
    r.is_formatted = flag(v, "formatted");
    r.is_attached_read_only = flag(v, "attachedReadOnly");
    if (kind < 0 || type < 0 || state < 0 || r.size < 0 || !copy(v, "id", r.id, sizeof(r.id))
        || !copy(v, "name", r.name, sizeof(r.name)) || !copy(v, "fs", r.fs, sizeof(r.fs))
        || !copy(v, "source", r.source, sizeof(r.source))
        || !copy(v, "attached", r.attached, sizeof(r.attached)) || !driver_id_is_valid(r.id))
        return ol_err_set(err, EINVAL, "it is no record of a volume or snapshot");
    r.kind = (enum driver_kind)kind;
    r.type = (enum driver_type)type;
    r.state = (enum driver_state)state;
    *ret = r;
    return 0;
}

char *driver_record_path(const char *state_dir, const char *id)
{
    return ol_xasprintf("%s/records/%s.json", state_dir, id);
}

char *driver_data_path(const char *state_dir, const char *id)
{
    return ol_xasprintf("%s/data/%s", state_dir, id);
}

int driver_record_load(struct ol_env *env, const char *state_dir, const char *id,
                       struct driver_record *ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(RECORD_MAX);
    ol_autofree char *path = driver_record_path(state_dir, id);
    int r = ol_file_read(env, path, &text, err);

    if (r < 0)
        return r;
    r = driver_record_read(text.data, text.len, ret, err);
    if (r == 0 && strcmp(ret->id, id) != 0)
        r = ol_err_set(err, EINVAL, "it is the record of '%s'", ret->id);
    return ol_err_prefix(err, r, "record '%s'", path);
}

static int write_durably(struct ol_env *env, const char *path, const struct ol_buf *text,
                         struct ol_err *err)
{
    ol_autoclose int fd = ol_open(env, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    ssize_t n;

    if (fd < 0)
        return ol_err_set(err, -fd, "write '%s': %s", path, strerror(-fd));
    n = write(fd, text->data, text->len);
    if (n >= 0 && (size_t)n < text->len)
        return ol_err_set(err, ENOSPC, "write '%s': %s", path, strerror(ENOSPC));
    if (n < 0 || fsync(fd) < 0)
        return ol_err_set(err, errno, "write '%s': %s", path, strerror(errno));
    return 0;
}

static int sync_directory(struct ol_env *env, const char *state_dir, struct ol_err *err)
{
    ol_autofree char *dir = ol_xasprintf("%s/records", state_dir);
    ol_autoclose int fd = ol_open(env, dir, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0 || fsync(fd) < 0)
        return ol_err_set(err, fd < 0 ? -fd : errno, "sync '%s': %s", dir,
                          strerror(fd < 0 ? -fd : errno));
    return 0;
}

int driver_record_save(struct ol_env *env, const char *state_dir, const struct driver_record *r,
                       struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(RECORD_MAX);
    ol_autofree char *path = driver_record_path(state_dir, r->id);
    ol_autofree char *tmp = ol_xasprintf("%s.tmp", path);
    int result;

    driver_record_write(r, &text);
    result = ol_buf_status(&text);
    if (result < 0)
        return ol_err_set(err, -result, "the record of '%s' is too large", r->id);
    result = write_durably(env, tmp, &text, err);
    if (result == 0)
        result = ol_rename(env, tmp, path, err);
    if (result < 0) {
        (void)!ol_unlink(env, tmp, NULL);
        return result;
    }
    return sync_directory(env, state_dir, err);
}

int driver_record_remove(struct ol_env *env, const char *state_dir, const char *id,
                         struct ol_err *err)
{
    ol_autofree char *path = driver_record_path(state_dir, id);
    int r = ol_unlink(env, path, err);

    return r < 0 ? r : sync_directory(env, state_dir, err);
}
