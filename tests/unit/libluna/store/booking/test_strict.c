/* Strict mode: Redis is the truth, and no journal. */
#include "one_host.h"

#include "quota/admitter.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int start(void **state)
{
    struct luna_fence_report report;
    (void)state;
    stores_start_strict(&stores);
    booker = stores_booker(&stores);
    stores_fence(booker, &report);
    admitter = stores_admitter(&stores, 0);
    return 0;
}

static void lose_programs(void)
{
    luna_admitter_free(admitter);
    luna_booker_free(booker);
    admitter = NULL;
    booker = NULL;
}

/* The workers' host with its disk, and quota-syncd; others take their place. */
static void lose_the_host(void)
{
    lose_programs();
    stores_shell(stores.dir, "rm -rf journal");
    booker = stores_booker(&stores);
    admitter = stores_admitter(&stores, 0);
    struct luna_error err;
    assert_int_equal(luna_admitter_probe(admitter, luna_deadline_in_ms(WAIT_MS), &err), LUNA_OK);
}

static void lose_everything(struct luna_fence_report *ret_report)
{
    lose_programs();
    stores_redis_kill(&stores);
    stores_shell(stores.dir, "rm -rf journal");
    stores_redis_start(&stores);
    booker = stores_booker(&stores);
    stores_fence(booker, ret_report);
    admitter = stores_admitter(&stores, 0);
}

static void pass_once(void)
{
    struct luna_booking_report report;
    struct luna_error err;
    if (luna_booking_pass(booker, &report, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
}

static void admit(const struct client *client, int64_t life_ms, struct luna_admission *admission)
{
    const struct luna_admission_request request = {.account_id = client->account.id,
                                                   .api_key = client->key.text,
                                                   .api_key_len = strlen(client->key.text),
                                                   .cost = 1,
                                                   .request_id = "test",
                                                   .deadline = luna_deadline_in_ms(life_ms)};
    luna_admit(admitter, &request, admission);
    assert_int_equal(admission->outcome, LUNA_ADMIT_ALLOWED);
}

static void test_all_journals_and_all_processes_lost_at_once(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    pass_once();
    one_host_request(&client, 3);
    stores_admit(admitter, &client, 1, &admission); /* and is not answered */
    lose_everything(&report);
    assert_string_equal(report.why, "redis restarted or was replaced");
    assert_int_equal(report.units_recovered, 3);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 6);
}

static void test_a_booked_charge_that_nobody_confirmed_is_refunded_without_a_journal(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    stores_admit(admitter, &client, 4, &admission);
    pass_once();
    assert_int_equal(stores_used(&stores, &client), 5);
    lose_everything(&report);
    assert_int_equal(stores_used(&stores, &client), 1);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void test_a_fence_that_was_killed_half_way_loses_nothing(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    lose_programs();
    stores_redis_kill(&stores);
    stores_shell(stores.dir, "rm -rf journal");
    stores_redis_start(&stores);
    /* It had taken the number, and nothing else. */
    stores_sql_int(&stores,
                   "UPDATE redis_incarnation SET incarnation = incarnation + 1 RETURNING 1");
    booker = stores_booker(&stores);
    stores_fence(booker, &report);
    admitter = stores_admitter(&stores, 0);
    assert_int_equal(report.units_recovered, 3);
    stores_assert_ledger(&stores, booker, &client, 3);
}

static void test_the_charge_of_a_lost_host_is_refunded_when_its_time_is_over(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    admit(&client, 200, &admission);
    pass_once();
    assert_int_equal(stores_used(&stores, &client), 3);
    lose_the_host();
    stores_fence(booker, &report);
    assert_false(report.fenced);
    WAIT_UNTIL((pass_once(), stores_used(&stores, &client) == 2));
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_the_charge_of_a_lost_host_whose_clocks_were_ahead_is_refunded(void **state)
{
    const int64_t ahead_ms = 3600000;
    struct client client;
    struct luna_admission admission;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    stores_redis_clock(&stores, ahead_ms);
    stores_postgres_clock(&stores, ahead_ms);
    admit(&client, 200, &admission);
    lose_the_host();
    stores_redis_clock(&stores, 0);
    stores_postgres_clock(&stores, 0);
    stores_fence(booker, &report);
    for (int i = 0; i < 50 && stores_used(&stores, &client) != 2; i++, wait_ms(20))
        pass_once();
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_a_worker_that_comes_back_too_late_confirms_nothing(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    admit(&client, 200, &admission);
    WAIT_UNTIL((pass_once(), stores_used(&stores, &client) == 2));
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_VOID);
    stores_assert_ledger(&stores, booker, &client, 2);
}

/* After a power loss: the page still names a charge that was confirmed, and its record is lost. */
static void test_a_confirmed_charge_is_refunded_by_an_older_page(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    one_host_client(&client);
    stores_admit(admitter, &client, 3, &admission);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    struct luna_journal_slot *slot = luna_journal_slot_of(admitter->journal);
    slot->account_id = client.account.id;
    atomic_store(&slot->wseq, admission.worker_seq);
    luna_admitter_free(admitter);
    stores_shell(stores.dir, "rm -f journal/j-0-*");
    admitter = stores_admitter(&stores, 0);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 4);
}

static void test_a_full_disk_of_the_journals_stops_nothing(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    stores_shell(stores.dir, "rm -rf journal");
    one_host_request(&client, 3);
    stores_assert_ledger(&stores, booker, &client, 3);
}

static void test_an_ended_account_is_booked_before_it_is_loaded_again(void **state)
{
    struct client client;
    struct luna_admission admission;
    char words[128];
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    snprintf(words, sizeof words, "HSET {user:%lld:quota}:m pend 1 nend 1",
             (long long)client.account.id);
    stores_redis_int(&stores, words);
    lose_the_host();
    const struct luna_admission_request request = {.account_id = client.account.id,
                                                   .api_key = client.key.text,
                                                   .api_key_len = strlen(client.key.text),
                                                   .cost = 1,
                                                   .deadline = luna_deadline_in_ms(300)};
    luna_admit(admitter, &request, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_UNAVAILABLE);
    struct luna_fence_report report;
    stores_fence(booker, &report);
    pass_once();
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 4);
}

static void test_a_redis_that_forgets_is_refused_while_it_runs(void **state)
{
    struct client client;
    struct luna_fence_report report;
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    stores_redis_int(&stores, "CONFIG SET appendfsync everysec");
    assert_int_equal(luna_booking_fence(booker, &report, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "appendfsync always"));
    assert_int_equal(luna_booking_check_redis(booker, &err), LUNA_ECONFIG);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_UNAVAILABLE);
    stores_redis_int(&stores, "CONFIG SET appendfsync always");
    stores_redis_int(&stores, "CONFIG SET no-appendfsync-on-rewrite yes");
    assert_int_equal(luna_booking_check_redis(booker, &err), LUNA_ECONFIG);
    stores_redis_int(&stores, "CONFIG SET no-appendfsync-on-rewrite no");
    assert_int_equal(luna_booking_check_redis(booker, &err), LUNA_OK);
    stores_fence(booker, &report);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_a_worker_and_a_daemon_of_two_modes_charge_nothing(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    stores.durability = LUNA_DURABILITY_DEFAULT;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    stores.durability = LUNA_DURABILITY_STRICT;
    assert_int_equal(luna_admitter_probe(other, luna_deadline_in_ms(WAIT_MS), &err),
                     LUNA_EUNAVAILABLE);
    assert_non_null(strstr(err.msg, "LUNA_DURABILITY is default here and strict for quota-syncd"));
    assert_int_equal(stores_request(other, &client), LUNA_ADMIT_UNAVAILABLE);
    luna_admitter_free(other);
    stores_assert_ledger(&stores, booker, &client, 0);
}

static void change_mode(enum luna_durability durability)
{
    struct luna_fence_report report;
    lose_programs();
    stores.durability = durability;
    booker = stores_booker(&stores);
    stores_fence(booker, &report);
    assert_true(report.fenced);
    assert_string_equal(report.why, "LUNA_DURABILITY was changed");
    admitter = stores_admitter(&stores, 0);
}

static void test_nothing_is_lost_from_one_mode_to_the_other_and_back(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    change_mode(LUNA_DURABILITY_DEFAULT);
    one_host_request(&client, 2);
    change_mode(LUNA_DURABILITY_STRICT);
    one_host_request(&client, 4);
    stores_assert_ledger(&stores, booker, &client, 7);
}

static void test_an_older_redis_is_filled_up_from_the_journals(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    stores_shell(stores.dir, "cp -r appendonlydir older");
    one_host_request(&client, 4);
    stores_redis_kill(&stores);
    stores_shell(stores.dir, "rm -rf appendonlydir && mv older appendonlydir");
    stores_redis_start(&stores);
    stores_fence(booker, &report);
    stores_assert_ledger(&stores, booker, &client, 7);
}

static void test_a_batch_and_a_refund_are_confirmed_for_what_they_cost(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    stores_admit(admitter, &client, 5, &admission);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 2), LUNA_COMMIT_OK);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    stores_admit(admitter, &client, 5, &admission);
    luna_admission_refund(admitter, &admission);
    stores_admit(admitter, &client, 7, &admission);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 3), LUNA_COMMIT_OK);
    lose_everything(&report);
    stores_assert_ledger(&stores, booker, &client, 2);
}

/* POST /keys and its like. */
static void test_the_record_of_a_request_without_a_charge_is_never_final(void **state)
{
    struct client client;
    struct luna_admission admission;
    const unsigned char hash[32] = "body";
    (void)state;
    one_host_client(&client);
    const struct luna_admission_request request = {.account_id = client.account.id,
                                                   .api_key = client.key.text,
                                                   .api_key_len = strlen(client.key.text),
                                                   .idempotency_key = "key",
                                                   .idempotency_key_len = 3,
                                                   .body_hash = hash,
                                                   .deadline = luna_deadline_in_ms(WAIT_MS)};
    luna_admit(admitter, &request, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    luna_admit(admitter, &request, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_REPLAY);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_journals_and_all_processes_lost_at_once),
        cmocka_unit_test(test_a_booked_charge_that_nobody_confirmed_is_refunded_without_a_journal),
        cmocka_unit_test(test_a_fence_that_was_killed_half_way_loses_nothing),
        cmocka_unit_test(test_the_charge_of_a_lost_host_is_refunded_when_its_time_is_over),
        cmocka_unit_test(test_the_charge_of_a_lost_host_whose_clocks_were_ahead_is_refunded),
        cmocka_unit_test(test_a_worker_that_comes_back_too_late_confirms_nothing),
        cmocka_unit_test(test_a_confirmed_charge_is_refunded_by_an_older_page),
        cmocka_unit_test(test_a_full_disk_of_the_journals_stops_nothing),
        cmocka_unit_test(test_an_ended_account_is_booked_before_it_is_loaded_again),
        cmocka_unit_test(test_a_redis_that_forgets_is_refused_while_it_runs),
        cmocka_unit_test(test_a_worker_and_a_daemon_of_two_modes_charge_nothing),
        cmocka_unit_test(test_nothing_is_lost_from_one_mode_to_the_other_and_back),
        cmocka_unit_test(test_an_older_redis_is_filled_up_from_the_journals),
        cmocka_unit_test(test_a_batch_and_a_refund_are_confirmed_for_what_they_cost),
        cmocka_unit_test(test_the_record_of_a_request_without_a_charge_is_never_final),
    };
    return cmocka_run_group_tests(tests, start, one_host_stop);
}
