/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "kube/base/kind.h"
#include "kube/base/scan.h"

int kube_text_member(const char *json, size_t len, const char *key, const char **ret,
                     size_t *ret_len)
{
    struct kube_scan s = {.p = json, .end = json + len};
    struct kube_span span;
    bool is_first = true;
    int r;

    if (kube_scan_peek(&s) != KUBE_TOKEN_MAP)
        return -EINVAL;
    r = kube_scan_open(&s);
    while (r >= 0 && (r = kube_scan_next(&s, '}', &is_first)) > 0) {
        const char *at;

        if (kube_scan_key(&s, &span) < 0)
            return -EINVAL;
        kube_scan_peek(&s);
        at = s.p;
        r = kube_scan_skip(&s);
        if (r >= 0 && kube_span_is(&span, key)) {
            *ret = at;
            *ret_len = (size_t)(s.p - at);
            return 0;
        }
    }
    return r < 0 ? -EINVAL : -ENOENT;
}

int kube_text_next(struct kube_text_items *items, const char **ret, size_t *ret_len)
{
    struct kube_scan s = {.p = items->at, .end = items->end, .depth = 1};
    bool is_first = !items->is_begun;
    int r;

    if (is_first && kube_scan_peek(&s) != KUBE_TOKEN_LIST)
        return -EINVAL;
    s.p += is_first;
    items->is_begun = true;
    r = kube_scan_next(&s, ']', &is_first);
    if (r <= 0)
        return r;
    kube_scan_peek(&s);
    *ret = s.p;
    r = kube_scan_skip(&s);
    if (r < 0)
        return r;
    *ret_len = (size_t)(s.p - *ret);
    items->at = s.p;
    return 1;
}
