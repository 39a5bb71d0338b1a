#include "luna/base/digits.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_prints_as_printf(int64_t number)
{
    char wanted[LUNA_DECIMAL_BYTES + 1], found[LUNA_DECIMAL_BYTES + 1];
    memset(found, '#', sizeof found);
    int len = snprintf(wanted, sizeof wanted, "%" PRId64, number);
    assert_int_equal(luna_decimal_print(number, found), len);
    assert_memory_equal(found, wanted, (size_t)len);
    assert_int_equal(found[len], '#');
}

static void a_number_of_some_length_or_sign_differs_from_printf(void **state)
{
    (void)state;
    assert_prints_as_printf(INT64_MIN);
    assert_prints_as_printf(INT64_MAX);
    assert_prints_as_printf(0);
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        for (int64_t number = power - 1; number <= power + 1; number++) {
            assert_prints_as_printf(number);
            assert_prints_as_printf(-number);
        }
    }
}

static void both_cases_decode(void **state)
{
    (void)state;
    unsigned char out[4];
    size_t len = 0;
    assert_true(luna_hex_decode("00fFAb9", out, sizeof out, &len) == 0);
    assert_true(luna_hex_decode("00fFAb90", out, sizeof out, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(out, "\x00\xff\xab\x90", 4);
}

static void what_is_no_digit_or_too_long_is_refused(void **state)
{
    (void)state;
    unsigned char out[2];
    size_t len = 99;
    static const char *const wrong[] = {"0g", "0x", " 0", "-1", "/:", "@G", "`g", "001122"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(luna_hex_decode(wrong[i], out, sizeof out, &len));
    assert_int_equal(len, 99);
}

static void what_was_encoded_decodes_to_itself(void **state)
{
    (void)state;
    unsigned char bytes[256], back[256];
    char text[2 * sizeof bytes + 1];
    size_t len = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    luna_hex_encode(bytes, sizeof bytes, text);
    assert_memory_equal(text, "000102", 6);
    assert_string_equal(text + 2 * 253, "fdfeff");
    assert_true(luna_hex_decode(text, back, sizeof back, &len));
    assert_int_equal(len, sizeof bytes);
    assert_memory_equal(back, bytes, sizeof bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_of_some_length_or_sign_differs_from_printf),
        cmocka_unit_test(both_cases_decode),
        cmocka_unit_test(what_was_encoded_decodes_to_itself),
        cmocka_unit_test(what_is_no_digit_or_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
