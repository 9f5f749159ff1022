/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Subtypes of text/ that parts of user-data may have, for 'devel make-mime'; NULL-terminated. */
extern const char *const userdata_known_types[];
