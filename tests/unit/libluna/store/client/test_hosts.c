/* Several hosts, each with its own journals: what one of them does not have is never refunded. */
#include "journal/directory.h"
#include "quota/admitter.h"
#include "stores_fixture.h"
#include "wait.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct stores stores, elsewhere; /* the same stores, seen from two hosts */
static struct luna_booker *booker;
static struct luna_admitter *near, *far;
static struct client client;

static void probe(struct luna_admitter *admitter)
{
    struct luna_error err;
    if (luna_admitter_probe(admitter, luna_deadline_in_ms(WAIT_MS), &err) != LUNA_OK)
        fail_msg("%s", err.msg);
}

static int start(void **state)
{
    struct luna_fence_report report;
    (void)state;
    stores_start(&stores);
    elsewhere = stores;
    snprintf(elsewhere.journal_dir, sizeof elsewhere.journal_dir, "%s/far", stores.dir);
    booker = stores_booker(&stores);
    stores_fence(booker, &report);
    near = stores_admitter(&stores, 0);
    far = stores_admitter(&elsewhere, 0);
    stores_client(&stores, "client", NULL, 100, &client);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    luna_admitter_free(near);
    luna_admitter_free(far);
    luna_booker_free(booker);
    stores_stop(&stores);
    return 0;
}

static void request(struct luna_admitter *admitter, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

static int64_t used(void)
{
    return stores_sql_int(&stores, "SELECT quota_used FROM accounts WHERE account_name = 'client'");
}

static void test_a_booked_answer_of_another_host_survives_a_failover(void **state)
{
    struct luna_fence_report report;
    (void)state;
    probe(near);
    probe(far);
    assert_int_equal(stores_sql_int(&stores, "SELECT count(*) FROM journal_hosts"), 2);
    request(near, 3);
    request(far, 5);
    stores_book_all(booker);
    assert_int_equal(used(), 8);
    stores_redis_int(&stores, "FLUSHALL");
    stores_fence(booker, &report);
    assert_int_equal(report.units_recovered, 0);
    assert_int_equal(used(), 8);
    request(far, 1);
    stores_book_all(booker);
    assert_int_equal(used(), 9);
    stores_assert_sound(&stores, booker);
}

/* The bound: what others answered since the last booking is missing, and nothing else. */
static void test_only_what_was_not_booked_yet_may_be_lost(void **state)
{
    struct luna_fence_report report;
    int64_t before;
    (void)state;
    stores_book_all(booker);
    before = used();
    request(far, 2);
    stores_redis_int(&stores, "FLUSHALL");
    stores_fence(booker, &report);
    assert_int_equal(used(), before);
    stores_assert_sound(&stores, booker);
}

static void test_a_key_lost_from_redis_gives_nothing_back_either(void **state)
{
    int64_t before;
    (void)state;
    request(far, 4);
    stores_book_all(booker);
    before = used();
    char words[128];
    long long id = (long long)client.account.id;
    snprintf(words, sizeof words, "DEL user:%lld:quota {user:%lld:quota}:m", id, id);
    assert_int_equal(stores_redis_int(&stores, words), 2);
    request(near, 1);
    stores_book_all(booker);
    assert_int_equal(used(), before + 1);
}

static void test_directory_keeps_its_name_and_another_has_another(void **state)
{
    char first[LUNA_JOURNAL_NAME_BYTES], again[LUNA_JOURNAL_NAME_BYTES],
        other[LUNA_JOURNAL_NAME_BYTES];
    struct luna_error err;
    (void)state;
    int near_fd = open(stores.journal_dir, O_RDONLY | O_DIRECTORY),
        far_fd = open(elsewhere.journal_dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(luna_journal_dir_name(near_fd, first, &err), LUNA_OK);
    assert_int_equal(luna_journal_dir_name(near_fd, again, &err), LUNA_OK);
    assert_int_equal(luna_journal_dir_name(far_fd, other, &err), LUNA_OK);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_int_equal(unlinkat(far_fd, "name", 0), 0);
    assert_int_equal(luna_journal_dir_name(far_fd, again, &err), LUNA_OK);
    assert_string_not_equal(other, again);
    close(near_fd);
    close(far_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_booked_answer_of_another_host_survives_a_failover),
        cmocka_unit_test(test_only_what_was_not_booked_yet_may_be_lost),
        cmocka_unit_test(test_a_key_lost_from_redis_gives_nothing_back_either),
        cmocka_unit_test(test_directory_keeps_its_name_and_another_has_another),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
