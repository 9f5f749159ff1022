/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/component.h"

/*
 * What a new cluster has so that the driver beside it can be used at once: the CSIDriver object of
 * orlop-csi-local, and the class "local" (not the default class: claims without a class go on to
 * mean volumes without one). Each is made when there is none; what an administrator changed or made
 * himself stays.
 */
extern const struct kube_component defaults_component;
