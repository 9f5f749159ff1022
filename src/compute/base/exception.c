/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/base/exception.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOVA       "nova.exception"
#define BUILTINS   "builtins"
#define MESSAGING  "oslo_messaging.exceptions"
#define DISPATCHER "oslo_messaging.rpc.dispatcher"

/* Names, modules and codes: nova/exception.py of 26.2; the errno is ours. */
const struct nova_exception_row nova_exceptions[NOVA_N_EXCEPTIONS] = {
    [NOVA_EXCEPTION] = {"NovaException", NOVA, EIO, 500},
    [NOVA_BUILD_ABORT] = {"BuildAbortException", NOVA, ECANCELED, 500},
    [NOVA_RESCHEDULED] = {"RescheduledException", NOVA, EAGAIN, 500},
    [NOVA_COMPUTE_HOST_NOT_FOUND] = {"ComputeHostNotFound", NOVA, ENOENT, 404},
    [NOVA_COMPUTE_RESOURCES_UNAVAILABLE] = {"ComputeResourcesUnavailable", NOVA, ENOSPC, 500},
    [NOVA_IMAGE_NOT_FOUND] = {"ImageNotFound", NOVA, ENOENT, 404},
    [NOVA_IMAGE_UNACCEPTABLE] = {"ImageUnacceptable", NOVA, EINVAL, 500},
    [NOVA_IMAGE_NOT_AUTHORIZED] = {"ImageNotAuthorized", NOVA, EACCES, 500},
    [NOVA_IMAGE_NOT_ACTIVE] = {"ImageNotActive", NOVA, EINVAL, 500},
    [NOVA_FLAVOR_MEMORY_TOO_SMALL] = {"FlavorMemoryTooSmall", NOVA, EINVAL, 500},
    [NOVA_FLAVOR_DISK_TOO_SMALL] = {"FlavorDiskSmallerThanMinDisk", NOVA, EINVAL, 500},
    [NOVA_FLAVOR_DISK_SMALLER] = {"FlavorDiskSmallerThanImage", NOVA, EINVAL, 500},
    [NOVA_IMAGE_CORRUPT] = {"ImageDownloadFailed", NOVA, EBADMSG, 500},
    [NOVA_INSTANCE_NOT_FOUND] = {"InstanceNotFound", NOVA, ENOENT, 404},
    [NOVA_INSTANCE_NOT_RUNNING] = {"InstanceNotRunning", NOVA, ESRCH, 500},
    [NOVA_INSTANCE_INVALID_STATE] = {"InstanceInvalidState", NOVA, EINVAL, 500},
    [NOVA_INSTANCE_POWER_OFF] = {"InstancePowerOffFailure", NOVA, EIO, 500},
    [NOVA_INSTANCE_POWER_ON] = {"InstancePowerOnFailure", NOVA, EIO, 500},
    [NOVA_INSTANCE_REBOOT] = {"InstanceRebootFailure", NOVA, EIO, 500},
    [NOVA_INSTANCE_SUSPEND] = {"InstanceSuspendFailure", NOVA, EIO, 500},
    [NOVA_INSTANCE_RESUME] = {"InstanceResumeFailure", NOVA, EIO, 500},
    [NOVA_INSTANCE_NOT_RESCUABLE] = {"InstanceNotRescuable", NOVA, EINVAL, 500},
    [NOVA_UNEXPECTED_TASK_STATE] = {"UnexpectedTaskStateError", NOVA, EBUSY, 500},
    [NOVA_UNEXPECTED_DELETING] = {"UnexpectedDeletingTaskStateError", NOVA, EBUSY, 500},
    [NOVA_UNEXPECTED_VM_STATE] = {"UnexpectedVMStateError", NOVA, EBUSY, 500},
    [NOVA_ORPHANED_OBJECT] = {"OrphanedObjectError", NOVA, EINVAL, 500},
    [NOVA_SERVICE_NOT_FOUND] = {"ServiceNotFound", NOVA, ENOENT, 404},
    [NOVA_SERVICE_TOO_OLD] = {"ServiceTooOld", NOVA, EINVAL, 500},
    [NOVA_TOO_OLD_COMPUTE] = {"TooOldComputeService", NOVA, EINVAL, 500},
    [NOVA_INVALID_VOLUME] = {"InvalidVolume", NOVA, EINVAL, 400},
    [NOVA_VOLUME_NOT_FOUND] = {"VolumeNotFound", NOVA, ENOENT, 404},
    [NOVA_VOLUME_UNSUPPORTED] = {"VolumeDriverNotFound", NOVA, EOPNOTSUPP, 404},
    [NOVA_VOLUME_BDM_NOT_FOUND] = {"VolumeBDMNotFound", NOVA, ENOENT, 404},
    [NOVA_VOLUME_NOT_CREATED] = {"VolumeNotCreated", NOVA, EIO, 500},
    [NOVA_MULTIATTACH_UNSUPPORTED] = {"MultiattachNotSupportedByVirtDriver", NOVA, EOPNOTSUPP, 400},
    [NOVA_DEVICE_DETACH_FAILED] = {"DeviceDetachFailed", NOVA, EBUSY, 500},
    [NOVA_DISK_NOT_FOUND] = {"DiskNotFound", NOVA, ENOENT, 404},
    [NOVA_PORT_NOT_FOUND] = {"PortNotFound", NOVA, ENOENT, 404},
    [NOVA_PORT_IN_USE] = {"PortInUse", NOVA, EBUSY, 400},
    [NOVA_PORT_NOT_USABLE] = {"PortNotUsable", NOVA, EINVAL, 400},
    [NOVA_NETWORK_NOT_FOUND] = {"NetworkNotFound", NOVA, ENOENT, 404},
    [NOVA_NETWORK_AMBIGUOUS] = {"NetworkAmbiguous", NOVA, EINVAL, 400},
    [NOVA_SECURITY_GROUP_NOT_FOUND] = {"SecurityGroupNotFound", NOVA, ENOENT, 404},
    [NOVA_VIF_CREATE] = {"VirtualInterfaceCreateException", NOVA, EIO, 500},
    [NOVA_INTERFACE_ATTACH_FAILED] = {"InterfaceAttachFailed", NOVA, EIO, 500},
    [NOVA_INTERFACE_DETACH_FAILED] = {"InterfaceDetachFailed", NOVA, EIO, 400},
    [NOVA_PORT_BINDING_FAILED] = {"PortBindingFailed", NOVA, EIO, 500},
    [NOVA_VIF_PLUG] = {"VirtualInterfacePlugException", NOVA, EIO, 500},
    [NOVA_NO_MORE_NETWORKS] = {"NoMoreNetworks", NOVA, ENOSPC, 500},
    [NOVA_CONSOLE_NOT_AVAILABLE] = {"ConsoleNotAvailable", NOVA, ENOENT, 404},
    [NOVA_CONSOLE_TYPE_UNAVAILABLE] = {"ConsoleTypeUnavailable", NOVA, EOPNOTSUPP, 400},
    [NOVA_MIGRATION_PRE_CHECK] = {"MigrationPreCheckError", NOVA, EOPNOTSUPP, 500},
    [NOVA_HYPERVISOR_UNAVAILABLE] = {"HypervisorUnavailable", NOVA, EIO, 500},
    [NOVA_INVALID_CONFIGURATION] = {"InvalidConfiguration", NOVA, EINVAL, 500},
    [NOVA_INCOMPATIBLE_OBJECT] = {"IncompatibleObjectVersion", "oslo_versionedobjects.exception",
                                  EPROTO, 500},
    [NOVA_UNSUPPORTED_OBJECT] = {"UnsupportedObjectError", "oslo_versionedobjects.exception",
                                 EPROTO, 500},
    [NOVA_OBJECT_ACTION] = {"ObjectActionError", NOVA, EINVAL, 500},
    [NOVA_NOT_IMPLEMENTED] = {"NotImplementedError", BUILTINS, ENOSYS, 500},
    [NOVA_RUNTIME] = {"RuntimeError", BUILTINS, EIO, 500},
    [NOVA_VALUE] = {"ValueError", BUILTINS, EINVAL, 500},
    [NOVA_TYPE] = {"TypeError", BUILTINS, EINVAL, 500},
    [NOVA_NO_SUCH_METHOD] = {"NoSuchMethod", DISPATCHER, ENOSYS, 500},
    [NOVA_UNSUPPORTED_VERSION] = {"UnsupportedVersion", DISPATCHER, ENOSYS, 500},
    [NOVA_MESSAGING_TIMEOUT] = {"MessagingTimeout", MESSAGING, ETIMEDOUT, 500},
    [NOVA_MESSAGE_UNDELIVERABLE] = {"MessageUndeliverable", MESSAGING, EHOSTUNREACH, 500},
    [NOVA_REMOTE] = {"RemoteError", "oslo_messaging.rpc.client", EREMOTEIO, 500},
};

int nova_fail(struct ol_err *err, enum nova_exception which, const char *fmt, ...)
{
    const struct nova_exception_row *row = &nova_exceptions[which];
    char msg[sizeof(((struct ol_err *)0)->msg)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    return ol_err_set_domain(err, row->code, row->name, row->status, "%s", msg);
}

bool nova_is(const struct ol_err *err, enum nova_exception which)
{
    return err && err->domain == nova_exceptions[which].name;
}

enum nova_exception nova_exception_find(const char *name)
{
    for (int i = 0; i < NOVA_N_EXCEPTIONS; i++)
        if (strcmp(nova_exceptions[i].name, name) == 0)
            return (enum nova_exception)i;
    return NOVA_REMOTE;
}

enum nova_exception nova_exception_of(const struct ol_err *err)
{
    for (int i = 0; i < NOVA_N_EXCEPTIONS; i++)
        if (nova_is(err, (enum nova_exception)i))
            return (enum nova_exception)i;
    return NOVA_EXCEPTION;
}
