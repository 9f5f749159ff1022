/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

const double binder_buckets[BINDER_N_BUCKETS] = {.1, .25, .5, 1,   2.5, 5,  10,
                                                 15, 25,  50, 120, 300, 600};

struct begun {
    char *key;
    char *plugin;
    enum binder_timed op;
    ol_time since;
};

void binder_metrics_init(struct binder_metrics *m)
{
    *m = (struct binder_metrics){.under_way = OL_TABLE_INIT(&ol_table_of_strings)};
}

static void begun_free(struct begun *b)
{
    free(b->key);
    free(b->plugin);
    free(b);
}

void binder_metrics_done(struct binder_metrics *m)
{
    struct begun *b = NULL;

    for (size_t at = 0; (b = ol_table_each(&m->under_way, &at));)
        begun_free(b);
    ol_table_done(&m->under_way);
    for (size_t i = 0; i < m->n_rows; i++)
        free((char *)m->rows[i].plugin);
    free(m->rows);
}

static struct binder_timing *row_of(struct binder_metrics *m, const struct begun *b)
{
    struct binder_timing *row = NULL;

    for (size_t i = 0; i < m->n_rows; i++) {
        if (m->rows[i].op == b->op && strcmp(m->rows[i].plugin, b->plugin) == 0)
            return &m->rows[i];
    }
    m->rows = ol_xrealloc(m->rows, m->n_rows + 1, sizeof(m->rows[0]));
    row = &m->rows[m->n_rows++];
    *row = (struct binder_timing){.plugin = ol_xstrdup(b->plugin), .op = b->op};
    return row;
}

void binder_metrics_begin(struct binder_metrics *m, const char *key, const char *plugin,
                          enum binder_timed op, ol_time now)
{
    struct begun *b = ol_table_find_str(&m->under_way, key);

    if (b)
        return;
    b = ol_xcalloc(1, sizeof(*b));
    b->key = ol_xstrdup(key);
    b->plugin = ol_xstrdup(plugin);
    b->op = op;
    b->since = now;
    ol_table_put(&m->under_way, b);
}

void binder_metrics_fail(struct binder_metrics *m, const char *key)
{
    const struct begun *b = ol_table_find_str(&m->under_way, key);

    if (b)
        row_of(m, b)->n_errors++;
}

static void count(struct binder_timing *row, ol_time took)
{
    double seconds = (double)took / (double)OL_SECOND;

    row->n++;
    row->sum += took;
    for (size_t i = 0; i < BINDER_N_BUCKETS; i++) {
        if (seconds <= binder_buckets[i]) {
            row->buckets[i]++;
            return;
        }
    }
}

void binder_metrics_end(struct binder_metrics *m, const char *key, ol_time now)
{
    const struct begun *b = ol_table_find_str(&m->under_way, key);

    if (b)
        count(row_of(m, b), now - b->since);
    binder_metrics_drop(m, key);
}

void binder_metrics_drop(struct binder_metrics *m, const char *key)
{
    struct begun *b = ol_table_find_str(&m->under_way, key);

    if (!b)
        return;
    ol_table_remove(&m->under_way, b);
    begun_free(b);
}

ol_time binder_metrics_since(const struct binder_metrics *m, const char *key, enum binder_timed op)
{
    const struct begun *b = ol_table_find_str(&m->under_way, key);

    return b && b->op == op ? b->since : 0;
}
