/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/apiserver/api-internal.h"
#include "kube/document/describe.h"

/* Paths that tell of the server itself. */

static const char json_type[] = "application/json";
static const char text_type[] = "text/plain; charset=utf-8";
/* With a dot where the Accept header has an '@': Go refuses that in a Content-Type. */
static const char openapi_type[] = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

enum { MAX_DOCUMENT = 64 << 20 };

static void version(struct api_request *q, struct ol_buf *to)
{
    struct utsname un = {0};
    struct ol_jw w;

    (void)uname(&un);
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "major", "1");
    ol_jw_str(&w, "minor", "32");
    ol_jw_str(&w, "gitVersion", "v1.32.0+orlop");
    ol_jw_str(&w, "gitCommit", "");
    ol_jw_str(&w, "gitTreeState", "clean");
    ol_jw_str(&w, "buildDate", "1970-01-01T00:00:00Z");
    ol_jw_str(&w, "goVersion", "none");
    ol_jw_str(&w, "compiler", "gcc");
    ol_jw_str(&w, "platform", strcmp(un.machine, "aarch64") == 0 ? "linux/arm64" : "linux/amd64");
    ol_jw_end(&w);
}

static enum api_form discovery_form(const struct api_request *q)
{
    enum api_form f = API_JSON;

    return api_form_of(q->accept, &f) == 0 ? f : API_JSON;
}

static void discover(struct api_request *q, bool is_core)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_DOCUMENT);
    enum api_form form = discovery_form(q);
    const char *address = strstr(q->server->url, "://");

    if (form == API_DISCOVERY_V2 || form == API_DISCOVERY_V2BETA1)
        kube_discover_aggregated(is_core, form == API_DISCOVERY_V2 ? "v2" : "v2beta1", &b);
    else if (is_core)
        kube_discover_core_versions(address ? address + 3 : q->server->url, &b);
    else
        kube_discover_groups(&b);
    api_answer_bytes(q, 200, form < API_DISCOVERY_V2 ? json_type : api_form_type(form), &b);
}

static void serve_api(struct api_request *q)
{
    discover(q, true);
}

static void serve_apis(struct api_request *q)
{
    discover(q, false);
}

static void serve_version(struct api_request *q)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);

    version(q, &b);
    api_answer_bytes(q, 200, json_type, &b);
}

static void serve_health(struct api_request *q)
{
    static const char *const checks[] = {"ping", "log", "etcd"};
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);
    bool is_ready = !(q->server->is_stopping && strcmp(q->route.parts[0], "readyz") == 0);

    if (!q->query.is_verbose) {
        ol_buf_adds(&b, is_ready ? "ok" : "shutting down");
    } else {
        for (size_t i = 0; i < ol_count(checks); i++)
            ol_buf_printf(&b, "[+]%s ok\n", checks[i]);
        ol_buf_printf(&b, "%s check %s\n", q->route.parts[0], is_ready ? "passed" : "failed");
    }
    api_answer_bytes(q, is_ready ? 200 : 500, text_type, &b);
}

static void serve_metrics(struct api_request *q)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_DOCUMENT);

    api_metrics_write(q->server->metrics, &b);
    api_answer_bytes(q, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
}

static void serve_openapi_v2(struct api_request *q)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_DOCUMENT);
    bool want_protobuf = q->accept && strstr(q->accept, "proto-openapi");

    if (want_protobuf)
        kube_openapi_v2(&b);
    else
        kube_openapi_v2_json(&b);
    api_answer_bytes(q, 200, want_protobuf ? openapi_type : json_type, &b);
}

static void serve_openapi_v3(struct api_request *q)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_DOCUMENT);

    kube_openapi_v3_index(&b);
    api_answer_bytes(q, 200, json_type, &b);
}

static const struct {
    const char *path;
    void (*serve)(struct api_request *q);
} rows[] = {
    {"/api", serve_api},
    {"/apis", serve_apis},
    {"/version", serve_version},
    {"/healthz", serve_health},
    {"/livez", serve_health},
    {"/readyz", serve_health},
    {"/metrics", serve_metrics},
    {"/openapi/v2", serve_openapi_v2},
    {"/openapi/v3", serve_openapi_v3},
};

/* /api/v1, /apis/GROUP, /apis/GROUP/VERSION, /openapi/v3/… */
static int describe(const struct api_request *q, const char *path, struct ol_buf *b)
{
    const struct api_route *r = &q->route;

    if (r->n_parts == 2 && strcmp(r->parts[0], "api") == 0)
        return kube_discover_resources("", r->parts[1], b);
    if (r->n_parts == 2 && strcmp(r->parts[0], "apis") == 0)
        return kube_discover_group(r->parts[1], b);
    if (r->n_parts == 3 && strcmp(r->parts[0], "apis") == 0)
        return kube_discover_resources(r->parts[1], r->parts[2], b);
    if (ol_str_starts(path, "/openapi/v3/"))
        return kube_openapi_v3(path + strlen("/openapi/v3/"), b);
    return -ENOENT;
}

bool api_info(struct api_request *q)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_DOCUMENT);
    size_t len = strlen(q->route.path);
    const char *path =
        ol_arena_memdup(&q->arena, q->route.path, len - (len > 1 && q->route.path[len - 1] == '/'));

    if (strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0)
        return false;
    for (size_t i = 0; i < ol_count(rows); i++)
        if (strcmp(rows[i].path, path) == 0) {
            rows[i].serve(q);
            return true;
        }
    if (describe(q, path, &b) < 0)
        return false;
    api_answer_bytes(q, 200, json_type, &b);
    return true;
}
