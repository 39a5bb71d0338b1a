/* Redis's and PostgreSQL's clocks, set wrong for a moment: what is refused meanwhile, and that
 * nothing stays wrong afterwards. */
#include "luna/base/clock.h"
#include "luna/store/audit.h"
#include "one_operator.h"
#include "quota/admitter.h"
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
    if (one_operator_start(state) != 0)
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

static void ask_clocks(void)
{
    struct luna_booking_clocks clocks;
    struct luna_error err;
    assert_int_equal(luna_booking_ask_clocks(booker, LUNA_CLOCK_OFFSET_MAX_MS, &clocks, &err),
                     LUNA_OK);
    assert_true(clocks.agree);
}

/* As a version that followed Redis's clock left it: the next period, a day early. */
static void end_early_in_redis(const struct client *client, int64_t c)
{
    char words[256];
    int64_t start_ms = luna_clock_wall_ms() + DAY_MS, end_ms = start_ms + DAY_MS;
    snprintf(words, sizeof words, "HSET {user:%lld:quota}:m pc %lld pn 1 pend %lld base 0 d 1",
             (long long)client->account.id, (long long)c, (long long)end_ms);
    stores_redis_int(&stores, words);
    char rolls[128], key[64];
    snprintf(rolls, sizeof rolls, "0 %lld 0 %lld %lld;", (long long)c, (long long)start_ms,
             (long long)end_ms);
    snprintf(key, sizeof key, "{user:%lld:quota}:m", (long long)client->account.id);
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_error err;
    luna_redis_begin(&command, "HSET");
    luna_redis_arg(&command, key);
    luna_redis_arg(&command, "rolls");
    luna_redis_arg(&command, rolls);
    assert_int_equal(
        luna_redis_run(admitter->counters, &command, luna_deadline_in_ms(WAIT_MS), &reply, &err),
        LUNA_OK);
    luna_reply_free(reply);
    snprintf(words, sizeof words, "SADD quota:dirty user:%lld:quota",
             (long long)client->account.id);
    stores_redis_int(&stores, words);
}

static void test_period_that_ended_early_in_redis_is_undone(void **state)
{
    struct client client;
    struct luna_booking_report report;
    struct luna_error err;
    (void)state;
    client_by_day("early", &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    end_early_in_redis(&client, 2);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    ask_clocks();
    assert_int_equal(luna_booking_pass(booker, &report, &err), LUNA_OK);
    assert_int_equal(report.accounts_reset, 1);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_ledger(&stores, booker, &client, 4);
    assert_int_equal(stores_account_int(&stores, &client, "period_no"), 0);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 4);
    assert_int_equal(stores_remaining(&stores, &client), 96);
}

static void test_period_of_the_next_decade_ends_on_time(void **state)
{
    struct client client;
    struct luna_housekeeping_report report;
    struct luna_error err;
    int64_t pushed = 0;
    char sql[256], words[128];
    (void)state;
    client_by_day("decade", &client);
    stores_book_all(booker);
    snprintf(sql, sizeof sql,
             "UPDATE accounts SET period_start = now() + interval '10 years', period_end = now() + "
             "interval '10 years 1 day' WHERE id = %lld",
             (long long)client.account.id);
    assert_true(stores_sql(stores.owner_url, sql));
    snprintf(words, sizeof words, "HSET {user:%lld:quota}:m pend %lld",
             (long long)client.account.id, (long long)(luna_clock_wall_ms() + DECADE_MS));
    stores_redis_int(&stores, words);
    assert_int_equal(luna_booking_housekeep(booker, &report, &err), LUNA_OK);
    assert_int_equal(report.periods_corrected, 1);
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err),
                     LUNA_OK);
    snprintf(sql, sizeof sql,
             "SELECT (period_start <= now() AND period_end > now() AND period_end <= now() + "
             "interval '1 day')::int FROM accounts WHERE id = %lld",
             (long long)client.account.id);
    assert_int_equal(stores_sql_int(&stores, sql), 1);
    snprintf(words, sizeof words, "HGET {user:%lld:quota}:m pend", (long long)client.account.id);
    assert_true(stores_redis_int(&stores, words) <= luna_clock_wall_ms() + DAY_MS);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_ledger(&stores, booker, &client, 2);
    assert_int_equal(stores_account_int(&stores, &client, "period_no"), 0);
    assert_int_equal(luna_booking_housekeep(booker, &report, &err), LUNA_OK);
    assert_int_equal(report.periods_corrected, 0);
}

static void client_with_a_key_for_an_hour(const char *name, struct client *ret_client)
{
    stores_client(&stores, name, "two", 100, ret_client);
    assert_int_equal(
        stores_key(&op, ret_client,
                   (struct luna_key_spec){.scopes = LUNA_SCOPE_MODEL,
                                          .expires_ms = luna_clock_wall_ms() + HOUR_MS}),
        LUNA_OK);
    assert_int_equal(stores_request(admitter, ret_client), LUNA_ADMIT_ALLOWED);
}

static void keep_house(void)
{
    struct luna_housekeeping_report report;
    struct luna_error err;
    int64_t pushed = 0;
    ask_clocks();
    assert_int_equal(luna_booking_housekeep(booker, &report, &err), LUNA_OK);
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err),
                     LUNA_OK);
}

static int64_t is_noted_as_ended(const struct client *client)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT expiry_logged::int FROM api_keys WHERE id = %lld",
             (long long)client->key_id);
    return stores_sql_int(&stores, sql);
}

static void test_key_that_ended_by_two_wrong_clocks_is_valid_again(void **state)
{
    struct client client;
    (void)state;
    client_with_a_key_for_an_hour("ended", &client);
    stores_redis_clock(&stores, DAY_MS);
    stores_postgres_clock(&stores, DAY_MS);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_KEY_INVALID);
    keep_house();
    assert_int_equal(is_noted_as_ended(&client), 1);
    stores_redis_clock(&stores, 0);
    stores_postgres_clock(&stores, 0);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    keep_house();
    assert_int_equal(is_noted_as_ended(&client), 0);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_sound(&stores, booker);
}

static void test_change_while_postgresql_is_ahead_removes_no_key(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    int64_t pushed = 0;
    client_with_a_key_for_an_hour("changed", &client);
    stores_postgres_clock(&stores, DECADE_MS);
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 200, "test", &err), LUNA_OK);
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err),
                     LUNA_OK);
    assert_true(pushed > 0);
    stores_postgres_clock(&stores, 0);
    WAIT_UNTIL(first_request(&client) != LUNA_ADMIT_CLOCKS);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_sound(&stores, booker);
}

/* Ended keys are kept in Redis; of many, those that end last. */
static void test_keys_that_ended_leave_room_for_valid_ones(void **state)
{
    struct client client;
    char sql[512], words[128];
    struct luna_error err;
    (void)state;
    int64_t pushed = 0;
    client_with_a_key_for_an_hour("many", &client);
    snprintf(sql, sizeof sql,
             "INSERT INTO api_keys (account_id, digest, prefix, scopes, expires_at) SELECT %lld, "
             "gen_random_uuid(), '00000000', 1, now() - n * interval '1 s' "
             "FROM generate_series(1, 100) AS n",
             (long long)client.account.id);
    assert_true(stores_sql(stores.owner_url, sql));
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 300, "test", &err), LUNA_OK);
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err),
                     LUNA_OK);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    snprintf(words, sizeof words, "HLEN {user:%lld:quota}:m", (long long)client.account.id);
    assert_in_range(stores_redis_int(&stores, words), 1, 100);
}

static bool take_last(void *context, const struct luna_audit_event *event)
{
    *(struct luna_audit_event *)context = *event;
    return true;
}

static void test_newest_events_are_those_written_last(void **state)
{
    struct client client;
    struct luna_error err;
    struct luna_audit_event last = {.seq = 0};
    const struct luna_audit_filter one = {.count = 1};
    (void)state;
    stores_client(&stores, "audited", "two", 100, &client);
    stores_postgres_clock(&stores, DECADE_MS);
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 200, "ahead", &err), LUNA_OK);
    stores_postgres_clock(&stores, 0);
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 300, "right", &err), LUNA_OK);
    assert_int_equal(luna_audit_show(op.database, &one, take_last, &last, &err), LUNA_OK);
    assert_string_equal(last.reason, "right");
}

/* As a worker numbers its commands that starts while its host's clock is ahead. */
static struct luna_admitter *admitter_of_the_next_decade(int slot)
{
    struct luna_admitter *ahead = stores_admitter(&stores, slot);
    ahead->wseq += DECADE_MS * 1000;
    return ahead;
}

static void test_worker_that_started_by_a_wrong_clock_shuts_no_account_out(void **state)
{
    struct luna_admitter *worker = admitter_of_the_next_decade(5);
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "decade-worker", "two", 100, &client);
    for (int i = 0; i < 3; i++) {
        stores_admit(worker, &client, 1, &admission);
        assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
        luna_admission_refund(worker, &admission);
    }
    luna_admitter_free(worker);
    worker = stores_admitter(&stores, 5);
    assert_int_equal(stores_request(worker, &client), LUNA_ADMIT_ALLOWED);
    luna_admitter_free(worker);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void mark_next_decade(const struct client *client)
{
    char words[512];
    snprintf(words, sizeof words,
             "EVAL redis.call('HSET',KEYS[1],ARGV[1],table.concat(ARGV,string.char(32),2))return(1)"
             " 1 {user:%lld:quota}:m %s %lld refunded",
             (long long)client->account.id, luna_journal_worker_name(admitter->journal),
             (long long)(luna_clock_wall_ms() + DECADE_MS) * 1000);
    assert_int_equal(stores_redis_int(&stores, words), 1);
}

/* After the worker's page was lost, which has the number. */
static void test_mark_of_a_wrong_clock_refuses_nothing(void **state)
{
    struct client client;
    (void)state;
    stores_client(&stores, "decade-mark", "two", 100, &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    mark_next_decade(&client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_command_given_up_beside_a_mark_of_a_wrong_clock_is_too_late(void **state)
{
    struct luna_journal_slot *slot = luna_journal_slot_of(admitter->journal);
    struct client client;
    struct luna_admission admission;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "decade-late", "two", 100, &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    mark_next_decade(&client);
    slot->account_id = client.account.id;
    atomic_store(&slot->wseq, admitter->wseq + 1);
    assert_int_equal(luna_settle_pending(admitter, luna_deadline_in_ms(WAIT_MS), &err), LUNA_OK);
    admitter->wseq--; /* the command arrives after it was given up */
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_UNAVAILABLE);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_ledger(&stores, booker, &client, 2);
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
        cmocka_unit_test(test_period_that_ended_early_in_redis_is_undone),
        cmocka_unit_test(test_period_of_the_next_decade_ends_on_time),
        RIGHT(test_key_that_ended_by_two_wrong_clocks_is_valid_again),
        RIGHT(test_change_while_postgresql_is_ahead_removes_no_key),
        cmocka_unit_test(test_keys_that_ended_leave_room_for_valid_ones),
        RIGHT(test_newest_events_are_those_written_last),
        cmocka_unit_test(test_worker_that_started_by_a_wrong_clock_shuts_no_account_out),
        cmocka_unit_test(test_mark_of_a_wrong_clock_refuses_nothing),
        cmocka_unit_test(test_command_given_up_beside_a_mark_of_a_wrong_clock_is_too_late),
        RIGHT(test_period_waits_for_the_clock_while_postgresql_is_unavailable)};
    return cmocka_run_group_tests(tests, start, one_operator_stop);
}
