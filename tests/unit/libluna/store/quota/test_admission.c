#include "luna/store/plan.h"
#include "one_host.h"
#include "stores_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void put_plan(const char *name, int64_t rate, int64_t burst, int64_t points,
                     int64_t concurrent)
{
    struct luna_operator op = stores_operator(&stores);
    struct luna_error err;
    struct luna_plan plan = {.rate_per_s = rate,
                             .rate_burst = burst,
                             .quota_limit = -1,
                             .points_max = points,
                             .concurrent_max = concurrent};
    snprintf(plan.name, sizeof plan.name, "%s", name);
    if (luna_plan_put(&op, &plan, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    stores_operator_done(&op);
}

static void test_a_success_is_charged_once_and_booked_once(void **state)
{
    struct client client;
    char words[96], sql[160];
    (void)state;
    stores_client(&stores, "plain", NULL, 500, &client);
    for (int i = 0; i < 7; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_remaining(&stores, &client), 493);
    snprintf(words, sizeof words, "GET {user:%lld:quota}:delta", (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 7);
    stores_book_all(booker);
    assert_int_equal(stores_redis_int(&stores, words), 0);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 7);
    snprintf(sql, sizeof sql, "SELECT sum(delta) FROM quota_events WHERE account_id = %lld",
             (long long)client.account.id);
    assert_int_equal(stores_sql_int(&stores, sql), 7);
    stores_assert_sound(&stores, booker);
}

static void test_the_quota_key_never_expires(void **state)
{
    struct client client;
    char words[96];
    (void)state;
    stores_client(&stores, "no-expiry", NULL, 5, &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    snprintf(words, sizeof words, "TTL user:%lld:quota", (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), -1);
    snprintf(words, sizeof words, "TTL {user:%lld:quota}:m", (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), -1);
}

static void test_the_limit_is_not_passed_by_one_unit(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "limit", NULL, 3, &client);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_QUOTA_EXHAUSTED);
    assert_int_equal(admission.quota_limit, 3);
    assert_int_equal(admission.quota_remaining, 0);
    assert_int_equal(stores_remaining(&stores, &client), 0);
}

static void test_a_cost_above_what_is_left_takes_nothing(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "dear", NULL, 10, &client);
    stores_admit(admitter, &client, 11, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_QUOTA_EXHAUSTED);
    stores_admit(admitter, &client, 10, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    assert_int_equal(stores_remaining(&stores, &client), 0);
}

static void test_keys_that_are_wrong_foreign_or_not_keys_open_nothing(void **state)
{
    struct client mine, other, guessed;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "key-mine", NULL, 10, &mine);
    stores_client(&stores, "key-other", NULL, 10, &other);
    guessed = mine;
    guessed.key = other.key;
    stores_admit(admitter, &guessed, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_KEY_INVALID);
    snprintf(guessed.key.text, sizeof guessed.key.text, "00000000-0000-4000-8000-000000000000");
    stores_admit(admitter, &guessed, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_KEY_INVALID);
    snprintf(guessed.key.text, sizeof guessed.key.text, "no key at all");
    stores_admit(admitter, &guessed, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_KEY_INVALID);
    assert_int_equal(stores_request(admitter, &mine), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_remaining(&stores, &mine), 9);
}

static void test_unknown_accounts_are_remembered_for_a_moment_only(void **state)
{
    struct client client, nobody;
    struct luna_admission admission;
    const int64_t ids[] = {0, -1, INT64_MAX, 2147483647};
    (void)state;
    stores_client(&stores, "known", NULL, 10, &client);
    nobody = client;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        nobody.account.id = ids[i];
        stores_admit(admitter, &nobody, 1, &admission);
        assert_int_equal(admission.outcome, LUNA_ADMIT_ACCOUNT_UNKNOWN);
    }
    nobody.account.id = client.account.id + 1;
    stores_admit(admitter, &nobody, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ACCOUNT_UNKNOWN);
    stores_admit(admitter, &nobody, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ACCOUNT_UNKNOWN);
    assert_false(admission.was_cold);
    /* Created now: what was remembered is forgotten at once. */
    stores_client(&stores, "known-next", NULL, 10, &client);
    assert_int_equal(client.account.id, nobody.account.id);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

static void test_a_refund_gives_back_once(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "refund", NULL, 10, &client);
    stores_admit(admitter, &client, 4, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_remaining(&stores, &client), 6);
    luna_admission_refund(admitter, &admission);
    luna_admission_refund(admitter, &admission);
    assert_int_equal(stores_remaining(&stores, &client), 10);
    stores_book_all(booker);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 0);
    stores_assert_sound(&stores, booker);
}

static void test_a_refund_after_the_booking_is_booked_as_well(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "late-refund", NULL, 10, &client);
    stores_admit(admitter, &client, 4, &admission);
    struct luna_booking_report report;
    struct luna_error err;
    assert_int_equal(luna_booking_pass(booker, &report, &err), LUNA_OK);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 4);
    luna_admission_refund(admitter, &admission);
    stores_book_all(booker);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 0);
    stores_assert_sound(&stores, booker);
}

/* A batch of which some series failed: what is booked is what was done, and once. */
static void test_a_reduced_charge_is_what_is_booked(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "reduced", NULL, 10, &client);
    stores_admit(admitter, &client, 6, &admission);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 4), LUNA_COMMIT_OK);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 4), LUNA_COMMIT_OK);
    assert_int_equal(admission.cost, 4);
    assert_int_equal(admission.quota_remaining, 6);
    assert_int_equal(stores_remaining(&stores, &client), 6);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    stores_assert_ledger(&stores, booker, &client, 4);
    stores_admit(admitter, &client, 3, &admission);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 0), LUNA_COMMIT_OK);
    assert_int_equal(admission.cost, 0);
    stores_assert_ledger(&stores, booker, &client, 4);
}

static void test_a_reduced_charge_that_was_booked_before_is_corrected(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_booking_report report;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "reduced-late", NULL, 10, &client);
    stores_admit(admitter, &client, 6, &admission);
    assert_int_equal(luna_booking_pass(booker, &report, &err), LUNA_OK);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 6);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 1), LUNA_COMMIT_OK);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void test_a_reduced_charge_is_given_back_whole_when_its_worker_dies(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_admitter *doomed = stores_admitter(&stores, 6);
    (void)state;
    stores_client(&stores, "reduced-killed", NULL, 10, &client);
    stores_admit(doomed, &client, 6, &admission);
    assert_int_equal(luna_admission_reduce(doomed, &admission, 2), LUNA_COMMIT_OK);
    luna_admitter_free(doomed);
    doomed = stores_admitter(&stores, 6);
    assert_int_equal(stores_request(doomed, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_ledger(&stores, booker, &client, 1);
    luna_admitter_free(doomed);
}

static void test_a_charge_that_cannot_be_reduced_is_void(void **state)
{
    struct client client;
    struct luna_admission admission;
    char words[96];
    (void)state;
    stores_client(&stores, "reduced-gone", NULL, 10, &client);
    stores_admit(admitter, &client, 6, &admission);
    snprintf(words, sizeof words, "DEL {user:%lld:quota}:m", (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 1);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 2), LUNA_COMMIT_VOID);
    assert_int_equal(admission.cost, 0);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void test_the_scopes_of_the_key_are_told(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "scopes-told", NULL, 10, &client);
    stores_admit(admitter, &client, 0, &admission);
    assert_int_equal(admission.key_scopes, LUNA_SCOPE_MODEL | LUNA_SCOPE_READ | LUNA_SCOPE_KEYS);
}

static void test_the_burst_is_limited_and_burns_no_quota(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    put_plan("slow", 1, 3, 0, 0);
    stores_client(&stores, "slow", "slow", 100, &client);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_RATE_LIMITED);
    assert_in_range(admission.retry_after_ms, 1, 1000);
    assert_int_equal(admission.rate_burst, 3);
    assert_int_equal(admission.rate_remaining, 0);
    assert_int_equal(stores_remaining(&stores, &client), 97);
    /* Checks that charge nothing are limited all the same. */
    stores_admit(admitter, &client, 0, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_RATE_LIMITED);
}

static void test_an_exhausted_quota_burns_no_burst(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    put_plan("slow2", 1, 2, 0, 0);
    stores_client(&stores, "slow2", "slow2", 0, &client);
    for (int i = 0; i < 5; i++) {
        stores_admit(admitter, &client, 1, &admission);
        assert_int_equal(admission.outcome, LUNA_ADMIT_QUOTA_EXHAUSTED);
    }
    stores_admit(admitter, &client, 0, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
}

static void test_more_points_than_the_plan_allows_are_refused(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    put_plan("few-points", 100, 100, 9, 0);
    stores_client(&stores, "few-points", "few-points", 10, &client);
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_TOO_MANY_POINTS);
    assert_int_equal(admission.points_max, 9);
    assert_int_equal(stores_remaining(&stores, &client), 10);
}

static void test_concurrent_requests_are_counted_and_released(void **state)
{
    struct client client;
    struct luna_admission first, second;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    (void)state;
    put_plan("one-at-a-time", 100, 100, 0, 1);
    stores_client(&stores, "one-at-a-time", "one-at-a-time", 10, &client);
    stores_admit(admitter, &client, 1, &first);
    assert_int_equal(first.outcome, LUNA_ADMIT_ALLOWED);
    stores_admit(other, &client, 1, &second);
    assert_int_equal(second.outcome, LUNA_ADMIT_CONCURRENCY_LIMITED);
    assert_int_equal(luna_admission_commit(admitter, &first), LUNA_COMMIT_OK);
    stores_admit(other, &client, 1, &second);
    assert_int_equal(second.outcome, LUNA_ADMIT_ALLOWED);
    luna_admission_refund(other, &second);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    luna_admitter_free(other);
}

static void test_a_plan_changes_without_a_restart(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    put_plan("changing", 100, 100, 5, 0);
    stores_client(&stores, "changing", "changing", 10, &client);
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_TOO_MANY_POINTS);
    put_plan("changing", 100, 100, 50, 0);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

static void test_a_killed_workers_charge_is_given_back_by_its_successor(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_admitter *doomed = stores_admitter(&stores, 5);
    (void)state;
    stores_client(&stores, "killed", NULL, 10, &client);
    stores_admit(doomed, &client, 3, &admission);
    assert_int_equal(stores_remaining(&stores, &client), 7);
    luna_admitter_free(doomed); /* neither committed nor refunded: all that a kill leaves */
    struct luna_admitter *successor = stores_admitter(&stores, 5);
    assert_int_equal(stores_request(successor, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_remaining(&stores, &client), 9);
    luna_admitter_free(successor);
    successor = stores_admitter(&stores, 5);
    assert_int_equal(stores_request(successor, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_remaining(&stores, &client), 8); /* a success was not given back */
    luna_admitter_free(successor);
    stores_book_all(booker);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 2);
    stores_assert_sound(&stores, booker);
}

static void test_two_processes_cannot_share_a_worker_slot(void **state)
{
    struct luna_admitter *twin = NULL;
    struct luna_error err;
    static const unsigned char pepper[32] = "x";
    const struct luna_admitter_options options = {.redis_url = stores.redis_url,
                                                  .database_url = stores.worker_url,
                                                  .pepper = pepper,
                                                  .pepper_len = sizeof pepper,
                                                  .journal_dir = stores.journal_dir,
                                                  .worker_slot = 0,
                                                  .redis_timeout_ms = 500,
                                                  .database_timeout_ms = 500};
    (void)state;
    assert_int_equal(luna_admitter_new(&options, &twin, &err), LUNA_ECONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_success_is_charged_once_and_booked_once),
        cmocka_unit_test(test_the_quota_key_never_expires),
        cmocka_unit_test(test_the_limit_is_not_passed_by_one_unit),
        cmocka_unit_test(test_a_cost_above_what_is_left_takes_nothing),
        cmocka_unit_test(test_keys_that_are_wrong_foreign_or_not_keys_open_nothing),
        cmocka_unit_test(test_unknown_accounts_are_remembered_for_a_moment_only),
        cmocka_unit_test(test_a_refund_gives_back_once),
        cmocka_unit_test(test_a_refund_after_the_booking_is_booked_as_well),
        cmocka_unit_test(test_a_reduced_charge_is_what_is_booked),
        cmocka_unit_test(test_a_reduced_charge_that_was_booked_before_is_corrected),
        cmocka_unit_test(test_a_reduced_charge_is_given_back_whole_when_its_worker_dies),
        cmocka_unit_test(test_a_charge_that_cannot_be_reduced_is_void),
        cmocka_unit_test(test_the_scopes_of_the_key_are_told),
        cmocka_unit_test(test_the_burst_is_limited_and_burns_no_quota),
        cmocka_unit_test(test_an_exhausted_quota_burns_no_burst),
        cmocka_unit_test(test_more_points_than_the_plan_allows_are_refused),
        cmocka_unit_test(test_concurrent_requests_are_counted_and_released),
        cmocka_unit_test(test_a_plan_changes_without_a_restart),
        cmocka_unit_test(test_a_killed_workers_charge_is_given_back_by_its_successor),
        cmocka_unit_test(test_two_processes_cannot_share_a_worker_slot),
    };
    return cmocka_run_group_tests(tests, one_host_start, one_host_stop);
}
