/* Cold loads, step by step: a loader that was too slow, or lost the lease, changes nothing. */
#include "one_host.h"

#include "quota/admitter.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void test_a_charge_that_a_cold_load_passed_over_is_void(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_fence_report report;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    char words[96];
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    stores_admit(admitter, &client, 1, &admission);
    snprintf(words, sizeof words, "DEL {user:%lld:quota}:m", (long long)client.account.id);
    stores_redis_int(&stores, words);
    assert_int_equal(stores_request(other, &client), LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_VOID);
    luna_admitter_free(other);
    stores_fence(booker, &report);
    stores_assert_ledger(&stores, booker, &client, 3);
}

static void test_a_stale_loader_cannot_open_an_epoch(void **state)
{
    struct client client;
    char sql[256];
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    int64_t incarnation = stores_sql_int(&stores, "SELECT incarnation FROM redis_incarnation");
    snprintf(sql, sizeof sql,
             "SELECT luna_epoch_next(%lld, 0, %lld, 1, '{}', '{}', 'worker w00000000.0')",
             (long long)client.account.id, (long long)incarnation);
    assert_false(stores_sql(stores.worker_url, sql)); /* the epoch is 1 */
    snprintf(sql, sizeof sql,
             "SELECT luna_epoch_next(%lld, 1, %lld, 1, '{}', '{}', 'worker w00000000.0')",
             (long long)client.account.id, (long long)incarnation - 1);
    assert_false(stores_sql(stores.worker_url, sql)); /* an incarnation that was fenced */
    stores_assert_ledger(&stores, booker, &client, 1);
}

/* Runs one step of a cold load under `token`; its reply's first number. */
static int64_t load_step(const struct client *client, enum luna_script script, const char *token)
{
    struct luna_quota_keys keys;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_error err;
    bool installs = script == LUNA_SCRIPT_INSTALL;
    luna_quota_keys_make(client->account.id, "", &keys);
    luna_admitter_begin(&command, script, &keys);
    luna_redis_arg_at(&command, 0, token);
    luna_redis_arg_at(&command, 1, installs ? "live" : "5000");
    if (installs) {
        luna_redis_arg_at(&command, 2, "1000");
        luna_redis_arg(&command, "e");
        luna_redis_arg(&command, "99");
    }
    if (luna_admitter_script(admitter, script, &command, luna_deadline_in_ms(WAIT_MS), &reply,
                             &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    int64_t answer =
        installs ? luna_reply_int(reply, -1) : luna_reply_int(luna_reply_at(reply, 0), -1);
    luna_reply_free(reply);
    return answer;
}

static void test_a_loader_whose_lease_ran_out_installs_nothing(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    assert_int_equal(load_step(&client, LUNA_SCRIPT_LEASE, "slow"), 1);
    char words[96];
    /* it expired */
    snprintf(words, sizeof words, "DEL {user:%lld:quota}:load", (long long)client.account.id);
    stores_redis_int(&stores, words);
    one_host_request(&client, 2);
    assert_int_equal(load_step(&client, LUNA_SCRIPT_INSTALL, "slow"), 0);
    assert_int_equal(load_step(&client, LUNA_SCRIPT_LEASE, "second"), 2); /* not cold */
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 3);
}

/* The loader may have read what the operator changes now: a revoked key must not come back. */
static void test_an_operators_change_takes_a_loaders_lease_away(void **state)
{
    struct client client;
    struct luna_operator op = stores_operator(&stores);
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    assert_int_equal(load_step(&client, LUNA_SCRIPT_LEASE, "before"), 1);
    assert_int_equal(load_step(&client, LUNA_SCRIPT_LEASE, "other"), 0);
    assert_int_equal(luna_account_disable(&op, client.account.id, "", &err), LUNA_OK);
    assert_int_equal(load_step(&client, LUNA_SCRIPT_INSTALL, "before"), 0);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ACCOUNT_DISABLED);
    stores_operator_done(&op);
}

/* A loader that meets the fence cannot give its lease up: the script that does is gone. */
static void test_a_lease_of_an_ended_incarnation_keeps_an_account_cold(void **state)
{
    struct client client;
    char words[96];
    (void)state;
    one_host_client(&client);
    snprintf(words, sizeof words, "SETNX {user:%lld:quota}:load 0:gone",
             (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 1);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 1);
}

/* An epoch that a loader found closed must stay closed, even if its keys are restored. */
static void test_a_lease_forgets_what_it_was_granted_over(void **state)
{
    struct client client;
    char words[128];
    struct luna_fence_report report;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 2);
    snprintf(words, sizeof words, "HSET {user:%lld:quota}:m I another",
             (long long)client.account.id);
    stores_redis_int(&stores, words);
    assert_int_equal(load_step(&client, LUNA_SCRIPT_LEASE, "mine"), 1);
    snprintf(
        words, sizeof words, "EXISTS {user:%lld:quota}:m user:%lld:quota {user:%lld:quota}:delta",
        (long long)client.account.id, (long long)client.account.id, (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 0);
    snprintf(words, sizeof words, "DEL {user:%lld:quota}:load", (long long)client.account.id);
    stores_redis_int(&stores, words);
    one_host_request(&client, 1);
    stores_fence(booker, &report);
    stores_assert_ledger(&stores, booker, &client, 3);
}

/* Makes the account cold; Redis knows nothing of it. */
static void make_cold(const struct client *client)
{
    char words[96];
    snprintf(words, sizeof words, "DEL {user:%lld:quota}:m", (long long)client->account.id);
    stores_redis_int(&stores, words);
}

static enum luna_admission_outcome knock(const struct client *client, int number)
{
    struct client stranger = *client;
    snprintf(stranger.key.text, sizeof stranger.key.text, "%08x-0000-4000-8000-000000000000",
             number);
    return stores_request(admitter, &stranger);
}

static void test_a_wrong_key_moves_the_epoch_of_a_cold_account(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    make_cold(&client);
    int64_t epoch = stores_account_int(&stores, &client, "quota_epoch");
    for (int i = 1; i <= 5; i++)
        assert_int_equal(knock(&client, i), LUNA_ADMIT_KEY_INVALID);
    assert_int_equal(stores_account_int(&stores, &client, "quota_epoch"), epoch);
    one_host_request(&client, 2);
    stores_assert_ledger(&stores, booker, &client, 3);
}

static void test_wrong_keys_reach_postgresql_twice(void **state)
{
    struct client client;
    (void)state;
    one_host_client(&client);
    assert_int_equal(knock(&client, 1), LUNA_ADMIT_KEY_INVALID);
    stores_postgres_kill(&stores);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(knock(&client, i), LUNA_ADMIT_KEY_INVALID);
    stores_postgres_start(&stores);
    struct luna_fence_report report;
    stores_fence(booker, &report);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 1);
}

/* What Redis remembers of a refusal must not outlive an operator's change. */
static void test_a_new_key_is_refused_after_wrong_ones(void **state)
{
    struct client client, renewed;
    struct luna_operator op = stores_operator(&stores);
    (void)state;
    one_host_client(&client);
    assert_int_equal(knock(&client, 1), LUNA_ADMIT_KEY_INVALID);
    renewed = client;
    assert_int_equal(stores_key(&op, &renewed, (struct luna_key_spec){.scopes = LUNA_SCOPE_MODEL}),
                     LUNA_OK);
    assert_int_equal(stores_request(admitter, &renewed), LUNA_ADMIT_ALLOWED);
    stores_operator_done(&op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_charge_that_a_cold_load_passed_over_is_void),
        cmocka_unit_test(test_a_stale_loader_cannot_open_an_epoch),
        cmocka_unit_test(test_a_loader_whose_lease_ran_out_installs_nothing),
        cmocka_unit_test(test_an_operators_change_takes_a_loaders_lease_away),
        cmocka_unit_test(test_a_lease_of_an_ended_incarnation_keeps_an_account_cold),
        cmocka_unit_test(test_a_lease_forgets_what_it_was_granted_over),
        cmocka_unit_test(test_a_wrong_key_moves_the_epoch_of_a_cold_account),
        cmocka_unit_test(test_wrong_keys_reach_postgresql_twice),
        cmocka_unit_test(test_a_new_key_is_refused_after_wrong_ones),
    };
    return cmocka_run_group_tests(tests, one_host_start, one_host_stop);
}
