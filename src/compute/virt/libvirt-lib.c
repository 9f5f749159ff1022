/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/libvirt-lib.h"

#include <dlfcn.h>
#include <string.h>

#include "compute/base/exception.h"
#include "core/cleanup.h"

int libvirt_load(const char *library, struct libvirt_lib *ret, struct ol_err *err)
{
    static const struct {
        const char *symbol;
        size_t offset;
    } functions[] = {
#define X(result, member, symbol, parameters) {#symbol, offsetof(struct libvirt_lib, member)},
        LIBVIRT_FUNCTIONS(X)
#undef X
    };
    /* It has global state and threads: unloading it is not foreseen. */
    void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    struct libvirt_lib found;

    if (!lib)
        return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE,
                         "compute_driver = libvirt.LibvirtDriver needs %s, which cannot be loaded: "
                         "install the package libvirt0 (Debian, Ubuntu) or libvirt-libs (Fedora, "
                         "SUSE), or set compute_driver = qemu.QemuDriver",
                         library);
    for (size_t i = 0; i < ol_count(functions); i++) {
        void *symbol = dlsym(lib, functions[i].symbol);

        if (!symbol)
            return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE,
                             "compute_driver = libvirt.LibvirtDriver needs a newer %s: it has no "
                             "%s()",
                             library, functions[i].symbol);
        /* dlsym(3): the way to turn its result into a pointer to a function. */
        memcpy((char *)&found + functions[i].offset, &symbol, sizeof(symbol));
    }
    *ret = found;
    return 0;
}
