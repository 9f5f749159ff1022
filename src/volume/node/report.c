/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"
#include "volume/node/node-internal.h"

/* Events with the kubelet's reasons and words, and the log. */

static const struct words {
    const char *reason, *block_reason; /* of the failure's event; NULL = the log alone */
    const char *words, *block_words;
} failures[] = {
    [NODE_ATTACH] = {"FailedAttachVolume", "FailedAttachVolume", "AttachVolume.Attach failed",
                     "AttachVolume.Attach failed"},
    [NODE_DETACH] = {NULL, NULL, "DetachVolume.Detach failed", "DetachVolume.Detach failed"},
    [NODE_MOUNT_DEVICE] = {"FailedMount", "FailedMapVolume", "MountVolume.MountDevice failed",
                           "MapVolume.SetUpDevice failed"},
    [NODE_SET_UP] = {"FailedMount", "FailedMapVolume", "MountVolume.SetUp failed",
                     "MapVolume.MapPodDevice failed"},
    [NODE_EXPAND] = {"VolumeResizeFailed", "VolumeResizeFailed",
                     "NodeExpandVolume.NodeExpandVolume failed",
                     "NodeExpandVolume.NodeExpandVolume failed"},
    [NODE_TEAR_DOWN] = {NULL, NULL, "UnmountVolume.TearDown failed",
                        "UnmapVolume.UnmapBlockVolume failed"},
    [NODE_UNMOUNT_DEVICE] = {NULL, NULL, "UnmountDevice failed", "UnmapDevice failed"},
};

static void report_failure(struct node *n, const struct node_action *a, const char *problem)
{
    const struct node_volume *v = a->volume;
    const struct words *w = &failures[a->verb];
    const char *reason = v->is_block ? w->block_reason : w->reason;
    const char *words = v->is_block ? w->block_words : w->words;

    ol_warn(n->env, "%s for volume \"%s\" : %s", words, v->spec_name, problem);
    if (reason && a->mount && a->mount->pod)
        kube_event_add(n->recorder, &a->mount->pod->o, KUBE_WARNING, reason,
                       "%s for volume \"%s\" : %s", words, v->spec_name, problem);
}

static void report_success(struct node *n, const struct node_action *a)
{
    const struct node_volume *v = a->volume;
    const struct kube_object *pod = a->mount && a->mount->pod ? &a->mount->pod->o : NULL;

    ol_debug(n->env, "%s: %s is done", node_verb_name(a->verb), v->name);
    if (!pod)
        return;
    if (a->verb == NODE_ATTACH)
        kube_event_add(n->recorder, pod, KUBE_NORMAL, "SuccessfulAttachVolume",
                       "AttachVolume.Attach succeeded for volume \"%s\" ", v->spec_name);
    else if (a->verb == NODE_SET_UP && v->is_block)
        kube_event_add(n->recorder, pod, KUBE_NORMAL, "SuccessfulMountVolume",
                       "MapVolume.MapPodDevice succeeded for volume \"%s\" ", v->spec_name);
    else if (a->verb == NODE_EXPAND)
        kube_event_add(n->recorder, pod, KUBE_NORMAL, "FileSystemResizeSuccessful",
                       "MountVolume.NodeExpandVolume succeeded for volume \"%s\" %s", v->spec_name,
                       n->name);
}

void node_report(struct node *n, const struct node_action *a, enum node_outcome outcome,
                 const char *problem)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    if (a->verb != NODE_COMPLAIN) {
        if (outcome == NODE_OK)
            report_success(n, a);
        else
            report_failure(n, a, problem);
        return;
    }
    node_pod_complaint(&n->world, a->pod, &text);
    ol_warn(n->env, "pod %s/%s: unable to attach or mount volumes: %s", a->pod->pod->o.meta.ns,
            a->pod->pod->o.meta.name, text.data);
    kube_event_add(n->recorder, &a->pod->pod->o, KUBE_WARNING, "FailedMount",
                   "Unable to attach or mount volumes: %s", text.data);
}
