/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/placement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/cloud/cloud-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

/* The microversions of nova 26 scheduler/client/report.py. */
#define V_TREE        "1.14"
#define V_CREATE      "1.20"
#define V_INVENTORIES "1.26"
#define V_TRAITS      "1.6"
#define V_CLASSES     "1.7"
#define V_ALLOCATIONS "1.28"

enum {
    TRIES = 4,
    MAX_SEEN = 4 << 20,
    AGAIN = 1, /* what was seen is out of date */
};

/* One sync under way. */
struct sync {
    struct cloud *c;
    const struct placement_provider *p;
    struct placement_seen *seen;
    struct ol_arena *a; /* of one round */
};

static int ask(struct sync *s, const struct cloud_ask *q, int *ret_status,
               const struct ol_val **ret, struct ol_err *err)
{
    struct cloud_ask full = *q;

    full.service = CLOUD_PLACEMENT;
    return cloud_fetch(s->c, &full, s->a, ret_status, ret, err);
}

/* As ask(), and a status that isn't 2xx is an error. */
static int must(struct sync *s, const struct cloud_ask *q, const struct ol_val **ret,
                struct ol_err *err)
{
    struct cloud_ask full = *q;

    full.service = CLOUD_PLACEMENT;
    return cloud_call(s->c, &full, s->a, ret, err);
}

static const char *path(struct sync *s, const char *rest)
{
    return ol_arena_printf(s->a, "/resource_providers/%s%s", s->p->uuid, rest);
}

static struct placement_seen *find_seen(struct cloud *c, const char *uuid)
{
    struct placement_seen *seen = c->seen;

    while (seen && strcmp(seen->uuid, uuid) != 0)
        seen = seen->next;
    if (!seen) {
        seen = ol_xcalloc(1, sizeof(*seen));
        memcpy(seen->uuid, uuid, strlen(uuid)); /* its length was checked */
        ol_arena_init(&seen->arena, MAX_SEEN);
        seen->next = c->seen;
        c->seen = seen;
    }
    return seen;
}

static void forget(struct placement_seen *seen)
{
    ol_arena_done(&seen->arena);
    seen->inventories = NULL;
    seen->traits = NULL;
    seen->at = 0;
}

void placement_forget(struct cloud *c)
{
    while (c->seen) {
        struct placement_seen *next = c->seen->next;

        ol_arena_done(&c->seen->arena);
        free(c->seen);
        c->seen = next;
    }
}

static void keep_generation(struct sync *s, const struct ol_val *v, const char *key)
{
    s->seen->generation = ol_val_int(ol_val_get(v, key), s->seen->generation);
}

static void keep_inventories(struct sync *s, const struct ol_val *answer)
{
    s->seen->inventories = ol_val_copy(&s->seen->arena, ol_val_get(answer, "inventories"));
    keep_generation(s, answer, "resource_provider_generation");
}

static void keep_traits(struct sync *s, const struct ol_val *answer)
{
    s->seen->traits = ol_val_copy(&s->seen->arena, ol_val_get(answer, "traits"));
    keep_generation(s, answer, "resource_provider_generation");
}

/* A 409: AGAIN, or the error that it is for good. 404: the provider has gone meanwhile. */
static int judge(const struct cloud_ask *q, int status, const struct ol_val *body,
                 struct ol_err *err)
{
    struct cloud_ask full = *q;
    int r;

    full.service = CLOUD_PLACEMENT;
    if (status >= 200 && status <= 299)
        return 0;
    r = cloud_fail(&full, status, body, err);
    if ((status == 409 && placement_conflict(body) == CONFLICT_GENERATION) || status == 404)
        return AGAIN;
    return r;
}

static int create(struct sync *s, struct ol_err *err)
{
    struct ol_val *body = ol_val_new_map(s->a);
    const struct cloud_ask q = {
        .method = "POST", .path = "/resource_providers", .version = V_CREATE, .body = body};
    const struct ol_val *answer = NULL;
    int status = 0, r;

    ol_val_set_str(s->a, body, "uuid", s->p->uuid);
    ol_val_set_str(s->a, body, "name", s->p->name);
    if (s->p->parent)
        ol_val_set_str(s->a, body, "parent_provider_uuid", s->p->parent);
    r = ask(s, &q, &status, &answer, err);
    if (r < 0)
        return r;
    r = judge(&q, status, answer, err);
    if (r == 0) {
        s->seen->generation = 0;
        keep_generation(s, answer, "generation");
    }
    return r;
}

/* Reads the provider, or creates it. */
static int look(struct sync *s, struct ol_err *err)
{
    const struct cloud_ask q = {
        .method = "GET",
        .path = ol_arena_printf(s->a, "/resource_providers?in_tree=%s", s->p->uuid),
        .version = V_TREE,
    };
    const struct cloud_ask inventories = {.method = "GET", .path = path(s, "/inventories")};
    const struct cloud_ask traits = {
        .method = "GET", .path = path(s, "/traits"), .version = V_TRAITS};
    const struct ol_val *answer = NULL;
    int r = must(s, &q, &answer, err);

    if (r < 0)
        return r;
    if (!ol_val_count(ol_val_get(answer, "resource_providers"))) {
        r = create(s, err);
    } else {
        r = must(s, &inventories, &answer, err);
        if (r == 0)
            keep_inventories(s, answer);
        r = r < 0 ? r : must(s, &traits, &answer, err);
        if (r == 0)
            keep_traits(s, answer);
    }
    if (r == 0)
        s->seen->at = ol_now_boot(s->c->env);
    return r;
}

/* Classes of one's own have to exist before they are counted. */
static int make_classes(struct sync *s, struct ol_err *err)
{
    for (size_t i = 0; i < s->p->n_inventories; i++) {
        const char *name = s->p->inventories[i].resource_class;
        const struct cloud_ask q = {
            .method = "PUT",
            .path = ol_arena_printf(s->a, "/resource_classes/%s", name),
            .version = V_CLASSES,
        };
        int r = ol_str_starts(name, "CUSTOM_") ? must(s, &q, NULL, err) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

static int put_inventories(struct sync *s, struct ol_val *all, bool *ret_in_use, struct ol_err *err)
{
    struct ol_val *body = ol_val_new_map(s->a);
    const struct cloud_ask q = {
        .method = "PUT", .path = path(s, "/inventories"), .version = V_INVENTORIES, .body = body};
    const struct ol_val *answer = NULL;
    int status = 0, r;

    ol_val_set_int(s->a, body, "resource_provider_generation", s->seen->generation);
    ol_val_set(s->a, body, "inventories", all);
    r = ask(s, &q, &status, &answer, err);
    if (r < 0)
        return r;
    *ret_in_use = status == 409 && placement_conflict(answer) == CONFLICT_IN_USE;
    r = judge(&q, status, answer, err);
    if (r == 0)
        keep_inventories(s, answer);
    return r;
}

static int sync_inventories(struct sync *s, struct ol_err *err)
{
    struct ol_val *all = placement_inventories(s->a, s->p, NULL);
    bool is_in_use = false;
    int r;

    if (placement_same_inventories(all, s->seen->inventories))
        return 0;
    r = make_classes(s, err);
    if (r == 0)
        r = put_inventories(s, all, &is_in_use, err);
    if (!is_in_use)
        return r;
    /* What goes has allocations: it stays until they have gone, the rest is brought up to date. */
    all = placement_inventories(s->a, s->p, s->seen->inventories);
    if (placement_same_inventories(all, s->seen->inventories))
        return 0;
    return put_inventories(s, all, &is_in_use, err);
}

/* Makes traits of ours that placement does not know. */
static int make_traits(struct sync *s, const struct ol_strv *names, struct ol_err *err)
{
    ol_autofree char *joined = ol_strv_join(names, ",");
    const struct cloud_ask q = {
        .method = "GET",
        .path = ol_arena_printf(s->a, "/traits?name=in:%s", joined),
        .version = V_TRAITS,
    };
    const struct ol_val *answer = NULL;
    ol_auto(ol_strv_done) struct ol_strv known = OL_STRV_INIT;
    int r = names->n ? must(s, &q, &answer, err) : 0;

    for (size_t i = 0; i < ol_val_count(ol_val_get(answer, "traits")); i++) {
        const char *name = ol_val_str(ol_val_item(ol_val_get(answer, "traits"), i));

        if (name)
            ol_strv_add(&known, name);
    }
    for (size_t i = 0; i < names->n && r == 0; i++) {
        const struct cloud_ask put = {
            .method = "PUT",
            .path = ol_arena_printf(s->a, "/traits/%s", names->v[i]),
            .version = V_TRAITS,
        };

        if (!ol_strv_has(&known, names->v[i]))
            r = must(s, &put, NULL, err);
    }
    return r;
}

static int sync_traits(struct sync *s, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct ol_val *body = ol_val_new_map(s->a), *list = ol_val_new_list(s->a);
    const struct cloud_ask q = {
        .method = "PUT", .path = path(s, "/traits"), .version = V_TRAITS, .body = body};
    const struct ol_val *answer = NULL;
    int status = 0, r;

    placement_traits(s->p, s->seen->traits, &names);
    if (placement_same_traits(&names, s->seen->traits))
        return 0;
    r = make_traits(s, &names, err);
    if (r < 0)
        return r;
    ol_strv_each (name, &names)
        ol_val_append(s->a, list, ol_val_new_str(s->a, name));
    ol_val_set_int(s->a, body, "resource_provider_generation", s->seen->generation);
    ol_val_set(s->a, body, "traits", list);
    r = ask(s, &q, &status, &answer, err);
    if (r < 0)
        return r;
    r = judge(&q, status, answer, err);
    if (r == 0)
        keep_traits(s, answer);
    return r;
}

static bool is_fresh(const struct sync *s)
{
    ol_time limit = s->c->config->resource_provider_association_refresh;
    ol_time age = ol_now_boot(s->c->env) - s->seen->at;

    /* Each answer that is kept takes place in the arena: at half of it all is read anew. */
    return s->seen->at && s->seen->arena.used < MAX_SEEN / 2 && (!limit || age < limit);
}

static int sync_once(struct sync *s, struct ol_err *err)
{
    int r = 0;

    if (!is_fresh(s)) {
        forget(s->seen);
        r = look(s, err);
    }
    if (r == 0)
        r = sync_inventories(s, err);
    if (r == 0)
        r = sync_traits(s, err);
    if (r != 0)
        forget(s->seen);
    return r;
}

int placement_sync(struct cloud *c, const struct placement_provider *p, bool clear,
                   struct ol_err *err)
{
    struct ol_err last = OL_ERR_INIT;
    int r = cloud_check_id("a resource provider", p->uuid, err);

    if (r < 0 || strlen(p->uuid) >= sizeof(((struct placement_seen *)NULL)->uuid))
        return r < 0 ? r : ol_err_set(err, EINVAL, "the id of a resource provider is too long");
    pthread_mutex_lock(&c->placement_lock);
    r = AGAIN;
    for (int i = 0; i < TRIES && r == AGAIN; i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(2 * CLOUD_MAX_ANSWER);
        struct sync s = {.c = c, .p = p, .seen = find_seen(c, p->uuid), .a = &a};

        if (clear && i == 0)
            forget(s.seen);
        if (i > 1)
            c->env->clock->sleep(c->env->clock->ctx, i * 300 * OL_MS);
        r = sync_once(&s, &last);
    }
    pthread_mutex_unlock(&c->placement_lock);
    if (r != 0 && err)
        *err = last;
    return r == AGAIN ? -EBUSY : r;
}

int placement_allocations(struct cloud *c, const char *consumer, struct ol_arena *a,
                          const struct ol_val **ret, struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_PLACEMENT,
        .method = "GET",
        .path = ol_arena_printf(a, "/allocations/%s", consumer),
        .version = V_ALLOCATIONS,
    };
    const struct ol_val *answer = NULL;
    int r = cloud_check_id("a consumer", consumer, err);

    if (r == 0)
        r = cloud_call(c, &q, a, &answer, err);
    if (r == 0) {
        *ret = ol_val_get(answer, "allocations");
        *ret = *ret ? *ret : ol_val_new_map(a);
    }
    return r;
}

int placement_provider_allocations(struct cloud *c, const char *provider, struct ol_arena *a,
                                   const struct ol_val **ret, struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_PLACEMENT,
        .method = "GET",
        .path = ol_arena_printf(a, "/resource_providers/%s/allocations", provider),
    };
    const struct ol_val *answer = NULL;
    int r = cloud_check_id("a resource provider", provider, err);

    if (r == 0)
        r = cloud_call(c, &q, a, &answer, err);
    if (r == 0) {
        *ret = ol_val_get(answer, "allocations");
        *ret = *ret ? *ret : ol_val_new_map(a);
    }
    return r;
}

int placement_delete_allocations(struct cloud *c, const char *consumer, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct cloud_ask q = {
        .service = CLOUD_PLACEMENT,
        .method = "DELETE",
        .path = ol_arena_printf(&a, "/allocations/%s", consumer),
    };
    struct ol_err failure = OL_ERR_INIT;
    int r = cloud_check_id("a consumer", consumer, err);

    if (r < 0)
        return r;
    r = cloud_call(c, &q, &a, NULL, &failure);
    if (r < 0 && cloud_is(&failure, 404))
        return 0;
    if (r < 0 && err)
        *err = failure;
    return r;
}
