/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"

/* Interfaces that come to an instance and go: nova.compute.manager attach_ and detach_interface. */

static struct ol_val *request_of(struct work *w)
{
    static const char *const same[][2] = {{"network_id", "network_id"},
                                          {"port_id", "port_id"},
                                          {"address", "requested_ip"},
                                          {"tag", "tag"}};
    struct nova_object *one = nova_object_new(w->arena, w->m->parts.release, "NetworkRequest");
    struct nova_object *list = nova_object_new(w->arena, w->m->parts.release, "NetworkRequestList");
    struct ol_val *objects = ol_val_new_list(w->arena);

    for (size_t i = 0; i < ol_count(same); i++)
        nova_set_str(one, same[i][0], ol_val_str(work_arg(w, same[i][1])));
    ol_val_append(w->arena, objects, nova_object_dump(one));
    nova_set_val(list, "objects", objects);
    return nova_object_dump(list);
}

/* The message's instance may be older than the last attach. */
static int read_again(struct work *w, struct ol_err *err)
{
    static const char *const attrs[] = {"info_cache", "metadata", "system_metadata", NULL};

    return conductor_get_instance(w->m->conductor, &w->context, instance_uuid(w), attrs, w->arena,
                                  &w->instance, err);
}

static int plug(struct work *w, const struct ol_val *vif, struct ol_err *err)
{
    struct virt_machine *machine;
    int r = machine_of(w, &machine, err);

    for (size_t i = 0; r >= 0 && i < machine->n_nics; i++)
        if (strcmp(machine->nics[i].id, ol_val_str(ol_val_get(vif, "id"))) == 0)
            return w->m->driver->attach_nic(w->m->virt, machine, &machine->nics[i], err);
    return r;
}

int method_attach_interface(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    struct ol_err why = OL_ERR_INIT, mine = OL_ERR_INIT;
    const struct ol_val *vif = NULL;
    int r = read_again(w, err);

    if (r >= 0)
        r = network_add(w, request_of(w), &vif, err);
    if (r < 0)
        return r;
    if (plug(w, vif, &why) >= 0) {
        *ret = ol_val_copy(w->arena, vif);
        return 0;
    }
    ol_warn(w->m->env, "attach interface failed , try to deallocate port %s, reason: %s",
            ol_val_str(ol_val_get(vif, "id")), ol_err_text(&why));
    if (network_remove(w, ol_val_str(ol_val_get(vif, "id")), &mine) < 0)
        ol_warn(w->m->env, "instance %s: its port was not given back: %s", instance_uuid(w),
                ol_err_text(&mine));
    return nova_fail(err, NOVA_INTERFACE_ATTACH_FAILED,
                     "Failed to attach network adapter device to %s", instance_uuid(w));
}

int method_detach_interface(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *port = ol_val_str(work_arg(w, "port_id"));
    struct ol_err why = OL_ERR_INIT;
    struct virt_machine *machine;
    int r = read_again(w, err);

    if (r < 0)
        return r;
    if (!port || !network_vif(w, port))
        return nova_fail(err, NOVA_PORT_NOT_FOUND, "Port %s is not attached", port ? port : "None");
    r = machine_of(w, &machine, err);
    if (r < 0)
        return r;
    if (w->m->driver->detach_nic(w->m->virt, machine, port, &why) < 0) {
        ol_warn(w->m->env, "Detach interface failed, port_id=%s, reason: %s", port,
                ol_err_text(&why));
        return nova_fail(err, NOVA_INTERFACE_DETACH_FAILED,
                         "Failed to detach network adapter device from %s", instance_uuid(w));
    }
    return network_remove(w, port, err);
}
