/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "codec/val.h"
#include "compute/base/context.h"
#include "compute/config/config.h"
#include "core/env.h"
#include "core/err.h"
#include "core/strv.h"

/*
 * The other services of an OpenStack, over HTTP, by blocking calls from task threads: keystone for
 * tokens, placement, glance, neutron, cinder. Every call goes through one place (cloud_fetch) that
 * knows tokens (kept until they end, made anew once after a 401), endpoints from the catalogue,
 * microversions, the user's token and the service token beside it, request ids, retries of
 * connections that were reset. Tokens are never logged.
 */
struct cloud;

struct cloud *cloud_new(struct ol_env *env, const struct compute_config *c)
    __attribute__((warn_unused_result));
void cloud_free(struct cloud *c);

enum cloud_service { CLOUD_PLACEMENT, CLOUD_GLANCE, CLOUD_NEUTRON, CLOUD_CINDER, CLOUD_N_SERVICES };

/* False when its section names no way to sign in: a machine that stands alone. */
bool cloud_has(const struct cloud *c, enum cloud_service s);

struct cloud_ask {
    enum cloud_service service;
    const char *method, *path; /* "/resource_providers/U/inventories?…" */
    const char *version;       /* microversion "1.26"; NULL = none sent */
    const struct ol_val *body; /* JSON; NULL = none */
    /* NULL = our own token. Else the user's, if it has one, with the service token beside it when
     * send_service_user_token; placement and neutron get our own all the same. Its request id. */
    const struct nova_context *user;
    ol_time timeout; /* 0 = the section's, else 60 s */
};
/* 0 with *ret_status, *ret (NULL when there is no JSON body) whatever the status is; -errno when
 * there was no answer, or a success that cannot be read, with the service's name in the sentence.
 * A connection that was reset is tried again, but for POST, which might be done twice. */
int cloud_fetch(struct cloud *c, const struct cloud_ask *q, struct ol_arena *a, int *ret_status,
                const struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));

/* --- placement --- */

struct placement_inventory {
    const char *resource_class; /* "VCPU" */
    int64_t total, reserved, min_unit, max_unit, step_size;
    double allocation_ratio;
};
struct placement_provider {
    const char *uuid, *name, *parent; /* parent NULL = a root */
    const struct placement_inventory *inventories;
    size_t n_inventories;
    const struct ol_strv *traits; /* ours; what others set (CUSTOM_…) on the provider stays */
};
/* Makes the provider what it should be: creates it, writes inventories and traits where they differ
 * from what was last seen; a generation conflict (409) is read anew and tried again, 4 times. An
 * inventory that should go but has allocations stays until they have gone. Traits that begin with
 * COMPUTE_ or HW_CPU_ are ours, others are only added to. What was seen is kept and read anew after
 * resource_provider_association_refresh, or when clear is true. */
int placement_sync(struct cloud *c, const struct placement_provider *p, bool clear,
                   struct ol_err *err) __attribute__((warn_unused_result));
/* *ret: the map "allocations" by provider (empty map = none) of a consumer. */
int placement_allocations(struct cloud *c, const char *consumer, struct ol_arena *a,
                          const struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* By consumer, of a provider. */
int placement_provider_allocations(struct cloud *c, const char *provider, struct ol_arena *a,
                                   const struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Missing is success. */
int placement_delete_allocations(struct cloud *c, const char *consumer, struct ol_err *err)
    __attribute__((warn_unused_result));
/* All that 'from' has is what 'to' has instead of its own, by one write; nothing there: moved
 * before. Tried again when somebody else was faster. */
int placement_move_allocations(struct cloud *c, const char *from, const char *to,
                               struct ol_err *err) __attribute__((warn_unused_result));

/* --- glance: with the user's token --- */

struct glance_image {
    const char *id, *name, *status, *disk_format, *container_format;
    const char *checksum, *hash_algo, *hash_value; /* NULL = glance has none */
    int64_t size, min_disk, min_ram, virtual_size; /* bytes, GiB, MiB; 0 = not known */
    const struct ol_val *all;                      /* as glance gave it */
};
/* NOVA_IMAGE_NOT_FOUND, NOVA_IMAGE_NOT_AUTHORIZED. */
int glance_show(struct cloud *c, const struct nova_context *user, const char *id,
                struct ol_arena *a, struct glance_image *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Writes the image's bytes to 'fd' as they come, and checks size and checksum (os_hash_algo, else
 * md5): NOVA_IMAGE_CORRUPT. */
int glance_download(struct cloud *c, const struct nova_context *user,
                    const struct glance_image *image, int fd, struct ol_err *err)
    __attribute__((warn_unused_result));

/* Missing is success. */
int glance_delete(struct cloud *c, const struct nova_context *user, const char *id,
                  struct ol_err *err) __attribute__((warn_unused_result));

/* --- neutron --- */

/* A list of one kind ("networks", "security-groups"), of what fits a query. */
int neutron_list(struct cloud *c, const struct nova_context *user, const char *kind,
                 const char *query, struct ol_arena *a, const struct ol_val **ret,
                 struct ol_err *err) __attribute__((warn_unused_result));
/* NOVA_PORT_NOT_FOUND */
int neutron_port(struct cloud *c, const struct nova_context *user, const char *port,
                 struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The ports of an instance: *ret is a list. */
int neutron_ports(struct cloud *c, const struct nova_context *user, const char *instance,
                  struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* PUT /v2.0/ports/ID {"port": …}; NOVA_PORT_NOT_FOUND. */
int neutron_update_port(struct cloud *c, const struct nova_context *user, const char *port,
                        const struct ol_val *change, struct ol_arena *a, const struct ol_val **ret,
                        struct ol_err *err) __attribute__((warn_unused_result));
int neutron_create_port(struct cloud *c, const struct nova_context *user, const struct ol_val *port,
                        struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Missing is success. */
int neutron_delete_port(struct cloud *c, const struct nova_context *user, const char *port,
                        struct ol_err *err) __attribute__((warn_unused_result));
/* nova's network_info (a list of VIFs, what info_cache and config drive hold) of these ports, in
 * their order: networks, subnets, DHCP servers and floating addresses are read, each kind by one
 * question. preserve_on_delete is false in all: it is known to who keeps the old network_info. */
int neutron_network_info(struct cloud *c, const struct nova_context *user,
                         const struct ol_val *ports, struct ol_arena *a, struct ol_val **ret,
                         struct ol_err *err) __attribute__((warn_unused_result));

/* --- cinder: attachments (microversion 3.44) --- */

int cinder_volume(struct cloud *c, const struct nova_context *user, const char *id,
                  struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* POST /volumes {"volume": …} */
int cinder_volume_create(struct cloud *c, const struct nova_context *user,
                         const struct ol_val *volume, struct ol_arena *a, const struct ol_val **ret,
                         struct ol_err *err) __attribute__((warn_unused_result));
/* Missing is success. */
int cinder_volume_delete(struct cloud *c, const struct nova_context *user, const char *id,
                         struct ol_err *err) __attribute__((warn_unused_result));
/* A volume that stays attached is no longer "detaching". */
int cinder_volume_roll_detaching(struct cloud *c, const struct nova_context *user, const char *id,
                                 struct ol_err *err) __attribute__((warn_unused_result));
/* POST /attachments: reserves it; *ret_id. */
int cinder_attachment_create(struct cloud *c, const struct nova_context *user, const char *volume,
                             const char *instance, struct ol_arena *a, const char **ret_id,
                             struct ol_err *err) __attribute__((warn_unused_result));
/* PUT /attachments/ID {connector}: *ret_connection_info in nova's form of it, which is not
 * cinder's: {"driver_volume_type", "data": {…}, "status", …} (nova 26 volume/cinder.py
 * _translate_attachment_ref). */
int cinder_attachment_update(struct cloud *c, const struct nova_context *user, const char *id,
                             const struct ol_val *connector, struct ol_arena *a,
                             const struct ol_val **ret_connection_info, struct ol_err *err)
    __attribute__((warn_unused_result));
int cinder_attachment_complete(struct cloud *c, const struct nova_context *user, const char *id,
                               struct ol_err *err) __attribute__((warn_unused_result));
/* Missing is success. */
int cinder_attachment_delete(struct cloud *c, const struct nova_context *user, const char *id,
                             struct ol_err *err) __attribute__((warn_unused_result));
