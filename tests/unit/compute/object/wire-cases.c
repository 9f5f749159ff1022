/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "compute/object/object.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

/*
 * wire-cases [--if-there] DIR: recorded messages of nova (Zed) against our tables, as TAP. Each
 * object in them of a class of ours has only fields of its table, of the table's types, in the
 * release's version, and comes back as it was; each manifest is the one that we would send. Exit
 * status 77 when there is no such directory.
 */
struct cases {
    const struct nova_release *release;
    struct ol_arena arena;
    const char *file;
    unsigned n_objects, n_manifests, n_bad;
};

static void complain(struct cases *c, const char *class, const char *what)
{
    printf("# %s: %s: %s\n", c->file, class, what);
    c->n_bad++;
}

static bool fits(const struct nova_field *f, const struct ol_val *v)
{
    const char *text = ol_val_str(v);

    if (v->type == OL_VAL_NULL)
        return f->flags & NOVA_NULLABLE;
    switch (f->type) {
    case NOVA_STRING: return text;
    case NOVA_UUID: return text && strlen(text) >= 32;
    case NOVA_DATETIME: return nova_time(text) >= 0;
    case NOVA_INTEGER: return v->type == OL_VAL_INT;
    case NOVA_FLOAT: return v->type == OL_VAL_FLOAT;
    case NOVA_BOOLEAN: return v->type == OL_VAL_BOOL;
    case NOVA_DICT: return v->type == OL_VAL_MAP;
    case NOVA_LIST:
    case NOVA_OBJECTS: return v->type == OL_VAL_LIST;
    case NOVA_OBJECT: return v->type == OL_VAL_MAP;
    case NOVA_ANY: return true;
    }
    return false;
}

static void check_fields(struct cases *c, const struct nova_object *o)
{
    for (size_t i = 0; i < ol_val_count(o->data); i++) {
        const struct ol_pair *p = ol_val_pair(o->data, i);
        const struct nova_field *f = o->class->fields;

        while (f->name && strcmp(f->name, ol_val_str(p->key)) != 0)
            f++;
        if (f->name && !fits(f, p->value))
            complain(c, o->class->name, f->name);
        else if (!f->name && strcmp(o->class->name, "ImageMetaProps") != 0)
            complain(c, o->class->name, ol_val_str(p->key));
    }
}

static void check_object(struct cases *c, const struct ol_val *v)
{
    const char *class = ol_val_str(ol_val_get(v, "nova_object.name"));
    struct nova_object *o;
    struct ol_err err = OL_ERR_INIT;

    if (!class || !nova_class_find(class))
        return;
    c->n_objects++;
    if (nova_object_load(&c->arena, v, &o, &err) < 0) {
        complain(c, class, err.msg);
        return;
    }
    if (!ol_val_equal(nova_object_dump(o), v))
        complain(c, class, "differs after loading");
    if (strcmp(o->version, nova_release_version(c->release, class)) != 0)
        complain(c, class, o->version);
    check_fields(c, o);
}

static void check_manifest(struct cases *c, const struct ol_val *v)
{
    const char *class = ol_val_str(ol_val_get(v, "objname"));
    const struct ol_val *versions = ol_val_get(v, "object_versions");

    if (!class || !versions)
        return;
    c->n_manifests++;
    if (!ol_val_equal(nova_manifest(&c->arena, c->release, class), versions))
        complain(c, class, "another manifest");
}

static void walk(struct cases *c, const struct ol_val *v)
{
    check_object(c, v);
    check_manifest(c, v);
    for (size_t i = 0; i < ol_val_count(v); i++)
        walk(c, v->type == OL_VAL_LIST ? ol_val_item(v, i) : ol_val_pair(v, i)->value);
}

static void run_file(struct cases *c, struct ol_env *env, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    struct ol_val *v;

    if (ol_file_read(env, path, &text, NULL) < 0
        || ol_json_load(text.data, text.len, &c->arena, &v, NULL) < 0)
        complain(c, "-", "is no JSON");
    else
        walk(c, v);
}

static int run(struct cases *c, struct ol_env *env, const char *dir)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (ol_list_dir(env, dir, &names, NULL) < 0)
        return 77;
    for (size_t i = 0; i < names.n; i++) {
        char path[4096];

        if (!ol_str_ends(names.v[i], ".json"))
            continue;
        c->file = names.v[i];
        snprintf(path, sizeof(path), "%s/%s", dir, c->file);
        ol_arena_init(&c->arena, 64 << 20);
        run_file(c, env, path);
        ol_arena_done(&c->arena);
    }
    printf("1..1\n%sok 1 - %u objects and %u manifests of recorded messages\n",
           c->n_bad || !c->n_objects ? "not " : "", c->n_objects, c->n_manifests);
    return c->n_bad || !c->n_objects;
}

int main(int argc, char **argv)
{
    struct cases c = {.release = nova_release_find("zed")};
    struct ol_env env;
    int r;

    if (argc < 2 || ol_env_init(&env, "/", NULL) < 0)
        return 64;
    r = run(&c, &env, argv[argc - 1]);
    ol_env_done(&env);
    return r;
}
