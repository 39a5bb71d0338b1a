#include "luna/base/decimal.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_of_some_length_or_sign_differs_from_printf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
