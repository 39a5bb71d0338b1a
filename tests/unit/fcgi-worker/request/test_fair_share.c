/* One account's long computations: what would let them take every worker, or never end. */
#include "api/routes.h"
#include "request/fair_share.h"
#include "rig.h"
#include "shared/long_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { OTHER_ACCOUNT = 43, LONG_MS = 25, POLLED_MS = 6 };

/* In the phase of its model. */
static struct exchange begin(void)
{
    int64_t now_ns = luna_clock_mono_ns();
    return (struct exchange){.pipeline = &rig.pipeline,
                             .route = &api_routes.routes[0],
                             .ids = {.account_id = RIG_ACCOUNT},
                             .price = {.units = 1},
                             .timing = {.phase = PHASE_MODEL,
                                        .phase_since_ns = now_ns,
                                        .hard_limit_ns = now_ns + INT64_C(60000000000)}};
}

/* The first poll starts the processor's clock; the second one finds how much it has counted. */
static bool poll_through(struct exchange *exchange)
{
    rig_compute_ms(POLLED_MS);
    bool stops = fair_share_poll(exchange);
    rig_compute_ms(LONG_MS);
    return fair_share_poll(exchange) || stops;
}

static void an_account_takes_more_than_half_of_the_pool(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    rig_begin_long_run(1, RIG_ACCOUNT);
    assert_false(fair_share_is_used_up(&exchange));
    rig_begin_long_run(2, RIG_ACCOUNT);
    assert_true(fair_share_is_used_up(&exchange));
}

static void a_setting_gives_an_account_the_whole_pool(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    rig.config.account_workers_max = 100;
    rig_begin_long_run(1, RIG_ACCOUNT);
    rig_begin_long_run(2, RIG_ACCOUNT);
    assert_false(fair_share_is_used_up(&exchange));
    rig_begin_long_run(3, RIG_ACCOUNT);
    assert_true(fair_share_is_used_up(&exchange));
}

static void another_accounts_computations_count(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    for (int slot = 1; slot < 4; slot++)
        rig_begin_long_run(slot, OTHER_ACCOUNT);
    assert_false(fair_share_is_used_up(&exchange));
}

static void a_request_without_a_price_is_refused(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    exchange.price.units = 0;
    rig_begin_long_run(1, RIG_ACCOUNT);
    rig_begin_long_run(2, RIG_ACCOUNT);
    assert_false(fair_share_is_used_up(&exchange));
    assert_false(fair_share_enter(&exchange));
}

static void a_short_computation_is_listed(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    assert_false(fair_share_enter(&exchange));
    assert_false(fair_share_poll(&exchange));
    assert_false(rig_is_listed(0, RIG_ACCOUNT));
}

static void a_long_computation_is_not_listed(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    assert_false(poll_through(&exchange));
    assert_true(rig_is_listed(0, RIG_ACCOUNT));
    assert_int_equal(exchange.computation.stop, STOP_NONE);
}

static void a_computation_beyond_the_share_goes_on(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    rig_begin_long_run(1, RIG_ACCOUNT);
    rig_begin_long_run(2, RIG_ACCOUNT);
    assert_true(poll_through(&exchange));
    assert_int_equal(exchange.computation.stop, STOP_OVER_SHARE);
    assert_true(fair_share_poll(&exchange)); /* also when it is asked again */
}

static void a_computation_is_listed_after_its_end(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    (void)poll_through(&exchange);
    fair_share_end(&exchange);
    assert_false(rig_is_listed(0, RIG_ACCOUNT));
}

static void a_long_computation_is_forgotten_at_its_end(void **state)
{
    struct exchange first = begin();
    (void)state;
    (void)poll_through(&first);
    fair_share_end(&first);
    assert_true(long_runs_expected(rig.board, RIG_ACCOUNT, luna_clock_mono_ns()));
    assert_false(long_runs_expected(rig.board, OTHER_ACCOUNT, luna_clock_mono_ns()));
}

static void the_next_computation_counts_only_when_it_is_long_again(void **state)
{
    struct exchange next = begin();
    (void)state;
    long_runs_remember(rig.board, rig.pipeline.slot, RIG_ACCOUNT, luna_clock_mono_ns());
    assert_false(fair_share_enter(&next));
    assert_true(rig_is_listed(0, RIG_ACCOUNT));
}

static void a_long_body_is_read_beyond_the_share(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    exchange.checked = true;
    exchange.request.content_encoding = "";
    exchange.request.content_length = 999999;
    rig_begin_long_run(1, RIG_ACCOUNT);
    rig_begin_long_run(2, RIG_ACCOUNT);
    assert_false(fair_share_enter_read(&exchange));
    exchange.request.content_length = 1000000;
    assert_true(fair_share_enter_read(&exchange));
    assert_int_equal(exchange.computation.stop, STOP_OVER_SHARE);
}

static void a_large_bodys_computation_costs_and_is_forgotten(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    exchange.checked = true;
    exchange.request = (struct http_request){.content_encoding = "", .content_length = 2000000};
    assert_false(fair_share_enter_read(&exchange));
    assert_false(fair_share_enter(&exchange));
    rig_compute_ms(LONG_MS);
    assert_false(fair_share_poll(&exchange));
    assert_true(fair_share_measure_cpu_ms(&exchange) >= LONG_MS);
    fair_share_end(&exchange);
    assert_true(long_runs_expected(rig.pipeline.board, RIG_ACCOUNT, luna_clock_mono_ns()));
}

static void processor_time_is_not_counted_for_the_plan(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    assert_int_equal(fair_share_measure_cpu_ms(&exchange), 0);
    (void)poll_through(&exchange);
    assert_true(fair_share_measure_cpu_ms(&exchange) >= LONG_MS);
}

/* Of a request that is over and used `ms`, less than what a success is counted from. */
static int64_t measured_ms(enum luna_admission_outcome outcome, enum luna_charge charge, int64_t ms)
{
    struct exchange exchange = begin();
    exchange.admission = (struct luna_admission){.outcome = outcome, .charge = charge, .cost = 1};
    rig_compute_ms(ms);
    return fair_share_measure_cpu_ms(&exchange);
}

static void a_request_that_costs_no_unit_costs_no_processor_time(void **state)
{
    static const enum luna_admission_outcome unpaid[] = {LUNA_ADMIT_ALLOWED, LUNA_ADMIT_REPLAY,
                                                         LUNA_ADMIT_TOO_MANY_POINTS,
                                                         LUNA_ADMIT_IDEMPOTENCY_MISMATCH};
    (void)state;
    for (size_t i = 0; i < sizeof unpaid / sizeof unpaid[0]; i++)
        assert_true(measured_ms(unpaid[i], LUNA_CHARGE_REFUNDED, 5) >= 5);
}

static void a_short_success_costs_a_round_trip(void **state)
{
    (void)state;
    assert_int_equal(measured_ms(LUNA_ADMIT_ALLOWED, LUNA_CHARGE_COMMITTED, 5), 0);
}

static void a_stranger_uses_up_the_accounts_budget(void **state)
{
    (void)state;
    assert_int_equal(measured_ms(LUNA_ADMIT_KEY_INVALID, LUNA_CHARGE_NONE, 5), 0);
    assert_int_equal(measured_ms(LUNA_ADMIT_SCOPE_MISSING, LUNA_CHARGE_NONE, 5), 0);
    assert_int_equal(measured_ms(LUNA_ADMIT_COMPUTE_LIMITED, LUNA_CHARGE_NONE, 5), 0);
}

/* Else a busy machine would use up the budget: the time of the phases goes on while others run. */
static void a_wait_for_the_processor_costs_processor_time(void **state)
{
    struct exchange exchange = begin();
    (void)state;
    (void)measured_ms(LUNA_ADMIT_ALLOWED, LUNA_CHARGE_REFUNDED, 1);
    exchange.admission.outcome = LUNA_ADMIT_ALLOWED;
    exchange.timing.phase_ns[PHASE_DECODE] = INT64_C(3600000000000);
    assert_true(fair_share_measure_cpu_ms(&exchange) < 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_account_takes_more_than_half_of_the_pool),
        TEST(a_setting_gives_an_account_the_whole_pool),
        TEST(another_accounts_computations_count),
        TEST(a_request_without_a_price_is_refused),
        TEST(a_short_computation_is_listed),
        TEST(a_long_computation_is_not_listed),
        TEST(a_computation_beyond_the_share_goes_on),
        TEST(a_computation_is_listed_after_its_end),
        TEST(a_long_computation_is_forgotten_at_its_end),
        TEST(the_next_computation_counts_only_when_it_is_long_again),
        TEST(a_long_body_is_read_beyond_the_share),
        TEST(a_large_bodys_computation_costs_and_is_forgotten),
        TEST(processor_time_is_not_counted_for_the_plan),
        TEST(a_request_that_costs_no_unit_costs_no_processor_time),
        TEST(a_short_success_costs_a_round_trip),
        TEST(a_stranger_uses_up_the_accounts_budget),
        TEST(a_wait_for_the_processor_costs_processor_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
