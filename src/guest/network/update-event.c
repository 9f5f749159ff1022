/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/update-event.h"

#include <string.h>

#include "core/str.h"
#include "guest/source/source.h"

static const char *const events[] = {
    "boot", "boot-new-instance", "boot-legacy", "hotplug", NULL,
};

static void warn_about_scopes(struct guest *g, const struct ol_val *updates)
{
    for (size_t i = 0; i < ol_val_count(updates); i++) {
        const char *scope = ol_val_to_text(g->arena, ol_val_pair(updates, i)->key);

        if (strcmp(scope, "network") != 0)
            ol_warn(g->env,
                    "'%s' is not a valid EventScope! Update data will be ignored for '%s' scope",
                    scope, scope);
    }
}

/* One wrong word spoils the list. */
static bool is_sound(struct guest *g, const struct ol_val *when)
{
    for (size_t i = 0; i < ol_val_count(when); i++) {
        const char *event = ol_val_to_text(g->arena, ol_val_item(when, i));

        if (ol_str_in(event, events))
            continue;
        ol_warn(g->env,
                "'%s' is not a valid EventType! Update data will be ignored for 'network' scope",
                event);
        return false;
    }
    return true;
}

bool net_event_is_enabled(struct guest *g, const char *event)
{
    const struct ol_val *updates = ol_val_get(g->cfg, "updates");
    const struct ol_val *when = ol_val_get(ol_val_get(updates, "network"), "when");
    bool is_on = false;

    if (ol_val_is(updates, OL_VAL_MAP))
        warn_about_scopes(g, updates);
    if (!ol_val_is(when, OL_VAL_LIST))
        is_on = !strcmp(event, "boot-new-instance");
    else if (is_sound(g, when))
        for (size_t i = 0; i < ol_val_count(when); i++)
            is_on = is_on || !strcmp(ol_val_to_text(g->arena, ol_val_item(when, i)), event);
    ol_debug(g->env, "Event %s: scope=network EventType=%s", is_on ? "Allowed" : "Denied", event);
    return is_on;
}

/* What the datasource needed when it was found: its description starts with the class. */
static unsigned needs_of(const struct guest *g)
{
    const struct source *s = g->ds.source;
    const char *description = ol_val_str(guest_ds_get(g, "description"));
    unsigned needs = s->needs[0];

    for (size_t i = 0; description && s->classes[i]; i++) {
        size_t len = strlen(s->classes[i]);

        if (!strncmp(description, s->classes[i], len)
            && (description[len] == ' ' || !description[len]))
            needs = s->needs[i];
    }
    return needs;
}

bool net_event_refreshes(struct guest *g, const char *event)
{
    struct ol_val *doc = ol_val_new_map(g->arena);
    struct ol_err err = OL_ERR_INIT;

    if (!net_event_is_enabled(g, event))
        return false;
    ol_debug(g->env, "Update datasource metadata and network config due to events: %s", event);
    if (g->ds.source->fetch(g, needs_of(g), doc, &err) >= 0) {
        g->ds.doc = doc;
        return true;
    }
    ol_debug(g->env, "Datasource %s not updated for events: %s: %s", g->ds.source->name, event,
             ol_err_text(&err));
    return false;
}
