/* One account's keys in Redis that nobody can read: the other accounts are booked, and the account
 * is named. */
#include "one_operator.h"
#include "quota/admitter.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS (24LL * 3600 * 1000)

static int start(void **state)
{
    if (one_operator_start(state) != 0)
        return 1;
    return stores_sql(stores.owner_url, "INSERT INTO plans (name, rate_per_s, rate_burst, "
                                        "quota_period) VALUES ('by-day', 1000, 1000, 'day')")
               ? 0
               : 1;
}

/* The command's words before and after the account's number. */
static void redis(const char *before, const struct client *client, const char *after)
{
    char words[256];
    snprintf(words, sizeof words, "%s%lld%s", before, (long long)client->account.id, after);
    assert_true(stores_redis_int(&stores, words) >= -1);
}

/* A field with spaces. */
static void set_rolls(const struct client *client, const char *rolls)
{
    char words[512];
    snprintf(words, sizeof words,
             "EVAL redis.call('HSET',KEYS[1],'rolls',table.concat(ARGV,string.char(32)))return(1)"
             " 1 {user:%lld:quota}:m %s",
             (long long)client->account.id, rolls);
    assert_int_equal(stores_redis_int(&stores, words), 1);
}

static void two_clients(struct client *ret_poisoned, struct client *ret_other)
{
    static int made;
    char name[32];
    snprintf(name, sizeof name, "poisoned-%d", made++);
    stores_client(&stores, name, "by-day", 100, ret_poisoned);
    one_host_client(ret_other);
    one_host_request(ret_poisoned, 1);
    one_host_request(ret_other, 2);
}

static void assert_others_are_booked(const struct client *poisoned, const struct client *other)
{
    struct luna_booking_report report;
    struct luna_conservation gauges;
    struct luna_error err;
    if (luna_booking_pass(booker, &report, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(stores_used(&stores, other), 2);
    assert_int_equal(report.accounts_refused, 1);
    assert_int_equal(report.refused_account, poisoned->account.id);
    if (luna_booking_gauges(booker, 4000, &gauges, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
}

static void heal(const struct client *client)
{
    redis("DEL {user:", client, ":quota}:m");
    redis("DEL user:", client, ":quota");
    redis("DEL {user:", client, ":quota}:delta");
    redis("SREM quota:dirty user:", client, ":quota");
    one_host_request(client, 1);
    stores_book_all(booker);
    stores_assert_sound(&stores, booker);
}

static void test_key_of_another_type_stops_no_booking(void **state)
{
    struct client poisoned, other;
    struct luna_conservation gauges;
    struct luna_error err;
    (void)state;
    two_clients(&poisoned, &other);
    redis("SET {user:", &poisoned, ":quota}:m x");
    assert_others_are_booked(&poisoned, &other);
    assert_int_equal(luna_booking_gauges(booker, 4000, &gauges, &err), LUNA_OK);
    assert_int_equal(gauges.redis_local, 1);
    assert_int_equal(gauges.example_account, poisoned.account.id);
    heal(&poisoned);
}

static void test_delta_of_another_type_stops_no_acknowledgement(void **state)
{
    struct client poisoned, other;
    (void)state;
    two_clients(&poisoned, &other);
    redis("SET {user:", &poisoned, ":quota}:delta x");
    assert_others_are_booked(&poisoned, &other);
    char words[96];
    snprintf(words, sizeof words, "SISMEMBER quota:dirty user:%lld:quota",
             (long long)other.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 0);
    heal(&poisoned);
}

static void test_counters_that_are_no_counters_stop_no_booking(void **state)
{
    static const char *const counters[] = {"c x",
                                           "c -5",
                                           "r 5",
                                           "e x",
                                           "c 1152921504606846976 r 1152921504606846970",
                                           "c 9223372036854775807",
                                           "c 99999999999999999999999",
                                           "I x"};
    (void)state;
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        struct client poisoned, other;
        char after[128];
        two_clients(&poisoned, &other);
        snprintf(after, sizeof after, ":quota}:m %s", counters[i]);
        redis("HSET {user:", &poisoned, after);
        assert_others_are_booked(&poisoned, &other);
        heal(&poisoned);
    }
}

static void test_ends_of_periods_that_are_none_stop_no_booking(void **state)
{
    static const char *const rolls[] = {"0 1 0 1 9223372036854775807;", "0 1 0 x", "-1 1 0 1 2;",
                                        "0 9223372036854775808 0 1 2;", "x"};
    (void)state;
    for (size_t i = 0; i < sizeof rolls / sizeof rolls[0]; i++) {
        struct client poisoned, other;
        two_clients(&poisoned, &other);
        set_rolls(&poisoned, rolls[i]);
        assert_others_are_booked(&poisoned, &other);
        heal(&poisoned);
    }
}

/* Readable, and of an open period, but more than the ledger can hold. */
static void test_end_of_a_period_with_too_many_units_stops_no_booking(void **state)
{
    struct client poisoned, other;
    struct luna_booking_report report;
    struct luna_error err;
    char rolls[128];
    int64_t now_ms = luna_clock_wall_ms();
    (void)state;
    two_clients(&poisoned, &other);
    snprintf(rolls, sizeof rolls, "0 9007199254740000 0 %lld %lld;", (long long)now_ms,
             (long long)(now_ms + DAY_MS));
    set_rolls(&poisoned, rolls);
    if (luna_booking_pass(booker, &report, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(stores_used(&stores, &other), 2);
    heal(&poisoned);
}

static void test_change_of_an_account_that_cannot_be_read_stops_no_other(void **state)
{
    struct client poisoned, other;
    struct luna_error err;
    int64_t pushed = 0;
    (void)state;
    two_clients(&poisoned, &other);
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err),
                     LUNA_OK);
    redis("SET {user:", &poisoned, ":quota}:m x");
    assert_int_equal(luna_account_set_limit(&op, poisoned.account.id, 50, "test", &err), LUNA_OK);
    assert_int_equal(luna_account_set_limit(&op, other.account.id, 5, "test", &err), LUNA_OK);
    if (luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(pushed, 1);
    assert_int_equal(stores_remaining(&stores, &other), 3);
    redis("DEL {user:", &poisoned, ":quota}:m");
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err),
                     LUNA_OK);
    assert_int_equal(pushed, 1);
    heal(&poisoned);
}

static void test_uses_of_keys_that_are_none_stop_no_other(void **state)
{
    static const char *const notes[] = {
        "HSET quota:used ------------------------------------ 1",
        "HSET quota:used 00000000-0000-8000-8000-000000000000 999999999999999999",
        "HSET quota:used 0000000000000-8000-8000-0000-0000000 1",
        "HSET quota:used x 1",
        "SET quota:used x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        struct luna_key_uses uses;
        struct luna_error err;
        stores_redis_int(&stores, "DEL quota:used");
        stores_redis_int(&stores, notes[i]);
        if (luna_booking_key_uses(booker, luna_deadline_in_ms(WAIT_MS), &uses, &err) != LUNA_OK)
            fail_msg("%s: %s", notes[i], err.msg);
        assert_int_equal(stores_redis_int(&stores, "EXISTS quota:used"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_of_another_type_stops_no_booking),
        cmocka_unit_test(test_delta_of_another_type_stops_no_acknowledgement),
        cmocka_unit_test(test_counters_that_are_no_counters_stop_no_booking),
        cmocka_unit_test(test_ends_of_periods_that_are_none_stop_no_booking),
        cmocka_unit_test(test_end_of_a_period_with_too_many_units_stops_no_booking),
        cmocka_unit_test(test_change_of_an_account_that_cannot_be_read_stops_no_other),
        cmocka_unit_test(test_uses_of_keys_that_are_none_stop_no_other),
    };
    return cmocka_run_group_tests(tests, start, one_operator_stop);
}
