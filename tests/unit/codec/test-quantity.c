/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/quantity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/cleanup.h"

#define FORMAT                                                                                     \
    "quantities must match the regular expression "                                                \
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define NUMERIC "unable to parse numeric part of quantity"
#define SUFFIX  "unable to parse quantity's suffix"

/* What k8s.io/apimachinery 0.35 makes of these texts; but Value() and MilliValue() beyond int64,
 * where Go gives the low bits, are INT64_MAX. */
static const struct {
    const char *text, *canonical;
    int64_t value, milli;
} good[] = {
    {"0", "0", 0, 0},
    {"1", "1", 1, 1000},
    {"5", "5", 5, 5000},
    {"-5", "-5", -5, -5000},
    {"+5", "5", 5, 5000},
    {"05", "5", 5, 5000},
    {"00", "0", 0, 0},
    {"1.5", "1500m", 2, 1500},
    {"0.5", "500m", 1, 500},
    {"1.500", "1500m", 2, 1500},
    {"100m", "100m", 1, 100},
    {"0.1", "100m", 1, 100},
    {"1e3", "1e3", 1000, 1000000},
    {"1E3", "1e3", 1000, 1000000},
    {"1e-3", "1e-3", 1, 1},
    {"1.5e3", "1500", 1500, 1500000},
    {"12e6", "12e6", 12000000, 12000000000},
    {"1e-9", "1e-9", 1, 1},
    {"1e-10", "1e-9", 1, 1},
    {"5n", "5n", 1, 1},
    {"0.5n", "1n", 1, 1},
    {"0.1n", "1n", 1, 1},
    {"1u", "1u", 1, 1},
    {"1000m", "1", 1, 1000},
    {"1001m", "1001m", 2, 1001},
    {"1500m", "1500m", 2, 1500},
    {"1k", "1k", 1000, 1000000},
    {"1000k", "1M", 1000000, 1000000000},
    {"1024", "1024", 1024, 1024000},
    {"1M", "1M", 1000000, 1000000000},
    {"1G", "1G", 1000000000, 1000000000000},
    {"10G", "10G", 10000000000, 10000000000000},
    {"1T", "1T", 1000000000000, 1000000000000000},
    {"1P", "1P", 1000000000000000, 1000000000000000000},
    {"1E", "1E", 1000000000000000000, INT64_MAX},
    {"800E", "800E", INT64_MAX, INT64_MAX},
    {"999E", "999E", INT64_MAX, INT64_MAX},
    {"5E", "5E", 5000000000000000000, INT64_MAX},
    {"0.001E", "1P", 1000000000000000, 1000000000000000000},
    {"1Ki", "1Ki", 1024, 1024000},
    {"1024Ki", "1Mi", 1048576, 1048576000},
    {"1024Mi", "1Gi", 1073741824, 1073741824000},
    {"10Gi", "10Gi", 10737418240, 10737418240000},
    {"0.5Gi", "512Mi", 536870912, 536870912000},
    {"1.5Gi", "1536Mi", 1610612736, 1610612736000},
    {"0.1Gi", "107374182400m", 107374183, 107374182400},
    {"1.1Ki", "1126400m", 1127, 1126400},
    {"1.1Gi", "1181116006400m", 1181116007, 1181116006400},
    {"1025Ki", "1025Ki", 1049600, 1049600000},
    {"1000Ki", "1000Ki", 1024000, 1024000000},
    {"100Ki", "100Ki", 102400, 102400000},
    {"2048Ki", "2Mi", 2097152, 2097152000},
    {"5Ti", "5Ti", 5497558138880, 5497558138880000},
    {"7Pi", "7Pi", 7881299347898368, 7881299347898368000},
    {"7Ei", "7Ei", 8070450532247928832, INT64_MAX},
    {"8Ei", "9223372036854775807", INT64_MAX, INT64_MAX},
    {"800Ei", "9223372036854775807", INT64_MAX, INT64_MAX},
    {"9223372036854775807", "9223372036854775807", INT64_MAX, INT64_MAX},
    {"9223372036854775808", "9223372036854775808", INT64_MAX, INT64_MAX},
    {"9223372036854775807Ki", "9223372036854775807", INT64_MAX, INT64_MAX},
    {"18446744073709551616", "18446744073709551616", INT64_MAX, INT64_MAX},
    {"123456789012345678901", "123456789012345678901", INT64_MAX, INT64_MAX},
    {"0.0000000001", "1n", 1, 1},
    {"0.00000000000000000000000000000000000000000001", "1n", 1, 1},
    {"1.23456789012345678901234567890", "1234567891n", 2, 1235},
    {"0.000000001Ki", "1024n", 1, 1},
    {"0.0001Ki", "102400u", 1, 103},
    {"0.0009765625Ki", "1", 1, 1000},
    {"-0.5Gi", "-512Mi", -536870912, -536870912000},
    {"-1.5Ki", "-1536", -1536, -1536000},
    {"-1Ki", "-1Ki", -1024, -1024000},
    {"1000Mi", "1000Mi", 1048576000, 1048576000000},
    {"1000000Ki", "1000000Ki", 1024000000, 1024000000000},
    {"1e9", "1e9", 1000000000, 1000000000000},
    {"1e18", "1e18", 1000000000000000000, INT64_MAX},
    {"1e20", "100e18", INT64_MAX, INT64_MAX},
    {"123e5", "12300e3", 12300000, 12300000000},
    {"1234567", "1234567", 1234567, 1234567000},
    {"12345678k", "12345678k", 12345678000, 12345678000000},
    {"0.000001k", "1m", 1, 1},
    {"Gi", "0", 0, 0},
    {"Ti", "0", 0, 0},
    {"+", "0", 0, 0},
    {"-", "0", 0, 0},
    {".", "0", 0, 0},
    {".5", "500m", 1, 500},
    {"5.", "5", 5, 5000},
    {"5.Gi", "5Gi", 5368709120, 5368709120000},
    {".Gi", "0", 0, 0},
    {"e3", "0", 0, 0},
    {"1E", "1E", 1000000000000000000, INT64_MAX},
    {"1e+3", "1e3", 1000, 1000000},
    {"1E+3", "1e3", 1000, 1000000},
    {"1e0", "1", 1, 1000},
    {"0e5", "0", 0, 0},
    {"0Gi", "0", 0, 0},
    {"0.0", "0", 0, 0},
    {"-0", "0", 0, 0},
    {"3Gi", "3Gi", 3221225472, 3221225472000},
    {"1536Mi", "1536Mi", 1610612736, 1610612736000},
    {"1073741824", "1073741824", 1073741824, 1073741824000},
    {"5368709120", "5368709120", 5368709120, 5368709120000},
    {"1m", "1m", 1, 1},
    {"999999999999999999", "999999999999999999", 999999999999999999, INT64_MAX},
    {"999999999999999999k", "999999999999999999k", INT64_MAX, INT64_MAX},
    {"1234567890123456789m", "1234567890123456789m", 1234567890123457, 1234567890123456789},
    {"1.0", "1", 1, 1000},
    {"1.000", "1", 1, 1000},
    {"10.00", "10", 10, 10000},
    {"0.100", "100m", 1, 100},
    {"100e-3", "100e-3", 1, 100},
    {"250e-6", "250e-6", 1, 1},
    {"1e-8", "10e-9", 1, 1},
    {"1023Ki", "1023Ki", 1047552, 1047552000},
    {"1023", "1023", 1023, 1023000},
    {"1023.5Ki", "1048064", 1048064, 1048064000},
    {"512", "512", 512, 512000},
    {"0.5Ki", "512", 512, 512000},
    {"1.00000000001Ki", "1024000000011n", 1025, 1024001},
    {"1n", "1n", 1, 1},
    {"1500n", "1500n", 1, 1},
    {"1000000n", "1m", 1, 1},
    {"9007199254740993", "9007199254740993", 9007199254740993, 9007199254740993000},
    {"4611686018427387904", "4611686018427387904", 4611686018427387904, INT64_MAX},
    {"4096Pi", "4Ei", 4611686018427387904, INT64_MAX},
    {"0.9Ei", "1037629354146162278400m", 1037629354146162279, INT64_MAX},
    {"7.999Ei", "9222219115350168961024m", 9222219115350168962, INT64_MAX},
};

static void texts_have_gos_canonical_form_and_value(void **state)
{
    for (size_t i = 0; i < ol_count(good); i++) {
        struct ol_quantity q, again;
        struct ol_err err = OL_ERR_INIT;
        char out[OL_QUANTITY_MAX];

        print_message("# '%s'\n", good[i].text);
        assert_int_equal(ol_quantity_parse(good[i].text, &q, &err), 0);
        ol_quantity_format(&q, out);
        assert_string_equal(out, good[i].canonical);
        assert_true(ol_quantity_value(&q) == good[i].value);
        assert_true(ol_quantity_milli(&q) == good[i].milli);
        assert_int_equal(ol_quantity_parse(out, &again, &err), 0);
        assert_int_equal(ol_quantity_cmp(&q, &again), 0);
    }
}

static void wrong_texts_have_gos_sentence(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", FORMAT},       {"x", FORMAT},
        {"Ei", NUMERIC},    {"Pi", NUMERIC},
        {"+Ei", NUMERIC},   {"e-10", NUMERIC},
        {".e-10", NUMERIC}, {"1i", SUFFIX},
        {"1.1.M", FORMAT},  {"1+1.0M", FORMAT},
        {"0.1mi", SUFFIX},  {"0.1am", FORMAT},
        {"aoeu", FORMAT},   {".5i", SUFFIX},
        {"-3.01i", SUFFIX}, {"-3.01e-", SUFFIX},
        {"1e", SUFFIX},     {"1ee", SUFFIX},
        {"1Eie", SUFFIX},   {"1 ", FORMAT},
        {" 1", FORMAT},     {"1Gi ", FORMAT},
        {"10 Gi", FORMAT},  {"10gi", FORMAT},
        {"10GB", FORMAT},   {"10Gib", FORMAT},
        {"0x10", FORMAT},   {"1e99999999999999999999", SUFFIX},
        {"5Gi5", SUFFIX},   {"100Mi100", SUFFIX},
        {"2Ki-", SUFFIX},   {"2k+1", SUFFIX},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_quantity q;
        struct ol_err err = OL_ERR_INIT;

        print_message("# '%s'\n", cases[i].text);
        assert_int_equal(ol_quantity_parse(cases[i].text, &q, &err), -EINVAL);
        assert_string_equal(err.msg, cases[i].error);
    }
}

static struct ol_quantity of(const char *text)
{
    struct ol_quantity q;

    assert_int_equal(ol_quantity_parse(text, &q, NULL), 0);
    return q;
}

/* Go says "1" for 1000E: the suffix is lost. */
static void beyond_exa_nothing_is_lost(void **state)
{
    struct ol_quantity q = of("1000E"), sum = of("7Ei");
    char out[OL_QUANTITY_MAX];

    ol_quantity_format(&q, out);
    assert_string_equal(out, "1000E");
    for (int i = 0; i < 11; i++)
        ol_quantity_add(&sum, &(struct ol_quantity){sum.nano, sum.format});
    ol_quantity_format(&sum, out);
    assert_string_equal(out, "14336Ei");
}

static void huge_ones_are_capped_and_compare(void **state)
{
    struct ol_quantity a = of("1e40"), b = of("1e2000000000"), c = of("800E"), d = of("801E");

    assert_int_equal(ol_quantity_cmp(&a, &b), 0);
    assert_true(ol_quantity_cmp(&c, &d) < 0);
    assert_true(ol_quantity_cmp(&a, &d) > 0);
    ol_quantity_add(&a, &b);
    assert_int_equal(ol_quantity_cmp(&a, &b), 0);
    assert_true(ol_quantity_value(&d) == INT64_MAX);
}

static void sums_take_the_format_of_what_is_not_zero(void **state)
{
    struct ol_quantity sum = of("0"), less = of("1536Mi");
    char out[OL_QUANTITY_MAX];

    ol_quantity_add(&sum, &(struct ol_quantity){less.nano, less.format});
    ol_quantity_add(&sum, &less);
    ol_quantity_format(&sum, out);
    assert_string_equal(out, "3Gi");
    ol_quantity_sub(&sum, &less);
    ol_quantity_sub(&sum, &less);
    assert_true(ol_quantity_is_zero(&sum));
    ol_quantity_sub(&sum, &less);
    ol_quantity_format(&sum, out);
    assert_string_equal(out, "-1536Mi");
}

static void whole_bytes_have_binary_form(void **state)
{
    struct ol_quantity q = ol_quantity_of((int64_t)10 << 30);
    char out[OL_QUANTITY_MAX];

    ol_quantity_format(&q, out);
    assert_string_equal(out, "10Gi");
    q = ol_quantity_of(1000);
    ol_quantity_format(&q, out);
    assert_string_equal(out, "1k");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_gos_canonical_form_and_value),
        cmocka_unit_test(wrong_texts_have_gos_sentence),
        cmocka_unit_test(beyond_exa_nothing_is_lost),
        cmocka_unit_test(huge_ones_are_capped_and_compare),
        cmocka_unit_test(sums_take_the_format_of_what_is_not_zero),
        cmocka_unit_test(whole_bytes_have_binary_form),
    };

    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
