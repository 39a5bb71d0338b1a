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

static void pass_once(void)
{
    struct luna_booking_report report;
    struct luna_error err;
    if (luna_booking_pass(booker, &report, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
}

static void test_flushall_loses_no_success(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    pass_once();
    one_host_request(&client, 4);
    stores_redis_int(&stores, "FLUSHALL");
    stores_fence(booker, &report);
    assert_string_equal(report.why, "redis was flushed");
    assert_int_equal(report.units_recovered, 4);
    one_host_request(&client, 2);
    stores_assert_ledger(&stores, booker, &client, 9);
}

static void test_flushall_is_healed_by_a_cold_load_before_any_fence(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 5);
    stores_redis_int(&stores, "FLUSHALL");
    one_host_request(&client, 2);
    assert_int_equal(stores_used(&stores, &client), 5);
    stores_fence(booker, &report);
    stores_assert_ledger(&stores, booker, &client, 7);
}

static void test_nothing_is_charged_between_a_restart_and_the_fence(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    stores_redis_kill(&stores);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_UNAVAILABLE);
    stores_redis_start(&stores);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_UNAVAILABLE);
    stores_fence(booker, &report);
    assert_string_equal(report.why, "redis restarted or was replaced");
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 4);
}

static void test_an_older_append_only_file_gives_nothing_away(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    wait_ms(1100); /* appendfsync everysec */
    stores_shell(stores.dir, "cp -r appendonlydir older");
    one_host_request(&client, 4);
    pass_once();
    one_host_request(&client, 2);
    stores_redis_kill(&stores);
    stores_shell(stores.dir, "rm -rf appendonlydir && mv older appendonlydir");
    stores_redis_start(&stores);
    stores_fence(booker, &report);
    assert_int_equal(report.units_recovered, 2);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 10);
}

static void test_a_charge_that_was_booked_and_then_lost_is_refunded(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    pass_once();
    assert_int_equal(stores_used(&stores, &client), 3);
    stores_redis_int(&stores, "FLUSHALL");
    stores_fence(booker, &report);
    assert_int_equal(report.units_recovered, -1);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_VOID);
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_somebody_elses_recovery_does_not_void_a_charge(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    one_host_client(&client);
    stores_admit(admitter, &client, 1, &admission);
    atomic_fetch_add(
        luna_journal_page_seq(luna_journal_page_of(admitter->journal), client.account.id), 1);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void test_the_same_snapshot_booked_twice_counts_once(void **state)
{
    struct client client;
    char sql[256];
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 6);
    int64_t term = stores_sql_int(&stores, "SELECT term FROM syncd_leader");
    snprintf(sql, sizeof sql,
             "SELECT luna_book(%lld, 'quota-syncd one:1', '{%lld}', '{1}', '{6}', '{0}')",
             (long long)term, (long long)client.account.id);
    assert_true(stores_sql(stores.syncd_url, sql));
    assert_true(stores_sql(stores.syncd_url, sql));
    /* an older snapshot that arrives late */
    snprintf(sql, sizeof sql,
             "SELECT luna_book(%lld, 'quota-syncd one:1', '{%lld}', '{1}', '{4}', '{0}')",
             (long long)term, (long long)client.account.id);
    assert_true(stores_sql(stores.syncd_url, sql));
    stores_assert_ledger(&stores, booker, &client, 6);
}

static void test_an_acknowledgement_leaves_what_came_since(void **state)
{
    struct client client;
    struct luna_quota_keys keys;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_error err;
    struct luna_buf text;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 5);
    luna_quota_keys_make(client.account.id, "", &keys);
    luna_buf_init(&text, LUNA_SCRIPT_BYTES_MAX);
    luna_script_text(LUNA_SCRIPT_ACK, NULL, &text);
    const char *const words[] = {
        text.data, "4", keys.m, keys.delta, LUNA_KEY_DIRTY, keys.quota, "1", "3", "0", "0", "0"};
    luna_redis_begin(&command, "EVAL");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        luna_redis_arg(&command, words[i]);
    for (int i = 0; i < 2; i++) { /* twice: the second repeats the first */
        assert_int_equal(luna_redis_run(admitter->counters, &command, luna_deadline_in_ms(WAIT_MS),
                                        &reply, &err),
                         LUNA_OK);
        luna_reply_free(reply);
        char get[96];
        snprintf(get, sizeof get, "GET %s", keys.delta);
        assert_int_equal(stores_redis_int(&stores, get), 2);
    }
    luna_buf_done(&text);
    stores_assert_ledger(&stores, booker, &client, 5);
}

static void test_a_replaced_daemon_books_nothing(void **state)
{
    struct client client;
    struct luna_booking_report report;
    struct luna_fence_report fence;
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    stores_sql_int(&stores, "SELECT luna_term_take('quota-syncd usurper:1')");
    assert_int_equal(luna_booking_pass(booker, &report, &err), LUNA_ECONFLICT);
    assert_int_equal(stores_used(&stores, &client), 0);
    stores_fence(booker, &fence); /* takes the next term */
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_a_second_daemon_waits_and_takes_over(void **state)
{
    struct luna_booker *second = stores_booker(&stores);
    struct client client;
    struct luna_error err;
    bool leading = true;
    int64_t term = 0;
    (void)state;
    struct luna_housekeeping_report kept;
    assert_int_equal(luna_booking_lead(second, &leading, &term, &err), LUNA_OK);
    assert_false(leading);
    assert_int_equal(luna_booking_housekeep(second, &kept, &err), LUNA_ECONFLICT);
    stores_sql_int(
        &stores,
        "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l WHERE l.locktype = 'advisory'");
    WAIT_UNTIL(luna_booking_lead(second, &leading, &term, &err) == LUNA_OK && leading);
    assert_true(leading);
    struct luna_booking_report report;
    one_host_client(&client);
    one_host_request(&client, 1);
    assert_int_not_equal(luna_booking_pass(booker, &report, &err), LUNA_OK);
    assert_int_equal(stores_used(&stores, &client), 0);
    luna_booker_free(second);
    struct luna_fence_report fence;
    stores_fence(booker, &fence);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void test_without_postgresql_warm_accounts_go_on_and_cold_ones_wait(void **state)
{
    struct client warm, cold;
    struct luna_fence_report report;
    struct luna_error err;
    struct luna_booking_report booking;
    (void)state;
    one_host_client(&warm);
    one_host_client(&cold);
    one_host_request(&warm, 1);
    stores_postgres_kill(&stores);
    one_host_request(&warm, 5);
    int64_t started = luna_clock_mono_ns();
    assert_int_equal(stores_request(admitter, &cold), LUNA_ADMIT_UNAVAILABLE);
    assert_in_range((luna_clock_mono_ns() - started) / 1000000, 0, WAIT_MS / 2);
    assert_int_not_equal(luna_booking_pass(booker, &booking, &err), LUNA_OK);
    stores_postgres_start(&stores);
    stores_fence(booker, &report);
    assert_false(report.fenced);
    one_host_request(&cold, 2);
    stores_assert_ledger(&stores, booker, &warm, 6);
    stores_assert_ledger(&stores, booker, &cold, 2);
}

static void test_without_redis_nothing_hangs_and_nothing_is_limited(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    stores_redis_kill(&stores);
    int64_t started = luna_clock_mono_ns();
    for (int i = 0; i < 5; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_UNAVAILABLE);
    assert_in_range((luna_clock_mono_ns() - started) / 1000000, 0, WAIT_MS / 2);
    stores_redis_start(&stores);
    stores_fence(booker, &report);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void test_a_redis_that_would_lose_quotas_is_refused(void **state)
{
    struct luna_error err;
    (void)state;
    assert_int_equal(luna_booking_check_redis(booker, &err), LUNA_OK);
    stores_redis_int(&stores, "CONFIG SET maxmemory-policy allkeys-lru");
    assert_int_equal(luna_booking_check_redis(booker, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "maxmemory-policy noeviction"));
    stores_redis_int(&stores, "CONFIG SET maxmemory-policy noeviction");
    stores_redis_int(&stores, "CONFIG SET appendonly no");
    assert_int_equal(luna_booking_check_redis(booker, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "appendonly yes"));
    stores_redis_int(&stores, "CONFIG SET appendonly yes");
}

static void edit_base(const struct client *client, int by)
{
    char words[128];
    snprintf(words, sizeof words, "HINCRBY {user:%lld:quota}:m base %d",
             (long long)client->account.id, by);
    stores_redis_int(&stores, words);
    snprintf(words, sizeof words, "DECRBY user:%lld:quota %d", (long long)client->account.id, by);
    stores_redis_int(&stores, words);
}

static void test_a_hand_that_edits_redis_is_seen(void **state)
{
    struct client client;
    struct luna_conservation gauges;
    struct luna_error err;
    char words[96];
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    snprintf(words, sizeof words, "INCRBY user:%lld:quota 50", (long long)client.account.id);
    stores_redis_int(&stores, words);
    assert_int_equal(luna_booking_gauges(booker, 4000, &gauges, &err), LUNA_OK);
    assert_int_equal(gauges.redis_local, 1);
    assert_int_equal(gauges.example_account, client.account.id);
    snprintf(words, sizeof words, "DECRBY user:%lld:quota 50", (long long)client.account.id);
    stores_redis_int(&stores, words);
    /* Consistent within Redis, but not with PostgreSQL. */
    edit_base(&client, 5);
    assert_int_equal(luna_booking_gauges(booker, 4000, &gauges, &err), LUNA_OK);
    assert_int_equal(gauges.redis_local, 0);
    assert_int_equal(gauges.across, 1);
    edit_base(&client, -5);
    char sql[160];
    snprintf(sql, sizeof sql, "UPDATE accounts SET quota_used = quota_used + 3 WHERE id = %lld",
             (long long)client.account.id);
    assert_true(stores_sql(stores.owner_url, sql));
    assert_int_equal(luna_booking_gauges(booker, 4000, &gauges, &err), LUNA_OK);
    assert_int_equal(gauges.database_local, 1);
    snprintf(sql, sizeof sql, "UPDATE accounts SET quota_used = quota_used - 3 WHERE id = %lld",
             (long long)client.account.id);
    assert_true(stores_sql(stores.owner_url, sql));
    stores_assert_ledger(&stores, booker, &client, 1);
}

/* I11: what is not booked gets into the ledger, even if somebody emptied the dirty set. */
static void test_an_emptied_dirty_set_is_filled_again(void **state)
{
    struct client client;
    struct luna_conservation gauges;
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    stores_redis_int(&stores, "DEL quota:dirty");
    stores_book_all(booker);
    assert_int_equal(stores_used(&stores, &client), 0);
    for (int i = 0; i < 20; i++) /* until the rotation reaches it */
        assert_int_equal(luna_booking_gauges(booker, 4, &gauges, &err), LUNA_OK);
    stores_assert_ledger(&stores, booker, &client, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flushall_loses_no_success),
        cmocka_unit_test(test_flushall_is_healed_by_a_cold_load_before_any_fence),
        cmocka_unit_test(test_nothing_is_charged_between_a_restart_and_the_fence),
        cmocka_unit_test(test_an_older_append_only_file_gives_nothing_away),
        cmocka_unit_test(test_a_charge_that_was_booked_and_then_lost_is_refunded),
        cmocka_unit_test(test_somebody_elses_recovery_does_not_void_a_charge),
        cmocka_unit_test(test_the_same_snapshot_booked_twice_counts_once),
        cmocka_unit_test(test_an_acknowledgement_leaves_what_came_since),
        cmocka_unit_test(test_a_replaced_daemon_books_nothing),
        cmocka_unit_test(test_a_second_daemon_waits_and_takes_over),
        cmocka_unit_test(test_without_postgresql_warm_accounts_go_on_and_cold_ones_wait),
        cmocka_unit_test(test_without_redis_nothing_hangs_and_nothing_is_limited),
        cmocka_unit_test(test_a_redis_that_would_lose_quotas_is_refused),
        cmocka_unit_test(test_a_hand_that_edits_redis_is_seen),
        cmocka_unit_test(test_an_emptied_dirty_set_is_filled_again),
    };
    return cmocka_run_group_tests(tests, one_host_start, one_host_stop);
}
