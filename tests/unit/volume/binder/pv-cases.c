/* SPDX-License-Identifier: Apache-2.0 */
#include "pv-cases.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

/* pv-cases FILE...: TAP, and "N passed, N failed" as the last line. Exit status 77 when a file that
 * is named after --if-there is missing and nothing failed. */
enum { FILE_MAX_BYTES = 64 << 20, ARENA_MAX = 1 << 30, SKIPPED = 77 };

struct totals {
    unsigned n, n_failed;
};

static const struct list {
    const char *name;
    void (*run)(struct pv_case *c);
} lists[] = {
    {"syncCases", pv_run_sync},
    {"indexCases", pv_run_index},
    {"finalizerCases", pv_run_finalizer},
    {"migrationAnnotationCases", pv_run_migration},
    {"cacheCases", NULL}, /* they build on one another */
};

void pv_case_fail(struct pv_case *c, const char *fmt, ...)
{
    va_list ap;

    if (c->why.len)
        ol_buf_addc(&c->why, '\n');
    va_start(ap, fmt);
    ol_buf_vprintf(&c->why, fmt, ap);
    va_end(ap);
}

static void report(struct totals *t, const struct pv_case *c, const char *list)
{
    bool is_ok = c->why.len == 0;

    t->n++;
    t->n_failed += !is_ok;
    printf("%sok %u - %s %s: %s\n", is_ok ? "" : "not ", t->n, list, pv_str(c->doc, "id"),
           pv_str(c->doc, "description"));
    for (const char *at = c->why.data; *at;) {
        size_t len = strcspn(at, "\n");

        printf("#   %.*s\n", (int)len, at);
        at += len + (at[len] == '\n');
    }
}

static void run_list(struct totals *t, const struct list *l, const struct ol_val *root)
{
    const struct ol_val *all = ol_val_get(root, l->name);
    ol_auto(ol_buf_done) struct ol_buf stored = OL_BUF_INIT(64);

    for (size_t i = 0; i < ol_val_count(all); i++) {
        ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
        struct pv_case c = {.doc = ol_val_item(all, i), .root = root, .arena = &arena};

        ol_buf_init(&c.why, FILE_MAX_BYTES);
        if (l->run)
            l->run(&c);
        else
            pv_run_cache(&c, &stored);
        report(t, &c, l->name);
        ol_buf_done(&c.why);
    }
}

static int run_file(struct totals *t, const char *path)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX_BYTES);
    ol_autofclose FILE *f = fopen(path, "r");
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *root = NULL;
    char piece[65536];
    size_t n = 0;

    if (!f)
        return -1;
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        ol_buf_add(&text, piece, n);
    if (ol_json_load(text.data, text.len, &arena, &root, &err) < 0) {
        fprintf(stderr, "%s: %s\n", path, ol_err_text(&err));
        t->n_failed++;
        return 0;
    }
    for (size_t i = 0; i < ol_count(lists); i++)
        run_list(t, &lists[i], root);
    return 0;
}

int main(int argc, char **argv)
{
    struct totals t = {0};
    bool is_optional = false, is_skipped = false;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--if-there") == 0) {
            is_optional = true;
        } else if (run_file(&t, argv[i]) < 0) {
            printf("# %s is not there%s\n", argv[i], is_optional ? ": skipped" : "");
            is_skipped = is_optional;
            t.n_failed += !is_optional;
        }
    }
    printf("1..%u\n%u passed, %u failed\n", t.n, t.n - t.n_failed, t.n_failed);
    if (t.n_failed)
        return 1;
    return is_skipped && t.n == 0 ? SKIPPED : 0;
}
