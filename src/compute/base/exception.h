/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"

/*
 * Failures as nova says them: by the name of an exception, which callers match on and which goes
 * over the wire. In our code such a failure is a struct ol_err whose 'domain' is the name, always
 * the pointer of the table's row, and whose 'status' is nova's HTTP code for it.
 *
 *     return nova_fail(err, NOVA_INSTANCE_NOT_FOUND, "Instance %s could not be found.", uuid);
 *     if (nova_is(err, NOVA_UNEXPECTED_DELETING)) …
 */
enum nova_exception {
    NOVA_EXCEPTION, /* NovaException: any */
    NOVA_BUILD_ABORT,
    NOVA_RESCHEDULED,
    NOVA_COMPUTE_HOST_NOT_FOUND,
    NOVA_COMPUTE_RESOURCES_UNAVAILABLE,
    NOVA_IMAGE_NOT_FOUND,
    NOVA_IMAGE_UNACCEPTABLE,
    NOVA_IMAGE_NOT_AUTHORIZED,
    NOVA_IMAGE_NOT_ACTIVE,
    NOVA_FLAVOR_MEMORY_TOO_SMALL,
    NOVA_FLAVOR_DISK_TOO_SMALL, /* FlavorDiskSmallerThanMinDisk */
    NOVA_FLAVOR_DISK_SMALLER,   /* FlavorDiskSmallerThanImage */
    NOVA_IMAGE_CORRUPT,         /* SignatureVerificationError's place: a checksum that differs */
    NOVA_INSTANCE_NOT_FOUND,
    NOVA_INSTANCE_NOT_RUNNING,
    NOVA_INSTANCE_INVALID_STATE,
    NOVA_INSTANCE_POWER_OFF,
    NOVA_INSTANCE_POWER_ON,
    NOVA_INSTANCE_REBOOT,
    NOVA_INSTANCE_SUSPEND,
    NOVA_INSTANCE_RESUME,
    NOVA_INSTANCE_NOT_RESCUABLE,
    NOVA_UNEXPECTED_TASK_STATE,
    NOVA_UNEXPECTED_DELETING,
    NOVA_UNEXPECTED_VM_STATE,
    NOVA_ORPHANED_OBJECT,
    NOVA_SERVICE_NOT_FOUND,
    NOVA_SERVICE_TOO_OLD,
    NOVA_TOO_OLD_COMPUTE,
    NOVA_INVALID_VOLUME,
    NOVA_VOLUME_NOT_FOUND,
    NOVA_VOLUME_UNSUPPORTED,
    NOVA_VOLUME_BDM_NOT_FOUND,
    NOVA_VOLUME_NOT_CREATED,
    NOVA_MULTIATTACH_UNSUPPORTED,
    NOVA_DISK_NOT_FOUND,
    NOVA_DEVICE_DETACH_FAILED,
    NOVA_PORT_NOT_FOUND,
    NOVA_PORT_IN_USE,
    NOVA_PORT_NOT_USABLE,
    NOVA_PORT_BINDING_FAILED,
    NOVA_NETWORK_NOT_FOUND,
    NOVA_NETWORK_AMBIGUOUS,
    NOVA_SECURITY_GROUP_NOT_FOUND,
    NOVA_VIF_PLUG,
    NOVA_VIF_CREATE,
    NOVA_INTERFACE_ATTACH_FAILED,
    NOVA_INTERFACE_DETACH_FAILED,
    NOVA_NO_MORE_NETWORKS,
    NOVA_CONSOLE_NOT_AVAILABLE,
    NOVA_CONSOLE_TYPE_UNAVAILABLE,
    NOVA_HYPERVISOR_UNAVAILABLE,
    NOVA_MIGRATION_PRE_CHECK,
    NOVA_INVALID_CONFIGURATION,
    NOVA_INCOMPATIBLE_OBJECT,
    NOVA_UNSUPPORTED_OBJECT,
    NOVA_OBJECT_ACTION,
    NOVA_NOT_IMPLEMENTED, /* builtins.NotImplementedError */
    NOVA_RUNTIME,         /* builtins.RuntimeError */
    NOVA_VALUE,           /* builtins.ValueError */
    NOVA_TYPE,            /* builtins.TypeError */
    NOVA_NO_SUCH_METHOD,  /* oslo_messaging.rpc.dispatcher */
    NOVA_UNSUPPORTED_VERSION,
    NOVA_MESSAGING_TIMEOUT, /* oslo_messaging.exceptions: nobody answered in time */
    NOVA_MESSAGE_UNDELIVERABLE,
    NOVA_REMOTE, /* RemoteError: a class that we don't know, named in the sentence */
    NOVA_N_EXCEPTIONS,
};

struct nova_exception_row {
    const char *name;   /* the class, "InstanceNotFound" */
    const char *module; /* "nova.exception" */
    int code;           /* positive errno that goes with it */
    int status;         /* 'code' of the class in nova: 404, 500 … */
};
extern const struct nova_exception_row nova_exceptions[NOVA_N_EXCEPTIONS];

/* Records it with a sentence as nova's user sees it; returns -errno of the row. */
int nova_fail(struct ol_err *err, enum nova_exception which, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));
/* True when 'err' carries that exception. */
bool nova_is(const struct ol_err *err, enum nova_exception which);
/* The row of an exception that came over the wire by name; NOVA_REMOTE when it is not known. */
enum nova_exception nova_exception_find(const char *name);
/* The row that 'err' is to be told as: its own; NOVA_EXCEPTION for a plain errno. */
enum nova_exception nova_exception_of(const struct ol_err *err);
