#include "backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void delays_double_up_to_the_maximum(void **state)
{
    (void)state;
    static const int64_t ceilings_ms[] = {50, 100, 200, 400, 500, 500, 500};
    struct backoff backoff;
    backoff_init(&backoff, 50, 500, 1);
    for (size_t i = 0; i < sizeof ceilings_ms / sizeof ceilings_ms[0]; i++) {
        int64_t delay_ms = backoff_fail_ms(&backoff);
        assert_in_range(delay_ms, ceilings_ms[i] / 2, ceilings_ms[i]);
    }
}

static void two_daemons_that_fail_together_do_not_return_together(void **state)
{
    (void)state;
    struct backoff one, other;
    backoff_init(&one, 1000, 1000000, 1);
    backoff_init(&other, 1000, 1000000, 2);
    int different = 0;
    for (int i = 0; i < 10; i++)
        different += backoff_fail_ms(&one) != backoff_fail_ms(&other);
    assert_true(different >= 9);
}

static void delays_spread_over_less_than_half_of_the_maximum(void **state)
{
    int64_t least_ms = INT64_MAX, most_ms = 0;
    struct backoff backoff;
    (void)state;
    backoff_init(&backoff, 1000, 1000, 5);
    for (int i = 0; i < 1000; i++) {
        int64_t delay_ms = backoff_fail_ms(&backoff);
        least_ms = delay_ms < least_ms ? delay_ms : least_ms;
        most_ms = delay_ms > most_ms ? delay_ms : most_ms;
    }
    assert_in_range(least_ms, 500, 510);
    assert_in_range(most_ms, 990, 1000);
}

static void a_success_makes_the_next_failure_short_again(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, 10, 10000, 7);
    for (int i = 0; i < 8; i++)
        (void)backoff_fail_ms(&backoff);
    backoff_succeed(&backoff);
    assert_in_range(backoff_fail_ms(&backoff), 5, 10);
}

static void thousands_of_failures_do_not_overflow(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, 1, INT64_MAX / 4, 3);
    for (int i = 0; i < 5000; i++)
        assert_true(backoff_fail_ms(&backoff) > 0);
}

static void one_millisecond_is_never_zero(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, 1, 1, 9);
    for (int i = 0; i < 100; i++)
        assert_int_equal(backoff_fail_ms(&backoff), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_double_up_to_the_maximum),
        cmocka_unit_test(two_daemons_that_fail_together_do_not_return_together),
        cmocka_unit_test(delays_spread_over_less_than_half_of_the_maximum),
        cmocka_unit_test(a_success_makes_the_next_failure_short_again),
        cmocka_unit_test(thousands_of_failures_do_not_overflow),
        cmocka_unit_test(one_millisecond_is_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
