/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/virt/qemu-host.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/str.h"

/*
 * Which accelerator. A kvm device that opens may still run a guest slower than TCG does (nested
 * software hypervisors), or not at all: so a guest is run, once per boot of the host. It is a
 * "BIOS" of 64 KiB that counts 64 million down, asks CPUID a thousand times (each leaves the guest)
 * and ends QEMU by its debug-exit port. Where KVM works that takes well under a second.
 */
enum { FIRMWARE_SIZE = 65536, RESET_AT = 0xfff0, WORKED = 2 * 0x2a + 1, TRIAL_SECONDS = 3 };

/* clang-format off */
static const unsigned char program[] = {
    0x66, 0xb9, 0x00, 0x00, 0x00, 0x04, /* mov  ecx, 0x4000000 */
    0x66, 0x49,                         /* dec  ecx            */
    0x75, 0xfc,                         /* jnz  the line above */
    0x66, 0xbe, 0xe8, 0x03, 0x00, 0x00, /* mov  esi, 1000      */
    0x66, 0x31, 0xc0,                   /* xor  eax, eax       */
    0x0f, 0xa2,                         /* cpuid               */
    0x66, 0x4e,                         /* dec  esi            */
    0x75, 0xf7,                         /* jnz  the xor        */
    0xb0, 0x2a,                         /* mov  al, 0x2a       */
    0xba, 0xf4, 0x00,                   /* mov  dx, 0xf4       */
    0xee,                               /* out  dx, al         */
    0xf4, 0xeb, 0xfd,                   /* hlt, for ever       */
};
static const unsigned char reset[] = {0xe9, 0x0d, 0x00}; /* jmp to the first byte */
/* clang-format on */

static int run_trial(struct qemu_host *h, const char *firmware)
{
    const char *argv[] = {h->binary,
                          "-machine",
                          "pc",
                          "-accel",
                          "kvm",
                          "-cpu",
                          "host",
                          "-m",
                          "16",
                          "-nodefaults",
                          "-no-user-config",
                          "-display",
                          "none",
                          "-bios",
                          firmware,
                          "-device",
                          "isa-debug-exit,iobase=0xf4,iosize=0x01",
                          NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    struct ol_spawn spawn = {.argv = argv, .timeout = TRIAL_SECONDS * OL_SECOND};
    int r = ol_spawn_run(h->env, &spawn, &result, NULL);

    return r < 0 ? r : result.status;
}

/* Whether QEMU's user may read and write it. */
static bool may_open(struct qemu_host *h, const char *path)
{
    struct stat st;

    if (!h->has_user)
        return true;
    if (ol_stat(h->env, path, &st) < 0)
        return false;
    if (st.st_uid == h->uid)
        return (st.st_mode & 0600) == 0600;
    for (int i = 0; i < h->n_groups; i++)
        if (st.st_gid == h->groups[i])
            return (st.st_mode & 0060) == 0060;
    return (st.st_mode & 0006) == 0006;
}

static bool kvm_works(struct qemu_host *h, const char *state_path)
{
    ol_autofree char *firmware = ol_xasprintf("%s/accelerator-trial", state_path);
    ol_autofree char *bytes = ol_xcalloc(1, FIRMWARE_SIZE);
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), status;

    /* Closed to us only: whether it works can't be tried, and virt_type kvm is taken at its word. */
    if (fd < 0)
        return errno == EACCES && h->keeps_owners;
    close(fd);
    if (!may_open(h, "/dev/kvm")) {
        ol_warn(h->env, "/dev/kvm is closed to QEMU's user: machines run without it");
        return false;
    }
    memcpy(bytes, program, sizeof(program));
    memcpy(bytes + RESET_AT, reset, sizeof(reset));
    if (ol_file_write(h->env, firmware, bytes, FIRMWARE_SIZE, 0600, OL_WRITE_PARENTS, NULL) < 0)
        return false;
    status = run_trial(h, firmware);
    (void)!ol_unlink(h->env, firmware, NULL);
    return status == WORKED;
}

/* The answer of this boot is kept in STATE/accelerator: "BOOT-ID kvm". */
static const char *decide(struct qemu_host *h)
{
    const struct compute_config *c = h->config;
    const char *where = c->state_path ? c->state_path : c->instances_path;
    ol_autofree char *path = ol_xasprintf("%s/accelerator", where);
    ol_autofree char *kept = ol_file_read_line(h->env, path);
    ol_autofree char *text = NULL;
    const char *found;

    if (kept && ol_str_starts(kept, h->boot_id))
        return ol_str_ends(kept, " kvm") ? "kvm" : "tcg";
    found = kvm_works(h, where) ? "kvm" : "tcg";
    ol_info(h->env, "machines run by %s", found);
    text = ol_xasprintf("%s %s\n", h->boot_id, found);
    (void)!ol_file_puts(h->env, path, text, 0644, OL_WRITE_ATOMIC | OL_WRITE_PARENTS, NULL);
    return found;
}

const char *qemu_accelerator(struct qemu_host *h)
{
    const char *wanted = h->config->accelerator, *type = h->config->virt_type, *found;

    if (wanted && !strcmp(wanted, "kvm"))
        return "kvm";
    if (wanted && !strcmp(wanted, "tcg"))
        return "tcg";
    /* nova's word for it: only virt_type kvm has to be tried. */
    if (!wanted && type && !strcmp(type, "qemu"))
        return "tcg";
    pthread_mutex_lock(&h->lock);
    if (!h->accelerator)
        h->accelerator = decide(h);
    found = h->accelerator;
    pthread_mutex_unlock(&h->lock);
    return found;
}
