#include "stores_fixture.h"
#include "stores_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct stores stores;
static struct luna_booker *booker;
static struct luna_admitter *admitter;

static int start(void **state)
{
    struct luna_fence_report report;
    (void)state;
    stores_start(&stores);
    booker = stores_booker(&stores);
    stores_fence(booker, &report);
    admitter = stores_admitter(&stores, 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    luna_admitter_free(admitter);
    luna_booker_free(booker);
    stores_stop(&stores);
    return 0;
}

static void test_a_success_is_charged_once_and_booked_once(void **state)
{
    struct client client;
    char sql[160], words[96];
    (void)state;
    stores_client(&stores, "plain", NULL, 500, &client);
    for (int i = 0; i < 7; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    snprintf(words, sizeof words, "GET user:%lld:quota", (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 493);
    snprintf(words, sizeof words, "GET {user:%lld:quota}:delta", (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 7);
    stores_book_all(booker);
    assert_int_equal(stores_redis_int(&stores, words), 0);
    snprintf(sql, sizeof sql, "SELECT quota_used FROM accounts WHERE id = %lld",
             (long long)client.account.id);
    assert_int_equal(stores_sql_int(&stores, sql), 7);
    snprintf(sql, sizeof sql, "SELECT sum(delta) FROM quota_events WHERE account_id = %lld",
             (long long)client.account.id);
    assert_int_equal(stores_sql_int(&stores, sql), 7);
    stores_assert_sound(&stores, booker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_success_is_charged_once_and_booked_once),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
