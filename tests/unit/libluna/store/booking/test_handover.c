/*
 * test_handover.c: quota-syncd of another build takes over. Its scripts take the place of those of
 * the build before it, and no request notices; unless somebody flushes the scripts meanwhile.
 */
#include "one_host.h"

#include "booking/announce.h"
#include "booking/booker.h"
#include "client/redis.h"
#include "quota/admitter.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What somebody else does in Redis at the last moment, before the scripts are announced. */
static const char *meanwhile;

enum luna_code __real_luna_fence_record_replace(struct luna_counters *counters, const char *sha,
                                                const char *from,
                                                const struct luna_fence_record *record,
                                                struct luna_deadline deadline,
                                                struct luna_error *err);
enum luna_code __wrap_luna_fence_record_replace(struct luna_counters *counters, const char *sha,
                                                const char *from,
                                                const struct luna_fence_record *record,
                                                struct luna_deadline deadline,
                                                struct luna_error *err);

enum luna_code __wrap_luna_fence_record_replace(struct luna_counters *counters, const char *sha,
                                                const char *from,
                                                const struct luna_fence_record *record,
                                                struct luna_deadline deadline,
                                                struct luna_error *err)
{
    if (meanwhile != NULL)
        stores_redis_int(&stores, meanwhile);
    return __real_luna_fence_record_replace(counters, sha, from, record, deadline, err);
}

/* How long a fence takes between its observation and its announcement. */
static int fence_ms;

enum luna_code __real_luna_booker_flush_scripts(struct luna_booker *by, struct luna_error *err);
enum luna_code __wrap_luna_booker_flush_scripts(struct luna_booker *by, struct luna_error *err);

enum luna_code __wrap_luna_booker_flush_scripts(struct luna_booker *by, struct luna_error *err)
{
    wait_ms(fence_ms);
    return __real_luna_booker_flush_scripts(by, err);
}

/* From here on, the scripts in force are those of another build. */
static void scripts_are_of_another_build(void)
{
    assert_int_equal(stores_redis_int(&stores, "HSET quota:fence build 0123456789abcdef"), 0);
}

static struct luna_fence_record fence_record(void)
{
    struct luna_fence_record record;
    struct luna_error err;
    if (luna_fence_record_read(admitter->counters, luna_deadline_in_ms(1000), &record, &err) !=
        LUNA_OK)
        fail_msg("%s", err.msg);
    return record;
}

/* A new client makes that many requests; from then on the scripts in force, whose record this
 * returns, are those of another build. */
static struct luna_fence_record charge_by_another_build(struct client *ret_client, int times)
{
    one_host_client(ret_client);
    one_host_request(ret_client, times);
    scripts_are_of_another_build();
    return fence_record();
}

/* A fence, which recovers the client's units; then it can charge again. */
static void assert_fence_recovers(const struct client *client, int units, const char *why)
{
    struct luna_fence_report report;
    stores_fence(booker, &report);
    assert_true(report.fenced);
    assert_string_equal(report.why, why);
    assert_int_equal(report.units_recovered, units);
    one_host_request(client, 1);
    stores_assert_ledger(&stores, booker, client, units + 1);
}

static void commit_one(struct luna_admitter *by, const struct client *client)
{
    assert_int_equal(stores_request(by, client), LUNA_ADMIT_ALLOWED);
}

static void test_another_build_voids_no_charge(void **state)
{
    struct client client;
    struct luna_admission before, between;
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 3);
    stores_admit(admitter, &client, 1, &before);
    assert_int_equal(before.outcome, LUNA_ADMIT_ALLOWED);
    scripts_are_of_another_build();
    struct luna_fence_record old = fence_record();
    stores_fence(booker, &report);
    assert_false(report.fenced);
    assert_true(report.handed_over);
    assert_string_equal(report.why, "this build has other scripts");
    struct luna_fence_record now = fence_record();
    assert_int_equal(now.incarnation, old.incarnation);
    assert_string_not_equal(now.build, old.build);
    assert_int_equal(luna_admission_commit(admitter, &before), LUNA_COMMIT_OK);
    stores_admit(admitter, &client, 1, &between);
    assert_int_equal(luna_admission_commit(admitter, &between), LUNA_COMMIT_OK);
    assert_int_equal(between.epoch, before.epoch);
    stores_fence(booker, &report);
    assert_false(report.fenced || report.handed_over);
    stores_assert_ledger(&stores, booker, &client, 5);
}

/* A worker that knows the old scripts, and one that knows the new ones, charge one account; what
 * one has charged the other can refund. */
static void test_both_scripts_charge_one_account(void **state)
{
    struct client client;
    struct luna_admission old_ones, new_ones;
    struct luna_fence_report report;
    (void)state;
    (void)charge_by_another_build(&client, 1);
    stores_fence(booker, &report);
    struct luna_admitter *other = stores_admitter(&stores, 1);
    commit_one(other, &client);
    for (int i = LUNA_SCRIPT_ADMIT; i < LUNA_SCRIPTS_FENCED; i++)
        assert_string_not_equal(other->fence.sha[i], admitter->fence.sha[i]);
    for (int i = 0; i < 3; i++) {
        commit_one(admitter, &client);
        commit_one(other, &client);
    }
    stores_admit(admitter, &client, 2, &old_ones);
    stores_admit(other, &client, 2, &new_ones);
    struct luna_fence_record old = admitter->fence;
    admitter->fence = other->fence;
    luna_admission_refund(admitter, &old_ones);
    other->fence = old;
    luna_admission_refund(other, &new_ones);
    luna_admitter_free(other);
    stores_assert_ledger(&stores, booker, &client, 8);
}

static void test_flushed_scripts_are_fenced_and_not_handed_over(void **state)
{
    struct client client;
    (void)state;
    (void)charge_by_another_build(&client, 2);
    stores_redis_int(&stores, "SCRIPT FLUSH");
    assert_fence_recovers(&client, 2, "scripts lost");
}

/* Another daemon has begun a fence, and this one has not noticed yet: it must not give workers a
 * script that charges what the fence will not read. */
static void assert_nothing_can_be_charged(const struct client *client,
                                          const struct luna_fence_record *before)
{
    struct luna_fence_record after = fence_record();
    assert_memory_equal(&after, before, sizeof after);
    struct luna_admitter *fresh = stores_admitter(&stores, 1);
    assert_int_equal(stores_request(fresh, client), LUNA_ADMIT_UNAVAILABLE);
    assert_int_equal(stores_request(admitter, client), LUNA_ADMIT_UNAVAILABLE);
    luna_admitter_free(fresh);
}

static void test_a_flush_before_the_scripts_are_loaded(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    struct luna_fence_record before = charge_by_another_build(&client, 1);
    stores_redis_int(&stores, "SCRIPT FLUSH");
    assert_int_equal(
        luna_booking_hand_over(booker, luna_redis_generation(booker->counters), &before, &err),
        LUNA_ECONFLICT);
    assert_nothing_can_be_charged(&client, &before);
    assert_fence_recovers(&client, 1, "scripts lost");
}

static void test_a_flush_before_the_scripts_are_announced(void **state)
{
    struct client client;
    struct luna_fence_report report;
    struct luna_error err;
    (void)state;
    struct luna_fence_record before = charge_by_another_build(&client, 1);
    meanwhile = "SCRIPT FLUSH";
    enum luna_code code = luna_booking_fence(booker, &report, &err);
    meanwhile = NULL;
    assert_int_equal(code, LUNA_EUNAVAILABLE);
    assert_non_null(strstr(err.msg, "NOSCRIPT"));
    assert_nothing_can_be_charged(&client, &before);
    assert_fence_recovers(&client, 1, "scripts lost");
}

static void test_another_daemon_announces_its_scripts_first(void **state)
{
    struct client client;
    struct luna_fence_report report;
    struct luna_error err;
    (void)state;
    (void)charge_by_another_build(&client, 1);
    meanwhile = "HSET quota:fence build fedcba9876543210";
    enum luna_code code = luna_booking_fence(booker, &report, &err);
    meanwhile = NULL;
    assert_int_equal(code, LUNA_ECONFLICT);
    assert_string_equal(fence_record().build, "fedcba9876543210");
    one_host_request(&client, 1);
    stores_fence(booker, &report);
    assert_true(report.handed_over);
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_scripts_of_another_version_are_fenced(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 4);
    stores_redis_int(&stores, "HSET quota:fence abi 1");
    assert_fence_recovers(&client, 4, "this build's scripts are of another version");
}

/* A refusal makes a connection worth renewing as soon as it is a second old. */
static void test_a_connection_that_was_refused_is_renewed_during_a_fence(void **state)
{
    struct client client;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_fence_report report;
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    luna_redis_drop(booker->counters); /* the next one is new */
    luna_redis_begin(&command, "EVALSHA");
    luna_redis_arg(&command, "0123456789012345678901234567890123456789");
    luna_redis_arg(&command, "0");
    assert_int_not_equal(
        luna_redis_run(booker->counters, &command, luna_deadline_in_ms(1000), &reply, &err),
        LUNA_OK);
    stores_redis_int(&stores, "SCRIPT FLUSH");
    fence_ms = 1100;
    enum luna_code code = luna_booking_fence(booker, &report, &err);
    fence_ms = 0;
    if (code != LUNA_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(report.units_recovered, 2);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_build_voids_no_charge),
        cmocka_unit_test(test_both_scripts_charge_one_account),
        cmocka_unit_test(test_flushed_scripts_are_fenced_and_not_handed_over),
        cmocka_unit_test(test_a_flush_before_the_scripts_are_loaded),
        cmocka_unit_test(test_a_flush_before_the_scripts_are_announced),
        cmocka_unit_test(test_another_daemon_announces_its_scripts_first),
        cmocka_unit_test(test_scripts_of_another_version_are_fenced),
        cmocka_unit_test(test_a_connection_that_was_refused_is_renewed_during_a_fence),
    };
    return cmocka_run_group_tests(tests, one_host_start, one_host_stop);
}
