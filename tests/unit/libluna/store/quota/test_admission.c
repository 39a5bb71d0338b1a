#include "luna/store/plan.h"
#include "one_host.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

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
    /* Created now: "unknown account" is forgotten at once. */
    stores_client(&stores, "known-next", NULL, 10, &client);
    assert_int_equal(client.account.id, nobody.account.id);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

static enum luna_code probe(struct luna_admitter *of, struct luna_error *err)
{
    *err = (struct luna_error){.code = LUNA_OK};
    return luna_admitter_probe(of, luna_deadline_in_ms(WAIT_MS), err);
}

static void test_a_probe_does_not_say_which_store_is_unavailable(void **state)
{
    struct stores without_redis = stores, without_database = stores;
    struct luna_error err;
    (void)state;
    assert_int_equal(probe(admitter, &err), LUNA_OK);
    snprintf(without_redis.redis_url, sizeof stores.redis_url, "unix://%s/absent", stores.dir);
    snprintf(without_database.worker_url, sizeof stores.worker_url, "host=%s/absent", stores.dir);
    struct luna_admitter *one = stores_admitter(&without_redis, 8);
    struct luna_admitter *other = stores_admitter(&without_database, 9);
    assert_int_equal(probe(one, &err), LUNA_EUNAVAILABLE);
    assert_int_equal(strncmp(err.msg, "Redis: ", 7), 0);
    assert_int_equal(probe(other, &err), LUNA_EUNAVAILABLE);
    assert_int_equal(strncmp(err.msg, "PostgreSQL: ", 12), 0);
    luna_admitter_free(one);
    luna_admitter_free(other);
}

static void test_a_worker_is_ready_before_the_scripts_are_announced(void **state)
{
    struct luna_fence_report report;
    struct luna_error err;
    (void)state;
    assert_int_equal(stores_redis_int(&stores, "DEL quota:fence"), 1);
    assert_int_equal(probe(admitter, &err), LUNA_EUNAVAILABLE);
    assert_non_null(strstr(err.msg, "quota-syncd"));
    stores_fence(booker, &report);
    assert_int_equal(probe(admitter, &err), LUNA_OK);
}

/* A script in place of admit.lua, which replies the outcome that a key of Redis's names. */
static void put_outcome_script(void)
{
    static const char fields[] = ""
#define FIELD(name) ",0"
#define CODE(word, number)
#include "quota/admit_reply.def"
#undef FIELD
#undef CODE
        ;
    char text[256], words[512];
    /* the outcome and the epoch stand for the first two */
    snprintf(text, sizeof text,
             "return(struct.pack('<'..string.rep('i8',%zu),redis.call('GET','outcome'),1%s))",
             strlen(fields) / 2, fields + 4);
    snprintf(words, sizeof words, "SCRIPT LOAD %s", text);
    (void)stores_redis_int(&stores, words);
    snprintf(words, sizeof words,
             "EVAL redis.call('HSET','quota:fence','admit',redis.sha1hex(ARGV[1]))return(1) 0 %s",
             text);
    assert_int_equal(stores_redis_int(&stores, words), 1);
}

static void test_an_outcome_of_the_table_is_refused_as_implausible(void **state)
{
    static const enum luna_admission_outcome outcomes[] = {
#define X(symbol, number) symbol,
#include "luna/store/admission_outcomes.def"
#undef X
    };
    struct client client;
    struct luna_admission admission;
    struct luna_fence_report report;
    char words[64];
    (void)state;
    stores_client(&stores, "outcomes", NULL, 10, &client);
    put_outcome_script();
    struct luna_admitter *other = stores_admitter(&stores, 5);
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        snprintf(words, sizeof words, "SET outcome %d", (int)outcomes[i]);
        (void)stores_redis_int(&stores, words);
        stores_admit(other, &client, 0, &admission);
        assert_int_equal(admission.outcome, outcomes[i]);
        assert_int_not_equal(admission.error.code, LUNA_EPROTOCOL);
    }
    (void)stores_redis_int(&stores, "SET outcome 99");
    stores_admit(other, &client, 0, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_UNAVAILABLE);
    assert_int_equal(admission.error.code, LUNA_EPROTOCOL);
    luna_admitter_free(other);
    assert_int_equal(stores_redis_int(&stores, "DEL quota:fence"), 1);
    stores_fence(booker, &report);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
}

static enum luna_admission_outcome ask_from(const struct client *client, const char *address)
{
    struct luna_admission admission;
    const struct luna_admission_request request = {.account_id = client->account.id,
                                                   .api_key = client->key.text,
                                                   .api_key_len = strlen(client->key.text),
                                                   .scope = LUNA_SCOPE_MODEL,
                                                   .request_id = "test",
                                                   .client_address = address,
                                                   .deadline = luna_deadline_in_ms(WAIT_MS)};
    luna_admit(admitter, &request, &admission);
    return admission.outcome;
}

static void test_a_key_is_used_from_outside_its_networks(void **state)
{
    struct luna_operator op = stores_operator(&stores);
    struct client client;
    (void)state;
    stores_client(&stores, "networks", NULL, 10, &client);
    const struct luna_key_spec spec = {.scopes = LUNA_SCOPE_MODEL,
                                       .networks = "10.0.0.0/8;2001:db8::/32"};
    assert_int_equal(stores_key(&op, &client, spec), LUNA_OK);
    stores_operator_done(&op);
    for (int i = 0; i < 2; i++) { /* as it was loaded, and as admit.lua noted its use */
        assert_int_equal(ask_from(&client, "192.0.2.1"), LUNA_ADMIT_ADDRESS_REFUSED);
        assert_int_equal(ask_from(&client, "2001:db9::1"), LUNA_ADMIT_ADDRESS_REFUSED);
        assert_int_equal(ask_from(&client, NULL), LUNA_ADMIT_ADDRESS_REFUSED);
        assert_int_equal(ask_from(&client, "10.200.3.4"), LUNA_ADMIT_ALLOWED);
        assert_int_equal(ask_from(&client, "2001:db8::7"), LUNA_ADMIT_ALLOWED);
    }
}

static void test_the_scopes_of_the_key_are_returned(void **state)
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
    /* Checks that charge nothing are limited too. */
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

static void test_refused_points_cost_no_burst(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    put_plan("many-points", 1, 2, 9, 0);
    stores_client(&stores, "many-points", "many-points", 10, &client);
    for (int i = 0; i < 2; i++) {
        stores_admit(admitter, &client, 1, &admission);
        assert_int_equal(admission.outcome, LUNA_ADMIT_TOO_MANY_POINTS);
    }
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_RATE_LIMITED);
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

static enum luna_admission_outcome stage(struct luna_admitter *from, const struct client *client,
                                         enum luna_admission_stage stage,
                                         struct luna_admission *ret_admission)
{
    const struct luna_admission_request request = {.stage = stage,
                                                   .account_id = client->account.id,
                                                   .api_key = client->key.text,
                                                   .api_key_len = strlen(client->key.text),
                                                   .scope = LUNA_SCOPE_MODEL,
                                                   .cost = stage != LUNA_STAGE_CHECK,
                                                   .points = 1,
                                                   .request_id = "test",
                                                   .deadline = luna_deadline_in_ms(WAIT_MS)};
    luna_admit(from, &request, ret_admission);
    return ret_admission->outcome;
}

static void test_a_request_in_two_stages_counts_twice_for_the_rate(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    put_plan("staged", 1, 2, 7, 0);
    stores_client(&stores, "staged", "staged", 10, &client);
    assert_int_equal(stage(admitter, &client, LUNA_STAGE_CHECK, &admission), LUNA_ADMIT_ALLOWED);
    assert_int_equal(admission.charge, LUNA_CHARGE_NONE);
    assert_int_equal(admission.points_max, 7);
    assert_int_equal(stores_remaining(&stores, &client), 10);
    assert_int_equal(stage(admitter, &client, LUNA_STAGE_CHARGE, &admission), LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    assert_int_equal(stores_remaining(&stores, &client), 9);
    assert_int_equal(stage(admitter, &client, LUNA_STAGE_CHECK, &admission), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stage(admitter, &client, LUNA_STAGE_CHECK, &admission),
                     LUNA_ADMIT_RATE_LIMITED);
    assert_int_equal(stage(admitter, &client, LUNA_STAGE_CHARGE, &admission), LUNA_ADMIT_ALLOWED);
    luna_admission_refund(admitter, &admission);
}

static void test_a_check_passes_a_full_plan_or_takes_a_slot(void **state)
{
    struct client client;
    struct luna_admission admission, second;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    (void)state;
    put_plan("staged-one", 100, 100, 0, 1);
    stores_client(&stores, "staged-one", "staged-one", 10, &client);
    assert_int_equal(stage(other, &client, LUNA_STAGE_CHECK, &second), LUNA_ADMIT_ALLOWED);
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(stage(other, &client, LUNA_STAGE_CHECK, &second),
                     LUNA_ADMIT_CONCURRENCY_LIMITED);
    luna_admission_refund(admitter, &admission);
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

static void test_a_killed_workers_charge_is_refunded_by_its_successor(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_admitter *doomed = stores_admitter(&stores, 5);
    (void)state;
    stores_client(&stores, "killed", NULL, 10, &client);
    stores_admit(doomed, &client, 3, &admission);
    assert_int_equal(stores_remaining(&stores, &client), 7);
    luna_admitter_free(doomed); /* neither committed nor refunded, as after a kill */
    struct luna_admitter *successor = stores_admitter(&stores, 5);
    assert_int_equal(stores_request(successor, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_remaining(&stores, &client), 9);
    luna_admitter_free(successor);
    successor = stores_admitter(&stores, 5);
    assert_int_equal(stores_request(successor, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_remaining(&stores, &client), 8); /* a success was not refunded */
    luna_admitter_free(successor);
    stores_book_all(booker);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 2);
    stores_assert_sound(&stores, booker);
}

static void test_two_processes_cannot_share_a_worker_slot(void **state)
{
    struct luna_admitter *second = NULL;
    struct luna_error err;
    static const unsigned char pepper[32] = "x";
    const struct luna_admitter_options options = {.redis_url = stores.redis_url,
                                                  .database_url = stores.worker_url,
                                                  .pepper = pepper,
                                                  .pepper_len = sizeof pepper,
                                                  .journal_dir = stores.journal_dir,
                                                  .worker_slot = 0,
                                                  .redis_timeout_ms = WAIT_MS,
                                                  .database_timeout_ms = WAIT_MS};
    (void)state;
    assert_int_equal(luna_admitter_new(&options, &second, &err), LUNA_ECONFLICT);
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
        cmocka_unit_test(test_a_probe_does_not_say_which_store_is_unavailable),
        cmocka_unit_test(test_a_worker_is_ready_before_the_scripts_are_announced),
        cmocka_unit_test(test_an_outcome_of_the_table_is_refused_as_implausible),
        cmocka_unit_test(test_a_key_is_used_from_outside_its_networks),
        cmocka_unit_test(test_the_scopes_of_the_key_are_returned),
        cmocka_unit_test(test_the_burst_is_limited_and_burns_no_quota),
        cmocka_unit_test(test_an_exhausted_quota_burns_no_burst),
        cmocka_unit_test(test_more_points_than_the_plan_allows_are_refused),
        cmocka_unit_test(test_refused_points_cost_no_burst),
        cmocka_unit_test(test_concurrent_requests_are_counted_and_released),
        cmocka_unit_test(test_a_request_in_two_stages_counts_twice_for_the_rate),
        cmocka_unit_test(test_a_check_passes_a_full_plan_or_takes_a_slot),
        cmocka_unit_test(test_a_plan_changes_without_a_restart),
        cmocka_unit_test(test_a_killed_workers_charge_is_refunded_by_its_successor),
        cmocka_unit_test(test_two_processes_cannot_share_a_worker_slot),
    };
    return cmocka_run_group_tests(tests, one_host_start, one_host_stop);
}
