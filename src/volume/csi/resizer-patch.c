/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/resizer.h"

static const char *const resize_conditions[] = {"Resizing", "FileSystemResizePending",
                                                "ControllerResizeError", "NodeResizeError"};

static void write_condition(struct ol_jw *w, const char *type, ol_time now, const char *message)
{
    csi_patch_condition(w,
                        &(struct kube_condition){.type = type, .changed = now, .message = message});
}

/* Those of an earlier resize, but for 'keep'. */
static void drop_conditions(struct ol_jw *w, const struct kube_pvc *claim, const char *keep)
{
    for (size_t i = 0; i < ol_count(resize_conditions); i++)
        if (!keep || strcmp(resize_conditions[i], keep) != 0)
            csi_patch_drop_condition(w, claim, resize_conditions[i]);
}

static void begin(struct ol_jw *w, struct ol_buf *to, const struct kube_pvc *claim)
{
    if (claim) {
        csi_patch_begin(w, to, &claim->o);
        ol_jw_end(w);
    } else {
        ol_jw_init(w, to);
        ol_jw_map(w, NULL);
    }
    ol_jw_map(w, "status");
}

static void end(struct ol_jw *w)
{
    ol_jw_end(w);
    ol_jw_end(w);
}

static void write_storage(struct ol_jw *w, const char *key, const struct ol_quantity *q)
{
    char text[OL_QUANTITY_MAX];

    ol_quantity_format(q, text);
    ol_jw_map(w, key);
    ol_jw_str(w, "storage", text);
    ol_jw_end(w);
}

static void write_progress(struct ol_jw *w, const char *progress)
{
    ol_jw_map(w, "allocatedResourceStatuses");
    if (progress)
        ol_jw_str(w, "storage", progress);
    else
        ol_jw_null(w, "storage");
    ol_jw_end(w);
}

void resizer_write_mark(struct ol_buf *to, const struct kube_pvc *claim,
                        const struct resizer_plan *plan, ol_time now)
{
    struct ol_jw w;

    begin(&w, to, claim);
    ol_jw_list(&w, "conditions");
    write_condition(&w, "Resizing", now, NULL);
    if (plan->is_new)
        drop_conditions(&w, claim, "Resizing");
    ol_jw_end(&w);
    write_progress(&w, "ControllerResizeInProgress");
    write_storage(&w, "allocatedResources", &plan->size);
    end(&w);
}

void resizer_write_failed(struct ol_buf *to, const char *message, bool is_infeasible, ol_time now)
{
    struct ol_jw w;

    begin(&w, to, NULL);
    ol_jw_list(&w, "conditions");
    write_condition(&w, "ControllerResizeError", now, message);
    ol_jw_end(&w);
    if (is_infeasible)
        write_progress(&w, "ControllerResizeInfeasible");
    end(&w);
}

void resizer_write_pending(struct ol_buf *to, const struct kube_pvc *claim, ol_time now)
{
    struct ol_jw w;

    begin(&w, to, claim);
    ol_jw_list(&w, "conditions");
    write_condition(&w, "FileSystemResizePending", now,
                    "Waiting for user to (re-)start a pod to finish file system resize of volume "
                    "on node.");
    ol_jw_end(&w);
    write_progress(&w, "NodeResizePending");
    end(&w);
}

void resizer_write_finished(struct ol_buf *to, const struct kube_pvc *claim,
                            const struct ol_quantity *size)
{
    struct ol_jw w;

    begin(&w, to, claim);
    write_storage(&w, "capacity", size);
    ol_jw_list(&w, "conditions");
    drop_conditions(&w, claim, NULL);
    ol_jw_end(&w);
    write_progress(&w, NULL);
    end(&w);
}

void resizer_write_volume(struct ol_buf *to, const struct ol_quantity *size,
                          const struct ol_quantity *old)
{
    char text[OL_QUANTITY_MAX];
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    if (old) {
        ol_quantity_format(old, text);
        ol_jw_map(&w, "metadata");
        ol_jw_map(&w, "annotations");
        ol_jw_any(&w, "volume.alpha.kubernetes.io/pre-resize-capacity", text);
        ol_jw_end(&w);
        ol_jw_end(&w);
    }
    ol_jw_map(&w, "spec");
    write_storage(&w, "capacity", size);
    ol_jw_end(&w);
    ol_jw_end(&w);
}
