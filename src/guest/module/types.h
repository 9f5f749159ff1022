/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/module/module.h"

/*
 * The types that the keys of a cloud-config may have, as one table: what is written with
 * another type is told with its place, and is left out of what the modules see, so that the rest
 * of the document is done. Keys whose wrong type makes cloud-init's module fail are not in the
 * table: those modules say so themselves.
 */

/* 'cfg' itself, or a copy in g's arena without the values that have a wrong type. Those that
 * 'module' is the one to tell of are warned about. */
const struct ol_val *module_typed_config(struct guest *g, const struct module *module,
                                         const struct ol_val *cfg);
