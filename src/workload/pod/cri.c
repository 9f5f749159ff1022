/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/pod/cri.h"

#define ROW(row, service, rpc, message)                                                            \
    const struct csi_rpc row = {                                                                   \
        "/runtime.v1." service "/" rpc,                                                            \
        &runtime__v1__##message##_request__descriptor,                                             \
        &runtime__v1__##message##_response__descriptor,                                            \
    }

ROW(cri_version, "RuntimeService", "Version", version);
ROW(cri_run_sandbox, "RuntimeService", "RunPodSandbox", run_pod_sandbox);
ROW(cri_stop_sandbox, "RuntimeService", "StopPodSandbox", stop_pod_sandbox);
ROW(cri_remove_sandbox, "RuntimeService", "RemovePodSandbox", remove_pod_sandbox);
ROW(cri_list_sandboxes, "RuntimeService", "ListPodSandbox", list_pod_sandbox);
ROW(cri_image_status, "ImageService", "ImageStatus", image_status);
ROW(cri_pull_image, "ImageService", "PullImage", pull_image);
ROW(cri_create, "RuntimeService", "CreateContainer", create_container);
ROW(cri_start, "RuntimeService", "StartContainer", start_container);
ROW(cri_stop, "RuntimeService", "StopContainer", stop_container);
ROW(cri_remove, "RuntimeService", "RemoveContainer", remove_container);
ROW(cri_list, "RuntimeService", "ListContainers", list_containers);
ROW(cri_status, "RuntimeService", "ContainerStatus", container_status);
