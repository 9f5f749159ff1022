/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "guest/base/hostname.h"

/*
 * Giving the machine its name: what set_hostname, update_hostname and the local stage share.
 * The file is written and the kernel told directly; no hostnamectl, which needs a bus that
 * the early stages do not have yet. Rules: cloud-init 26.2 cc_set_hostname.py, distros.
 */

/* How a name is applied, from the configuration. */
struct hostname_policy {
    bool is_preserved; /* preserve_hostname: leave the name alone */
    bool prefer_fqdn;  /* prefer_fqdn_over_hostname, else the distribution's habit */
    bool create_file;  /* create_hostname_file: a missing file is made */
};

struct hostname_policy hostname_policy_of(const struct guest *g, const struct ol_val *cfg);

/* The file that holds the name: /etc/hostname wherever systemd runs. */
const char *hostname_file(const struct guest *g);

/* The one name in a hostname file's text, into the arena; NULL = none, or several that differ. */
const char *hostname_conf_get(struct ol_arena *a, const char *text);
/* The text with its name replaced by 'name' (added when it has none); comments and blank
 * lines stay. */
void hostname_conf_set(const char *text, const char *name, struct ol_buf *to);

/* The name in the file, into g's arena; NULL when there is none. */
const char *hostname_read(struct guest *g, const char *path);
/* Writes the name into the file, whose comments stay. */
int hostname_write(struct guest *g, const char *path, const char *name,
                   const struct hostname_policy *policy, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Tells the kernel, when the tree is the machine's own. A failure is only warned about. */
void hostname_apply(struct guest *g, const char *name);
/* The form of the name that goes into the file. */
const char *hostname_select(const struct guest_hostname *name,
                            const struct hostname_policy *policy);

/* set_hostname's work: does nothing when the name is what data/set-hostname says. */
int hostname_set(struct guest *g, const struct ol_val *cfg, struct ol_err *err)
    __attribute__((warn_unused_result));
/*
 * What the local stage does before the network comes up (so that DHCP sends the right name):
 * hostname_set(), but only when the configuration or the metadata name the machine. The caller
 * logs a failure for debugging; set_hostname tries again.
 */
int set_hostname_now(struct guest *g, const struct ol_val *cfg, struct ol_err *err)
    __attribute__((warn_unused_result));
