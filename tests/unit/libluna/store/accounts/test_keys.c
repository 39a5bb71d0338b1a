#include "client/pg.h"
#include "one_operator.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { REVOKED = 300 };

/* An account that has made and revoked many keys; its live key is the first of them. */
static void client_of_many_keys(struct client *client)
{
    char sql[256];
    one_host_client(client);
    snprintf(sql, sizeof sql,
             "INSERT INTO api_keys (account_id, digest, prefix, scopes, revoked_at) "
             "SELECT %lld, gen_random_uuid(), 'luna_live_ab', 7, now() FROM generate_series(1, %d)",
             (long long)client->account.id, REVOKED);
    assert_true(stores_sql(stores.owner_url, sql));
}

static int64_t key_id_of(const struct client *client, const char *which)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT %s(id) FROM api_keys WHERE account_id = %lld", which,
             (long long)client->account.id);
    return stores_sql_int(&stores, sql);
}

static void run(const char *sql)
{
    struct luna_error err;
    assert_int_equal(luna_pg_script(op.database, luna_deadline_in_ms(WAIT_MS), sql, &err), LUNA_OK);
}

/* Rows of api_keys that the present transaction has read. */
static int64_t rows_read(void)
{
    struct luna_pg_result *result = NULL;
    struct luna_error err;
    assert_int_equal(
        luna_pg_query(op.database, luna_deadline_in_ms(WAIT_MS),
                      "SELECT (seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables "
                      "WHERE relname = 'api_keys'",
                      NULL, &result, &err),
        LUNA_OK);
    assert_int_equal(luna_pg_rows(result), 1);
    int64_t rows = luna_pg_int(result, 0, 0);
    luna_pg_result_free(result);
    return rows;
}

static void test_all_keys_are_read_for_one(void **state)
{
    struct client client;
    struct luna_key key = {.id = 0};
    struct luna_error err;
    (void)state;
    client_of_many_keys(&client);
    int64_t last = key_id_of(&client, "max");
    run("BEGIN");
    assert_int_equal(luna_key_get(op.database, client.account.id, last, &key, &err), LUNA_OK);
    assert_int_equal(rows_read(), 1);
    run("COMMIT");
    assert_int_equal(key.id, last);
    assert_true(key.revoked_ms > 0 && !key.primary);
    assert_int_equal(
        luna_key_get(op.database, client.account.id, key_id_of(&client, "min"), &key, &err),
        LUNA_OK);
    assert_true(key.revoked_ms == 0 && key.primary);
}

static void test_the_key_of_another_account_is_found(void **state)
{
    struct client client, other;
    struct luna_key key = {.id = 7};
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    one_host_client(&other);
    int64_t theirs = key_id_of(&other, "min");
    assert_int_equal(luna_key_get(op.database, client.account.id, theirs, &key, &err),
                     LUNA_ENOTFOUND);
    assert_int_equal(luna_key_get(op.database, client.account.id, 999999, &key, &err),
                     LUNA_ENOTFOUND);
    assert_int_equal(key.id, 7);
    assert_int_equal(luna_key_get(op.database, other.account.id, theirs, &key, &err), LUNA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_keys_are_read_for_one),
        cmocka_unit_test(test_the_key_of_another_account_is_found),
    };
    return cmocka_run_group_tests(tests, one_operator_start, one_operator_stop);
}
