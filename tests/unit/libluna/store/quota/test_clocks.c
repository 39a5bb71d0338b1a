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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_burst_starts_again_when_redis_clock_went_back,
                                  clocks_are_right),
        cmocka_unit_test(test_concurrent_request_of_a_wrong_clock_ends)};
    return cmocka_run_group_tests(tests, start, one_host_stop);
}
