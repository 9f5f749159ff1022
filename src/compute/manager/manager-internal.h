/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdlib.h>

#include "compute/cloud/config-drive.h"
#include "compute/cloud/image-cache.h"
#include "compute/manager/manager.h"
#include "compute/manager/state.h"
#include "core/cleanup.h"

/*
 * Inside of the manager. Work on an instance is one struct work: what was asked, by whom, the
 * instance and an arena that lives until it has ended.
 */
struct tracker;

struct manager {
    struct manager_parts parts;
    struct ol_env *env;
    const struct compute_config *config;
    struct conductor *conductor;
    struct cloud *cloud;
    const struct virt_driver *driver;
    struct virt *virt; /* open from manager_init_host() on */
    struct image_cache *images;
    struct tracker *tracker;

    struct rpc_endpoint *endpoints;
    struct rpc_method *methods;
    size_t next_healed; /* of the periodic task alone */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t heard; /* an event that somebody waits for */
    struct event_wait *waits;
};

struct work {
    struct manager *m;
    struct ol_arena *arena;
    struct nova_context context;  /* of the caller */
    struct nova_object *instance; /* NULL: this work is about none */
    const struct ol_val *args;
    const char *method;
};

/* What wraps a method (nova's decorators). */
enum method_flag {
    METHOD_REVERTS = 1 << 0,  /* a failure sets task_state to None */
    METHOD_FAULTS = 1 << 1,   /* a failure is recorded as the instance's fault */
    METHOD_EVENT = 1 << 2,    /* an action event compute_NAME is written about it */
    METHOD_PARALLEL = 1 << 3, /* does not wait for what else is done with the instance */
    METHOD_HOST = 1 << 4,     /* about the host: there is no instance */
    METHOD_BUILD = 1 << 5,    /* in the lane of builds */
    METHOD_QUICK = 1 << 6,    /* never blocks: answered while all threads are busy */
};

struct method_row {
    const char *name;    /* NULL ends the table */
    const char *version; /* "6.0" */
    unsigned flags;      /* enum method_flag */
    int (*run)(struct work *w, struct ol_val **ret, struct ol_err *err);
    const char *event; /* instead of compute_NAME */
};
extern const struct method_row manager_methods[];
/* Runs a method with all that wraps it. */
int method_run(struct work *w, const struct method_row *row, struct ol_val **ret,
               struct ol_err *err) __attribute__((warn_unused_result));
const struct method_row *method_find(const char *name);

/* --- instance.c: what is done with any instance --- */
const char *instance_uuid(const struct work *w);
/* One argument of the message; NULL when it is absent or null. */
const struct ol_val *work_arg(const struct work *w, const char *name);
/* True when nova_str(field) is one of the words. */
bool instance_is(const struct nova_object *instance, const char *field, const char *const *words);
/* Saves with expected_task_state, NULL-terminated words; TASK_NONE stands for None. */
int instance_save(struct work *w, const char *const *expected, struct ol_err *err)
    __attribute__((warn_unused_result));
/* vm_state, task_state None and the driver's power state, saved together. */
int instance_settle(struct work *w, const char *vm_state, const char *const *expected,
                    struct ol_err *err) __attribute__((warn_unused_result));
/* vm_state error; what fails in it is logged. The failure itself is the caller's to tell. */
void instance_set_error(struct work *w, bool clean_task_state);
/* As if it had never been here: saved by who calls. */
void instance_unset_host(struct work *w);
enum virt_power instance_power(struct manager *m, const char *uuid);
/* INSTANCES/UUID, in the arena. */
const char *instance_directory(const struct work *w);
/* instance_name_template with the instance's id. */
const char *instance_name(const struct work *w);
/* The block device mappings of the instance. */
int instance_mappings(struct work *w, struct nova_object **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Work of our own about an instance that was read. */
/* Runs it as a task of the instance, with the row as it is then. 'name' is static text. */
void instance_later(struct manager *m, const char *uuid, const char *name,
                    int (*run)(struct work *w, struct ol_err *err));
/* An object of this class in an argument. NOVA_VALUE: it is another, or none. */
int work_load(struct work *w, const char *argument, const char *class, struct nova_object **ret,
              struct ol_err *err) __attribute__((warn_unused_result));
/* Records 'why' as the instance's fault; that it could not be is logged. */
void instance_record_fault(struct work *w, const struct ol_err *why);
/* Its allocations go; that they did not is logged: update_available_resource repeats it. */
void instance_drop_allocations(struct work *w);
/* The API's note of an action (InstanceAction), to which our events belong. */
int instance_note_action(struct work *w, const char *action, struct ol_err *err)
    __attribute__((warn_unused_result));
struct work instance_work(struct manager *m, struct ol_arena *a, struct nova_object *instance);
/* Tells the scheduler's fanout of a new state of one instance, or of its end. */
void instance_tell_scheduler(struct work *w, bool is_deleted);

/* --- machine.c: what the driver is told --- */
struct machine_plan {
    const struct nova_object *mappings;    /* BlockDeviceMappingList; NULL = none */
    const struct ol_val *network_info;     /* VIFs; NULL = none */
    const struct image_base *base;         /* of the root disk; NULL = it is there already */
    const struct ol_val *image_properties; /* hw_disk_bus …; NULL = those kept with the instance */
    bool has_config_drive;
    bool is_rescue; /* boots from disk.rescue, which is made of 'base' */
};
/* Pure: the machine of an instance, in the arena. */
struct virt_machine *machine_make(struct work *w, const struct machine_plan *p);
/* The disk of one mapping that is a volume. */
struct virt_disk machine_volume(struct work *w, const struct nova_object *bdm);
/* The same from what is stored about it: mappings and network_info are read. */
int machine_of(struct work *w, struct virt_machine **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The same, booted from a disk made of a rescue image; one that is rescued already is so anyway. */
int machine_of_rescue(struct work *w, const struct image_base *rescue, struct virt_machine **ret,
                      struct ol_err *err) __attribute__((warn_unused_result));
/* False: of a driver whose machines are names only. */
bool machine_has_disks(const struct work *w);
/* A device name for a mapping without one: "/dev/vda", vdb … by its disk_bus. */
const char *machine_next_device(struct work *w, const struct nova_object *mappings,
                                const char *bus);

/* --- network.c, network-ports.c --- */
/* Ports as requested: created or taken, bound to this host, with their rows. *ret: VIFs, which are
 * kept with the instance. What fails half-way is taken back. */
int network_allocate(struct work *w, const struct ol_val *requested, struct ol_val **ret,
                     struct ol_err *err) __attribute__((warn_unused_result));
/* One more port of an instance that is there. *ret: its VIF. */
int network_add(struct work *w, const struct ol_val *requested, const struct ol_val **ret,
                struct ol_err *err) __attribute__((warn_unused_result));
/* Ports that we made are deleted; those that were requested by id, or say so in the kept VIFs, are
 * unbound. All are tried; the first failure is told. */
int network_deallocate(struct work *w, struct ol_err *err) __attribute__((warn_unused_result));
/* One port: gone or unbound, out of the kept VIFs, its row too. */
int network_remove(struct work *w, const char *port, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Writes VIFs down when they differ from what is kept. */
int network_keep(struct work *w, const struct ol_val *info, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The kept VIF of a port; NULL when there is none. */
const struct ol_val *network_vif(struct work *w, const char *port);
/* Those without it. */
struct ol_val *network_without(struct work *w, const char *port);
/* VIFs of ports, with what only the kept ones and the request know: who made a port. */
int network_info_of(struct work *w, const struct ol_val *ports, const struct ol_val *requested,
                    struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));
/* The requests of a NetworkRequestList, and a field of one. */
const struct ol_val *network_requests(const struct ol_val *requested);
const char *network_request(const struct ol_val *request, const char *field);
/* The ports of 'requested', bound; a list. */
int network_take_ports(struct work *w, const struct ol_val *requested, struct ol_val **ret,
                       struct ol_err *err) __attribute__((warn_unused_result));
int network_release(struct work *w, const char *port, bool is_kept, struct ol_err *err)
    __attribute__((warn_unused_result));
int network_forget_row(struct work *w, const char *port, struct ol_err *err)
    __attribute__((warn_unused_result));
/* All rows of the instance's ports. */
int network_forget_rows(struct work *w, struct ol_err *err) __attribute__((warn_unused_result));

/* --- events.c: what neutron, cinder and the API tell of by external_instance_event --- */
/* Tags of events of one kind that a task waits for. */
struct event_wait {
    const char *uuid, *name; /* "network-vif-plugged" */
    struct ol_strv tags;
    bool has_failed;
    struct event_wait *next;
};
/* From here on they are heard; the struct is the caller's, until event_await(). */
void event_expect(struct manager *m, struct event_wait *wait);
void event_forget(struct manager *m, const struct event_wait *wait);
/* -ETIME; -EIO one of them tells of a failure. It is not waited for any more. */
int event_await(struct manager *m, struct event_wait *wait, ol_time patience)
    __attribute__((warn_unused_result));

/* The VIFs as last saved with the instance. */
const struct ol_val *network_cached(struct work *w);
/* Reads the ports anew and saves what changed. */
int network_heal(struct work *w, struct ol_err *err) __attribute__((warn_unused_result));

/* --- tracker.c: what this host has and what is used of it --- */
struct tracker *tracker_new(struct manager *m) __attribute__((warn_unused_result));
void tracker_free(struct tracker *t);
/* The instance is ours from now on: host, node and launched_on saved, usage counted and saved.
 * NOVA_COMPUTE_RESOURCES_UNAVAILABLE. */
int tracker_claim(struct work *w, struct ol_err *err) __attribute__((warn_unused_result));
/* Counted no more; the node is saved. */
void tracker_release(struct work *w);
int tracker_update(struct tracker *t, struct ol_err *err) __attribute__((warn_unused_result));
/* Finds the node's row, when there is one, without making it: for recover_all(). */
void tracker_find(struct tracker *t);
void tracker_build_ended(struct tracker *t, bool is_good);
/* hypervisor_hostname; "" before the first update. */
const char *tracker_node(const struct tracker *t);
/* The compute node's uuid (its provider in placement); "" before the first update. */
const char *tracker_provider(const struct tracker *t);
void tracker_reset(struct tracker *t);

/* --- the methods, each group in its own file --- */
int method_build(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_terminate(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_stop(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_start(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_reboot(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_pause(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_unpause(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_suspend(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_resume(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_rescue(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_unrescue(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_soft_delete(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_restore(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_console_output(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_uptime(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_diagnostics(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_instance_diagnostics(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_external_event(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_reserve_device(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_attach_interface(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_detach_interface(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_attach_volume(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_detach_volume(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_nothing(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_not_yet(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_refuse(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_refuse_image(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_refuse_live(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_refuse_move(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_refuse_rebuild(struct work *w, struct ol_val **ret, struct ol_err *err);
int method_no_console(struct work *w, struct ol_val **ret, struct ol_err *err);

/* Deletes an instance wholly: machine, ports, volumes, rows, allocations. */
int terminate_instance(struct work *w, const struct nova_object *mappings, struct ol_err *err)
    __attribute__((warn_unused_result));
int power_off_instance(struct work *w, bool is_clean, struct ol_err *err)
    __attribute__((warn_unused_result));
int power_start(struct work *w, struct ol_err *err) __attribute__((warn_unused_result));
int power_reboot(struct work *w, bool is_hard, struct ol_err *err)
    __attribute__((warn_unused_result));

/* Volumes of an instance: connected for a build or start, released at its end. */
int volumes_connect(struct work *w, struct nova_object *mappings, struct ol_err *err)
    __attribute__((warn_unused_result));
/* A volume that the build makes of an image, a snapshot or nothing, with its attachment; one that
 * is there already is left as it is. volume-create.c */
int volume_create(struct work *w, struct nova_object *bdm, struct ol_err *err)
    __attribute__((warn_unused_result));
void volumes_release(struct work *w, const struct nova_object *mappings, bool may_delete);

/* orphans.c: of whom nobody takes care but us. */
/* INSTANCES lies on a file system that other hosts see too, or it can't be told. */
bool orphans_is_shared(struct manager *m);
/* Machines of ours whose instances were evacuated to other hosts while we were away. */
void orphans_remove_evacuated(struct manager *m, const struct ol_strv *handled);
/* Allocations on our provider of instances that are deleted. */
void orphans_drop_allocations(struct manager *m, const struct ol_strv *known);
/* Consumers of our provider that are not among 'known'. */
int orphans_consumers(struct manager *m, const struct ol_strv *known, struct ol_arena *a,
                      struct ol_strv *ret, struct ol_err *err) __attribute__((warn_unused_result));

/* recover.c: what is to be done with an instance at the start, as nova's _init_instance decides. */
enum recover_step {
    RECOVER_NOTHING,
    RECOVER_NOT_OURS,
    RECOVER_FINISH_DELETED, /* rows say deleted: allocations go */
    RECOVER_ERROR,          /* a build was interrupted */
    RECOVER_CLEAR_TASK,     /* task_state None, nothing else */
    RECOVER_DELETE,         /* go on deleting */
    RECOVER_REBOOT_SOFT,
    RECOVER_REBOOT_HARD,
    RECOVER_ACTIVE, /* the machine runs: active, task_state None */
    RECOVER_UNPAUSE,
    RECOVER_STOP,
    RECOVER_START,
    RECOVER_RESUME_ON_BOOT, /* should run and doesn't */
};
/* What differs by configuration. */
enum recover_flag {
    RECOVER_MAY_RESUME = 1 << 0, /* resume_guests_state_on_host_boot */
    RECOVER_ALONE = 1 << 1,      /* the bus ended with the last run: what was cast is lost */
};
enum recover_step recover_decide(const struct nova_object *instance, const char *host,
                                 enum virt_power power, unsigned flags);
int recover_all(struct manager *m, struct ol_err *err) __attribute__((warn_unused_result));

/* unclaimed.c: builds that are on no host. Those that nobody will go on with are set to error;
 * 'handled' are uuids that are ours anyway. */
void recover_unclaimed(struct manager *m, const struct ol_strv *handled);
/* Between these a build goes back to the conductor: for a moment it has no host, no allocation and
 * nobody who knows of it but a file of ours, by which a start finds it. */
void handover_begin(struct work *w);
void handover_end(struct work *w);

/* sync.c: the power state that a driver has against the one that is stored. */
enum sync_step {
    SYNC_NOTHING,
    SYNC_SAVE_POWER, /* only the stored power state differs */
    SYNC_STOP,       /* stop through the API's way: the machine went down by itself */
    SYNC_FORCE_STOP, /* runs though it should not */
};
/* With the machine's power state as it is now. */
int sync_now(struct work *w, struct ol_err *err) __attribute__((warn_unused_result));
enum sync_step sync_decide(const struct nova_object *instance, enum virt_power power);
int sync_instance(struct work *w, enum virt_power power, struct ol_err *err)
    __attribute__((warn_unused_result));
void sync_event(void *ctx, const struct virt_event *e);
