/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/schema-internal.h"

static const struct kube_field event_series_fields[] = {
    {"count", KUBE_INT, KUBE_INT32, M(kube_event, series_count)},
    {"lastObservedTime", KUBE_TIME, KUBE_MICRO, M(kube_event, series_last)},
    {NULL},
};
static const struct kube_schema event_series = {
    "io.k8s.api.core.v1.EventSeries",
    NULL,
    event_series_fields,
    sizeof(struct kube_event),
};

static const struct kube_field event_source_fields[] = {
    {"component", KUBE_STR, 0, M(kube_event, component)},
    {"host", KUBE_STR, 0, M(kube_event, host)},
    {NULL},
};
static const struct kube_schema event_source = {
    "io.k8s.api.core.v1.EventSource",
    NULL,
    event_source_fields,
    sizeof(struct kube_event),
};

static const struct kube_field event_fields[] = {
    {"apiVersion", KUBE_STR, .doc = "Group and version of this kind."},
    {"kind", KUBE_STR, .doc = "The kind of this object."},
    {"metadata", KUBE_OBJECT, KUBE_REQUIRED | KUBE_INLINE, M(kube_event, o.meta),
     .of = &kube_schema_object_meta,
     .doc = "Name, labels, annotations and what the server notes of the object."},
    {"action", KUBE_STR},
    {"count", KUBE_INT, KUBE_INT32, M(kube_event, count)},
    {"eventTime", KUBE_TIME, KUBE_MICRO, M(kube_event, time)},
    {"firstTimestamp", KUBE_TIME, 0, M(kube_event, first)},
    {"involvedObject", KUBE_OBJECT, KUBE_REQUIRED | KUBE_ATOMIC | KUBE_INLINE,
     M(kube_event, involved), .of = &kube_schema_object_reference},
    {"lastTimestamp", KUBE_TIME, 0, M(kube_event, last)},
    {"message", KUBE_STR, 0, M(kube_event, message)},
    {"reason", KUBE_STR, 0, M(kube_event, reason)},
    {"related", KUBE_OBJECT, KUBE_ATOMIC, .of = &kube_schema_object_reference},
    {"reportingComponent", KUBE_STR, KUBE_KEEP, M(kube_event, reporting_component)},
    {"reportingInstance", KUBE_STR, KUBE_KEEP, M(kube_event, reporting_instance)},
    {"series", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &event_series},
    {"source", KUBE_OBJECT, KUBE_INLINE, HERE, .of = &event_source},
    {"type", KUBE_STR, 0, M(kube_event, type)},
    {NULL},
};
const struct kube_schema kube_schema_event = {
    "io.k8s.api.core.v1.Event",
    "Something that happened to an object.",
    event_fields,
    sizeof(struct kube_event),
};
