/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "kube/apiserver/api-internal.h"

static const char *const verbs[] = {
    "GET", "LIST", "WATCH", "POST", "PUT", "PATCH", "DELETE", "DELETECOLLECTION", "other", NULL};
static const int codes[] = {200, 201, 400, 401, 403, 404, 405, 406, 409,
                            410, 413, 415, 422, 429, 500, 503, 504, 0};

enum { N_VERBS = 9, N_CODES = ol_count(codes) };

struct api_metrics {
    struct apiserver *server;
    ol_time began, wall;
    uint64_t counts[API_MAX_RESOURCES + 1][N_VERBS][N_CODES]; /* last row: no resource */
};

struct api_metrics *api_metrics_new(struct apiserver *s)
{
    struct api_metrics *m = ol_xcalloc(1, sizeof(*m));

    m->server = s;
    m->wall = ol_now_wall(s->env);
    return m;
}

void api_metrics_free(struct api_metrics *m)
{
    free(m);
}

static const char *verb_of(const struct api_request *q)
{
    bool is_one = *q->route.name != '\0';

    if (q->route.kind && !is_one && strcmp(q->method, "GET") == 0)
        return q->query.is_watch ? "WATCH" : "LIST";
    if (q->route.kind && !is_one && strcmp(q->method, "DELETE") == 0)
        return "DELETECOLLECTION";
    return q->method;
}

void api_metrics_count(struct api_metrics *m, const struct api_request *q, int status)
{
    size_t row = q->route.kind ? api_resource(q->route.kind) : (size_t)API_MAX_RESOURCES;
    const char *name = verb_of(q);
    size_t verb = 0, code = 0;

    while (verb < N_VERBS - 1 && strcmp(verbs[verb], name) != 0)
        verb++;
    while (code < N_CODES - 1 && codes[code] != status)
        code++;
    m->counts[row][verb][code]++;
}

static void write_requests(const struct api_metrics *m, struct ol_buf *to)
{
    ol_buf_adds(to, "# HELP apiserver_request_total Requests by verb, resource and HTTP code.\n"
                    "# TYPE apiserver_request_total counter\n");
    for (size_t row = 0; row <= API_MAX_RESOURCES; row++)
        for (size_t verb = 0; verb < N_VERBS; verb++)
            for (size_t code = 0; code < N_CODES; code++) {
                const struct kube_kind *k = NULL;

                if (m->counts[row][verb][code] == 0)
                    continue;
                if (row < API_MAX_RESOURCES)
                    k = kube_kinds[row];
                ol_buf_printf(to,
                              "apiserver_request_total{code=\"%d\",group=\"%s\",resource=\"%s\","
                              "verb=\"%s\",version=\"%s\"} %llu\n",
                              codes[code], k ? k->group : "", k ? k->plural : "", verbs[verb],
                              k ? k->version : "", (unsigned long long)m->counts[row][verb][code]);
            }
}

static void write_objects(const struct api_metrics *m, struct ol_buf *to)
{
    ol_buf_adds(to, "# HELP apiserver_storage_objects Objects stored, by resource.\n"
                    "# TYPE apiserver_storage_objects gauge\n");
    for (unsigned i = 0; kube_kinds[i]; i++) {
        const struct store_range range = {.resource = i};

        ol_buf_printf(to, "apiserver_storage_objects{resource=\"%s\"} %zu\n",
                      m->server->resource_names[i], store_count(m->server->store, &range));
    }
    ol_buf_printf(to,
                  "# HELP apiserver_longrunning_requests Watches.\n"
                  "# TYPE apiserver_longrunning_requests gauge\n"
                  "apiserver_longrunning_requests{verb=\"WATCH\"} %zu\n",
                  api_watch_count(m->server));
}

static void write_store(const struct api_metrics *m, struct ol_buf *to)
{
    const struct store_stats st = store_stats(m->server->store);

    ol_buf_printf(to,
                  "# HELP orlop_store_commits_total Transactions made durable.\n"
                  "# TYPE orlop_store_commits_total counter\n"
                  "orlop_store_commits_total %llu\n"
                  "# HELP orlop_store_writes_total Objects written in them.\n"
                  "# TYPE orlop_store_writes_total counter\n"
                  "orlop_store_writes_total %llu\n"
                  "# HELP orlop_store_commit_failures_total Transactions that failed.\n"
                  "# TYPE orlop_store_commit_failures_total counter\n"
                  "orlop_store_commit_failures_total %llu\n"
                  "# HELP orlop_store_commit_seconds_total Time spent in COMMIT: the fsync.\n"
                  "# TYPE orlop_store_commit_seconds_total counter\n"
                  "orlop_store_commit_seconds_total %.6f\n",
                  (unsigned long long)st.n_commits, (unsigned long long)st.n_writes,
                  (unsigned long long)st.n_failed, (double)st.commit_time / 1e9);
}

static void write_process(const struct api_metrics *m, struct ol_buf *to)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4096);
    ol_auto(ol_strv_done) struct ol_strv parts = OL_STRV_INIT;
    uint64_t pages = 0;
    uv_rusage_t usage;

    if (uv_getrusage(&usage) == 0)
        ol_buf_printf(to,
                      "# HELP process_cpu_seconds_total User and system CPU time.\n"
                      "# TYPE process_cpu_seconds_total counter\n"
                      "process_cpu_seconds_total %.6f\n",
                      (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
                          + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    if (ol_file_read(m->server->env, "/proc/self/statm", &text, NULL) < 0)
        return;
    ol_strv_split(&parts, text.data, " \n");
    if (parts.n > 1 && ol_parse_u64(parts.v[1], 10, &pages) == 0)
        ol_buf_printf(to,
                      "# HELP process_resident_memory_bytes Resident memory.\n"
                      "# TYPE process_resident_memory_bytes gauge\n"
                      "process_resident_memory_bytes %llu\n",
                      (unsigned long long)pages * (unsigned long long)sysconf(_SC_PAGESIZE));
    ol_buf_printf(to,
                  "# HELP process_start_time_seconds Since the epoch.\n"
                  "# TYPE process_start_time_seconds gauge\n"
                  "process_start_time_seconds %lld\n",
                  (long long)(m->wall / OL_SECOND));
}

void api_metrics_write(struct api_metrics *m, struct ol_buf *to)
{
    write_requests(m, to);
    write_objects(m, to);
    write_store(m, to);
    write_process(m, to);
}
