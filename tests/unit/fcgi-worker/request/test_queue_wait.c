/* The wait in the queue, by a gateway's clock that differs from this host's. */
#include "request/queue_wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { BEHIND_MS = 2100, MS = 1000000 };

static int64_t clock_ms = 1700000000000; /* of this host */

/* A request that came `waited_ms` ago to a gateway whose clock is behind by `behind_ms`. */
static int64_t wait_of(struct queue_wait *wait, int64_t waited_ms, int64_t behind_ms)
{
    char stamp[64];
    int64_t at_ms = clock_ms - waited_ms - behind_ms;
    snprintf(stamp, sizeof stamp, "%lld.%03d", (long long)(at_ms / 1000), (int)(at_ms % 1000));
    const struct queue_wait_now now = {.wall_ms = clock_ms, .mono_ns = clock_ms * MS};
    return queue_wait_ms(wait, stamp, now);
}

static void find_empty(struct queue_wait *wait)
{
    wait->empty_ns = clock_ms * MS;
}

static void test_gateway_behind_counts_as_no_wait(void **state)
{
    struct queue_wait wait = {0};
    (void)state;
    find_empty(&wait);
    clock_ms += 3;
    assert_true(wait_of(&wait, 1, BEHIND_MS) <= 3);
}

static void test_wait_counts_beyond_the_offset(void **state)
{
    struct queue_wait wait = {0};
    (void)state;
    find_empty(&wait);
    assert_int_equal(wait_of(&wait, 0, BEHIND_MS), 0);
    clock_ms += 5000; /* without an empty queue */
    assert_int_equal(wait_of(&wait, 2500, BEHIND_MS), 2500);
    clock_ms += 5000;
    assert_int_equal(wait_of(&wait, 700, BEHIND_MS), 700);
}

static void test_wait_counts_from_the_first_request(void **state)
{
    struct queue_wait wait = {0};
    (void)state;
    assert_int_equal(wait_of(&wait, 2500, 0), 2500); /* a worker that replaced another under load */
}

static void test_worker_that_starts_under_load_takes_a_day_for_a_wrong_clock(void **state)
{
    struct queue_wait wait = {0};
    (void)state;
    assert_int_equal(wait_of(&wait, 2500, 86400000), 0);
    clock_ms += 1000;
    assert_int_equal(wait_of(&wait, 2600, 86400000), 100);
}

static void test_offset_does_not_grow_with_a_long_queue(void **state)
{
    struct queue_wait wait = {0};
    (void)state;
    find_empty(&wait);
    assert_int_equal(wait_of(&wait, 0, 0), 0);
    for (int i = 0; i < 1000; i++) {
        clock_ms += 3000;
        assert_int_equal(wait_of(&wait, 3000, 0), 3000);
    }
}

static void test_clock_that_was_set_is_known_after_one_empty_queue(void **state)
{
    static const int64_t behind[] = {BEHIND_MS, -BEHIND_MS, 86400000, -86400000, 0};
    struct queue_wait wait = {0};
    (void)state;
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        find_empty(&wait);
        clock_ms += 10;
        assert_true(wait_of(&wait, 2, behind[i]) <= 10);
        clock_ms += 4000;
        int64_t waited_ms = wait_of(&wait, 3000, behind[i]);
        assert_true(waited_ms >= 2990 && waited_ms <= 3010);
    }
}

static void test_two_gateways_shed_nothing_while_there_is_no_queue(void **state)
{
    struct queue_wait wait = {0};
    (void)state;
    for (int i = 0; i < 100; i++) {
        find_empty(&wait);
        clock_ms += 5;
        assert_true(wait_of(&wait, 1, i % 2 == 0 ? 0 : BEHIND_MS) <= 5);
    }
}

static void test_strange_stamps_count_as_no_wait(void **state)
{
    static const char *const stamps[] = {"",   "soon", "-5", "0", ".5", "99999999999999999999.000",
                                         "- 1"};
    const struct queue_wait_now now = {.wall_ms = clock_ms, .mono_ns = 1};
    struct queue_wait wait = {0};
    (void)state;
    for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++)
        assert_int_equal(queue_wait_ms(&wait, stamps[i], now), 0);
    assert_int_equal(wait.clock_difference_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway_behind_counts_as_no_wait),
        cmocka_unit_test(test_wait_counts_beyond_the_offset),
        cmocka_unit_test(test_wait_counts_from_the_first_request),
        cmocka_unit_test(test_worker_that_starts_under_load_takes_a_day_for_a_wrong_clock),
        cmocka_unit_test(test_offset_does_not_grow_with_a_long_queue),
        cmocka_unit_test(test_clock_that_was_set_is_known_after_one_empty_queue),
        cmocka_unit_test(test_two_gateways_shed_nothing_while_there_is_no_queue),
        cmocka_unit_test(test_strange_stamps_count_as_no_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
