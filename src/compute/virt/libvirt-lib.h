/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/err.h"

/*
 * libvirt.so.0, loaded when a driver is opened: linked, it would cost each start of the agent 19 ms
 * and 16 MB. What is declared here are the functions and numbers of libvirt's stable interface that
 * the driver uses (libvirt-domain.h, libvirt-host.h, libvirt-event.h, virterror.h), so that no
 * package of headers is needed. Functions give NULL or -1 on failure, and keep the reason for the
 * thread that called. Text and arrays that they give are the caller's to free().
 */
struct vir_connect;
struct vir_domain;

struct vir_domain_info {
    unsigned char state;              /* enum vir_state */
    unsigned long max_memory, memory; /* KiB */
    unsigned short vcpus;
    unsigned long long cpu_time; /* ns */
};

struct vir_block_info {
    unsigned long long capacity, allocation, physical; /* bytes */
};

enum vir_state {
    VIR_NOSTATE,
    VIR_RUNNING,
    VIR_BLOCKED,
    VIR_PAUSED,
    VIR_SHUTDOWN, /* on its way */
    VIR_SHUTOFF,
    VIR_CRASHED,
    VIR_PMSUSPENDED,
};

enum { /* virErrorNumber */
       VIR_ERR_INTERNAL = 1,
       VIR_ERR_INVALID_CONN = 6,
       VIR_ERR_SYSTEM = 38,
       VIR_ERR_RPC = 39,
       VIR_ERR_NO_DOMAIN = 42,
       VIR_ERR_OPERATION_INVALID = 55,
       VIR_ERR_DEVICE_MISSING = 99,
};
enum { VIR_FROM_RPC = 7, VIR_FROM_REMOTE = 13 };     /* virErrorDomain */
enum { VIR_AFFECT_LIVE = 1, VIR_AFFECT_CONFIG = 2 }; /* virDomainModificationImpact */
enum { VIR_XML_INACTIVE = 2 };                       /* virDomainXMLFlags */
enum { VIR_METADATA_ELEMENT = 2 };                   /* virDomainMetadataType */
enum { VIR_START_PAUSED = 1 };                       /* virDomainCreateFlags */
enum { VIR_SHUTDOWN_ACPI = 1 };                      /* virDomainShutdownFlagValues */
/* virDomainUndefineFlagsValues: with the memory that it may have on the disk, and all that is
 * known of it. */
enum { VIR_UNDEFINE_MANAGED_SAVE = 1, VIR_UNDEFINE_SNAPSHOTS = 2, VIR_UNDEFINE_NVRAM = 4 };
enum { VIR_EVENT_LIFECYCLE = 0 }; /* virDomainEventID */

typedef void (*vir_free_fn)(void *ctx);
typedef void (*vir_timer_fn)(int timer, void *ctx);
typedef void (*vir_close_fn)(struct vir_connect *c, int reason, void *ctx);
typedef void (*vir_error_fn)(void *ctx, void *error);
typedef int (*vir_event_fn)(struct vir_connect *c, struct vir_domain *d, int event, int detail,
                            void *ctx);

/* X(result, name of the member, symbol, parameters) */
#define LIBVIRT_FUNCTIONS(X)                                                                       \
    X(int, register_loop, virEventRegisterDefaultImpl, (void))                                     \
    X(int, run_loop, virEventRunDefaultImpl, (void))                                               \
    X(int, add_timer, virEventAddTimeout, (int ms, vir_timer_fn fn, void *ctx, vir_free_fn done))  \
    X(void, set_timer, virEventUpdateTimeout, (int timer, int ms))                                 \
    X(int, remove_timer, virEventRemoveTimeout, (int timer))                                       \
    X(void, on_error, virSetErrorFunc, (void *ctx, vir_error_fn fn))                               \
    X(int, error_code, virGetLastErrorCode, (void))                                                \
    X(int, error_domain, virGetLastErrorDomain, (void))                                            \
    X(const char *, error_text, virGetLastErrorMessage, (void))                                    \
    X(struct vir_connect *, connect, virConnectOpen, (const char *uri))                            \
    X(int, close, virConnectClose, (struct vir_connect * c))                                       \
    X(int, ref, virConnectRef, (struct vir_connect * c))                                           \
    X(int, keep_alive, virConnectSetKeepAlive, (struct vir_connect * c, int seconds, unsigned n))  \
    X(int, on_close, virConnectRegisterCloseCallback,                                              \
      (struct vir_connect * c, vir_close_fn fn, void *ctx, vir_free_fn done))                      \
    X(int, off_close, virConnectUnregisterCloseCallback,                                           \
      (struct vir_connect * c, vir_close_fn fn))                                                   \
    X(int, on_event, virConnectDomainEventRegisterAny,                                             \
      (struct vir_connect * c, struct vir_domain * d, int id, vir_event_fn fn, void *ctx,          \
       vir_free_fn done))                                                                          \
    X(int, off_event, virConnectDomainEventDeregisterAny, (struct vir_connect * c, int id))        \
    X(int, version, virConnectGetVersion, (struct vir_connect * c, unsigned long *ret))            \
    X(int, lib_version, virConnectGetLibVersion, (struct vir_connect * c, unsigned long *ret))     \
    X(char *, hostname, virConnectGetHostname, (struct vir_connect * c))                           \
    X(int, list, virConnectListAllDomains,                                                         \
      (struct vir_connect * c, struct vir_domain * **ret, unsigned flags))                         \
    X(struct vir_domain *, define, virDomainDefineXMLFlags,                                        \
      (struct vir_connect * c, const char *xml, unsigned flags))                                   \
    X(struct vir_domain *, lookup, virDomainLookupByUUIDString,                                    \
      (struct vir_connect * c, const char *uuid))                                                  \
    X(int, free, virDomainFree, (struct vir_domain * d))                                           \
    X(int, uuid, virDomainGetUUIDString, (struct vir_domain * d, char *ret))                       \
    X(int, info, virDomainGetInfo, (struct vir_domain * d, struct vir_domain_info * ret))          \
    X(int, state, virDomainGetState,                                                               \
      (struct vir_domain * d, int *ret, int *ret_reason, unsigned flags))                          \
    X(char *, xml, virDomainGetXMLDesc, (struct vir_domain * d, unsigned flags))                   \
    X(char *, metadata, virDomainGetMetadata,                                                      \
      (struct vir_domain * d, int type, const char *uri, unsigned flags))                          \
    X(int, block_info, virDomainGetBlockInfo,                                                      \
      (struct vir_domain * d, const char *disk, struct vir_block_info *ret, unsigned flags))       \
    X(int, create, virDomainCreateWithFlags, (struct vir_domain * d, unsigned flags))              \
    X(int, shutdown, virDomainShutdownFlags, (struct vir_domain * d, unsigned flags))              \
    X(int, destroy, virDomainDestroyFlags, (struct vir_domain * d, unsigned flags))                \
    X(int, undefine, virDomainUndefineFlags, (struct vir_domain * d, unsigned flags))              \
    X(int, suspend, virDomainSuspend, (struct vir_domain * d))                                     \
    X(int, resume, virDomainResume, (struct vir_domain * d))                                       \
    X(int, save, virDomainManagedSave, (struct vir_domain * d, unsigned flags))                    \
    X(int, is_saved, virDomainHasManagedSaveImage, (struct vir_domain * d, unsigned flags))        \
    X(int, drop_save, virDomainManagedSaveRemove, (struct vir_domain * d, unsigned flags))         \
    X(int, attach, virDomainAttachDeviceFlags,                                                     \
      (struct vir_domain * d, const char *xml, unsigned flags))                                    \
    X(int, detach, virDomainDetachDeviceFlags,                                                     \
      (struct vir_domain * d, const char *xml, unsigned flags))

struct libvirt_lib {
#define X(result, member, symbol, parameters) result(*member) parameters;
    LIBVIRT_FUNCTIONS(X)
#undef X
};

/* Loads 'library' ("libvirt.so.0"), which stays loaded. NOVA_HYPERVISOR_UNAVAILABLE. */
int libvirt_load(const char *library, struct libvirt_lib *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
