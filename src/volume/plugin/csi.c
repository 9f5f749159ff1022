/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/plugin/plugin-internal.h"

/* kubernetes.io/csi: names alone; what is done stands in volume/node. */

static bool owns(const struct volume_spec *spec)
{
    return spec->pv ? spec->pv->spec.csi != NULL : spec->volume->csi != NULL;
}

static void identify(const struct volume_spec *spec, struct ol_buf *to)
{
    if (spec->pv)
        ol_buf_printf(to, "%s^%s", spec->pv->spec.csi->driver, spec->pv->spec.csi->handle);
    else
        ol_buf_printf(to, "%s^%s", spec->volume->csi->driver, spec->volume->name);
}

const struct volume_plugin volume_csi = {
    .name = "kubernetes.io/csi",
    .flags = VOLUME_ATTACHABLE | VOLUME_HAS_DEVICE | VOLUME_TAKES_GROUP | VOLUME_TAKES_OPTIONS
             | VOLUME_CAN_BLOCK,
    .owns = owns,
    .identify = identify,
};
