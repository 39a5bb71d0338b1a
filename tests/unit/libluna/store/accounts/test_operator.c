#include "luna/store/plan.h"
#include "luna/store/usage.h"
#include "one_operator.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int start(void **state)
{
    if (one_operator_start(state) != 0)
        return 1;
    return stores_sql(
               stores.owner_url,
               "INSERT INTO plans (name, rate_per_s, rate_burst) VALUES ('fast', 1000000, 1000000)")
               ? 0
               : 1;
}

static enum luna_admission_outcome check(const struct client *client)
{
    struct luna_admission admission;
    stores_admit(admitter, client, 0, &admission);
    return admission.outcome;
}

static void test_a_limit_change_keeps_what_was_used(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "limit-change", "fast", 10, &client);
    for (int i = 0; i < 4; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 20, "more", &err), LUNA_OK);
    assert_int_equal(stores_remaining(&stores, &client), 16);
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 2, "less", &err), LUNA_OK);
    assert_int_equal(stores_remaining(&stores, &client), -2);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_QUOTA_EXHAUSTED);
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 5, "one more", &err), LUNA_OK);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_QUOTA_EXHAUSTED);
    stores_book_all(booker);
    stores_assert_sound(&stores, booker);
}

static void test_a_limit_that_does_not_fit_is_refused_with_the_range(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "limit-range", NULL, 10, &client);
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 2147483648, "", &err),
                     LUNA_EINVAL);
    assert_non_null(strstr(err.msg, "2147483647"));
    assert_int_equal(luna_account_set_limit(&op, client.account.id, -1, "", &err), LUNA_EINVAL);
    assert_int_equal(luna_account_set_limit(&op, 999999, 1, "", &err), LUNA_ENOTFOUND);
    assert_false(
        stores_sql(stores.admin_url, "SELECT luna_account_set_limit(1, 99999999999, 'test', '')"));
}

struct board {
    _Atomic int64_t sent, revoked_at_ns, late;
    _Atomic bool stop;
};

static _Noreturn void hammer(struct board *board, const struct client *client, int slot)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct luna_admitter *mine = stores_admitter(&stores, slot);
    while (!atomic_load(&board->stop)) {
        int64_t started = luna_clock_mono_ns();
        if (stores_request(mine, client) != LUNA_ADMIT_ALLOWED)
            continue;
        atomic_fetch_add(&board->sent, 1);
        int64_t revoked = atomic_load(&board->revoked_at_ns);
        if (revoked != 0 && started > revoked)
            atomic_fetch_add(&board->late, 1);
    }
    _exit(0);
}

static void start_hammers(struct board *board, const struct client *client, pid_t *pids, int count)
{
    for (int i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            hammer(board, client, 10 + i);
    }
}

static void stop_hammers(struct board *board, const pid_t *pids, int count)
{
    int status = 0;
    atomic_store(&board->stop, true);
    for (int i = 0; i < count; i++)
        waitpid(pids[i], &status, 0);
}

static struct board *new_board(void)
{
    struct board *board =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(board != MAP_FAILED);
    return board;
}

/* I8 and I2: raised and lowered while others charge; never more successes than the largest
 * limit. */
static void test_limits_change_under_load_and_commute(void **state)
{
    struct client client;
    struct luna_error err;
    struct board *board = new_board();
    pid_t pids[3];
    (void)state;
    stores_client(&stores, "limit-load", "fast", 0, &client);
    start_hammers(board, &client, pids, 3);
    for (int64_t limit = 50; limit <= 1000; limit += 50) {
        assert_int_equal(luna_account_set_limit(&op, client.account.id, limit, "up", &err),
                         LUNA_OK);
        assert_int_equal(luna_account_set_limit(&op, client.account.id, limit - 30, "down", &err),
                         LUNA_OK);
    }
    WAIT_UNTIL(atomic_load(&board->sent) >= 970);
    stop_hammers(board, pids, 3);
    assert_in_range(board->sent, 970, 1000);
    assert_int_equal(stores_remaining(&stores, &client), 970 - board->sent);
    stores_book_all(booker);
    stores_assert_sound(&stores, booker);
    munmap(board, sizeof *board);
}

/* I13 */
static void test_no_request_succeeds_after_its_key_was_revoked(void **state)
{
    struct client client;
    struct luna_error err;
    struct luna_key_text fresh;
    struct board *board = new_board();
    pid_t pids[3];
    int64_t key_id = 0;
    (void)state;
    stores_client(&stores, "revoke-load", "fast", 1000000, &client);
    start_hammers(board, &client, pids, 3);
    WAIT_UNTIL(atomic_load(&board->sent) >= 100);
    assert_int_equal(luna_account_rotate_key(&op, client.account.id, 0, &fresh, &err), LUNA_OK);
    atomic_store(&board->revoked_at_ns, luna_clock_mono_ns());
    wait_ms(100);
    /* A cold load that began before must not bring the key back. */
    stores_redis_int(&stores, "FLUSHALL");
    struct luna_fence_report report;
    stores_fence(booker, &report);
    wait_ms(300);
    stop_hammers(board, pids, 3);
    assert_true(board->sent > 0);
    assert_int_equal(board->late, 0);
    assert_int_equal(luna_key_find(&op, client.account.id, client.key.text, strlen(client.key.text),
                                   &key_id, &err),
                     LUNA_OK);
    client.key = fresh;
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    munmap(board, sizeof *board);
}

/* I12 */
static void test_a_cold_herd_loads_once(void **state)
{
    enum { HERD = 40 };
    struct client client;
    struct board *board = new_board();
    pid_t pids[HERD];
    int status = 0;
    (void)state;
    stores_client(&stores, "herd", "fast", 1000, &client);
    for (int i = 0; i < HERD; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            struct luna_admitter *mine = stores_admitter(&stores, 60 + i);
            while (!atomic_load(&board->stop)) /* all at once */
                wait_ms(1);
            if (stores_request(mine, &client) == LUNA_ADMIT_ALLOWED)
                atomic_fetch_add(&board->sent, 1);
            _exit(0);
        }
    }
    wait_ms(500);
    atomic_store(&board->stop, true);
    for (int i = 0; i < HERD; i++)
        waitpid(pids[i], &status, 0);
    assert_int_equal(board->sent, HERD);
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT quota_epoch FROM accounts WHERE id = %lld",
             (long long)client.account.id);
    assert_int_equal(stores_sql_int(&stores, sql), 1);
    munmap(board, sizeof *board);
}

static void test_rotation_overlaps_as_long_as_asked(void **state)
{
    enum { OVERLAP_S = 4 }; /* two requests fit into it on any machine */
    struct client client, old;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "rotate", "fast", 100, &client);
    assert_int_equal(check(&client), LUNA_ADMIT_ALLOWED);
    old = client;
    assert_int_equal(luna_account_rotate_key(&op, client.account.id, OVERLAP_S, &client.key, &err),
                     LUNA_OK);
    assert_int_equal(check(&client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(check(&old), LUNA_ADMIT_ALLOWED);
    WAIT_UNTIL(check(&old) != LUNA_ADMIT_ALLOWED);
    assert_int_equal(check(&old), LUNA_ADMIT_KEY_INVALID);
    assert_int_equal(check(&client), LUNA_ADMIT_ALLOWED);
    struct luna_housekeeping_report report;
    assert_int_equal(luna_booking_housekeep(booker, &report, &err), LUNA_OK);
    assert_int_equal(report.keys_expired, 1);
    assert_int_equal(luna_account_rotate_key(&op, client.account.id, 604801, &client.key, &err),
                     LUNA_EINVAL);
}

static void test_scopes_and_times_of_extra_keys_hold(void **state)
{
    struct client client, reader;
    struct luna_error err;
    struct luna_admission admission;
    int64_t later = luna_clock_wall_ms() + 60000;
    (void)state;
    stores_client(&stores, "scopes", "fast", 100, &client);
    reader = client;
    assert_int_equal(stores_key(&op, &reader, (struct luna_key_spec){.scopes = LUNA_SCOPE_READ}),
                     LUNA_OK);
    stores_admit(admitter, &reader, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_SCOPE_MISSING);
    assert_int_equal(luna_key_revoke(&op, client.account.id, reader.key_id, "test", &err), LUNA_OK);
    assert_int_equal(check(&reader), LUNA_ADMIT_KEY_INVALID);
    assert_int_equal(
        stores_key(&op, &reader,
                   (struct luna_key_spec){.scopes = LUNA_SCOPE_MODEL, .not_before_ms = later}),
        LUNA_OK);
    assert_int_equal(check(&reader), LUNA_ADMIT_KEY_INVALID);
    assert_int_equal(
        stores_key(&op, &reader,
                   (struct luna_key_spec){.scopes = LUNA_SCOPE_MODEL, .expires_ms = 1}),
        LUNA_EINVAL);
    assert_int_equal(stores_key(&op, &reader, (struct luna_key_spec){.scopes = 8}), LUNA_EINVAL);
    assert_int_equal(luna_key_revoke(&op, client.account.id, 999999, "", &err), LUNA_ENOTFOUND);
}

/* A token carries the key's digest: it opens what the key opens, and nothing once the key is
 * gone. */
static void test_a_digest_stands_for_its_key_and_falls_with_it(void **state)
{
    struct client client;
    struct luna_error err;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "digest", "fast", 100, &client);
    stores_admit(admitter, &client, 0, &admission);
    char digest[37];
    memcpy(digest, admission.key_digest, sizeof digest);
    struct luna_admission_request request = {.account_id = client.account.id,
                                             .api_key = "",
                                             .key_digest = digest,
                                             .scope = 0,
                                             .request_id = "test",
                                             .deadline = luna_deadline_in_ms(WAIT_MS)};
    luna_admit(admitter, &request, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_account_rotate_key(&op, client.account.id, 0, &client.key, &err),
                     LUNA_OK);
    luna_admit(admitter, &request, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_KEY_INVALID);
    request.key_digest = "short";
    luna_admit(admitter, &request, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_KEY_INVALID);
}

static void test_a_disabled_account_is_refused_and_comes_back(void **state)
{
    struct client client;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "disable", "fast", 100, &client);
    assert_int_equal(check(&client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_account_disable(&op, client.account.id, "unpaid", &err), LUNA_OK);
    assert_int_equal(check(&client), LUNA_ADMIT_ACCOUNT_DISABLED);
    assert_int_equal(luna_account_enable(&op, client.account.id, "paid", &err), LUNA_OK);
    assert_int_equal(check(&client), LUNA_ADMIT_ALLOWED);
}

static void test_what_must_hold_at_once_fails_when_redis_does_not_hear_it(void **state)
{
    struct client client;
    struct luna_error err;
    struct luna_operator deaf = op;
    int64_t pushed = 0;
    (void)state;
    stores_client(&stores, "deaf", "fast", 100, &client);
    assert_int_equal(check(&client), LUNA_ADMIT_ALLOWED);
    deaf.counters = NULL;
    assert_int_equal(luna_account_disable(&deaf, client.account.id, "", &err), LUNA_EUNAVAILABLE);
    assert_int_equal(luna_account_set_limit(&deaf, client.account.id, 7, "", &err), LUNA_OK);
    assert_int_equal(check(&client), LUNA_ADMIT_ALLOWED);
    /* the outbox */
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err),
                     LUNA_OK);
    assert_true(pushed >= 2);
    assert_int_equal(check(&client), LUNA_ADMIT_ACCOUNT_DISABLED);
    assert_int_equal(stores_remaining(&stores, &client), 7);
    assert_int_equal(luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err),
                     LUNA_OK);
    assert_int_equal(pushed, 0);
}

static void test_an_operators_change_wakes_the_daemon(void **state)
{
    struct client client;
    struct luna_error err;
    bool hint = false;
    (void)state;
    assert_int_equal(luna_booking_wait(booker, 0, &hint, &err), LUNA_OK); /* listens from here on */
    stores_client(&stores, "hint", "fast", 100, &client);
    assert_int_equal(luna_booking_wait(booker, WAIT_MS, &hint, &err), LUNA_OK);
    assert_true(hint);
}

static void test_usage_counts_what_is_not_booked_yet(void **state)
{
    struct client client;
    struct luna_error err;
    struct luna_usage usage;
    (void)state;
    stores_client(&stores, "usage", "fast", 10, &client);
    assert_int_equal(luna_usage_get(op.database, op.counters, client.account.id, 7, &usage, &err),
                     LUNA_OK);
    assert_int_equal(usage.used, 0);
    assert_int_equal(usage.day_count, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_usage_get(op.database, op.counters, client.account.id, 7, &usage, &err),
                     LUNA_OK);
    assert_int_equal(usage.used, 4);
    assert_int_equal(usage.unbooked, 4);
    assert_int_equal(usage.remaining, 6);
    stores_book_all(booker);
    struct luna_database *worker = NULL;
    assert_int_equal(luna_database_new(stores.worker_url, 2000, &worker, &err), LUNA_OK);
    /* by the worker's role */
    assert_int_equal(luna_usage_get(worker, NULL, client.account.id, 7, &usage, &err), LUNA_OK);
    luna_database_free(worker);
    assert_int_equal(usage.used, 4);
    assert_int_equal(usage.unbooked, 0);
    assert_int_equal(usage.day_count, 1);
    assert_int_equal(usage.days[0].units, 4);
    assert_int_equal(luna_usage_get(op.database, op.counters, 999999, 7, &usage, &err),
                     LUNA_ENOTFOUND);
}

static void test_names_are_unique_and_bounded(void **state)
{
    struct client client;
    struct luna_account account;
    struct luna_key_text key;
    struct luna_error err;
    char name[300];
    (void)state;
    stores_client(&stores, "unique", NULL, 10, &client);
    struct luna_account_spec spec = {.name = "unique", .quota_limit = -1};
    assert_int_equal(luna_account_create(&op, &spec, &account, &key, &err), LUNA_ECONFLICT);
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    spec.name = name;
    assert_int_equal(luna_account_create(&op, &spec, &account, &key, &err), LUNA_EINVAL);
    name[255] = '\0';
    assert_int_equal(luna_account_create(&op, &spec, &account, &key, &err), LUNA_OK);
    spec = (struct luna_account_spec){.name = "x", .plan = "no-such-plan", .quota_limit = -1};
    assert_int_equal(luna_account_create(&op, &spec, &account, &key, &err), LUNA_ENOTFOUND);
    assert_int_equal(luna_account_find(op.database, "unique", &account, &err), LUNA_OK);
    assert_int_equal(account.id, client.account.id);
}

static void test_an_account_is_made_and_its_key_is_lost(void **state)
{
    static const struct luna_account_spec spec = {.name = "unread", .quota_limit = -1};
    struct luna_account account;
    struct luna_key_text key;
    struct luna_error err;
    (void)state;
    assert_true(stores_sql(stores.owner_url, "REVOKE SELECT ON plans FROM luna_admin"));
    enum luna_code code = luna_account_create(&op, &spec, &account, &key, &err);
    assert_true(stores_sql(stores.owner_url, "GRANT SELECT ON plans TO luna_admin"));
    assert_int_not_equal(code, LUNA_OK);
    assert_int_equal(
        stores_sql_int(&stores, "SELECT count(*) FROM accounts WHERE account_name = 'unread'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_limit_change_keeps_what_was_used),
        cmocka_unit_test(test_a_limit_that_does_not_fit_is_refused_with_the_range),
        cmocka_unit_test(test_limits_change_under_load_and_commute),
        cmocka_unit_test(test_no_request_succeeds_after_its_key_was_revoked),
        cmocka_unit_test(test_a_cold_herd_loads_once),
        cmocka_unit_test(test_rotation_overlaps_as_long_as_asked),
        cmocka_unit_test(test_scopes_and_times_of_extra_keys_hold),
        cmocka_unit_test(test_a_digest_stands_for_its_key_and_falls_with_it),
        cmocka_unit_test(test_a_disabled_account_is_refused_and_comes_back),
        cmocka_unit_test(test_what_must_hold_at_once_fails_when_redis_does_not_hear_it),
        cmocka_unit_test(test_an_operators_change_wakes_the_daemon),
        cmocka_unit_test(test_usage_counts_what_is_not_booked_yet),
        cmocka_unit_test(test_names_are_unique_and_bounded),
        cmocka_unit_test(test_an_account_is_made_and_its_key_is_lost),
    };
    return cmocka_run_group_tests(tests, start, one_operator_stop);
}
