/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/apiserver/route.h"
#include "kube/apiserver/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "PATH?QUERY" of a request, then its selectors. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    char *text = ol_arena_memdup(&a, data, size), *query = strchr(text, '?');
    struct api_route route;
    struct api_query q;
    struct api_selector s;
    struct ol_err err = OL_ERR_INIT;

    if (query)
        *query++ = '\0';
    if (api_route_parse(text, &a, &route) < 0 || api_query_parse(query ? query : "", &a, &q) < 0)
        return 0;
    if (api_selector_labels(q.label_selector, &a, &s, &err) == 0)
        (void)api_selector_has_labels(&s, NULL);
    if (api_selector_fields(q.field_selector, &kube_event_kind, &a, &s, &err) == 0)
        (void)api_selector_has_fields(&s, &kube_event_kind, NULL);
    return 0;
}
