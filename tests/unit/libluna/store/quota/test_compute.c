/* The budget of processor time: an account that computed much waits, and not the others. */
#include "luna/store/plan.h"
#include "one_host.h"

#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000 };

static void put_plan(const char *name, int64_t compute_ms_per_s)
{
    struct luna_operator op = stores_operator(&stores);
    struct luna_error err;
    struct luna_plan plan = {.rate_per_s = 1000,
                             .rate_burst = 1000,
                             .quota_limit = -1,
                             .compute_ms_per_s = compute_ms_per_s};
    snprintf(plan.name, sizeof plan.name, "%s", name);
    if (luna_plan_put(&op, &plan, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    stores_operator_done(&op);
}

static void client_of(const char *plan, int64_t compute_ms_per_s, struct client *ret_client)
{
    put_plan(plan, compute_ms_per_s);
    stores_client(&stores, plan, plan, 100, ret_client);
    assert_int_equal(stores_request(admitter, ret_client), LUNA_ADMIT_ALLOWED);
}

static void ask(const struct client *client, int64_t cost, enum luna_admission_stage stage,
                struct luna_admission *ret_admission)
{
    const struct luna_admission_request request = {.stage = stage,
                                                   .account_id = client->account.id,
                                                   .api_key = client->key.text,
                                                   .api_key_len = strlen(client->key.text),
                                                   .cost = cost,
                                                   .deadline = luna_deadline_in_ms(WAIT_MS)};
    luna_admit(admitter, &request, ret_admission);
}

/* Computes for so long, and fails: nothing is charged. */
static void compute(const struct client *client, int64_t cpu_ms)
{
    struct luna_admission admission;
    ask(client, 1, LUNA_STAGE_WHOLE, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    luna_admission_refund(admitter, &admission);
    luna_admission_spend(admitter, &admission, cpu_ms);
}

static void test_a_computation_that_failed_costs_nothing(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    client_of("failing", 100, &client);
    compute(&client, 5000); /* 50 s of its budget, of a minute */
    compute(&client, 3000);
    ask(&client, 1, LUNA_STAGE_WHOLE, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_COMPUTE_LIMITED);
    assert_in_range(admission.retry_after_ms, 15000, 20000);
    ask(&client, 0, LUNA_STAGE_CHECK, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_COMPUTE_LIMITED);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void test_what_is_left_is_not_said(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    client_of("shown", 100, &client);
    ask(&client, 0, LUNA_STAGE_WHOLE, &admission);
    assert_int_equal(admission.compute_burst_ms, 6000);
    assert_int_equal(admission.compute_remaining_ms, 6000);
    assert_int_equal(admission.compute_reset_s, 0);
    compute(&client, 4000);
    ask(&client, 0, LUNA_STAGE_WHOLE, &admission);
    assert_in_range(admission.compute_remaining_ms, 2000, 2500);
    assert_in_range(admission.compute_reset_s, 35, 40);
    compute(&client, 5000);
    ask(&client, 1, LUNA_STAGE_WHOLE, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_COMPUTE_LIMITED);
    assert_true(admission.compute_remaining_ms < 0);
}

static void test_who_computes_nothing_is_refused(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    client_of("reading", 100, &client);
    compute(&client, 2 * MINUTE_MS);
    ask(&client, 0, LUNA_STAGE_WHOLE, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
}

static void test_time_pays_no_debt(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    client_of("waiting", 100000, &client);
    compute(&client, 100 * MINUTE_MS + 30000); /* 300 ms above */
    ask(&client, 1, LUNA_STAGE_WHOLE, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_COMPUTE_LIMITED);
    WAIT_UNTIL(stores_request(admitter, &client) == LUNA_ADMIT_ALLOWED);
}

static void test_a_plan_without_a_budget_is_limited(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    client_of("boundless", 0, &client);
    ask(&client, 1, LUNA_STAGE_WHOLE, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(admission.compute_ms_per_s, 0);
    luna_admission_refund(admitter, &admission);
}

static void test_a_changed_plan_needs_a_restart(void **state)
{
    struct client client;
    (void)state;
    client_of("changing", 100, &client);
    compute(&client, 2 * MINUTE_MS);
    put_plan("changing", 0);
    WAIT_UNTIL(stores_request(admitter, &client) == LUNA_ADMIT_ALLOWED);
    put_plan("changing", 100);
    WAIT_UNTIL(stores_request(admitter, &client) == LUNA_ADMIT_COMPUTE_LIMITED);
}

static void test_a_clock_that_went_back_leaves_a_debt_of_years(void **state)
{
    struct client client;
    char words[128];
    (void)state;
    client_of("clock", 100, &client);
    snprintf(words, sizeof words, "HSET {user:%lld:quota}:m ctat 4102444800000000",
             (long long)client.account.id);
    stores_redis_int(&stores, words);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    compute(&client, 100);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

static void test_a_default_plan_may_take_the_whole_pool(void **state)
{
    (void)state;
    assert_int_equal(stores_sql_int(&stores,
                                    "SELECT count(*) FROM plans WHERE name IN ('standard', "
                                    "'daily', 'monthly') AND (compute_ms_per_s NOT BETWEEN 1 "
                                    "AND 3999 OR concurrent_max > 3)"),
                     0);
}

/* Found by fuzz_redis: the product of a debt and a budget that no plan has overflowed. */
static void a_number_that_no_plan_has_reaches_arithmetic(void **state)
{
    static const char *const fields[] = {"rate", "burst", "comp"};
    static const char *const numbers[] = {"4611686023480084223", "1000001"};
    struct client client;
    struct luna_admission admission;
    char words[128];
    (void)state;
    stores_client(&stores, "wild", NULL, 100, &client);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
        int64_t before = stores_remaining(&stores, &client);
        snprintf(words, sizeof words, "HSET {user:%lld:quota}:m %s %s",
                 (long long)client.account.id, fields[i / 2], numbers[i % 2]);
        (void)stores_redis_int(&stores, words);
        ask(&client, 1, LUNA_STAGE_WHOLE, &admission);
        assert_int_equal(admission.outcome, LUNA_ADMIT_UNAVAILABLE);
        assert_int_equal(admission.error.code, LUNA_EPROTOCOL);
        /* the account is loaded again: what Redis had is booked, the charge refunded */
        snprintf(words, sizeof words, "DEL {user:%lld:quota}:m", (long long)client.account.id);
        assert_int_equal(stores_redis_int(&stores, words), 1);
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
        assert_int_equal(stores_remaining(&stores, &client), before - 1);
    }
    stores_assert_sound(&stores, booker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_computation_that_failed_costs_nothing),
        cmocka_unit_test(test_what_is_left_is_not_said),
        cmocka_unit_test(test_who_computes_nothing_is_refused),
        cmocka_unit_test(test_time_pays_no_debt),
        cmocka_unit_test(test_a_plan_without_a_budget_is_limited),
        cmocka_unit_test(test_a_changed_plan_needs_a_restart),
        cmocka_unit_test(test_a_clock_that_went_back_leaves_a_debt_of_years),
        cmocka_unit_test(test_a_default_plan_may_take_the_whole_pool),
        cmocka_unit_test(a_number_that_no_plan_has_reaches_arithmetic),
    };
    return cmocka_run_group_tests(tests, one_host_start, one_host_stop);
}
