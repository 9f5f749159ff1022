/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "core/strv.h"
#include "guest/base/cmdline.h"
#include "guest/base/notice.h"
#include "guest/source/source-internal.h"
#include "guest/source/source.h"

/* cloud-init 26.2 settings.CFG_BUILTIN["datasource_list"]. */
static const char *const builtin_order[] = {
    "NoCloud",  "ConfigDrive", "LXD",        "OpenNebula", "DigitalOcean", "Azure",    "AltCloud",
    "VMware",   "OVF",         "MAAS",       "GCE",        "OpenStack",    "AliYun",   "Vultr",
    "Ec2",      "CloudSigma",  "CloudStack", "SmartOS",    "Bigstep",      "Scaleway", "Hetzner",
    "IBMCloud", "Oracle",      "Exoscale",   "RbxCloud",   "UpCloud",      "NWCS",     "Akamai",
    "WSL",      "CloudCIX",    "None",       NULL,
};

const struct source *const sources[] = {
    &source_nocloud,
    &source_configdrive,
    &source_none,
    NULL,
};

const struct source *source_find(const char *name)
{
    const char *bare = ol_str_starts(name, "DataSource") ? name + strlen("DataSource") : name;

    for (const struct source *const *s = sources; *s; s++)
        if (ol_str_eq_nocase((*s)->name, bare))
            return *s;
    return NULL;
}

static void add_trial(struct guest *g, struct source_trials *trials, const char *name,
                      const char *outcome)
{
    struct source_trial *t;

    if (!trials)
        return;
    if (trials->n == trials->cap) {
        size_t cap = trials->cap ? trials->cap * 2 : 8;

        trials->items =
            ol_arena_grow(g->arena, trials->items, trials->cap * sizeof(*t), cap * sizeof(*t));
        trials->cap = cap;
    }
    t = &trials->items[trials->n++];
    t->name = ol_arena_strdup(g->arena, name);
    t->outcome = ol_arena_strdup(g->arena, outcome);
}

/* The datasource_list of the configuration, else the builtin one. */
static void wanted_names(struct guest *g, struct ol_strv *ret)
{
    const struct ol_val *list = ol_val_get(g->cfg, "datasource_list");

    if (!list) {
        ol_strv_add_all(ret, builtin_order);
        return;
    }
    for (size_t i = 0; i < ol_val_count(list); i++) {
        const char *name = ol_val_str(ol_val_item(list, i));

        /* An unquoted None in a list is text in YAML; null is what people meant by it. */
        ol_strv_add(ret, name ? name : ol_val_to_text(g->arena, ol_val_item(list, i)));
    }
}

static bool has_row(const struct source *s, unsigned have)
{
    for (const unsigned *needs = s->needs; *needs; needs++)
        if (*needs == have)
            return true;
    return false;
}

/* "['a', 'b']" as Python shows a list; heap. */
static char *show_list(const struct ol_strv *names)
{
    ol_autofree char *inner = ol_strv_join(names, "', '");

    return names->n ? ol_xasprintf("['%s']", inner) : ol_xstrdup("[]");
}

/* One candidate, in the guest's own words and in those of upstream's reports. */
struct candidate {
    const struct source *source;
    const char *class; /* "DataSourceNoCloudNet" */
    const char *mode;  /* "local" or "network" */
    const char *stage; /* "init-local" or "init-network" */
};

static void report(struct guest *g, const struct candidate *c, const char *what, const char *text)
{
    ol_log_at(g->env->log, OL_LOG_DEBUG, "handlers.py", "%s: %s/search-%s: %s%s", what, c->stage,
              c->class + strlen("DataSource"), text, c->class);
}

static const char *phrase(struct guest *g, const struct candidate *c, const char *verb)
{
    return ol_arena_printf(g->arena, "%s %s data from ", verb, c->mode);
}

static int try_one(struct guest *g, unsigned have, const struct candidate *c,
                   struct source_trials *trials)
{
    struct ol_val *doc = ol_val_new_map(g->arena);
    struct ol_err err = OL_ERR_INIT;
    int r;

    report(g, c, "start", phrase(g, c, "searching for"));
    ol_debug(g->env,
             "Seeing if we can get any data from <class 'cloudinit.sources.DataSource%s.%s'>",
             c->source->name, c->class);
    r = c->source->fetch(g, have, doc, &err);
    if (r >= 0) {
        g->ds = (struct guest_ds){.source = c->source, .doc = doc};
        add_trial(g, trials, c->class + strlen("DataSource"), "taken");
        report(g, c, "finish", ol_arena_printf(g->arena, "SUCCESS: %s", phrase(g, c, "found")));
        return 0;
    }
    add_trial(g, trials, c->class + strlen("DataSource"), ol_err_text(&err));
    if (r == -ENODATA) {
        ol_debug(g->env, "%s: %s", c->class, ol_err_text(&err));
        report(g, c, "finish",
               ol_arena_printf(g->arena, "SUCCESS: no %s data found from ", c->mode));
        return r;
    }
    report(g, c, "finish", ol_arena_printf(g->arena, "FAIL: no %s data found from ", c->mode));
    ol_warn(g->env, "Getting data from <class 'cloudinit.sources.DataSource%s.%s'> failed: %s",
            c->source->name, c->class, ol_err_text(&err));
    return r;
}

/* Notes why a name of the list is not tried; true when it is. */
static bool is_candidate(struct guest *g, const char *name, unsigned have,
                         struct source_trials *trials)
{
    const struct source *s = source_find(name);

    if (s && has_row(s, have))
        return true;
    if (s) {
        add_trial(g, trials, name, "not for this stage");
        return false;
    }
    add_trial(g, trials, name, "not implemented");
    if (ol_str_in(name, builtin_order))
        ol_debug(g->env, "DataSource%s is not implemented", name);
    else
        ol_error(g->env,
                 "Could not import DataSource%s. Does the DataSource exist and is it importable?",
                 name);
    return false;
}

/* cloud-init 26.2 sources/__init__.py, parse_cmdline_or_dmi(). */
static void warn_of_old_word(struct guest *g)
{
    bool is_old = false;
    const char *name = cmdline_datasource(g->arena, guest_cmdline(g), &is_old);

    if (is_old)
        guest_deprecated(g,
                         ol_arena_printf(g->arena,
                                         "Defining the datasource on the command line using "
                                         "ci.ds=%s or ci.datasource=%s",
                                         name, name),
                         23, 2, ol_arena_printf(g->arena, "Use ds=%s instead", name));
}

int source_find_first(struct guest *g, unsigned have, struct source_trials *trials,
                      struct ol_err *err)
{
    bool has_net = have & SOURCE_NEEDS_NET;
    struct candidate c = {
        .mode = has_net ? "network" : "local",
        .stage = has_net ? "init-network" : "init-local",
    };
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT, classes = OL_STRV_INIT;
    ol_autofree char *shown = NULL, *searched = NULL;

    warn_of_old_word(g);
    wanted_names(g, &names);
    for (size_t i = 0; i < names.n;) {
        if (is_candidate(g, names.v[i], have, trials))
            ol_strv_add(&classes, source_class(source_find(names.v[i++]), have));
        else
            ol_strv_remove(&names, i);
    }
    shown = show_list(&classes);
    ol_debug(g->env, "Searching for %s data source in: %s", c.mode, shown);
    for (size_t i = 0; i < names.n; i++) {
        c.source = source_find(names.v[i]);
        c.class = classes.v[i];
        if (try_one(g, have, &c, trials) >= 0)
            return 0;
    }
    searched = ol_strv_join(&classes, ", ");
    return ol_err_set(err, ENODATA, "Did not find any data source, searched classes: (%s)",
                      searched);
}
