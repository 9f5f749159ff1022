/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The release of cloud-init whose behaviour this is, and our own. Packagers may set it. */
#ifndef GUEST_VERSION
#define GUEST_VERSION "26.2+orlop0.1.0"
#endif
