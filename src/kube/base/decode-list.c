/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/decode-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Keeps the place of a list's length while measuring, gives the length while filling. */
static uint32_t *length_at(struct decoder *d, size_t *ret_place)
{
    uint32_t none = 0;

    *ret_place = d->next_length++;
    if (!d->is_filling)
        ol_buf_add(&d->lengths, &none, sizeof(none));
    if (ol_buf_status(&d->lengths) < 0)
        abort();
    return (uint32_t *)(void *)d->lengths.data + *ret_place;
}

static void keep_length(struct decoder *d, size_t place, uint32_t n)
{
    ((uint32_t *)(void *)d->lengths.data)[place] = n;
}

/* One item; 'item' NULL while measuring. */
typedef int (*item_fn)(struct decoder *d, const struct kube_field *f, char *item);

static int decode_items(struct decoder *d, const struct kube_field *f, size_t size, item_fn item,
                        struct kube_list *to)
{
    struct kube_path path = {.up = d->path};
    size_t place;
    uint32_t n = 0, n_known;
    bool is_first = true;
    char *items;
    int r;

    if (kube_scan_peek(&d->s) != KUBE_TOKEN_LIST)
        return decode_fail(d, "a list was expected");
    n_known = *length_at(d, &place);
    items = d->is_filling ? decode_give_structs(d, n_known, size) : NULL;
    r = kube_scan_open(&d->s);
    for (; r >= 0 && (r = kube_scan_next(&d->s, ']', &is_first)) > 0; n++) {
        path.index = n;
        d->path = &path;
        r = item(d, f, items ? items + n * size : NULL);
        d->path = path.up;
        if (r < 0)
            return r;
    }
    if (r < 0)
        return decode_not_json(d);
    if (!d->is_filling) {
        keep_length(d, place, n);
        decode_give_structs(d, n, size);
    }
    *to = (struct kube_list){items, n};
    return 0;
}

static int str_item(struct decoder *d, const struct kube_field *f, char *item)
{
    if (item)
        *(const char **)(void *)item = "";
    return decode_skip_null(d) ? 0 : decode_str(d, item);
}

static int int_item(struct decoder *d, const struct kube_field *f, char *item)
{
    return decode_skip_null(d) ? 0 : decode_int(d, item);
}

static int object_item(struct decoder *d, const struct kube_field *f, char *item)
{
    if (item)
        decode_init(f->of, item);
    return decode_skip_null(d) ? 0 : decode_object(d, f->of, item);
}

int decode_list(struct decoder *d, const struct kube_field *f, char *at)
{
    struct kube_list list;
    int r;

    if (f->type == KUBE_STRS)
        r = decode_items(d, f, sizeof(const char *), str_item, &list);
    else if (f->type == KUBE_INTS)
        r = decode_items(d, f, sizeof(int64_t), int_item, &list);
    else
        r = decode_items(d, f, f->of->size, object_item, &list);
    if (r < 0 || !at)
        return r;
    if (f->type == KUBE_STRS)
        *(struct kube_strs *)(void *)at = (struct kube_strs){list.v, list.n};
    else
        *(struct kube_list *)(void *)at = list;
    return 0;
}

static int decode_pairs(struct decoder *d, size_t size,
                        int (*value)(struct decoder *d, char *entry), struct kube_list *to)
{
    struct kube_span key;
    struct kube_path path = {.up = d->path, .span = &key};
    size_t place;
    uint32_t n = 0, n_known;
    bool is_first = true;
    char *entries;
    int r;

    if (kube_scan_peek(&d->s) != KUBE_TOKEN_MAP)
        return decode_fail(d, "a map was expected");
    n_known = *length_at(d, &place);
    entries = d->is_filling ? decode_give_structs(d, n_known, size) : NULL;
    r = kube_scan_open(&d->s);
    for (; r >= 0 && (r = kube_scan_next(&d->s, '}', &is_first)) > 0; n++) {
        char *entry = entries ? entries + n * size : NULL;
        const char *text;

        if (kube_scan_key(&d->s, &key) < 0)
            return decode_not_json(d);
        text = decode_give_span(d, &key);
        if (entry)
            *(const char **)(void *)entry = text;
        d->path = &path;
        r = value(d, entry);
        d->path = path.up;
        if (r < 0)
            return r;
    }
    if (r < 0)
        return decode_not_json(d);
    if (!d->is_filling) {
        keep_length(d, place, n);
        decode_give_structs(d, n, size);
    }
    *to = (struct kube_list){entries, n};
    return 0;
}

static int pair_value(struct decoder *d, char *entry)
{
    struct kube_pair *pair = (struct kube_pair *)(void *)entry;

    if (pair)
        pair->value = "";
    return decode_skip_null(d) ? 0 : decode_str(d, pair ? (char *)&pair->value : NULL);
}

static int resource_value(struct decoder *d, char *entry)
{
    struct kube_resource *r = (struct kube_resource *)(void *)entry;
    struct ol_quantity q = {0};

    if (!decode_skip_null(d) && decode_read_quantity(d, &q) < 0)
        return -EINVAL;
    if (r)
        r->amount = q;
    return 0;
}

static int datum_value(struct decoder *d, char *entry)
{
    struct kube_datum *datum = (struct kube_datum *)(void *)entry;

    return decode_skip_null(d) ? 0 : decode_bytes(d, datum ? (char *)&datum->value : NULL);
}

/* By key; of equal keys one stays. */
static int by_key(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    int r = strcmp(x, y);

    return r ? r : (y > x) - (y < x);
}

static void sort_entries(struct kube_list *map, size_t size)
{
    char *v = map->v;
    uint32_t n = 0;
    bool is_sorted = true;

    for (uint32_t i = 1; i < map->n && is_sorted; i++)
        is_sorted =
            strcmp(*(char **)(void *)(v + (i - 1) * size), *(char **)(void *)(v + i * size)) < 0;
    if (is_sorted)
        return;
    qsort(v, map->n, size, by_key);
    for (uint32_t i = 0; i < map->n; i++) {
        if (n > 0
            && !strcmp(*(char **)(void *)(v + (n - 1) * size), *(char **)(void *)(v + i * size)))
            continue;
        if (n != i)
            memcpy(v + n * size, v + i * size, size);
        n++;
    }
    map->n = n;
}

int decode_map(struct decoder *d, const struct kube_field *f, char *at)
{
    struct kube_list map;
    size_t size = sizeof(struct kube_pair);
    int r;

    if (f->type == KUBE_RESOURCES)
        size = sizeof(struct kube_resource);
    else if (f->type == KUBE_BYTES_MAP)
        size = sizeof(struct kube_datum);
    r = decode_pairs(d, size,
                     f->type == KUBE_RESOURCES   ? resource_value
                     : f->type == KUBE_BYTES_MAP ? datum_value
                                                 : pair_value,
                     &map);
    if (r < 0 || !at)
        return r;
    sort_entries(&map, size);
    if (f->type == KUBE_RESOURCES)
        *(struct kube_resources *)(void *)at = (struct kube_resources){map.v, map.n};
    else if (f->type == KUBE_BYTES_MAP)
        *(struct kube_list *)(void *)at = map;
    else
        *(struct kube_map *)(void *)at = (struct kube_map){map.v, map.n};
    return 0;
}
