/*
 * test_number [doubles]: text ↔ double, against the C library's correctly rounded strtod.
 */
#include "luna/modelling/number.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static long doubles = 1000000;
static uint64_t random_state = 88172645463325252U;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t bits_of(double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Reads `text`, which lies at the end of its memory, and compares with strtod's bits. */
static void assert_reads_as_strtod(const char *text, size_t len)
{
    double value = 0;
    size_t used = 0;
    assert_int_equal(luna_number_parse(text, len, &value, &used), LUNA_NUMBER_OK);
    assert_int_equal(used, len);
    if (bits_of(value) != bits_of(strtod(text, NULL)))
        fail_msg("%s reads as %.17g", text, value);
}

static void assert_round_trip(double value)
{
    char text[LUNA_NUMBER_TEXT_BYTES + 1];
    size_t len = luna_number_print(value, 0, text);
    assert_true(len <= LUNA_NUMBER_TEXT_BYTES);
    text[len] = '\0';
    double back = 0;
    size_t used = 0;
    assert_int_equal(luna_number_parse(text, len, &back, &used), LUNA_NUMBER_OK);
    if (used != len || bits_of(back) != bits_of(value) ||
        bits_of(strtod(text, NULL)) != bits_of(value))
        fail_msg("%.17g printed as %s", value, text);
}

static void a_bit_is_lost_on_the_way(void **state)
{
    (void)state;
    for (long i = 0; i < doubles; i++) {
        uint64_t bits = random_bits();
        double any = from_bits(bits);
        if (isfinite(any))
            assert_round_trip(any);
        assert_round_trip(from_bits(bits & 0x800fffffffffffffU));     /* subnormal or zero */
        assert_round_trip((double)(int64_t)(bits >> (bits % 64)));    /* integer of any length */
        assert_round_trip(round((double)(bits % 100000000U)) / 1000); /* short decimal */
        /* what a series looks like */
        assert_round_trip(100 + 20 * ((double)(bits >> 11) * 0x1p-53));
    }
}

static void the_ends_of_the_range_are_misread(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "0e999999999999",
        "-0.0e-5",
        "4.9e-324",
        "5e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-400",
        "-1e-99999999999999999999",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551617",
        "9007199254740992.5",
        "9007199254740993",
        "9007199254740993.0000000000000000000000000000000000001",
        "9007199254740995",
        "0.000000000000000000000000000000000000000000000000000001",
        "123456789012345678901234567890",
        "1e22",
        "1e23",
        "8.442911973260991817129021e-309",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_reads_as_strtod(texts[i], strlen(texts[i]));
    static const double values[] = {DBL_MAX, -DBL_MAX, DBL_MIN, DBL_TRUE_MIN, DBL_EPSILON,
                                    0.0,     -0.0,     1e15,    1e16};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_round_trip(values[i]);
}

static void random_decimals_round_the_wrong_way(void **state)
{
    (void)state;
    for (long i = 0; i < doubles; i++) {
        char text[64];
        size_t len = 0, digits = 1 + random_bits() % 22, point = random_bits() % (digits + 1);
        if (random_bits() % 2 == 0)
            text[len++] = '-';
        if (point == 0)
            text[len++] = '0';
        for (size_t k = 0; k < digits; k++) {
            char digit = (char)('0' + random_bits() % 10);
            if (k == point)
                text[len++] = '.';
            text[len++] = (char)(k == 0 && point > 1 && digit == '0' ? '1' : digit);
        }
        text[len] = '\0';
        if (random_bits() % 4 == 0)
            len += (size_t)sprintf(text + len, "e%d", (int)(random_bits() % 60) - 30);
        assert_reads_as_strtod(text, len);
    }
}

/* Decimals exactly half way between two doubles, and one digit off it. */
static void ties_round_the_wrong_way(void **state)
{
    (void)state;
    for (long i = 0; i < doubles / 4; i++) {
        /* 54 bits: its last one is half an ulp */
        uint64_t mantissa = (UINT64_C(1) << 53) + (random_bits() >> 11);
        unsigned shift = (unsigned)(random_bits() % 10) + 1;
        uint64_t rest = mantissa & ((UINT64_C(1) << shift) - 1);
        char text[64];
        size_t len = (size_t)sprintf(text, "%llu.", (unsigned long long)(mantissa >> shift));
        for (unsigned k = 0; k < shift; k++) {
            rest *= 10;
            text[len++] = (char)('0' + (rest >> shift));
            rest &= (UINT64_C(1) << shift) - 1;
        }
        text[len] = '\0';
        if (i % 3 == 1)
            text[len - 1]++; /* it was a 5 or a 0 */
        assert_reads_as_strtod(text, len);
    }
}

/* Leaves of a text its digits alone, without zeros at either end. */
static void keep_digits(const char *text, char *ret_digits)
{
    size_t len = 0, end = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (len == 0 && *text == '0'))
            continue;
        ret_digits[len++] = *text;
        end = *text == '0' ? end : len;
    }
    ret_digits[end] = '\0';
}

/* The shortest of the C library's texts that read back, which is the nearest of its length. */
static void a_shorter_or_nearer_text_would_do(void **state)
{
    (void)state;
    static const double scales[] = {1, 1e3, 1e6, 1e7, 1e-3, 1e9};
    for (long i = 0; i < doubles / 20; i++) {
        uint64_t bits = random_bits();
        double value = (double)(int64_t)(bits >> (10 + bits % 50)) / scales[bits % 6];
        if (i % 4 == 0)
            value = (double)(bits >> 11) * 0x1p-40;
        int digits = 1;
        char shortest[64], wanted[64], found[64], text[LUNA_NUMBER_TEXT_BYTES + 1];
        do {
            snprintf(shortest, sizeof shortest, "%.*e", digits - 1, value);
        } while (strtod(shortest, NULL) != value && digits++ < 17);
        text[luna_number_print(value, 0, text)] = '\0';
        keep_digits(shortest, wanted);
        keep_digits(text, found);
        if (strtod(text, NULL) != value || strcmp(found, wanted) != 0)
            fail_msg("%s where %s would do", text, shortest);
    }
}

/* Every length around that of a group, each value of a different kind than its neighbours. */
static void a_list_differs_from_its_numbers_one_by_one(void **state)
{
    (void)state;
    enum { N = 50 };
    double values[N];
    for (size_t i = 0; i < N; i++) {
        double any = from_bits(random_bits());
        double kinds[] = {any, 1120.25 * (double)i, -(double)random_bits() * 0x1p-60,
                          NAN, 0.1 * (double)i,     -INFINITY};
        values[i] = kinds[i % 6];
    }
    for (size_t n = 0; n <= N; n++) {
        for (int precision = 0; precision <= 17; precision += 4) {
            char list[N * (LUNA_NUMBER_TEXT_BYTES + 1)], wanted[sizeof list];
            size_t len = 0;
            for (size_t i = 0; i < n; i++) {
                len += (size_t)sprintf(wanted + len, i > 0 ? "," : "");
                if (isfinite(values[i]))
                    len += luna_number_print(values[i], precision, wanted + len);
                else
                    len += (size_t)sprintf(wanted + len, "null");
            }
            assert_int_equal(luna_number_print_list(values, n, precision, list), len);
            assert_memory_equal(list, wanted, len);
        }
    }
}

/* Reads with luna_number_parse() and strtod() what luna_number_parse_list() has taken, and
 * compares. */
static void assert_list_reads_one_by_one(const char *text, size_t len)
{
    double values[16], one = 0;
    size_t used = 0, at = 0, n = luna_number_parse_list(text, len, values, 16, &used);
    for (size_t i = 0; i < n; i++) {
        size_t taken = 0;
        assert_int_equal(luna_number_parse(text + at, len - at, &one, &taken), LUNA_NUMBER_OK);
        char number[64] = "";
        memcpy(number, text + at, taken);
        if (bits_of(one) != bits_of(values[i]) ||
            bits_of(strtod(number, NULL)) != bits_of(values[i]))
            fail_msg("%s reads as %.17g", number, values[i]);
        at += taken;
        assert_true(at < len && text[at] == ',');
        at++;
        at += at < len && text[at] == ' ';
    }
    assert_int_equal(at, used);
}

/* Everything that stands in an array, and how it may go wrong, in any order and cut anywhere. */
static void a_list_reads_otherwise_than_its_numbers(void **state)
{
    (void)state;
    static const char *const pieces[] = {"1120.25",   "-1120.25",
                                         "0.5",       "-0.5",
                                         "00.5",      "1234567.8",
                                         "12345.678", "12345.67",
                                         "1.",        "1.5e3",
                                         "1.5E-3",    ".5",
                                         "-",         "7",
                                         "null",      "1.25x",
                                         "1..5",      "123456.7",
                                         "0",         "-0",
                                         "1e400",     "1234.5678901234567",
                                         "0.1.2",     "99999999",
                                         " 1",        "1e5",
                                         "1,"};
    long plain = 0;
    for (long i = 0; i < doubles / 20; i++) {
        char text[128];
        size_t len = 0;
        for (int k = 0; k < 5; k++)
            len += (size_t)sprintf(text + len, "%s%s",
                                   pieces[random_bits() % (sizeof pieces / sizeof pieces[0])],
                                   random_bits() % 4 == 0 ? ", " : ",");
        len -= random_bits() % 12;
        char *exact = malloc(len); /* so that a read past the end is seen */
        assert_non_null(exact);
        memcpy(exact, text, len);
        assert_list_reads_one_by_one(exact, len);
        double first = 0;
        size_t used = 0;
        plain += luna_number_parse_list(exact, len, &first, 1, &used) == 1;
        free(exact);
    }
    assert_true(plain > doubles / 40); /* else the loop above has compared nothing */
}

static void what_is_no_json_number_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "-",    "+1",  ".5",  "01", "-01", "00",
                                        "1.",  "1.e5", "1e",  "1e+", "-e", "abc", "-abc",
                                        "NaN", "inf",  "- 1", "/",   ":",  "-:",  " 1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double value = 0;
        size_t used = 0;
        if (luna_number_parse(texts[i], strlen(texts[i]), &value, &used) != LUNA_NUMBER_SYNTAX)
            fail_msg("\"%s\" was read", texts[i]);
    }
}

static void a_number_swallows_what_follows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len, used;
        double value;
    } rows[] = {
        {"12,34", 5, 2, 12},       {"1-2", 3, 1, 1},
        {"0x10", 4, 1, 0},         {"1.5.5", 5, 3, 1.5},
        {"123456789", 4, 4, 1234}, {"7\xff\xff\xff\xff\xff\xff\xff", 8, 1, 7},
        {"1e5e5", 5, 3, 1e5},      {"12345678:", 9, 8, 12345678},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double value = 0;
        size_t used = 0;
        assert_int_equal(luna_number_parse(rows[i].text, rows[i].len, &value, &used),
                         LUNA_NUMBER_OK);
        assert_int_equal(used, rows[i].used);
        assert_true(value == rows[i].value);
    }
}

static void too_large_is_taken_for_too_small(void **state)
{
    (void)state;
    static const char *const texts[] = {"1e309", "-1e309", "1e999999999999999999",
                                        "1.7976931348623159e308",
                                        "179769313486231580793728971405301e277"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double value = 7;
        size_t used = 0;
        assert_int_equal(luna_number_parse(texts[i], strlen(texts[i]), &value, &used),
                         LUNA_NUMBER_RANGE);
        assert_int_equal(used, strlen(texts[i]));
        assert_true(value == 7);
    }
}

static void the_notation_is_not_pythons(void **state)
{
    (void)state;
    static const struct {
        double value;
        int precision;
        const char *text;
    } rows[] = {
        {1120, 0, "1120"},
        {100000, 0, "100000"},
        {1e15, 0, "1000000000000000"},
        {1e16, 0, "1e+16"},
        {0.0001, 0, "0.0001"},
        {1e-5, 0, "1e-05"},
        {109.51, 0, "109.51"},
        {-0.0, 0, "-0"},
        {0.1, 0, "0.1"},
        {1e22, 0, "1e+22"},
        {5e-324, 0, "5e-324"},
        {123456.789, 6, "123457"},
        {15099, 4, "15100"},
        {DBL_MAX, 2, "1.7976931348623157e+308"},
        {99.96, 3, "100"},
        {-0.000125, 0, "-0.000125"},
        {999999999.999999, 0, "999999999.999999"},
        {0.00012345, 0, "0.00012345"},
        {1234567890.5, 0, "1234567890.5"},
        {5e-324, 3, "5e-324"},
        {1.0 / 3, 3, "0.333"},
        {1e100, 4, "1e+100"},
        {0.1, 17, "0.1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[LUNA_NUMBER_TEXT_BYTES + 1];
        text[luna_number_print(rows[i].value, rows[i].precision, text)] = '\0';
        assert_string_equal(text, rows[i].text);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        doubles = strtol(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bit_is_lost_on_the_way),
        cmocka_unit_test(the_ends_of_the_range_are_misread),
        cmocka_unit_test(random_decimals_round_the_wrong_way),
        cmocka_unit_test(ties_round_the_wrong_way),
        cmocka_unit_test(a_shorter_or_nearer_text_would_do),
        cmocka_unit_test(a_list_differs_from_its_numbers_one_by_one),
        cmocka_unit_test(a_list_reads_otherwise_than_its_numbers),
        cmocka_unit_test(what_is_no_json_number_is_read),
        cmocka_unit_test(a_number_swallows_what_follows),
        cmocka_unit_test(too_large_is_taken_for_too_small),
        cmocka_unit_test(the_notation_is_not_pythons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
