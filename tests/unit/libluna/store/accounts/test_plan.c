/* A plan of any number of accounts is changed in steps: each account is updated once, and none by
 * halves. */
#include "luna/store/audit.h"
#include "luna/store/plan.h"
#include "one_operator.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 20000 };

static int64_t making_ns; /* what MANY accounts took */

static void put(const char *name, int64_t rate_per_s, enum luna_period period)
{
    struct luna_error err;
    struct luna_plan plan = {
        .rate_per_s = rate_per_s, .rate_burst = 1000, .quota_limit = -1, .quota_period = period};
    snprintf(plan.name, sizeof plan.name, "%s", name);
    if (luna_plan_put(&op, &plan, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
}

/* An operator's program that is killed after its first step, of `accounts` accounts. */
static void put_and_die(const char *name, int rate_per_s, const char *period, int accounts)
{
    char sql[240];
    snprintf(sql, sizeof sql, "SELECT luna_plan_put('%s', %d, 1000, NULL, '%s', 0, 0, 0, 'killed')",
             name, rate_per_s, period);
    assert_true(stores_sql(stores.admin_url, sql));
    snprintf(sql, sizeof sql, "SELECT luna_plan_step('%s', %d)", name, accounts);
    assert_true(stores_sql(stores.admin_url, sql));
}

static void continue_plans(void)
{
    struct luna_error err;
    int64_t steps = 0, pushed = 0;
    if (luna_booking_continue_plans(booker, luna_deadline_in_ms(WAIT_MS), &steps, &err) !=
            LUNA_OK ||
        luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
}

static void accounts_of(const char *plan, int count)
{
    enum { AT_ONCE = 2000 };
    char sql[240];
    for (int made = 0; made < count; made += AT_ONCE) {
        int upto = count < made + AT_ONCE ? count : made + AT_ONCE;
        snprintf(sql, sizeof sql,
                 "SELECT count(luna_account_create('%s-' || n, '%s', NULL, gen_random_uuid(), "
                 "'abcdefgh', 'x')) "
                 "FROM generate_series(%d, %d) n",
                 plan, plan, made + 1, upto);
        assert_true(stores_sql(stores.owner_url, sql));
    }
}

/* Accounts of the plan that were updated `times` times. */
static int64_t told(const char *plan, int times)
{
    char sql[360];
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM accounts a WHERE plan = '%s' AND config_version = 2 + %d AND %d = "
        "(SELECT count(*) FROM quota_events e WHERE e.account_id = a.id AND e.kind = 'plan_change' "
        "AND e.reason = 'plan %s was changed')",
        plan, times, times, plan);
    return stores_sql_int(&stores, sql);
}

static bool note_changing(void *context, const struct luna_plan *plan)
{
    const char **looked_for = context;
    /* found */
    if (*looked_for != NULL && plan->changing && strcmp(plan->name, *looked_for) == 0)
        *looked_for = NULL;
    return true;
}

static bool changing(const char *name)
{
    struct luna_error err;
    assert_int_equal(luna_plan_list(op.database, NULL, 0, note_changing, &name, &err), LUNA_OK);
    return name == NULL;
}

static void test_a_change_left_half_done_is_carried_on_by_the_daemon(void **state)
{
    (void)state;
    put("left", 10, LUNA_PERIOD_NONE);
    accounts_of("left", 10);
    put_and_die("left", 20, "none",
                4 + (int)stores_sql_int(&stores, "SELECT count(*) - 10 FROM accounts"));
    assert_int_equal(told("left", 1), 4);
    assert_true(changing("left"));
    continue_plans(); /* the operator's program may be slow, not dead */
    assert_int_equal(told("left", 1), 4);
    assert_true(stores_sql(stores.owner_url,
                           "UPDATE plan_changes SET stepped_at = now() - interval '11 seconds'"));
    continue_plans();
    assert_int_equal(told("left", 1), 10);
    assert_false(changing("left"));
    assert_int_equal(
        stores_sql_int(&stores, "SELECT count(*) FROM quota_events WHERE actor = 'killed'"), 10);
}

static void test_the_same_command_goes_on_where_the_last_one_ended(void **state)
{
    (void)state;
    put("again", 10, LUNA_PERIOD_NONE);
    accounts_of("again", 10);
    put_and_die("again", 20, "none",
                4 + (int)stores_sql_int(&stores, "SELECT count(*) - 10 FROM accounts"));
    put("again", 20, LUNA_PERIOD_NONE);
    assert_int_equal(told("again", 1), 10);
    assert_false(changing("again"));
    put("again", 20, LUNA_PERIOD_NONE); /* no change: no account is updated */
    assert_int_equal(told("again", 1), 10);
}

static void test_another_change_in_the_middle_of_one_reaches_all(void **state)
{
    (void)state;
    put("twice", 10, LUNA_PERIOD_NONE);
    accounts_of("twice", 10);
    put_and_die("twice", 20, "none",
                4 + (int)stores_sql_int(&stores, "SELECT count(*) - 10 FROM accounts"));
    put("twice", 30, LUNA_PERIOD_NONE);
    assert_int_equal(told("twice", 2), 4);
    assert_int_equal(told("twice", 1), 6);
    assert_false(changing("twice"));
}

static void test_charges_in_the_middle_of_a_change_are_counted_once(void **state)
{
    struct client client;
    (void)state;
    put("busy", 1000000, LUNA_PERIOD_NONE);
    stores_client(&stores, "busy", "busy", 100, &client);
    one_host_request(&client, 3);
    put_and_die("busy", 1000, "day", 1); /* the first account, which is not this one */
    one_host_request(&client, 2);
    stores_book_all(booker);
    one_host_request(&client, 1);
    put("busy", 1000, LUNA_PERIOD_DAY);
    one_host_request(&client, 1);
    assert_int_equal(stores_remaining(&stores, &client), 93);
    assert_int_equal(stores_account_int(&stores, &client, "(period_end > now())::int"), 1);
    stores_assert_ledger(&stores, booker, &client, 7);
}

static void test_a_day_that_has_ended_is_not_prolonged_by_a_change_of_rates(void **state)
{
    struct client client;
    (void)state;
    put("by-day", 1000000, LUNA_PERIOD_DAY);
    stores_client(&stores, "yesterday", "by-day", 100, &client);
    assert_true(
        stores_sql(stores.owner_url,
                   "UPDATE accounts SET period_start = period_start - interval '1 day', "
                   "period_end = period_end - interval '1 day' WHERE account_name = 'yesterday'"));
    put("by-day", 1000, LUNA_PERIOD_DAY);
    assert_int_equal(stores_account_int(&stores, &client, "(period_end <= now())::int"), 1);
}

static int64_t sleepers(void)
{
    return stores_sql_int(&stores,
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
}

static void test_an_account_that_is_being_made_meanwhile_hears_of_the_change(void **state)
{
    (void)state;
    put("racing", 1000, LUNA_PERIOD_NONE);
    pid_t child = fork();
    if (child == 0)
        _exit(
            stores_sql(stores.admin_url,
                       "BEGIN; SELECT luna_account_create('racer', 'racing', 5, gen_random_uuid(), "
                       "'abcdefgh', 'test'); SELECT pg_sleep(3); COMMIT")
                ? 0
                : 1);
    WAIT_UNTIL(sleepers() > 0);
    assert_int_equal(sleepers(), 1);
    put("racing", 1000, LUNA_PERIOD_DAY);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(stores_sql_int(&stores, "SELECT (period_end IS NOT NULL)::int FROM accounts "
                                             "WHERE account_name = 'racer'"),
                     1);
}

/* How often a long operation reported, and how far it was last. */
struct watched {
    int64_t steps, done, total;
};

static void watch(void *context, int64_t done, int64_t total)
{
    struct watched *watched = context;
    assert_true(done >= watched->done && done <= total);
    *watched = (struct watched){watched->steps + 1, done, total};
}

static void test_a_plan_of_many_accounts_is_changed_in_spite_of_a_short_timeout(void **state)
{
    struct luna_operator patient = op, hasty = op;
    struct watched watched = {.steps = 0};
    hasty.progress = &(struct luna_progress){watch, &watched};
    struct luna_error err;
    (void)state;
    put("many", 10, LUNA_PERIOD_NONE);
    int64_t began_ns = luna_clock_mono_ns();
    accounts_of("many", MANY);
    making_ns = luna_clock_mono_ns() - began_ns;
    /* A third of what updating them in one statement takes, however fast this machine is just
     * now; seven times a step's. */
    int timeout_ms = 100 + (int)(making_ns / 4000000);
    assert_int_equal(luna_database_new(stores.admin_url, timeout_ms, &hasty.database, &err),
                     LUNA_OK);
    op = hasty;
    put("many", 20, LUNA_PERIOD_MONTH);
    op = patient;
    luna_database_free(hasty.database);
    assert_int_equal(told("many", 1), MANY);
    assert_true(watched.steps >= MANY / 1000 - 1);
    assert_int_equal(stores_sql_int(&stores,
                                    "SELECT count(*) FROM accounts WHERE plan = 'many' AND "
                                    "period_end > now()"),
                     MANY);
}

/* After the one above, which leaves as many changes to deliver. */
static void test_bookings_do_not_wait_until_all_of_a_large_change_is_delivered(void **state)
{
    static const char left[] = "SELECT count(*) FROM config_outbox";
    struct luna_error err;
    int64_t pushed = 0, before = stores_sql_int(&stores, left);
    (void)state;
    assert_true(before >= MANY);
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(1), &pushed, &err), LUNA_OK);
    assert_in_range(pushed, 1, MANY / 2);
    assert_int_equal(stores_sql_int(&stores, left), before - pushed);
}

static void fail_by(void *context, const struct luna_audit_fault *fault)
{
    (void)context;
    fail_msg("account %lld, event %lld: %s", (long long)fault->account_id, (long long)fault->seq,
             fault->detail);
}

/* After the one above, too. The log is new: the planner has no statistics
 * of. */
static void test_verifying_many_accounts_takes_the_square_of_their_number(void **state)
{
    struct luna_error err;
    struct luna_audit_summary summary;
    struct watched watched = {.steps = 0};
    (void)state;
    int64_t began_ns = luna_clock_mono_ns();
    if (luna_audit_verify(op.database, 0, fail_by, NULL, &(struct luna_progress){watch, &watched},
                          &summary, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    assert_true(watched.steps >= MANY / 1000);
    assert_int_equal(watched.done, watched.total);
    assert_true(summary.events >= 2 * MANY);
    assert_true(luna_clock_mono_ns() - began_ns < making_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_left_half_done_is_carried_on_by_the_daemon),
        cmocka_unit_test(test_the_same_command_goes_on_where_the_last_one_ended),
        cmocka_unit_test(test_another_change_in_the_middle_of_one_reaches_all),
        cmocka_unit_test(test_charges_in_the_middle_of_a_change_are_counted_once),
        cmocka_unit_test(test_a_day_that_has_ended_is_not_prolonged_by_a_change_of_rates),
        cmocka_unit_test(test_an_account_that_is_being_made_meanwhile_hears_of_the_change),
        cmocka_unit_test(test_a_plan_of_many_accounts_is_changed_in_spite_of_a_short_timeout),
        cmocka_unit_test(test_bookings_do_not_wait_until_all_of_a_large_change_is_delivered),
        cmocka_unit_test(test_verifying_many_accounts_takes_the_square_of_their_number),
    };
    return cmocka_run_group_tests(tests, one_operator_start, one_operator_stop);
}
