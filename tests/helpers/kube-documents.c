/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "kube/document/describe.h"

/*
 * kube-documents PATH [FORM]: writes what an API server answers there, for a stub that serves it
 * to kubectl. FORM is "v2" for aggregated discovery and "proto" for OpenAPI's protobuf. Status 1:
 * there is nothing.
 */
static int discovery(const char *path, const char *form, struct ol_buf *to)
{
    char group[128] = "", version[64] = "";

    if (!strcmp(path, "/api") || !strcmp(path, "/apis")) {
        if (!strcmp(form, "v2"))
            kube_discover_aggregated(!strcmp(path, "/api"), "v2", to);
        else if (!strcmp(path, "/api"))
            kube_discover_core_versions("127.0.0.1:80", to);
        else
            kube_discover_groups(to);
        return 0;
    }
    if (sscanf(path, "/api/%63[^/]", version) == 1)
        return kube_discover_resources("", version, to);
    switch (sscanf(path, "/apis/%127[^/]/%63[^/]", group, version)) {
    case 1: return kube_discover_group(group, to);
    case 2: return kube_discover_resources(group, version, to);
    default: return -1;
    }
}

static int answer(const char *path, const char *form, struct ol_buf *to)
{
    if (!strcmp(path, "/openapi/v2") && !strcmp(form, "proto"))
        kube_openapi_v2(to);
    else if (!strcmp(path, "/openapi/v2"))
        kube_openapi_v2_json(to);
    else if (!strcmp(path, "/openapi/v3"))
        kube_openapi_v3_index(to);
    else if (ol_str_starts(path, "/openapi/v3/"))
        return kube_openapi_v3(path + strlen("/openapi/v3/"), to);
    else
        return discovery(path, form, to);
    return 0;
}

int main(int argc, char **argv)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 20);

    if (argc < 2 || answer(argv[1], argc > 2 ? argv[2] : "", &text) < 0)
        return 1;
    if (ol_buf_status(&text) < 0 || fwrite(text.data, 1, text.len, stdout) != text.len)
        return 1;
    return 0;
}
