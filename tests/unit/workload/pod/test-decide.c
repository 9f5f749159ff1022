/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "workload/pod/decide.h"

#define NOW (1000 * OL_SECOND)
#define MAIN                                                                                       \
    "\"containers\":[{\"name\":\"a\",\"image\":\"i:1\"},{\"name\":\"b\",\"image\":\"i:1\"}]"
#define INIT  "\"initContainers\":[{\"name\":\"i\",\"image\":\"i:1\"}],"
#define NEVER "\"restartPolicy\":\"Never\","

struct fixture {
    const struct kube_object *o;
    struct pod_view v;
    struct pod_container c[8];
};

static struct fixture *make(const char *meta, const char *spec)
{
    struct fixture *f = calloc(1, sizeof(*f));
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(8192);
    const struct kube_pod *pod;
    const struct kube_container *c;

    ol_buf_printf(
        &json, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u\"%s},\"spec\":{%s}}",
        meta, spec);
    assert_int_equal(kube_decode_text(&kube_pod_kind, json.data, json.len, &f->o, NULL), 0);
    pod = kube_as_pod(f->o);
    f->v = (struct pod_view){.pod = pod, .has_runtime = true, .has_volumes = true, .c = f->c};
    c = pod->spec.init_containers.v;
    for (uint32_t i = 0; i < pod->spec.init_containers.n; i++)
        f->c[f->v.n++] = (struct pod_container){.spec = &c[i], .is_init = true};
    c = pod->spec.containers.v;
    for (uint32_t i = 0; i < pod->spec.containers.n; i++)
        f->c[f->v.n++] = (struct pod_container){.spec = &c[i]};
    return f;
}

static void drop(struct fixture *f)
{
    kube_object_unref(f->o);
    free(f);
}

static void wants(struct fixture *f, enum pod_verb verb, size_t container)
{
    struct pod_step s = pod_decide(&f->v, NOW);

    assert_int_equal(s.verb, verb);
    assert_int_equal(s.container, container);
}

static void ended(struct pod_container *c, int code)
{
    c->state = POD_EXITED;
    c->exit_code = code;
    c->finished = NOW;
}

/* demands: V7 */
static void a_pod_is_begun_in_order(void **state)
{
    struct fixture *f = make("", MAIN);

    f->v.has_volumes = false;
    wants(f, POD_WAIT, 0);
    f->v.has_volumes = true;
    wants(f, POD_RUN_SANDBOX, 0);
    f->v.sandbox = POD_SANDBOX_READY;
    wants(f, POD_GET_IMAGE, 0);
    f->c[0].is_image_here = true;
    wants(f, POD_START, 0);
    f->c[0].state = POD_RUNNING;
    assert_string_equal(pod_phase(&f->v), "Pending");
    wants(f, POD_GET_IMAGE, 1);
    f->c[1].state = POD_RUNNING;
    wants(f, POD_WAIT, 0);
    assert_string_equal(pod_phase(&f->v), "Running");
    drop(f);
}

static void an_image_that_lacks_stops_its_container_alone(void **state)
{
    struct fixture *f = make("", MAIN);

    f->v.sandbox = POD_SANDBOX_READY;
    f->c[0].not_before = NOW + OL_SECOND;
    wants(f, POD_GET_IMAGE, 1);
    f->c[1].not_before = NOW + 2 * OL_SECOND;
    wants(f, POD_WAIT, 0);
    assert_int_equal(pod_decide(&f->v, NOW).again, NOW + OL_SECOND);
    drop(f);
}

static void init_containers_end_well_before_others_begin(void **state)
{
    struct fixture *f = make("", INIT MAIN);

    f->v.sandbox = POD_SANDBOX_READY;
    wants(f, POD_GET_IMAGE, 0);
    f->c[0].state = POD_RUNNING;
    wants(f, POD_WAIT, 0);
    ended(&f->c[0], 1);
    wants(f, POD_GET_IMAGE, 0);
    f->c[0].delay = 10 * OL_SECOND;
    assert_int_equal(pod_decide(&f->v, NOW).again, NOW + 10 * OL_SECOND);
    ended(&f->c[0], 0);
    wants(f, POD_GET_IMAGE, 1);
    drop(f);
}

static void a_pod_whose_time_is_over_is_stopped_and_has_failed(void **state)
{
    struct fixture *f = make("", "\"activeDeadlineSeconds\":60," MAIN);
    struct kube_pod *pod = (struct kube_pod *)f->v.pod;

    f->v.sandbox = POD_SANDBOX_READY;
    f->c[0].state = f->c[1].state = POD_RUNNING;
    assert_false(pod_is_late(&f->v, NOW));
    pod->status.started = NOW - 59 * OL_SECOND;
    assert_false(pod_is_late(&f->v, NOW));
    assert_int_equal(pod_decide(&f->v, NOW).again, NOW + OL_SECOND);
    assert_true(pod_is_late(&f->v, NOW + OL_SECOND));
    f->v.is_overdue = true;
    wants(f, POD_STOP, 0);
    assert_string_equal(pod_phase(&f->v), "Running");
    ended(&f->c[0], 137);
    ended(&f->c[1], 137);
    assert_string_equal(pod_phase(&f->v), "Failed");
    wants(f, POD_STOP_SANDBOX, 0);
    drop(f);
}

static void a_failed_init_container_ends_a_pod_that_never_restarts(void **state)
{
    struct fixture *f = make("", NEVER INIT MAIN);

    f->v.sandbox = POD_SANDBOX_READY;
    ended(&f->c[0], 1);
    assert_string_equal(pod_phase(&f->v), "Failed");
    wants(f, POD_STOP_SANDBOX, 0);
    drop(f);
}

static void the_policy_says_what_starts_again(void **state)
{
    static const struct {
        const char *policy;
        int code;
        bool starts;
        const char *phase;
    } cases[] = {
        {"Always", 0, true, "Running"},       {"Always", 1, true, "Running"},
        {"OnFailure", 0, false, "Succeeded"}, {"OnFailure", 1, true, "Running"},
        {"Never", 0, false, "Succeeded"},     {"Never", 1, false, "Failed"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf spec = OL_BUF_INIT(4096);
        struct fixture *f;

        ol_buf_printf(&spec, "\"restartPolicy\":\"%s\",\"containers\":[{\"name\":\"a\"}]",
                      cases[i].policy);
        f = make("", spec.data);
        f->v.sandbox = POD_SANDBOX_READY;
        ended(&f->c[0], cases[i].code);
        wants(f, cases[i].starts ? POD_GET_IMAGE : POD_STOP_SANDBOX, 0);
        assert_string_equal(pod_phase(&f->v), cases[i].phase);
        drop(f);
    }
}

/* demands: V27 */
static void a_pod_ends_in_order(void **state)
{
    struct fixture *f = make(",\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"", MAIN);

    f->v.sandbox = POD_SANDBOX_READY;
    f->c[0].state = f->c[1].state = POD_RUNNING;
    wants(f, POD_STOP, 0);
    ended(&f->c[0], 0);
    ended(&f->c[1], 0);
    wants(f, POD_STOP_SANDBOX, 0);
    f->v.sandbox = POD_SANDBOX_DEAD;
    wants(f, POD_REMOVE_SANDBOX, 0);
    f->v.sandbox = POD_SANDBOX_NONE;
    wants(f, POD_RELEASE, 0);
    f->v.is_released = true;
    wants(f, POD_WAIT, 0); /* its volumes are being unmounted */
    f->v.lost_volumes = true;
    wants(f, POD_DELETE, 0);
    f->v.is_delete_sent = true;
    wants(f, POD_WAIT, 0);
    f->v.is_gone = true;
    wants(f, POD_FORGET, 0);
    drop(f);
}

static void without_a_runtime_a_pod_waits_and_goes(void **state)
{
    struct fixture *f = make("", MAIN);
    ol_auto(ol_buf_done) struct ol_buf status = OL_BUF_INIT(64 << 10);

    f->v.has_runtime = false;
    wants(f, POD_WAIT, 0);
    pod_status(&f->v, "10.0.0.1", NOW, &status);
    assert_non_null(strstr(status.data, "NoContainerRuntime"));
    assert_non_null(strstr(status.data, "\"phase\":\"Pending\""));
    f->v.is_gone = true;
    wants(f, POD_RELEASE, 0);
    drop(f);
}

static void a_dead_sandbox_is_replaced(void **state)
{
    struct fixture *f = make("", MAIN);

    f->v.sandbox = POD_SANDBOX_DEAD;
    ended(&f->c[0], 137);
    ended(&f->c[1], 137);
    wants(f, POD_REMOVE_SANDBOX, 0);
    drop(f);
}

static void the_status_tells_each_container(void **state)
{
    struct fixture *f = make("", MAIN);
    ol_auto(ol_buf_done) struct ol_buf status = OL_BUF_INIT(64 << 10);

    f->v.sandbox = POD_SANDBOX_READY;
    f->c[0].state = POD_RUNNING;
    f->c[0].started = NOW;
    f->c[0].id = (char *)"abc";
    ended(&f->c[1], 3);
    f->c[1].attempt = 2;
    f->c[1].waiting = "CrashLoopBackOff";
    pod_status(&f->v, "10.0.0.1", NOW, &status);
    assert_non_null(strstr(status.data, "\"running\":{\"startedAt\":\"1970-01-01T00:16:40Z\"}"));
    assert_non_null(strstr(status.data, "\"containerID\":\"containerd://abc\""));
    assert_non_null(strstr(status.data, "\"waiting\":{\"reason\":\"CrashLoopBackOff\"}"));
    assert_non_null(strstr(status.data, "\"lastState\":{\"terminated\":{\"exitCode\":3"));
    assert_non_null(strstr(status.data, "containers with unready status: [b]"));
    assert_non_null(strstr(status.data, "\"podIPs\":[{\"ip\":\"10.0.0.1\"}]"));
    drop(f);
}

static void delays_double_up_to_five_minutes(void **state)
{
    static const int64_t want[] = {10, 20, 40, 80, 160, 300, 300};
    ol_time delay = 0;

    for (size_t i = 0; i < ol_count(want); i++) {
        delay = pod_next_delay(delay);
        assert_int_equal(delay, want[i] * OL_SECOND);
    }
}

static void an_image_without_a_fixed_tag_is_pulled_always(void **state)
{
    static const struct {
        const char *image, *policy, *want;
    } cases[] = {
        {"nginx", "", "Always"},
        {"nginx:latest", "", "Always"},
        {"host:5000/nginx", "", "Always"},
        {"nginx:alpine", "", "IfNotPresent"},
        {"host:5000/nginx:1", "", "IfNotPresent"},
        {"nginx@sha256:00", "", "IfNotPresent"},
        {"nginx", "Never", "Never"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct kube_container c = {.image = cases[i].image, .pull_policy = cases[i].policy};

        assert_string_equal(pod_pull_policy(&c), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pod_is_begun_in_order),
        cmocka_unit_test(an_image_that_lacks_stops_its_container_alone),
        cmocka_unit_test(init_containers_end_well_before_others_begin),
        cmocka_unit_test(a_pod_whose_time_is_over_is_stopped_and_has_failed),
        cmocka_unit_test(a_failed_init_container_ends_a_pod_that_never_restarts),
        cmocka_unit_test(the_policy_says_what_starts_again),
        cmocka_unit_test(a_pod_ends_in_order),
        cmocka_unit_test(without_a_runtime_a_pod_waits_and_goes),
        cmocka_unit_test(a_dead_sandbox_is_replaced),
        cmocka_unit_test(the_status_tells_each_container),
        cmocka_unit_test(delays_double_up_to_five_minutes),
        cmocka_unit_test(an_image_without_a_fixed_tag_is_pulled_always),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
