/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Of orlop; the guest's programs tell the version of cloud-init whose interfaces they have. */
#define ORLOP_VERSION "0.1.0"
