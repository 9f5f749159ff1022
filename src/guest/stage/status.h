/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/stage/logging.h"

/*
 * status.json and result.json with upstream's names, keys and times (cloud-init 26.2
 * cmd/main.py status_wrapper): status is keyed by stage, start and finish are seconds since
 * boot; result.json appears when the final stage is over, so its presence means done.
 */
struct status {
    const char *mode; /* "init-local", "init", "modules-config", "modules-final" */
    struct ol_val *doc;
    struct ol_val *stage; /* doc/v1/MODE */
};

/* Reads what earlier stages left (the local stage starts afresh), notes the start, writes. */
int status_begin(struct guest *g, const char *mode, struct status *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* result.json of a status document's "v1". */
struct ol_val *status_result(struct guest *g, const struct ol_val *v1);
/* What the link in the run directory says that leads to a file of the cloud directory. */
const char *status_link(const struct guest *g, const char *path);
/* One more thing that went wrong, as Python's str() of it. */
void status_add_error(struct guest *g, struct status *s, const char *text);
/* Notes the end, the datasource and what was warned about; writes result.json after the final
 * stage; tells the host. Returns the number of errors, the stage's exit status. */
int status_end(struct guest *g, struct status *s, struct stage_log *log);
