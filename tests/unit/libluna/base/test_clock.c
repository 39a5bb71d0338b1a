#include "luna/base/clock.h"
#include "wait.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void left_time_is_rounded_down_to_a_busy_loop(void **state)
{
    (void)state;
    struct luna_deadline soon = {.at_ns = luna_clock_mono_ns() + WAIT_MS * 1000000LL};
    assert_in_range(luna_deadline_left_ms(soon), 1, WAIT_MS);
    struct luna_deadline hair = luna_deadline_in_ms(1000);
    hair.at_ns = luna_clock_mono_ns() + 900000; /* 0.9 ms left must not read as 0 */
    int left_ms = luna_deadline_left_ms(hair);
    if (luna_clock_mono_ns() < hair.at_ns) /* this process was not put aside meanwhile */
        assert_int_equal(left_ms, 1);
}

static void passed_deadlines_wait_for_ever(void **state)
{
    (void)state;
    struct luna_deadline past = luna_deadline_in_ms(-5);
    assert_true(luna_deadline_passed(past));
    assert_int_equal(luna_deadline_left_ms(past), 0);
    struct timeval wait = luna_deadline_timeval(past);
    assert_true(wait.tv_sec > 0 || wait.tv_usec > 0);
    assert_true(wait.tv_sec == 0 && wait.tv_usec <= 1000);
}

static void far_deadlines_overflow(void **state)
{
    (void)state;
    assert_int_equal(luna_deadline_left_ms(luna_deadline_in_ms(INT64_MAX)), INT_MAX);
    assert_false(luna_deadline_passed(luna_deadline_in_ms(INT64_MAX)));
    assert_true(luna_deadline_passed(luna_deadline_in_ms(INT64_MIN)));
}

static void a_cap_lengthens_the_budget(void **state)
{
    (void)state;
    struct luna_deadline deadline = luna_deadline_in_ms(WAIT_MS);
    assert_int_equal(luna_deadline_cap_ms(deadline, 2 * WAIT_MS).at_ns, deadline.at_ns);
    assert_in_range(luna_deadline_left_ms(luna_deadline_cap_ms(deadline, WAIT_MS / 2)), 1,
                    WAIT_MS / 2);
    struct timeval wait = luna_deadline_timeval(luna_deadline_in_ms(WAIT_MS));
    assert_in_range(wait.tv_sec * 1000 + wait.tv_usec / 1000, 1000, WAIT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_time_is_rounded_down_to_a_busy_loop),
        cmocka_unit_test(passed_deadlines_wait_for_ever),
        cmocka_unit_test(far_deadlines_overflow),
        cmocka_unit_test(a_cap_lengthens_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
