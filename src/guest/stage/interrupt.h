/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/stage/status.h"

/*
 * SIGTERM and SIGINT during a boot stage: the process ends with status 1 at once, wherever it is,
 * and status.json has "Cloud-init 26.2 received SIGTERM, exiting" among the stage's errors
 * (cloud-init 26.2 signal_handler.py has the words; there status.json says nothing). A module
 * that was running is then one that was interrupted, as by a kill: the next boot runs it again.
 * In the final stage result.json is written too, so that nobody waits for it for ever.
 * Children have process groups of their own and are the service manager's to end.
 */

/* From here on until interrupt_disarm(). Not in a dry run. */
void interrupt_arm(struct guest *g, const struct status *s);
/* The stage is over and will note its own end: signals wait until interrupt_release(). */
void interrupt_disarm(void);
void interrupt_release(void);
