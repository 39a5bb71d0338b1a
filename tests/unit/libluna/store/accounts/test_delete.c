#include "luna/store/plan.h"
#include "one_operator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void delete_account(const struct client *client)
{
    struct luna_error err;
    assert_int_equal(luna_account_delete(&op, client->account.id, "test", &err), LUNA_OK);
}

static enum luna_admission_outcome ask(const struct client *client)
{
    struct luna_admission admission;
    stores_admit(admitter, client, 0, &admission);
    return admission.outcome;
}

/* As if it had been deleted long ago. */
static void age(const struct client *client)
{
    char sql[128];
    snprintf(sql, sizeof sql,
             "UPDATE accounts SET deleted_at = now() - interval '16 minutes' WHERE id = %lld",
             (long long)client->account.id);
    assert_true(stores_sql(stores.owner_url, sql));
}

static int64_t housekeep(void)
{
    struct luna_housekeeping_report report;
    struct luna_error err;
    assert_int_equal(luna_booking_housekeep(booker, &report, &err), LUNA_OK);
    return report.accounts_closed;
}

static int64_t in_redis(const struct client *client)
{
    char words[64];
    snprintf(words, sizeof words, "EXISTS {user:%lld:quota}:m", (long long)client->account.id);
    return stores_redis_int(&stores, words);
}

/* I13, and like an account that never was. */
static void test_a_warm_account_is_unknown_once_it_is_deleted(void **state)
{
    struct client client, never;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    never = client;
    never.account.id = 1000000;
    assert_int_equal(ask(&never), LUNA_ADMIT_ACCOUNT_UNKNOWN);
    delete_account(&client);
    assert_int_equal(ask(&client), LUNA_ADMIT_ACCOUNT_UNKNOWN);
    stores_assert_ledger(&stores, booker, &client, 3);
    assert_int_equal(ask(&client), LUNA_ADMIT_ACCOUNT_UNKNOWN);
}

static void test_a_cold_account_is_unknown_once_it_is_deleted(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    delete_account(&client);
    stores_redis_int(&stores, "FLUSHALL");
    stores_fence(booker, &report);
    assert_int_equal(ask(&client), LUNA_ADMIT_ACCOUNT_UNKNOWN);
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_an_account_that_was_never_used_is_unknown_and_has_no_more_periods(void **state)
{
    struct client client;
    (void)state;
    stores_client(&stores, "deleted-unused", "monthly", 5, &client);
    delete_account(&client);
    assert_int_equal(ask(&client), LUNA_ADMIT_ACCOUNT_UNKNOWN);
    assert_int_equal(stores_account_int(&stores, &client, "(period_end IS NULL)::int"), 1);
    stores_assert_ledger(&stores, booker, &client, 0);
}

static void test_a_request_that_runs_meanwhile_is_charged_and_booked(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    one_host_client(&client);
    stores_admit(admitter, &client, 5, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    delete_account(&client);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    stores_assert_ledger(&stores, booker, &client, 5);
}

static void test_a_request_that_fails_meanwhile_is_refunded(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    one_host_client(&client);
    stores_admit(admitter, &client, 5, &admission);
    delete_account(&client);
    luna_admission_refund(admitter, &admission);
    stores_assert_ledger(&stores, booker, &client, 0);
}

static void test_redis_keeps_it_until_all_is_booked_and_its_requests_have_ended(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 4);
    delete_account(&client);
    stores_book_all(booker);
    assert_int_equal(housekeep(), 0); /* a request may still run */
    age(&client);
    assert_int_equal(in_redis(&client), 1);
    assert_int_equal(housekeep(), 1);
    assert_int_equal(in_redis(&client), 0);
    assert_int_equal(stores_account_int(&stores, &client, "epoch_open::int"), 0);
    assert_int_equal(ask(&client), LUNA_ADMIT_ACCOUNT_UNKNOWN);
    assert_int_equal(housekeep(), 0);
    stores_assert_ledger(&stores, booker, &client, 4);
}

static void test_unbooked_charges_keep_it_in_redis(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 4);
    delete_account(&client);
    age(&client);
    assert_int_equal(housekeep(), 0);
    stores_book_all(booker);
    assert_int_equal(housekeep(), 1);
    stores_assert_ledger(&stores, booker, &client, 4);
}

static void test_no_key_is_made_for_it(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    delete_account(&client);
    assert_int_equal(stores_key(&op, &client, (struct luna_key_spec){.scopes = LUNA_SCOPE_MODEL}),
                     LUNA_ENOTFOUND);
    struct luna_key_text key;
    assert_int_equal(luna_account_rotate_key(&op, client.account.id, 0, &key, &err),
                     LUNA_ENOTFOUND);
    assert_int_equal(luna_account_enable(&op, client.account.id, "", &err), LUNA_OK);
    assert_int_equal(ask(&client), LUNA_ADMIT_ACCOUNT_UNKNOWN);
}

static void test_what_names_its_owner_is_gone_and_the_name_is_free(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "Jane Doe", NULL, 5, &client);
    assert_int_equal(
        stores_key(&op, &client,
                   (struct luna_key_spec){.scopes = LUNA_SCOPE_MODEL,
                                          .name = "Jane's laptop",
                                          .metadata = "{\"mail\": \"jane@example.org\"}",
                                          .networks = "192.0.2.7"}),
        LUNA_OK);
    delete_account(&client);
    assert_int_equal(stores_sql_int(&stores,
                                    "SELECT count(*) FROM accounts a JOIN api_keys k ON "
                                    "k.account_id = a.id WHERE (a, k)::text ~* 'jane|192[.]0[.]2'"),
                     0);
    struct luna_account found;
    assert_int_equal(luna_account_find(op.database, "Jane Doe", &found, &err), LUNA_ENOTFOUND);
    struct client other;
    stores_client(&stores, "Jane Doe", NULL, 5, &other);
    assert_true(other.account.id != client.account.id);
}

static void test_a_changed_plan_passes_it_by(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    struct luna_plan plan = {.name = "of-the-deleted",
                             .rate_per_s = 10,
                             .rate_burst = 10,
                             .quota_limit = -1,
                             .quota_period = LUNA_PERIOD_NONE};
    assert_int_equal(luna_plan_put(&op, &plan, &err), LUNA_OK);
    stores_client(&stores, "deleted-of-plan", plan.name, 5, &client);
    delete_account(&client);
    int64_t events = stores_account_int(&stores, &client, "chain_seq");
    plan.quota_period = LUNA_PERIOD_DAY;
    assert_int_equal(luna_plan_put(&op, &plan, &err), LUNA_OK);
    assert_int_equal(stores_account_int(&stores, &client, "chain_seq"), events);
    assert_int_equal(stores_account_int(&stores, &client, "(period_end IS NULL)::int"), 1);
}

static void test_deleting_again_writes_no_second_event(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    delete_account(&client);
    int64_t events = stores_account_int(&stores, &client, "chain_seq");
    delete_account(&client);
    assert_int_equal(stores_account_int(&stores, &client, "chain_seq"), events);
    struct luna_error err;
    assert_int_equal(luna_account_delete(&op, 999999, "", &err), LUNA_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_warm_account_is_unknown_once_it_is_deleted),
        cmocka_unit_test(test_a_cold_account_is_unknown_once_it_is_deleted),
        cmocka_unit_test(test_an_account_that_was_never_used_is_unknown_and_has_no_more_periods),
        cmocka_unit_test(test_a_request_that_runs_meanwhile_is_charged_and_booked),
        cmocka_unit_test(test_a_request_that_fails_meanwhile_is_refunded),
        cmocka_unit_test(test_redis_keeps_it_until_all_is_booked_and_its_requests_have_ended),
        cmocka_unit_test(test_unbooked_charges_keep_it_in_redis),
        cmocka_unit_test(test_no_key_is_made_for_it),
        cmocka_unit_test(test_what_names_its_owner_is_gone_and_the_name_is_free),
        cmocka_unit_test(test_a_changed_plan_passes_it_by),
        cmocka_unit_test(test_deleting_again_writes_no_second_event),
    };
    return cmocka_run_group_tests(tests, one_operator_start, one_operator_stop);
}
