/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "codec/json-writer.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/modifier-internal.h"
#include "volume/csi/modifier.h"

static void begin(struct ol_jw *w, struct ol_buf *to, const struct kube_pvc *claim)
{
    csi_patch_begin(w, to, &claim->o);
    ol_jw_end(w);
    ol_jw_map(w, "status");
}

static void end(struct ol_jw *w)
{
    ol_jw_end(w);
    ol_jw_end(w);
}

static void write_status(struct ol_jw *w, const char *status, const char *target)
{
    ol_jw_map(w, "modifyVolumeStatus");
    ol_jw_str(w, "status", status);
    ol_jw_str(w, "targetVolumeAttributesClassName", target);
    ol_jw_end(w);
}

/* The time of the transition stays while reason and status do. */
static void write_condition(struct ol_jw *w, const struct kube_pvc *claim, struct kube_condition c)
{
    const struct kube_condition *old = csi_condition(claim, c.type);
    bool is_same = old && strcmp(old->reason, c.reason ? c.reason : "") == 0
                   && strcmp(old->status, "True") == 0;

    c.changed = is_same && old->changed ? old->changed : c.probed;
    csi_patch_condition(w, &c);
}

static void write_modifying(struct ol_jw *w, const struct kube_pvc *claim, const char *class_name,
                            const char *how, ol_time now)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "Modifying volume to \"%s\" %s.", class_name, how);
    write_condition(
        w, claim,
        (struct kube_condition){.type = MODIFIER_MODIFYING, .message = text, .probed = now});
}

void modifier_write_pending(struct ol_buf *to, const struct kube_pvc *claim)
{
    struct ol_jw w;

    begin(&w, to, claim);
    write_status(&w, MODIFIER_PENDING, NULL);
    end(&w);
}

void modifier_write_mark(struct ol_buf *to, const struct kube_pvc *claim, const char *class_name,
                         ol_time now)
{
    struct ol_jw w;

    begin(&w, to, claim);
    ol_jw_list(&w, "conditions");
    write_modifying(&w, claim, class_name, "is in progress", now);
    ol_jw_end(&w);
    write_status(&w, MODIFIER_IN_PROGRESS, class_name);
    end(&w);
}

void modifier_write_failed(struct ol_buf *to, const struct kube_pvc *claim,
                           const struct modifier_failure *f, ol_time now)
{
    const struct kube_condition error = {
        .type = MODIFIER_ERROR, .reason = f->code, .message = f->message, .probed = now};
    struct ol_jw w;

    begin(&w, to, claim);
    ol_jw_list(&w, "conditions");
    write_modifying(&w, claim, f->class_name,
                    f->is_final ? "failed. Waiting for retry" : "is still in progress", now);
    write_condition(&w, claim, error);
    ol_jw_end(&w);
    write_status(&w, f->is_infeasible ? MODIFIER_INFEASIBLE : MODIFIER_IN_PROGRESS, NULL);
    end(&w);
}

void modifier_write_cancelled(struct ol_buf *to, const struct kube_pvc *claim)
{
    struct ol_jw w;

    begin(&w, to, claim);
    ol_jw_list(&w, "conditions");
    csi_patch_drop_condition(&w, claim, MODIFIER_MODIFYING);
    ol_jw_end(&w);
    end(&w);
}

void modifier_write_finished(struct ol_buf *to, const struct kube_pvc *claim,
                             const char *class_name)
{
    struct ol_jw w;

    begin(&w, to, claim);
    ol_jw_list(&w, "conditions");
    csi_patch_drop_condition(&w, claim, MODIFIER_MODIFYING);
    csi_patch_drop_condition(&w, claim, MODIFIER_ERROR);
    ol_jw_end(&w);
    ol_jw_str(&w, "currentVolumeAttributesClassName", class_name);
    ol_jw_null(&w, "modifyVolumeStatus");
    end(&w);
}

void modifier_write_volume(struct ol_buf *to, const char *class_name)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "spec");
    ol_jw_str(&w, "volumeAttributesClassName", class_name);
    ol_jw_end(&w);
    ol_jw_end(&w);
}
