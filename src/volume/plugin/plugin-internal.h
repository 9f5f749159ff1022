/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/plugin/plugin.h"

/* What several rows share. */

/* The PV's mount options and our own as mount(8) takes them, sorted and each once, as
 * volume/util.JoinMountOptions does. 'own' may be NULL. */
void volume_join_options(const struct volume_spec *spec, const char *own, struct ol_buf *to);
/* Unmounts what may be mounted there and removes the directory. */
void volume_tear_down_mount(const char *target, bool is_forced, struct volume_plan *to);
/* The pod's fsGroup gets the files at 'path'. Nothing without one. */
void volume_plan_own(const struct volume_setup *s, const char *path, struct volume_plan *to);
/* A set of files of a ConfigMap or Secret. */
int volume_plan_payload(const struct volume_setup *s, const struct kube_keyed_source *source,
                        const char *kind, struct volume_plan *to, struct ol_err *err)
    __attribute__((warn_unused_result));
