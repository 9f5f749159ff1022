/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Words of the claim's status. */
#define MODIFIER_PENDING     "Pending"
#define MODIFIER_IN_PROGRESS "InProgress"
#define MODIFIER_INFEASIBLE  "Infeasible"
#define MODIFIER_MODIFYING   "ModifyingVolume"
#define MODIFIER_ERROR       "ModifyVolumeError"
