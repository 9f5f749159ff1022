/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/manager/manager-internal.h"

#include "fake-cloud.h"

/* A whole manager between a conductor on SQLite and a scripted driver, below a temporary root. */
struct life {
    char root[40];
    struct ol_env env;
    struct compute_config config;
    struct conductor *conductor;
    struct cloud *cloud;
    struct task_pool *pool;
    struct manager *manager;
    struct ol_arena arena;
    struct nova_context context;
    struct fake_cloud services;
    struct ol_strv casts; /* "TOPIC METHOD", and the class of its instance_info */
    struct conductor_ops ops;
    const struct conductor_ops *own;
    unsigned n_node_saves;
};

int life_set_up(void **state); /* *state: struct life */
int life_tear_down(void **state);
/* From here on there are neutron and cinder: 'services' of it. Before life_start(). */
void life_add_cloud(struct life *f);
/* Fails the test with the sentence. */
void life_must(int r, const struct ol_err *err);
void life_start(struct life *f);
struct nova_object *life_new_instance(struct life *f, const char *uuid);
/* As it is in the database, with its cache, metadata and fault. */
struct nova_object *life_stored(struct life *f, const char *uuid);
void life_is_in(struct life *f, const char *uuid, const char *vm, const char *task,
                enum virt_power power);
/* The API's action, then the method as it is cast to us. */
int life_call(struct life *f, const char *method, struct nova_object *i, struct ol_val *args,
              struct ol_val **ret, struct ol_err *err);
int life_run(struct life *f, const char *method, const char *uuid, const char *task,
             struct ol_err *err);
void life_build(struct life *f, const char *uuid);
struct nova_object *life_mappings(struct life *f, const char *uuid);
