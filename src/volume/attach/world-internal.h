/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/attach/world.h"

struct attach_world {
    struct attach_options options;
    struct ol_table volumes, nodes, links; /* links by the name of their VolumeAttachment */
    unsigned long n_forced[ATTACH_N_FORCED];
};

struct attach_link *attach_link_get(struct attach_world *w, struct attach_volume *v,
                                    struct attach_node *n);
struct attach_volume *attach_volume_get(struct attach_world *w, const char *name);
/* Frees a link that says nothing any more, and what it leaves empty. */
void attach_link_trim(struct attach_link *l);
void attach_touch(struct attach_link *l);
/* Feeds an event; does what concerns the world itself and returns the rest. */
enum attach_do attach_step(struct attach_link *l, enum attach_event e, ol_time now);
/* The node's status is to name the volume, or not. */
void attach_report(struct attach_link *l, bool is_reported);
/* Looks at the link's VolumeAttachment: confirmed, failed or neither. */
void attach_look(struct attach_link *l, ol_time now, struct attach_actions *to);
void attach_tell(struct attach_actions *to, struct attach_link *l, const struct kube_pod *pod,
                 bool is_warning, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Tells it to all pods. */
void attach_tell_all(struct attach_actions *to, struct attach_link *l, bool is_warning,
                     const char *prefix, const char *suffix);
void attach_failed(struct attach_link *l, ol_time now, const char *why, struct attach_actions *to);
bool attach_is_in_tree(const struct attach_link *l);
