/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include "kube/base/types.h"
#include "kube/document/describe.h"

static void cell_name(const struct kube_object *o, ol_time now, struct ol_buf *to)
{
    ol_json_add_string(to, o->meta.name, strlen(o->meta.name));
}

static void cell_age(const struct kube_object *o, ol_time now, struct ol_buf *to)
{
    ol_buf_printf(to, "%d", (int)((now - o->meta.created) / OL_SECOND));
}

static const struct kube_column columns[] = {
    {"Name", "string", "name", 0, "Its name.", cell_name},
    {"Age", "integer", "", 1, NULL, cell_age},
    {0},
};
static const struct kube_kind thing = {.kind = "Thing", .columns = columns};
static const struct kube_kind plain = {.kind = "Plain"};

static const char *table_of(struct ol_arena *a, struct kube_table *t, bool want_columns)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    struct kube_object o = {.kind = t->kind,
                            .meta = {.name = "a\"b", .created = 1000000000 * OL_SECOND}};
    struct ol_val *v = NULL;
    const char json[] = "{\"metadata\":{\"name\":\"a\\\"b\"},\"spec\":{}}";

    assert_int_equal(ol_json_load(json, strlen(json), a, &v, NULL), 0);
    t->to = &text;
    t->now = 1000000005 * OL_SECOND;
    kube_table_begin(t, want_columns ? "{\"resourceVersion\":\"7\"}" : NULL, want_columns);
    kube_table_row(t, &o, v);
    kube_table_row(t, &o, v);
    kube_table_end(t);
    assert_int_equal(ol_buf_status(&text), 0);
    assert_int_equal(ol_json_load(text.data, text.len, a, &v, NULL), 0);
    return ol_arena_strdup(a, text.data);
}

static void tables_have_columns_cells_and_objects(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct kube_table t = {.kind = &thing, .include = KUBE_INCLUDE_METADATA};

#define ROW                                                                                        \
    "{\"cells\":[\"a\\\"b\",5],\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":"     \
    "\"meta.k8s.io/v1\",\"metadata\":{\"name\":\"a\\\"b\"}}}"
    assert_string_equal(
        table_of(&a, &t, true),
        "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"resourceVersion\":"
        "\"7\"},\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\",\"format\":\"name\","
        "\"description\":\"Its name.\",\"priority\":0},{\"name\":\"Age\",\"type\":\"integer\","
        "\"format\":\"\",\"description\":\"\",\"priority\":1}],\"rows\":[" ROW "," ROW "]}");
}

static void later_tables_of_a_watch_have_rows_alone(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct kube_table t = {.kind = &thing, .include = KUBE_INCLUDE_OBJECT, .is_v1beta1 = true};

#undef ROW
#define ROW "{\"cells\":[\"a\\\"b\",5],\"object\":{\"metadata\":{\"name\":\"a\\\"b\"},\"spec\":{}}}"
    assert_string_equal(table_of(&a, &t, false),
                        "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1beta1\",\"metadata\":{}"
                        ",\"columnDefinitions\":null,\"rows\":[" ROW "," ROW "]}");
}

static void kinds_without_columns_show_name_and_time(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct kube_table t = {.kind = &plain, .include = KUBE_INCLUDE_NONE};
    const char *text = table_of(&a, &t, true);

    assert_non_null(strstr(text, "\"name\":\"Created At\""));
    assert_non_null(
        strstr(text, "{\"cells\":[\"a\\\"b\",\"2001-09-09T01:46:40Z\"],\"object\":null}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_have_columns_cells_and_objects),
        cmocka_unit_test(later_tables_of_a_watch_have_rows_alone),
        cmocka_unit_test(kinds_without_columns_show_name_and_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
