/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/kind.h"
#include "workload/scheduler/amounts.h"

static void requests_are_those_of_kubernetes(void **state)
{
    static const struct {
        const char *spec, *name, *want;
    } cases[] = {
        {"'containers': [{'name': 'a', 'resources': {'requests': {'cpu': '100m'}}}, "
         "{'name': 'b', 'resources': {'requests': {'cpu': '1'}}}]",
         "cpu", "1100m"},
        {"'containers': [{'name': 'a', 'resources': {'limits': {'memory': '1Gi'}}}]", "memory",
         "1Gi"},
        {"'containers': [{'name': 'a', 'resources': {'requests': {'cpu': '100m'}}}], "
         "'initContainers': [{'name': 'i', 'resources': {'requests': {'cpu': '300m'}}}, "
         "{'name': 'j', 'resources': {'requests': {'cpu': '200m'}}}]",
         "cpu", "300m"},
        {"'containers': [{'name': 'a', 'resources': {'requests': {'cpu': '100m'}}}], "
         "'initContainers': [{'name': 's', 'restartPolicy': 'Always', 'resources': {'requests': "
         "{'cpu': '50m'}}}, {'name': 'j', 'resources': {'requests': {'cpu': '200m'}}}]",
         "cpu", "250m"},
        {"'containers': [{'name': 'a'}]", "cpu", ""},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_autofree char *json = NULL;
        ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
        ol_auto(sched_amounts_done) struct sched_amounts a = {0};
        const struct ol_quantity *got;
        char text[OL_QUANTITY_MAX] = "";

        assert_true(asprintf(&json, "{'metadata': {'name': 'p'}, 'spec': {%s}}", cases[i].spec)
                    > 0);
        ol_str_tr(json, '\'', '"');
        assert_int_equal(kube_decode_text(&kube_pod_kind, json, strlen(json), &o, NULL), 0);
        sched_pod_requests(kube_as_pod(o), &a);
        got = sched_amounts_get(&a, cases[i].name);
        if (got)
            ol_quantity_format(got, text);
        assert_string_equal(text, cases[i].want);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_those_of_kubernetes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
