#include "schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { INTERVAL_MS = 1000 };

static void the_first_round_is_due_at_once(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_init(&schedule, 5000, 1);
    assert_int_equal(schedule_wait_ms(&schedule, 5000), 0);
}

static void rounds_begin_one_interval_apart_however_long_they_take(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_init(&schedule, 0, 1);
    schedule_ended(&schedule, ROUND_DONE, 0, 300, INTERVAL_MS);
    assert_int_equal(schedule_wait_ms(&schedule, 300), 700);
    schedule_ended(&schedule, ROUND_DONE, 1000, 2500, INTERVAL_MS);
    assert_int_equal(schedule_wait_ms(&schedule, 2500), 0);
}

static void a_store_that_is_away_is_not_hammered(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_init(&schedule, 0, 1);
    int64_t now_ms = 0;
    for (int i = 0; i < 20; i++) {
        schedule_ended(&schedule, ROUND_FAILED, now_ms, now_ms, 60000);
        int wait_ms = schedule_wait_ms(&schedule, now_ms);
        assert_true(wait_ms >= SCHEDULE_BACKOFF_BASE_MS / 2);
        assert_true(wait_ms <= SCHEDULE_BACKOFF_MAX_MS);
        now_ms += wait_ms;
    }
    assert_true(now_ms > 10 * SCHEDULE_BACKOFF_MAX_MS / 2);
}

static void a_store_that_came_back_is_noticed_within_an_interval(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_init(&schedule, 0, 1);
    for (int i = 0; i < 20; i++) {
        schedule_ended(&schedule, ROUND_FAILED, 0, 0, INTERVAL_MS);
        assert_true(schedule_wait_ms(&schedule, 0) <= INTERVAL_MS);
    }
}

static void hints_do_not_shorten_the_backoff(void **state)
{
    (void)state;
    static const enum round_outcome troubles[] = {ROUND_FAILED, ROUND_REFUSED};
    for (size_t i = 0; i < 2; i++) {
        struct schedule schedule;
        schedule_init(&schedule, 0, 1);
        schedule_ended(&schedule, troubles[i], 0, 0, INTERVAL_MS);
        int before_ms = schedule_wait_ms(&schedule, 0);
        schedule_hint(&schedule, 0);
        assert_int_equal(schedule_wait_ms(&schedule, 0), before_ms);
    }
}

static void a_hint_books_soon_but_a_flood_of_hints_does_not_spin(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_init(&schedule, 0, 1);
    schedule_ended(&schedule, ROUND_DONE, 100, 105, INTERVAL_MS);
    schedule_hint(&schedule, 106);
    assert_int_equal(schedule_wait_ms(&schedule, 106), SCHEDULE_HINT_GAP_MS - 6);
    schedule_hint(&schedule, 400);
    assert_int_equal(schedule_wait_ms(&schedule, 400), 0);
}

static void a_hint_never_delays(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_init(&schedule, 0, 1);
    schedule_ended(&schedule, ROUND_DONE, 0, 2, 10);
    schedule_hint(&schedule, 3);
    assert_int_equal(schedule_wait_ms(&schedule, 3), 7);
}

static void an_overdue_round_does_not_wait_a_negative_time(void **state)
{
    (void)state;
    struct schedule schedule;
    schedule_init(&schedule, 0, 1);
    assert_int_equal(schedule_wait_ms(&schedule, INT64_MAX / 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_round_is_due_at_once),
        cmocka_unit_test(rounds_begin_one_interval_apart_however_long_they_take),
        cmocka_unit_test(a_store_that_is_away_is_not_hammered),
        cmocka_unit_test(a_store_that_came_back_is_noticed_within_an_interval),
        cmocka_unit_test(hints_do_not_shorten_the_backoff),
        cmocka_unit_test(a_hint_books_soon_but_a_flood_of_hints_does_not_spin),
        cmocka_unit_test(a_hint_never_delays),
        cmocka_unit_test(an_overdue_round_does_not_wait_a_negative_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
