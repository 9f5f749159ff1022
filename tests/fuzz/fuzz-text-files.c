/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "guest/module/hostname-set.h"
#include "guest/module/hosts.h"
#include "guest/module/ssh-keys.h"
#include "guest/module/sshd-config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files that an image brings and that are edited in place: hostname, hosts, sshd_config and
 * authorized_keys. What was put in must be found there again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf hosts = OL_BUF_INIT(4 << 20), sshd = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf name = OL_BUF_INIT(4 << 20), keys = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf rest = OL_BUF_INIT(4 << 20);
    const char *text = ol_arena_memdup(&a, data, size);
    struct ssh_key_list has = {0}, wants = {0};

    if (hosts_set_own(text, "127.0.1.1", "h.d", "h", &hosts)
        && hosts_set_own(hosts.data, "127.0.1.1", "h.d", "h", &rest))
        abort();
    if (sshd_config_edit(text, "PasswordAuthentication", "no", &sshd)
        && sshd_config_edit(sshd.data, "passwordauthentication", "no", &rest))
        abort();
    hostname_conf_set(text, "h", &name);
    if (!hostname_conf_get(&a, name.data))
        abort();
    ssh_keys_parse(&a, text, &has);
    ssh_keys_parse(&a, "ssh-rsa AAAA k", &wants);
    ssh_keys_merge(&has, &wants, &keys);
    has = (struct ssh_key_list){0};
    ssh_keys_parse(&a, keys.data, &has);
    for (size_t i = 0; i < has.n; i++)
        if (has.items[i].blob && !has.items[i].type)
            abort();
    return 0;
}
