/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/cloud/cloud.h"
#include "compute/cloud/config-drive.h"
#include "compute/cloud/image-cache.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "net/http-lean.h"

/*
 * compute/cloud as a program, for tests/contract/test_cloud.py. Reads a JSON map from standard
 * input and does its "steps", a list of [name, arguments...], in order; "threads" times at once
 * when it says so. Each step prints a line {"step", "result", "error", "exception", "status"}.
 */

enum { IN_MAX = 8 << 20 };

struct tool {
    struct ol_env *env;
    struct compute_config config;
    struct cloud *cloud;
    struct image_cache *images;
    const struct ol_val *in;
};

struct step {
    struct tool *t;
    struct ol_arena *a;
    const struct ol_val *args;
    struct nova_context user;
    const struct ol_val *result;
    struct ol_err err;
};

static const char *arg(const struct step *s, size_t n)
{
    return ol_val_str(ol_val_item(s->args, n));
}

static int do_fetch(struct step *s)
{
    const struct cloud_ask q = {
        .service = (enum cloud_service)ol_val_int(ol_val_item(s->args, 1), 0),
        .method = arg(s, 2),
        .path = arg(s, 3),
        .version = arg(s, 4),
        .body = ol_val_item(s->args, 5),
        .user = &s->user,
    };
    struct ol_val *both = ol_val_new_list(s->a);
    const struct ol_val *body = NULL;
    int status = 0;
    int r = cloud_fetch(s->t->cloud, &q, s->a, &status, &body, &s->err);

    ol_val_append(s->a, both, ol_val_new_int(s->a, status));
    ol_val_append(s->a, both, body ? ol_val_copy(s->a, body) : ol_val_new_null(s->a));
    s->result = both;
    return r;
}

static double number(const struct ol_val *v)
{
    return ol_val_is(v, OL_VAL_FLOAT) ? v->number : (double)ol_val_int(v, 0);
}

/* [name, uuid, name, {class: {…}}, [traits], clear] */
static int do_sync(struct step *s)
{
    const struct ol_val *classes = ol_val_item(s->args, 3), *names = ol_val_item(s->args, 4);
    ol_auto(ol_strv_done) struct ol_strv traits = OL_STRV_INIT;
    struct placement_inventory inventories[16];
    struct placement_provider p = {
        .uuid = arg(s, 1), .name = arg(s, 2), .inventories = inventories, .traits = &traits};

    for (size_t i = 0; i < ol_val_count(classes) && i < ol_count(inventories); i++) {
        const struct ol_val *v = ol_val_pair(classes, i)->value;

        inventories[i] = (struct placement_inventory){
            .resource_class = ol_val_str(ol_val_pair(classes, i)->key),
            .total = ol_val_int(ol_val_get(v, "total"), 0),
            .reserved = ol_val_int(ol_val_get(v, "reserved"), 0),
            .min_unit = ol_val_int(ol_val_get(v, "min_unit"), 1),
            .max_unit = ol_val_int(ol_val_get(v, "max_unit"), 1),
            .step_size = ol_val_int(ol_val_get(v, "step_size"), 1),
            .allocation_ratio = number(ol_val_get(v, "allocation_ratio")),
        };
        p.n_inventories++;
    }
    for (size_t i = 0; i < ol_val_count(names); i++)
        ol_strv_add(&traits, ol_val_str(ol_val_item(names, i)));
    return placement_sync(s->t->cloud, &p, ol_val_is_truthy(ol_val_item(s->args, 5)), &s->err);
}

static int do_allocations(struct step *s)
{
    return placement_allocations(s->t->cloud, arg(s, 1), s->a, &s->result, &s->err);
}

static int do_provider_allocations(struct step *s)
{
    return placement_provider_allocations(s->t->cloud, arg(s, 1), s->a, &s->result, &s->err);
}

static int do_delete_allocations(struct step *s)
{
    return placement_delete_allocations(s->t->cloud, arg(s, 1), &s->err);
}

/* --- glance and images --- */

static int do_image(struct step *s)
{
    struct glance_image image;
    int r = glance_show(s->t->cloud, &s->user, arg(s, 1), s->a, &image, &s->err);

    if (r == 0)
        s->result = image.all;
    return r;
}

/* [name, id, file] */
static int do_download(struct step *s)
{
    ol_autoclose int fd = open(arg(s, 2), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct glance_image image;
    int r = glance_show(s->t->cloud, &s->user, arg(s, 1), s->a, &image, &s->err);

    return r < 0 ? r : glance_download(s->t->cloud, &s->user, &image, fd, &s->err);
}

static int do_base(struct step *s)
{
    struct ol_val *v = ol_val_new_map(s->a);
    struct image_base b;
    int r = image_cache_get(s->t->images, &s->user, arg(s, 1), &b, &s->err);

    if (r < 0)
        return r;
    ol_val_set_str(s->a, v, "path", b.path);
    ol_val_set_bool(s->a, v, "is_raw", b.is_raw);
    ol_val_set_int(s->a, v, "virtual_size", b.virtual_size);
    s->result = v;
    return 0;
}

/* [name, [used ids], age in seconds] */
static int do_clean(struct step *s)
{
    const struct ol_val *ids = ol_val_item(s->args, 1);
    ol_auto(ol_strv_done) struct ol_strv used = OL_STRV_INIT;

    for (size_t i = 0; i < ol_val_count(ids); i++)
        ol_strv_add(&used, ol_val_str(ol_val_item(ids, i)));
    return image_cache_clean(s->t->images, &used,
                             ol_val_int(ol_val_item(s->args, 2), 0) * OL_SECOND, &s->err);
}

/* --- neutron and cinder --- */

static int do_ports(struct step *s)
{
    return neutron_ports(s->t->cloud, &s->user, arg(s, 1), s->a, &s->result, &s->err);
}

static int do_network_info(struct step *s)
{
    const struct ol_val *ports = NULL;
    struct ol_val *info = NULL;
    int r = neutron_ports(s->t->cloud, &s->user, arg(s, 1), s->a, &ports, &s->err);

    if (r == 0)
        r = neutron_network_info(s->t->cloud, &s->user, ports, s->a, &info, &s->err);
    s->result = info;
    return r;
}

static int do_update_port(struct step *s)
{
    return neutron_update_port(s->t->cloud, &s->user, arg(s, 1), ol_val_item(s->args, 2), s->a,
                               &s->result, &s->err);
}

static int do_create_port(struct step *s)
{
    return neutron_create_port(s->t->cloud, &s->user, ol_val_item(s->args, 1), s->a, &s->result,
                               &s->err);
}

static int do_delete_port(struct step *s)
{
    return neutron_delete_port(s->t->cloud, &s->user, arg(s, 1), &s->err);
}

static int do_volume(struct step *s)
{
    return cinder_volume(s->t->cloud, &s->user, arg(s, 1), s->a, &s->result, &s->err);
}

static int do_attachment_update(struct step *s)
{
    return cinder_attachment_update(s->t->cloud, &s->user, arg(s, 1), ol_val_item(s->args, 2), s->a,
                                    &s->result, &s->err);
}

static int do_attachment_complete(struct step *s)
{
    return cinder_attachment_complete(s->t->cloud, &s->user, arg(s, 1), &s->err);
}

static int do_attachment_delete(struct step *s)
{
    return cinder_attachment_delete(s->t->cloud, &s->user, arg(s, 1), &s->err);
}

/* [name, format, file]: a small config drive. */
static int do_config_drive(struct step *s)
{
    const struct config_drive d = {
        .uuid = "7f3a8e5c-1111-4222-8333-944455556666",
        .name = "web",
        .hostname = "web",
        .user_data = "#!/bin/sh\n",
        .user_data_size = 10,
        .admin_password = "s3cret",
        .created = 1795309429,
    };

    return config_drive_write(s->t->env, &d, arg(s, 1), arg(s, 2), &s->err);
}

/* Seconds of real time. */
static int do_sleep(struct step *s)
{
    s->t->env->clock->sleep(s->t->env->clock->ctx,
                            (ol_time)(number(ol_val_item(s->args, 1)) * 1e9));
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct step *s);
} verbs[] = {
    {"fetch", do_fetch},
    {"sync", do_sync},
    {"allocations", do_allocations},
    {"provider_allocations", do_provider_allocations},
    {"delete_allocations", do_delete_allocations},
    {"image", do_image},
    {"download", do_download},
    {"base", do_base},
    {"clean", do_clean},
    {"ports", do_ports},
    {"network_info", do_network_info},
    {"update_port", do_update_port},
    {"create_port", do_create_port},
    {"delete_port", do_delete_port},
    {"volume", do_volume},
    {"attachment_update", do_attachment_update},
    {"attachment_complete", do_attachment_complete},
    {"attachment_delete", do_attachment_delete},
    {"config_drive", do_config_drive},
    {"sleep", do_sleep},
};

static void report(struct step *s, int r)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(32 << 20);
    struct ol_val *v = ol_val_new_map(s->a);

    ol_val_set(s->a, v, "step", ol_val_copy(s->a, ol_val_item(s->args, 0)));
    ol_val_set(s->a, v, "result", s->result ? ol_val_copy(s->a, s->result) : ol_val_new_null(s->a));
    if (r < 0) {
        ol_val_set_int(s->a, v, "code", -r);
        ol_val_set_str(s->a, v, "error", ol_err_text(&s->err));
        ol_val_set_str(s->a, v, "exception", nova_exceptions[nova_exception_of(&s->err)].name);
        ol_val_set_int(s->a, v, "status", s->err.status);
    }
    if (ol_json_dump(v, &ol_json_compact, &line) == 0)
        printf("%s\n", line.data);
    fflush(stdout);
}

static void *run_steps(void *ctx)
{
    struct tool *t = ctx;
    const struct ol_val *steps = ol_val_get(t->in, "steps");

    for (size_t i = 0; i < ol_val_count(steps); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
        struct step s = {.t = t, .a = &a, .args = ol_val_item(steps, i)};
        int r = -EINVAL;

        s.user.values = ol_val_new_map(&a);
        if (ol_val_get(t->in, "user"))
            s.user.values = ol_val_copy(&a, ol_val_get(t->in, "user"));
        for (size_t j = 0; j < ol_count(verbs); j++)
            if (arg(&s, 0) && !strcmp(verbs[j].name, arg(&s, 0)))
                r = verbs[j].run(&s);
        report(&s, r);
    }
    return NULL;
}

static void set_list(struct ol_strv *to, const struct ol_val *from)
{
    for (size_t i = 0; i < ol_val_count(from); i++)
        if (ol_val_str(ol_val_item(from, i)))
            ol_strv_add(to, ol_val_str(ol_val_item(from, i)));
}

static void read_auth(const struct ol_val *v, struct compute_auth *ret)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {
        {"auth_url", &ret->auth_url},
        {"username", &ret->username},
        {"password", &ret->password},
        {"project_name", &ret->project_name},
        {"user_domain_name", &ret->user_domain_name},
        {"project_domain_name", &ret->project_domain_name},
        {"region_name", &ret->region_name},
        {"system_scope", &ret->system_scope},
        {"application_credential_id", &ret->application_credential_id},
        {"application_credential_secret", &ret->application_credential_secret},
        {"endpoint_override", &ret->endpoint_override},
        {"cafile", &ret->cafile},
        {"certfile", &ret->certfile},
        {"keyfile", &ret->keyfile},
    };

    for (size_t i = 0; i < ol_count(texts); i++)
        *texts[i].to = ol_val_str(ol_val_get(v, texts[i].name));
    ret->insecure = ol_val_is_truthy(ol_val_get(v, "insecure"));
    ret->send_service_user_token = ol_val_is_truthy(ol_val_get(v, "send_service_user_token"));
    ret->timeout = (ol_time)(number(ol_val_get(v, "timeout")) * 1e9);
    set_list(&ret->valid_interfaces, ol_val_get(v, "valid_interfaces"));
}

static void read_config(const struct ol_val *v, struct compute_config *c)
{
    read_auth(ol_val_get(v, "placement"), &c->placement);
    read_auth(ol_val_get(v, "glance"), &c->glance);
    read_auth(ol_val_get(v, "neutron"), &c->neutron);
    read_auth(ol_val_get(v, "cinder"), &c->cinder);
    read_auth(ol_val_get(v, "service_user"), &c->service_user);
    set_list(&c->glance_api_servers, ol_val_get(v, "glance_api_servers"));
    c->glance_num_retries = 3;
    c->glance_verify = ol_val_is_truthy(ol_val_get(v, "verify_glance_signatures"));
    c->ovs_bridge = "br-int";
    c->instances_path = ol_val_str(ol_val_get(v, "instances_path"));
    c->image_cache_subdirectory = "_base";
    c->force_raw_images = ol_val_is_truthy(ol_val_get(v, "force_raw_images"));
    c->standalone = ol_val_is_truthy(ol_val_get(v, "standalone"));
    c->resource_provider_association_refresh = 300 * OL_SECOND;
}

static int read_in(struct ol_arena *a, struct ol_val **ret)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(IN_MAX);
    struct ol_err err = OL_ERR_INIT;
    char piece[65536];
    ssize_t n;
    int r;

    while ((n = read(0, piece, sizeof(piece))) > 0)
        ol_buf_add(&text, piece, (size_t)n);
    r = ol_json_load(text.data, text.len, a, ret, &err);
    if (r < 0)
        fprintf(stderr, "%s\n", ol_err_text(&err));
    return r;
}

static void config_done(struct compute_config *c)
{
    struct compute_auth *const all[] = {&c->placement, &c->glance, &c->neutron, &c->cinder,
                                        &c->service_user};

    for (size_t i = 0; i < ol_count(all); i++)
        ol_strv_done(&all[i]->valid_interfaces);
    ol_strv_done(&c->glance_api_servers);
}

static void run(struct tool *t)
{
    int64_t n = ol_val_int(ol_val_get(t->in, "threads"), 1);
    pthread_t threads[32];

    if (n > (int64_t)ol_count(threads))
        n = (int64_t)ol_count(threads);
    for (int64_t i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, run_steps, t))
            abort();
    for (int64_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 20);
    struct ol_val *in = NULL;
    struct tool t = {.env = NULL};
    struct ol_env env;

    if (read_in(&a, &in) < 0 || ol_env_init(&env, "/", NULL) < 0)
        return 1;
    env.http = &ol_http_lean;
    ol_env_arm_kill(&env);
    t.env = &env;
    t.in = in;
    read_config(in, &t.config);
    t.cloud = cloud_new(&env, &t.config);
    if (t.config.instances_path)
        t.images = image_cache_new(&env, &t.config, t.cloud);
    run(&t);
    image_cache_free(t.images);
    cloud_free(t.cloud);
    config_done(&t.config);
    ol_env_done(&env);
    return 0;
}
