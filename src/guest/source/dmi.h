/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/*
 * Facts that the firmware tells about the machine, under dmidecode's names ("system-uuid",
 * "system-serial-number", "chassis-asset-tag" …), read below /sys/class/dmi/id.
 */

/* In the arena; NULL when there is none, and in a container, where it would be the host's.
 * A value of nothing but ff octets is "". cloud-init 26.2 dmi.read_dmi_data(). */
const char *dmi_read(struct guest *g, const char *key);

/* Each "__dmi.KEY__" in the text replaced by its value; an unknown KEY stays and is warned about.
 * cloud-init 26.2 dmi.sub_dmi_vars(). In the arena. */
const char *dmi_substitute(struct guest *g, const char *text);
