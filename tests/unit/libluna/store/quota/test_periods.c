/* Quota periods (I9): each charge in exactly one of them, by Redis's clock; a rollover needs
 * neither PostgreSQL nor quota-syncd. */
#include "luna/base/clock.h"
#include "luna/store/plan.h"
#include "luna/store/usage.h"
#include "one_host.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int start(void **state)
{
    if (one_host_start(state) != 0)
        return 1;
    return stores_sql(stores.owner_url,
                      "INSERT INTO plans (name, rate_per_s, rate_burst, quota_period) "
                      "VALUES ('by-day', 1000000, 1000000, 'day')")
               ? 0
               : 1;
}

enum { HOUR_S = 3600 };

/* Moves the end of the account's period, in PostgreSQL, to `s` seconds from now. */
static void move_end(const struct client *client, int s)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "UPDATE accounts SET period_end = now() + interval '%d s' WHERE id = %lld", s,
             (long long)client->account.id);
    assert_true(stores_sql(stores.owner_url, sql));
}

/* An account whose day ends in an hour: no test is as slow as that. */
static void client_by_day(const char *name, int64_t limit, struct client *ret_client)
{
    stores_client(&stores, name, "by-day", limit, ret_client);
    move_end(ret_client, HOUR_S);
}

/* Moves it in Redis, where the account is warm, to a second ago. */
static void end_in_redis(const struct client *client)
{
    char words[128];
    snprintf(words, sizeof words, "HSET {user:%lld:quota}:m pend %lld",
             (long long)client->account.id, (long long)luna_clock_wall_ms() - 1000);
    stores_redis_int(&stores, words);
}

/* Its day is over, without a wait for the clock. */
static void end_period(const struct client *client)
{
    move_end(client, -1);
    end_in_redis(client);
}

static int64_t charged_in(const struct client *client, int period)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT COALESCE(sum(delta), 0) FROM quota_events WHERE account_id = %lld AND "
             "period_no = %d",
             (long long)client->account.id, period);
    return stores_sql_int(&stores, sql);
}

static void test_a_new_period_begins_without_anybodys_help(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    client_by_day("roll", 3, &client);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_QUOTA_EXHAUSTED);
    assert_in_range(admission.retry_after_ms, 1, HOUR_S * 1000);
    assert_int_equal(admission.quota_period, LUNA_PERIOD_DAY);
    assert_in_range(admission.quota_reset_s, 1, HOUR_S);
    end_period(&client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_book_all(booker);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 2);
    assert_int_equal(stores_account_int(&stores, &client, "period_no"), 1);
    assert_int_equal(stores_account_int(&stores, &client, "quota_epoch"), 1);
    assert_int_equal(charged_in(&client, 0), 3);
    assert_int_equal(charged_in(&client, 1), 2);
    stores_assert_sound(&stores, booker);
}

static void test_a_new_period_begins_while_postgresql_is_away(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    client_by_day("roll-away", 2, &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_postgres_kill(&stores);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    end_in_redis(&client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_postgres_start(&stores);
    move_end(&client, -1);
    stores_fence(booker, &report);
    stores_book_all(booker);
    assert_int_equal(charged_in(&client, 0), 2);
    assert_int_equal(charged_in(&client, 1), 1);
    stores_assert_sound(&stores, booker);
}

static void
test_a_period_that_ended_in_redis_and_was_lost_there_is_booked_from_the_journals(void **state)
{
    struct client client;
    struct luna_fence_report report;
    (void)state;
    client_by_day("roll-lost", 5, &client);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    end_period(&client);
    for (int i = 0; i < 2; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_redis_int(&stores, "FLUSHALL");
    stores_fence(booker, &report);
    assert_int_equal(report.units_recovered, 5);
    assert_int_equal(charged_in(&client, 0), 3);
    assert_int_equal(charged_in(&client, 1), 2);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_book_all(booker);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 3);
    stores_assert_sound(&stores, booker);
}

static void test_a_request_in_flight_at_the_end_of_its_period_belongs_to_it(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    (void)state;
    client_by_day("roll-flight", 5, &client);
    stores_admit(admitter, &client, 1, &admission);
    end_period(&client);
    assert_int_equal(stores_request(other, &client), LUNA_ADMIT_ALLOWED);
    stores_book_all(booker);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    assert_int_equal(charged_in(&client, 0), 1);
    assert_int_equal(charged_in(&client, 1), 1);
    luna_admitter_free(other);
    stores_assert_sound(&stores, booker);
}

/* What cannot be refunded any more stays charged, and is reported. */
static void test_a_charge_whose_period_ended_stays_as_it_was(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    (void)state;
    client_by_day("roll-reduce", 10, &client);
    stores_admit(admitter, &client, 4, &admission);
    end_period(&client);
    assert_int_equal(stores_request(other, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 1), LUNA_COMMIT_OK);
    assert_int_equal(admission.cost, 4);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    stores_book_all(booker);
    assert_int_equal(charged_in(&client, 0), 4);
    assert_int_equal(charged_in(&client, 1), 1);
    stores_assert_sound(&stores, booker);
    luna_admitter_free(other);
}

static void test_an_idle_account_starts_afresh(void **state)
{
    struct client client;
    struct luna_usage usage;
    struct luna_error err;
    struct luna_operator op = stores_operator(&stores);
    (void)state;
    client_by_day("idle", 5, &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_book_all(booker);
    end_period(&client);
    assert_int_equal(luna_usage_get(op.database, op.counters, client.account.id, 0, &usage, &err),
                     LUNA_OK);
    assert_int_equal(usage.used, 0);
    assert_int_equal(usage.remaining, 5);
    assert_true(usage.account.period_end_ms > luna_clock_wall_ms());
    stores_operator_done(&op);
}

static void test_the_daemon_closes_the_periods_of_cold_accounts(void **state)
{
    struct client client;
    struct luna_housekeeping_report report;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "cold-period", "by-day", 5, &client);
    move_end(&client, -1);
    assert_int_equal(luna_booking_housekeep(booker, &report, &err), LUNA_OK);
    assert_true(report.periods_closed >= 1);
    assert_int_equal(stores_account_int(&stores, &client, "period_no"), 1);
    assert_int_equal(stores_account_int(&stores, &client, "(period_end > now())::int"), 1);
    stores_assert_sound(&stores, booker);
}

static void test_months_end_where_the_calendar_says(void **state)
{
    (void)state;
    assert_int_equal(
        stores_sql_int(
            &stores,
            "SELECT (luna_period_end('month', '2028-02-29 23:59:59Z') = '2028-03-01Z')::int"),
        1);
    assert_int_equal(
        stores_sql_int(
            &stores, "SELECT (luna_period_end('month', '2026-12-31 12:00Z') = '2027-01-01Z')::int"),
        1);
    assert_int_equal(
        stores_sql_int(&stores,
                       "SELECT (luna_period_end('day', '2026-03-29 00:30Z') = '2026-03-30Z')::int"),
        1);
    assert_int_equal(
        stores_sql_int(&stores, "SELECT (luna_period_end('none', now()) IS NULL)::int"), 1);
}

struct board {
    _Atomic int64_t sent, unavailable;
    _Atomic bool stop;
};

static _Noreturn void hammer(struct board *board, const struct client *client, int slot)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct luna_admitter *mine = stores_admitter(&stores, slot);
    while (!atomic_load(&board->stop)) {
        enum luna_admission_outcome outcome = stores_request(mine, client);
        if (outcome == LUNA_ADMIT_ALLOWED)
            atomic_fetch_add(&board->sent, 1);
        else if (outcome != LUNA_ADMIT_QUOTA_EXHAUSTED)
            atomic_fetch_add(&board->unavailable, 1);
    }
    _exit(0);
}

/* How many requests succeeded, after a pass of the booker beside them. */
static int64_t booked_and_sent(struct board *board)
{
    struct luna_booking_report report;
    struct luna_error err;
    assert_int_equal(luna_booking_pass(booker, &report, &err), LUNA_OK);
    return atomic_load(&board->sent);
}

static void test_a_rollover_under_load_gives_each_period_its_limit(void **state)
{
    enum { HAMMERS = 3, LIMIT = 150 };
    struct board *board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct client client;
    pid_t pids[HAMMERS];
    int status = 0;
    (void)state;
    client_by_day("roll-load", LIMIT, &client);
    for (int i = 0; i < HAMMERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            hammer(board, &client, 10 + i);
    }
    WAIT_UNTIL(booked_and_sent(board) >= LIMIT / 2);
    end_period(&client);
    WAIT_UNTIL(booked_and_sent(board) > LIMIT && charged_in(&client, 1) == LIMIT);
    atomic_store(&board->stop, true);
    for (int i = 0; i < HAMMERS; i++)
        waitpid(pids[i], &status, 0);
    stores_book_all(booker);
    assert_int_equal(board->unavailable, 0);
    assert_in_range(charged_in(&client, 0), LIMIT / 2, LIMIT);
    assert_int_equal(charged_in(&client, 1), LIMIT);
    assert_int_equal(board->sent, charged_in(&client, 0) + LIMIT);
    stores_assert_sound(&stores, booker);
    munmap(board, sizeof *board);
}

static void test_a_plan_with_another_period_keeps_what_was_used(void **state)
{
    struct client client;
    struct luna_error err;
    struct luna_operator op = stores_operator(&stores);
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "adopt", NULL, 10, &client);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_account_set_plan(&op, client.account.id, "monthly", "upgrade", &err),
                     LUNA_OK);
    stores_admit(admitter, &client, 0, &admission);
    assert_int_equal(admission.quota_limit, 100000);
    assert_int_equal(admission.quota_remaining, 99999);
    assert_int_equal(admission.quota_period, LUNA_PERIOD_MONTH);
    assert_true(admission.quota_reset_s > 0);
    assert_int_equal(luna_account_set_plan(&op, client.account.id, "no-such", "", &err),
                     LUNA_ENOTFOUND);
    stores_book_all(booker);
    stores_assert_sound(&stores, booker);
    stores_operator_done(&op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_period_begins_without_anybodys_help),
        cmocka_unit_test(test_a_new_period_begins_while_postgresql_is_away),
        cmocka_unit_test(
            test_a_period_that_ended_in_redis_and_was_lost_there_is_booked_from_the_journals),
        cmocka_unit_test(test_a_request_in_flight_at_the_end_of_its_period_belongs_to_it),
        cmocka_unit_test(test_a_charge_whose_period_ended_stays_as_it_was),
        cmocka_unit_test(test_an_idle_account_starts_afresh),
        cmocka_unit_test(test_the_daemon_closes_the_periods_of_cold_accounts),
        cmocka_unit_test(test_months_end_where_the_calendar_says),
        cmocka_unit_test(test_a_rollover_under_load_gives_each_period_its_limit),
        cmocka_unit_test(test_a_plan_with_another_period_keeps_what_was_used),
    };
    return cmocka_run_group_tests(tests, start, one_host_stop);
}
