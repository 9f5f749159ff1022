/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/rename.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "core/str.h"
#include "guest/network/network-internal.h"

/* One interface that gets another name. */
struct move {
    const struct nic *nic;
    const char *to;
    bool is_done;
};

struct moves {
    struct move *items;
    size_t n;
};

static void add_want(struct rename_wants *to, struct ol_arena *a, const struct rename_want *w)
{
    if (to->n == to->cap) {
        size_t cap = to->cap ? to->cap * 2 : 8;

        to->items = ol_arena_grow(a, to->items, to->cap * sizeof(*w), cap * sizeof(*w));
        to->cap = cap;
    }
    to->items[to->n++] = *w;
}

/* Adds the wish of one entry; 'of_match' holds the MAC under 'key'. */
static void add_entry(struct rename_wants *to, struct ol_arena *a, const char *name,
                      const struct ol_val *of_match, const char *key)
{
    const struct ol_val *given = ol_val_get(of_match, key);
    const char *mac = ol_val_str(given) ? ol_val_str(given) : net_mac_from_int(a, given);
    const struct ol_val *params = ol_val_get(of_match, "params");
    struct rename_want want = {.name = name};

    if (!mac || !*mac || !name || !*name)
        return;
    if (!params)
        params = of_match;
    want.mac = ol_str_lower(ol_arena_strdup(a, mac));
    want.driver = ol_val_str(ol_val_get(params, "driver"));
    want.device_id = ol_val_str(ol_val_get(params, "device_id"));
    add_want(to, a, &want);
}

void net_rename_wants(const struct ol_val *config, struct ol_arena *a, struct rename_wants *ret)
{
    int64_t version = ol_val_int(ol_val_get(config, "version"), 0);
    const struct ol_val *entries = ol_val_get(config, version == 1 ? "config" : "ethernets");

    *ret = (struct rename_wants){0};
    for (size_t i = 0; version == 1 && i < ol_val_count(entries); i++) {
        const struct ol_val *e = ol_val_item(entries, i);
        const char *type = ol_val_str(ol_val_get(e, "type"));

        if (type && !strcmp(type, "physical"))
            add_entry(ret, a, ol_val_str(ol_val_get(e, "name")), e, "mac_address");
    }
    for (size_t i = 0; version == 2 && i < ol_val_count(entries); i++) {
        const struct ol_pair *pair = ol_val_pair(entries, i);
        const struct ol_val *e = pair ? pair->value : NULL;

        add_entry(ret, a, ol_val_str(ol_val_get(e, "set-name")), ol_val_get(e, "match"),
                  "macaddress");
    }
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);

    return len && len < IFNAMSIZ && !strpbrk(name, "/: \t\n") && strcmp(name, ".") != 0
           && strcmp(name, "..") != 0;
}

static bool fits(const struct nic *nic, const struct rename_want *w, const char *mac)
{
    if (!mac || strcmp(mac, w->mac) != 0)
        return false;
    if (w->driver && (!nic->driver || strcmp(nic->driver, w->driver) != 0))
        return false;
    return !w->device_id || (nic->device_id && !strcmp(nic->device_id, w->device_id));
}

/* The interface that is meant; *ret NULL when the machine has none. -EINVAL: more than one. */
static int find_nic(const struct nics *nics, const struct rename_want *w, bool by_perm,
                    const struct nic **ret, struct ol_err *err)
{
    *ret = NULL;
    for (size_t i = 0; i < nics->n; i++) {
        const struct nic *nic = &nics->items[i];

        if (!nic_is_usable(nics, nic) || !fits(nic, w, by_perm ? nic->perm_mac : nic->mac))
            continue;
        if (*ret)
            return ol_err_set(err, EINVAL, "both '%s' and '%s' have mac '%s', which is '%s'?",
                              (*ret)->name, nic->name, w->mac, w->name);
        *ret = nic;
    }
    return 0;
}

static int add_move(struct moves *moves, const struct nic *nic, const struct rename_want *w,
                    struct ol_err *err)
{
    if (!is_name(w->name))
        return ol_err_set(err, EINVAL, "'%s' cannot be the name of an interface", w->name);
    for (size_t i = 0; i < moves->n; i++) {
        const struct move *m = &moves->items[i];

        if (m->nic == nic && !strcmp(m->to, w->name))
            return 0;
        if (m->nic == nic)
            return ol_err_set(err, EINVAL, "mac=%s is to be both '%s' and '%s'", w->mac, m->to,
                              w->name);
        if (!strcmp(m->to, w->name))
            return ol_err_set(err, EINVAL, "both mac=%s and mac=%s are to be '%s'", m->nic->mac,
                              w->mac, w->name);
    }
    moves->items[moves->n++] = (struct move){.nic = nic, .to = w->name};
    return 0;
}

static int find_moves(const struct nics *nics, const struct rename_wants *wants, struct ol_arena *a,
                      struct moves *moves, struct ol_val *absent, struct ol_err *err)
{
    for (size_t i = 0; i < wants->n; i++) {
        const struct rename_want *w = &wants->items[i];
        const struct nic *nic = NULL;
        int r = find_nic(nics, w, true, &nic, err);

        if (r >= 0 && !nic)
            r = find_nic(nics, w, false, &nic, err);
        if (r >= 0 && nic)
            r = add_move(moves, nic, w, err);
        if (r < 0)
            return r;
        if (!nic)
            ol_val_append(a, absent,
                          ol_val_new_str(a, ol_arena_printf(a,
                                                            "[nic not present] Cannot rename "
                                                            "mac=%s to %s, not available.",
                                                            w->mac, w->name)));
    }
    return 0;
}

static bool is_moving(const struct move *m)
{
    return strcmp(m->nic->name, m->to) != 0;
}

/* The move of the interface that has this name now; NULL when it stays. */
static struct move *move_from(const struct moves *moves, const char *name)
{
    for (size_t i = 0; i < moves->n; i++)
        if (is_moving(&moves->items[i]) && !strcmp(moves->items[i].nic->name, name))
            return &moves->items[i];
    return NULL;
}

static int check_moves(const struct nics *nics, const struct moves *moves, struct ol_err *err)
{
    for (size_t i = 0; i < moves->n; i++) {
        const struct move *m = &moves->items[i];
        const struct nic *nic = m->nic;

        if (!is_moving(m))
            continue;
        if (nic_is_up(nic) && nic->has_address)
            return ol_err_set(err, EBUSY, "[busy] Error renaming mac=%s from %s to %s", nic->mac,
                              nic->name, m->to);
        if (nics_find(nics, m->to) && !move_from(moves, m->to))
            return ol_err_set(err, EBUSY,
                              "[busy-target] Error renaming mac=%s from %s to %s: another "
                              "interface has that name and none to go to",
                              nic->mac, nic->name, m->to);
    }
    return 0;
}

static void add_step(struct rename_plan *plan, struct ol_arena *a, const struct rename_step *step)
{
    if (plan->n == plan->cap) {
        size_t cap = plan->cap ? plan->cap * 2 : 16;

        plan->steps = ol_arena_grow(a, plan->steps, plan->cap * sizeof(*step), cap * sizeof(*step));
        plan->cap = cap;
    }
    plan->steps[plan->n++] = *step;
}

static void add_name_step(struct rename_plan *plan, struct ol_arena *a, const struct nic *nic,
                          const char *from, const char *to)
{
    struct rename_step step = {RENAME_NAME, nic->index, from, to};

    add_step(plan, a, &step);
}

static const char *free_name(const struct nics *nics, const struct moves *moves, struct ol_arena *a)
{
    for (int i = 0;; i++) {
        const char *name = ol_arena_printf(a, "cirename%d", i);
        bool is_wanted = false;

        for (size_t k = 0; k < moves->n; k++)
            is_wanted = is_wanted || !strcmp(moves->items[k].to, name);
        if (!is_wanted && !nics_find(nics, name))
            return name;
    }
}

/* Renames what is in the way first. The caller has moved one of a cycle out of it. */
static void add_chain(struct rename_plan *plan, const struct moves *moves, struct ol_arena *a,
                      struct move *m)
{
    struct move *blocker = move_from(moves, m->to);

    m->is_done = true;
    if (blocker && !blocker->is_done)
        add_chain(plan, moves, a, blocker);
    add_name_step(plan, a, m->nic, m->nic->name, m->to);
}

static bool is_on_cycle(const struct moves *moves, struct move *start)
{
    struct move *m = start;

    for (size_t i = 0; m && i <= moves->n; i++) {
        m = move_from(moves, m->to);
        if (m == start)
            return true;
    }
    return false;
}

static void add_cycle(struct rename_plan *plan, const struct nics *nics, const struct moves *moves,
                      struct ol_arena *a, struct move *start)
{
    const char *temporary = free_name(nics, moves, a);

    start->is_done = true;
    add_name_step(plan, a, start->nic, start->nic->name, temporary);
    add_chain(plan, moves, a, move_from(moves, start->to));
    add_name_step(plan, a, start->nic, temporary, start->to);
}

static void add_links(struct rename_plan *plan, const struct moves *moves, struct ol_arena *a,
                      enum rename_op op)
{
    for (size_t i = 0; i < moves->n; i++) {
        const struct move *m = &moves->items[i];
        struct rename_step step = {op, m->nic->index, m->nic->name, NULL};

        if (!is_moving(m) || !nic_is_up(m->nic))
            continue;
        if (op == RENAME_UP)
            step.name = m->to;
        add_step(plan, a, &step);
    }
}

int net_rename_plan(const struct nics *nics, const struct rename_wants *wants, struct ol_arena *a,
                    struct rename_plan *ret, struct ol_err *err)
{
    struct moves moves = {.items = ol_arena_alloc(a, (wants->n + 1) * sizeof(*moves.items))};
    struct rename_plan plan = {.absent = ol_val_new_list(a)};
    int r = find_moves(nics, wants, a, &moves, plan.absent, err);

    if (r >= 0)
        r = check_moves(nics, &moves, err);
    if (r < 0)
        return r;
    add_links(&plan, &moves, a, RENAME_DOWN);
    for (size_t i = 0; i < moves.n; i++) {
        struct move *m = &moves.items[i];

        if (!is_moving(m) || m->is_done)
            continue;
        if (is_on_cycle(&moves, m))
            add_cycle(&plan, nics, &moves, a, m);
        else
            add_chain(&plan, &moves, a, m);
    }
    add_links(&plan, &moves, a, RENAME_UP);
    *ret = plan;
    return 0;
}

struct rename_step net_rename_undo(const struct rename_step *step)
{
    struct rename_step undo = *step;

    if (step->op == RENAME_NAME) {
        undo.name = step->to;
        undo.to = step->name;
    } else {
        undo.op = step->op == RENAME_UP ? RENAME_DOWN : RENAME_UP;
    }
    return undo;
}
