/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/guest/fixture.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/base/jobs.h"
#include "guest/module/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a configuration may say; the bytes of an input choose among them. */
static const char *const words[] = {
    "users",
    "groups",
    "name",
    "default",
    "sudo",
    "doas",
    "ssh_authorized_keys",
    "lock_passwd",
    "plain_text_passwd",
    "hashed_passwd",
    "passwd",
    "primary_group",
    "uid",
    "homedir",
    "system",
    "no_create_home",
    "ssh_redirect_user",
    "snapuser",
    "create_groups",
    "user",
    "root",
    "joe",
    "-x",
    "write_files",
    "path",
    "content",
    "owner",
    "permissions",
    "encoding",
    "append",
    "defer",
    "source",
    "uri",
    "headers",
    "gz+b64",
    "b64",
    "/etc/out",
    "../../etc/x",
    "/etc/passwd",
    "0644",
    "root:root",
    "999",
    "H4sIAAAAAAAAA0vOz0sFAPkLLtgEAAAA",
    "mounts",
    "swap",
    "filename",
    "size",
    "maxsize",
    "auto",
    "mount_default_fields",
    "device_aliases",
    "ephemeral0",
    "/dev/vdb",
    "vdb.1",
    "none",
    "/mnt",
    "nfs",
    "a:/b",
    "1G",
    "bootcmd",
    "runcmd",
    "touch x",
    "locale",
    "locale_configfile",
    "de_DE.UTF-8",
    "timezone",
    "UTC",
    "hostname",
    "fqdn",
    "a.b",
    "a b\n",
    "preserve_hostname",
    "prefer_fqdn_over_hostname",
    "create_hostname_file",
    "manage_etc_hosts",
    "localhost",
    "template",
    "chpasswd",
    "list",
    "expire",
    "password",
    "type",
    "text",
    "hash",
    "RANDOM",
    "joe:R",
    "ssh_pwauth",
    "unchanged",
    "ssh_keys",
    "rsa_private",
    "rsa_certificate",
    "ssh_genkeytypes",
    "ssh_deletekeys",
    "ed25519",
    "disable_root",
    "disable_root_opts",
    "$USER",
    "authkey_hash",
    "md5",
    "no_ssh_fingerprints",
    "ssh",
    "emit_keys_to_console",
    "ssh_key_console_blacklist",
    "phone_home",
    "url",
    "post",
    "all",
    "tries",
    "http://h/$INSTANCE",
    "power_state",
    "mode",
    "halt",
    "delay",
    "now",
    "timeout",
    "condition",
    "message",
    "final_message",
    "{{ version }}",
    "{% for",
    "vendor_data",
    "prefix",
    "cloud_final_modules",
    "system_info",
    "default_user",
    "distro",
    "alpine",
    "arch",
    "rhel",
    "debian",
    "true",
    "",
};

static const struct module *const all[] = {
    &module_bootcmd,
    &module_write_files,
    &module_mounts,
    &module_set_hostname,
    &module_update_hostname,
    &module_update_etc_hosts,
    &module_users_groups,
    &module_ssh,
    &module_set_passwords,
    &module_locale,
    &module_timezone,
    &module_runcmd,
    &module_scripts_vendor,
    &module_scripts_per_once,
    &module_scripts_per_boot,
    &module_scripts_user,
    &module_scripts_per_instance,
    &module_ssh_authkey_fingerprints,
    &module_write_files_deferred,
    &module_keys_to_console,
    &module_phone_home,
    &module_final_message,
    &module_power_state_change,
};

/* Bytes that are read as a tree. */
struct bytes {
    struct ol_arena *a;
    const uint8_t *at, *end;
};

static unsigned next(struct bytes *b)
{
    return b->at < b->end ? *b->at++ : 0;
}

static const char *next_word(struct bytes *b)
{
    return words[next(b) % ol_count(words)];
}

static struct ol_val *make_value(struct bytes *b, int depth)
{
    unsigned kind = next(b);
    unsigned n = kind >> 5;
    struct ol_val *v;

    if (depth > 6 || b->at >= b->end)
        return ol_val_new_str(b->a, next_word(b));
    switch (kind % 8) {
    case 0: return ol_val_new_null(b->a);
    case 1: return ol_val_new_bool(b->a, n & 1);
    case 2: return ol_val_new_int(b->a, (int8_t)next(b) * ((int64_t)1 << (n * 8)));
    case 3: return ol_val_new_float(b->a, (double)next(b) / 3);
    case 4:
        v = ol_val_new_list(b->a);
        for (; n; n--)
            ol_val_append(b->a, v, make_value(b, depth + 1));
        return v;
    case 5:
    case 6:
        v = ol_val_new_map(b->a);
        for (n++; n; n--) {
            const char *key = next_word(b);

            ol_val_set(b->a, v, key, make_value(b, depth + 1));
        }
        return v;
    default: return ol_val_new_str(b->a, next_word(b));
    }
}

/* A zero and then choices among the words, or the text of a cloud-config; NULL = neither. */
static struct ol_val *make_config(struct ol_arena *a, const uint8_t *data, size_t size)
{
    struct ol_val *v = NULL;

    if (size && data[0] == 0) {
        struct bytes b = {.a = a, .at = data + 1, .end = data + size};

        v = ol_val_new_map(a);
        for (int i = 0; b.at < b.end && i < 32; i++) {
            const char *key = next_word(&b);

            ol_val_set(a, v, key, make_value(&b, 0));
        }
        return v;
    }
    if (ol_yaml_load((const char *)data, size, a, &v, NULL) < 0 || !ol_val_is_within(v, 1 << 20))
        return NULL;
    return ol_val_is(v, OL_VAL_MAP) ? v : NULL;
}

static void put_machine(struct fixture *f)
{
    f->env.is_live = false;
    fixture_put(f, "/etc/passwd", "root:x:0:0::/root:/bin/sh\njoe:x:0:0::/home/joe:/bin/sh\n");
    fixture_put(f, "/etc/group", "root:x:0:\n");
    fixture_put(f, "/etc/fstab", "UUID=1 / ext4 defaults 0 1\n");
    fixture_put(f, "/dev/vdb", "");
    fixture_put(f, "/proc/meminfo", "MemTotal: 1024 kB\n");
    fixture_put(f, "/usr/share/zoneinfo/UTC", "TZif2");
    if (ol_symlink(&f->env, "../../../../../../../../tmp/fuzz-modules-out", "/etc/out", NULL) < 0)
        abort();
}

/* Every module with one cloud-config, on a small machine: no crash, no leak, no way out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture *f = fixture_new();
    struct ol_val *cfg = make_config(&f->arena, data, size);

    if (!cfg) {
        fixture_free(f);
        return 0;
    }
    put_machine(f);
    guest_set_config(&f->g, cfg);
    if (!f->g.distro)
        fixture_configure(f, "{}");
    f->g.cfg = cfg;
    for (size_t i = 0; i < ol_count(all); i++) {
        struct ol_err err = OL_ERR_INIT;
        int r = all[i]->run(&f->g,
                            &(struct module_call){
                                .name = all[i]->name,
                                /* Modules must stand both what is pruned and what is not. */
                                .cfg = size % 2 ? module_typed_config(&f->g, all[i], cfg) : cfg,
                                .args = ol_val_new_list(&f->arena),
                                .frequency = all[i]->frequency,
                            },
                            &err);

        if ((r < 0) != (err.code != 0))
            abort();
    }
    guest_jobs_await(&f->g);
    if (access("/tmp/fuzz-modules-out", F_OK) == 0)
        abort();
    fixture_free(f);
    return 0;
}
