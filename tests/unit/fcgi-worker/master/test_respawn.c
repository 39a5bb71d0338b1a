/* Respawning: prompt for one accident, bounded for a crash loop. */
#include "master/respawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t ms = 1000000;
static const int64_t start_ns = 1000000000000;
static const struct respawn_death young = {1000000, false};
static const struct respawn_death young_but_ready = {1000000, true};

static void first_crash_is_answered_at_once(void **state)
{
    (void)state;
    struct respawn slot = {0};
    struct respawn_budget budget = {0};
    assert_int_equal(respawn_pause_ns(&slot, &budget, &(struct respawn_death){50 * ms, false},
                                      start_ns, UINT32_MAX),
                     0);
}

static void crash_after_a_long_life_does_not_count_as_a_series(void **state)
{
    (void)state;
    struct respawn slot = {.young_deaths = 7};
    struct respawn_budget budget = {0};
    assert_int_equal(
        respawn_pause_ns(&slot, &budget,
                         &(struct respawn_death){(int64_t)RESPAWN_LIVED_MS * ms, false}, start_ns,
                         UINT32_MAX),
        0);
}

static void pauses_double_up_to_the_maximum(void **state)
{
    (void)state;
    struct respawn slot = {0};
    int64_t before = 0;
    for (int i = 0; i < 12; i++) {
        struct respawn_budget fresh = {0};
        int64_t pause = respawn_pause_ns(&slot, &fresh, &young, start_ns, UINT32_MAX / 2);
        assert_true(pause >= before);
        before = pause;
    }
    assert_in_range(before / ms, RESPAWN_PAUSE_MS_MAX - 1, RESPAWN_PAUSE_MS_MAX);
}

static void jitter_spreads_a_quarter_either_way(void **state)
{
    (void)state;
    struct respawn low = {.young_deaths = 1};
    struct respawn high = {.young_deaths = 1};
    struct respawn_budget budget = {0};
    assert_int_equal(respawn_pause_ns(&low, &budget, &young, start_ns, 0) / ms,
                     RESPAWN_PAUSE_MS_FIRST * 3 / 4);
    assert_int_equal(respawn_pause_ns(&high, &budget, &young, start_ns, UINT32_MAX) / ms,
                     RESPAWN_PAUSE_MS_FIRST * 5 / 4);
}

/* 128 slots that die the moment they start: what counts is how many forks that makes in a
 * minute. */
static void crash_loop_of_a_large_pool_costs_a_bounded_number_of_forks(void **state)
{
    (void)state;
    enum { SLOTS = 128 };
    const int64_t minute_ns = 60000 * ms;
    struct respawn slots[SLOTS] = {{0}};
    int64_t due[SLOTS];
    struct respawn_budget budget = {0};
    int forks = 0;
    for (int i = 0; i < SLOTS; i++)
        due[i] = start_ns;
    for (int64_t now = start_ns; now < start_ns + minute_ns; now += 10 * ms)
        for (int i = 0; i < SLOTS; i++)
            if (due[i] <= now) {
                forks++;
                due[i] = now + respawn_pause_ns(&slots[i], &budget, &young, now, UINT32_MAX / 2);
            }
    /* The first fork of each slot, the budget, and what is given back in a minute; a slot never
     * loops by itself. */
    assert_in_range(forks, SLOTS, SLOTS + RESPAWN_BUDGET + 60000 / RESPAWN_BUDGET_REFILL_MS + 1);
    assert_true(respawn_is_crash_loop(&budget, start_ns + minute_ns));
}

static void budget_recovers(void **state)
{
    (void)state;
    struct respawn slot = {0};
    struct respawn_budget budget = {0};
    for (int i = 0; i < 3 * RESPAWN_BUDGET; i++)
        (void)respawn_pause_ns(&slot, &budget, &young, start_ns, 0);
    assert_true(respawn_is_crash_loop(&budget, start_ns));
    assert_false(respawn_is_crash_loop(&budget, start_ns + 120000 * ms));
}

static void workers_that_worked_come_back_sooner_and_still_within_bounds(void **state)
{
    (void)state;
    struct respawn slot = {.young_deaths = 20};
    struct respawn_budget budget = {0};
    int64_t pause = respawn_pause_ns(&slot, &budget, &young_but_ready, start_ns, UINT32_MAX / 2);
    assert_in_range(pause / ms, RESPAWN_PAUSE_MS_MAX_READY - 1, RESPAWN_PAUSE_MS_MAX_READY);
    int deaths = 1;
    while (!respawn_is_crash_loop(&budget, start_ns)) {
        (void)respawn_pause_ns(&slot, &budget, &young_but_ready, start_ns, 0);
        deaths++;
    }
    assert_int_equal(deaths, RESPAWN_BUDGET * RESPAWN_READY_DISCOUNT + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_crash_is_answered_at_once),
        cmocka_unit_test(crash_after_a_long_life_does_not_count_as_a_series),
        cmocka_unit_test(pauses_double_up_to_the_maximum),
        cmocka_unit_test(jitter_spreads_a_quarter_either_way),
        cmocka_unit_test(crash_loop_of_a_large_pool_costs_a_bounded_number_of_forks),
        cmocka_unit_test(budget_recovers),
        cmocka_unit_test(workers_that_worked_come_back_sooner_and_still_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
