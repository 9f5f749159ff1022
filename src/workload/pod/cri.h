/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/proto/csi-call.h"
#include "workload/pod/cri.pb-c.h"

/* The calls of CRI v1, made by csi_call(): a row pairs a request with its reply. */
extern const struct csi_rpc cri_version, cri_run_sandbox, cri_stop_sandbox, cri_remove_sandbox,
    cri_list_sandboxes, cri_image_status, cri_pull_image, cri_create, cri_start, cri_stop,
    cri_remove, cri_list, cri_status;
