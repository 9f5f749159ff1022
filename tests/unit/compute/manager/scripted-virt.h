/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/base/exception.h"
#include "compute/virt/virt.h"

/*
 * A driver of a test: machines are a power state each; what is asked is written down as words
 * ("spawn off destroy"), and one operation may be told to fail.
 */
struct scripted {
    char words[512];
    const char *failing; /* the word of the operation that fails; NULL = none */
    enum nova_exception how;
    struct {
        char uuid[37];
        enum virt_power power;
    } machines[4];
    /* When a machine is spawned that waits for its wires. */
    void (*held)(const char *uuid);
    char path[256]; /* of the disk that was attached last */
};

extern const struct virt_driver scripted_driver;
/* The one that open() gives; zero it before a test. */
struct scripted *scripted_state(void);
enum virt_power scripted_power(const char *uuid);
/* Puts a machine there, as if it ran before we came. */
void scripted_put(const char *uuid, enum virt_power power);
