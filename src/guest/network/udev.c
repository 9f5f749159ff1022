/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/network-internal.h"

#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"

int net_render_udev(const struct net_state *s, struct ol_arena *a, const char **ret,
                    struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(NET_FILE_MAX);

    for (size_t n = 0; n < s->n_ifaces; n++) {
        const struct net_iface *i = s->ifaces[n];
        const struct ol_val *driver = ol_val_get(i->params, "driver");

        if (!i->type || strcmp(i->type, "physical") != 0 || !i->mac)
            continue;
        ol_buf_printf(&b,
                      "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"%s\", "
                      "ATTR{address}==\"%s\", NAME=\"%s\"\n",
                      ol_val_is_truthy(driver) ? ol_val_to_text(a, driver) : "?*", i->mac, i->name);
    }
    return net_take_text(&b, "70-persistent-net.rules", a, ret, err);
}
