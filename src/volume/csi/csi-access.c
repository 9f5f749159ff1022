/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-access.h"

#include <errno.h>

int csi_access_of(unsigned modes, bool knows_single_multi, enum csi_access_mode *ret,
                  struct ol_err *err)
{
    if (modes & KUBE_RWOP) {
        if (modes != KUBE_RWOP)
            return ol_err_set(err, EINVAL,
                              "Kubernetes does not support use of ReadWriteOncePod with other "
                              "access modes on the same PersistentVolume");
        *ret = knows_single_multi ? CSI_ACCESS_SINGLE_NODE_SINGLE_WRITER
                                  : CSI_ACCESS_SINGLE_NODE_WRITER;
        return 0;
    }
    if (modes & KUBE_RWX) {
        *ret = CSI_ACCESS_MULTI_NODE_MULTI_WRITER;
        return 0;
    }
    if ((modes & KUBE_ROX) && (modes & KUBE_RWO))
        return ol_err_set(err, EINVAL,
                          "CSI does not support ReadOnlyMany and ReadWriteOnce on the same "
                          "PersistentVolume");
    if (modes & KUBE_ROX) {
        *ret = CSI_ACCESS_MULTI_NODE_READER_ONLY;
        return 0;
    }
    if (modes & KUBE_RWO) {
        *ret = knows_single_multi ? CSI_ACCESS_SINGLE_NODE_MULTI_WRITER
                                  : CSI_ACCESS_SINGLE_NODE_WRITER;
        return 0;
    }
    return ol_err_set(err, EINVAL, "unsupported AccessMode combination: []");
}
