/* Redis's and PostgreSQL's clocks, set wrong for a moment: what is refused meanwhile, and that
 * nothing stays wrong afterwards. */
#include "luna/base/clock.h"
#include "one_host.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000, HOUR_MS = 3600000 };
#define DAY_MS (24LL * HOUR_MS)
#define DECADE_MS (3653 * DAY_MS)

static int start(void **state)
{
    if (one_host_start(state) != 0)
        return 1;
    return stores_sql(stores.owner_url,
                      "INSERT INTO plans (name, rate_per_s, rate_burst, quota_period, "
                      "concurrent_max) VALUES ('slow', 1, 5, 'none', 0), "
                      "('by-day', 1000000, 1000000, 'day', 0), ('two', 1000, 1000, 'none', 2)")
               ? 0
               : 1;
}

static int clocks_are_right(void **state)
{
    (void)state;
    stores_redis_clock(&stores, 0);
    stores_postgres_clock(&stores, 0);
    return 0;
}

#define RIGHT(test) cmocka_unit_test_teardown(test, clocks_are_right)

static void test_burst_starts_again_when_redis_clock_went_back(void **state)
{
    static const int64_t ahead_ms[] = {HOUR_MS, DAY_MS, DECADE_MS};
    (void)state;
    for (size_t i = 0; i < sizeof ahead_ms / sizeof ahead_ms[0]; i++) {
        struct client client;
        char name[32];
        snprintf(name, sizeof name, "burst-%zu", i);
        stores_client(&stores, name, "slow", 1000, &client);
        (void)stores_request(admitter, &client);
        stores_redis_clock(&stores, ahead_ms[i]);
        for (int j = 0; j < 5; j++)
            (void)stores_request(admitter, &client);
        stores_redis_clock(&stores, 0);
        WAIT_UNTIL(stores_request(admitter, &client) == LUNA_ADMIT_ALLOWED);
        for (int j = 0; j < 4; j++)
            assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_RATE_LIMITED);
    }
}

/* As a worker that was killed while the clock was ahead left it. */
static void test_concurrent_request_of_a_wrong_clock_ends(void **state)
{
    struct client client;
    char words[128];
    (void)state;
    stores_client(&stores, "slots", "two", 1000, &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    for (int i = 0; i < 2; i++) {
        snprintf(words, sizeof words, "HSET {user:%lld:quota}:concurrent w0000000%d.9 %lld",
                 (long long)client.account.id, i, (long long)(luna_clock_wall_ms() + DECADE_MS));
        assert_true(stores_redis_int(&stores, words) >= 0);
    }
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

static void client_by_day(const char *name, struct client *ret_client)
{
    stores_client(&stores, name, "by-day", 100, ret_client);
    assert_int_equal(stores_request(admitter, ret_client), LUNA_ADMIT_ALLOWED);
}

/* The answer without a fence that an earlier request closed. */
static enum luna_admission_outcome first_request(const struct client *client)
{
    enum luna_admission_outcome outcome = stores_request(admitter, client);
    struct luna_error ignored;
    enum luna_code code =
        luna_admitter_probe(admitter, luna_deadline_in_ms(WAIT_MS), &ignored); /* opens it */
    (void)code;
    return outcome;
}

static void test_nothing_is_charged_by_a_clock_that_postgresql_contradicts(void **state)
{
    static const int64_t ahead_ms[] = {2 * MINUTE_MS, -HOUR_MS, DAY_MS, -DAY_MS, DECADE_MS};
    struct client client;
    int64_t charged = 1;
    (void)state;
    client_by_day("fenced", &client);
    for (size_t i = 0; i < sizeof ahead_ms / sizeof ahead_ms[0]; i++) {
        stores_redis_clock(&stores, ahead_ms[i]);
        for (int j = 0; j < 3; j++)
            assert_int_equal(first_request(&client), LUNA_ADMIT_CLOCKS);
        stores_redis_clock(&stores, 0);
        assert_int_equal(luna_admitter_probe(admitter, luna_deadline_in_ms(WAIT_MS), NULL),
                         LUNA_OK);
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
        charged++;
    }
    stores_assert_ledger(&stores, booker, &client, charged);
    assert_int_equal(stores_account_int(&stores, &client, "period_no"), 0);
    assert_int_equal(stores_account_int(&stores, &client, "quota_epoch"), 1);
}

static void test_clock_within_the_bound_is_served(void **state)
{
    struct client client;
    (void)state;
    client_by_day("served", &client);
    stores_redis_clock(&stores, MINUTE_MS / 2);
    assert_int_equal(first_request(&client), LUNA_ADMIT_ALLOWED);
    stores_redis_clock(&stores, -MINUTE_MS / 2);
    assert_int_equal(first_request(&client), LUNA_ADMIT_ALLOWED);
}

static void test_fence_opens_within_seconds_by_itself(void **state)
{
    struct client client;
    (void)state;
    client_by_day("opens", &client);
    stores_redis_clock(&stores, DAY_MS);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_CLOCKS);
    stores_redis_clock(&stores, 0);
    for (int waited_ms = 0; stores_request(admitter, &client) != LUNA_ADMIT_ALLOWED;
         waited_ms += 50) {
        assert_true(waited_ms < 10000);
        wait_ms(50);
    }
}

static void test_both_clocks_that_were_set_are_believed(void **state)
{
    struct client client;
    (void)state;
    stores_client(&stores, "both", "slow", 100, &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_redis_clock(&stores, HOUR_MS);
    stores_postgres_clock(&stores, HOUR_MS);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

static void test_cold_account_is_not_loaded_by_a_wrong_clock(void **state)
{
    struct client client;
    (void)state;
    stores_client(&stores, "cold", "by-day", 100, &client);
    stores_redis_clock(&stores, DECADE_MS);
    assert_int_equal(first_request(&client), LUNA_ADMIT_CLOCKS);
    assert_int_equal(stores_account_int(&stores, &client, "quota_epoch"), 0);
    stores_redis_clock(&stores, 0);
    assert_int_equal(first_request(&client), LUNA_ADMIT_CLOCKS);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

/* What a worker learned from PostgreSQL before holds. */
static void test_period_waits_for_the_clock_while_postgresql_is_unavailable(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    client_by_day("unavailable", &client);
    stores_postgres_kill(&stores);
    stores_redis_clock(&stores, DAY_MS);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_CLOCKS);
    stores_redis_clock(&stores, 0);
    WAIT_UNTIL(stores_request(admitter, &client) == LUNA_ADMIT_ALLOWED);
    stores_postgres_start(&stores);
    stores_fence(booker, &report);
    stores_assert_ledger(&stores, booker, &client, 2);
    assert_int_equal(stores_account_int(&stores, &client, "period_no"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGHT(test_burst_starts_again_when_redis_clock_went_back),
        cmocka_unit_test(test_concurrent_request_of_a_wrong_clock_ends),
        RIGHT(test_nothing_is_charged_by_a_clock_that_postgresql_contradicts),
        RIGHT(test_clock_within_the_bound_is_served),
        RIGHT(test_fence_opens_within_seconds_by_itself),
        RIGHT(test_both_clocks_that_were_set_are_believed),
        RIGHT(test_cold_account_is_not_loaded_by_a_wrong_clock),
        RIGHT(test_period_waits_for_the_clock_while_postgresql_is_unavailable)};
    return cmocka_run_group_tests(tests, start, one_host_stop);
}
