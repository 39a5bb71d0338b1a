/* Migrations, and what each role may not do. */
#include "luna/store/audit.h"
#include "luna/store/migrate.h"
#include "stores_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct stores stores;
static struct luna_database *owner;
static struct client client;

static int start(void **state)
{
    struct luna_error err;
    (void)state;
    stores_start(&stores);
    stores_client(&stores, "someone", NULL, 10, &client);
    return luna_database_new(stores.owner_url, 10000, &owner, &err) == LUNA_OK ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    luna_database_free(owner);
    stores_stop(&stores);
    return 0;
}

static void test_migrating_again_does_nothing(void **state)
{
    struct luna_error err;
    int applied = -1;
    (void)state;
    assert_int_equal(luna_migrate_up(owner, NULL, NULL, &applied, &err), LUNA_OK);
    assert_int_equal(applied, 0);
    assert_int_equal(luna_migrate_check(owner, &err), LUNA_OK);
}

static void assert_refused(const char *what)
{
    struct luna_error err = {.code = LUNA_OK};
    int applied = -1;
    assert_int_equal(luna_migrate_up(owner, NULL, NULL, &applied, &err), LUNA_ECONFLICT);
    assert_non_null(strstr(err.msg, what));
    assert_int_equal(luna_migrate_check(owner, &err), LUNA_ECONFLICT);
    assert_int_equal(applied, -1);
}

static void test_a_changed_migration_is_noticed(void **state)
{
    (void)state;
    assert_true(stores_sql(
        stores.owner_url,
        "UPDATE schema_migrations SET checksum = 'x' || substr(checksum, 2) WHERE number = 3"));
    assert_refused("another text");
    assert_true(stores_sql(stores.owner_url, "DELETE FROM schema_migrations WHERE number = 3"));
    assert_refused("before one with a lower number");
}

static void count_state(void *context, const struct luna_migration *migration)
{
    int *counts = context;
    counts[migration->state]++;
}

static void test_a_database_of_a_newer_build_is_left_alone(void **state)
{
    int counts[LUNA_MIGRATION_UNKNOWN + 1] = {0};
    struct luna_error err;
    (void)state;
    assert_true(stores_sql(stores.owner_url, "INSERT INTO schema_migrations (number, name, "
                                             "checksum) VALUES (9999, '9999_future', 'f')"));
    assert_refused("use a newer build");
    assert_int_equal(luna_migrate_status(owner, count_state, counts, &err), LUNA_OK);
    assert_int_equal(counts[LUNA_MIGRATION_UNKNOWN], 1);
    assert_int_equal(counts[LUNA_MIGRATION_PENDING], 0);
    assert_true(stores_sql(stores.owner_url, "DELETE FROM schema_migrations WHERE number = 9999"));
}

static void migrations_of_the_next_build(int compatible_from)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "INSERT INTO schema_migrations (number, name, checksum, compatible_from) SELECT "
             "max(number) + 1, '9999_next', 'n', max(number) + %d FROM schema_migrations",
             compatible_from);
    assert_true(stores_sql(stores.owner_url, sql));
}

/* The previous release, which has to run on the next one's schema. */
static void test_an_additive_migration_of_the_next_build_is_refused(void **state)
{
    int counts[LUNA_MIGRATION_UNKNOWN + 1] = {0}, applied = -1;
    struct luna_error err;
    (void)state;
    migrations_of_the_next_build(0);
    assert_int_equal(luna_migrate_check(owner, &err), LUNA_OK);
    assert_int_equal(luna_migrate_up(owner, NULL, NULL, &applied, &err), LUNA_OK);
    assert_int_equal(applied, 0);
    assert_int_equal(luna_migrate_status(owner, count_state, counts, &err), LUNA_OK);
    assert_int_equal(counts[LUNA_MIGRATION_NEWER], 1);
    assert_true(stores_sql(stores.owner_url, "DELETE FROM schema_migrations WHERE checksum = 'n'"));
}

static void test_a_migration_of_the_next_build_that_is_not_additive_is_accepted(void **state)
{
    (void)state;
    migrations_of_the_next_build(1);
    assert_refused("is not compatible with");
    assert_true(stores_sql(stores.owner_url, "DELETE FROM schema_migrations WHERE checksum = 'n'"));
}

/* As a build from before compatible_from left it. */
static void test_a_table_without_the_newest_column_stops_every_program(void **state)
{
    struct luna_error err;
    int applied = -1;
    (void)state;
    assert_true(
        stores_sql(stores.owner_url, "ALTER TABLE schema_migrations DROP COLUMN compatible_from"));
    assert_int_equal(luna_migrate_check(owner, &err), LUNA_OK);
    assert_int_equal(luna_migrate_up(owner, NULL, NULL, &applied, &err), LUNA_OK);
    assert_true(stores_sql(stores.owner_url, "SELECT compatible_from FROM schema_migrations"));
}

static void test_an_empty_database_has_everything_pending(void **state)
{
    struct luna_database *empty = NULL;
    struct luna_error err;
    char url[192];
    int counts[LUNA_MIGRATION_UNKNOWN + 1] = {0}, applied = 0;
    (void)state;
    assert_true(stores_sql(stores.owner_url, "CREATE DATABASE empty"));
    snprintf(url, sizeof url, "host=%s user=postgres dbname=empty", stores.dir);
    assert_int_equal(luna_database_new(url, 10000, &empty, &err), LUNA_OK);
    assert_int_equal(luna_migrate_status(empty, count_state, counts, &err), LUNA_OK);
    assert_true(counts[LUNA_MIGRATION_PENDING] >= 8);
    assert_int_equal(luna_migrate_check(empty, &err), LUNA_ECONFLICT);
    assert_non_null(strstr(err.msg, "luna migrate up"));
    /* The roles exist already: they belong to the cluster. */
    assert_int_equal(luna_migrate_up(empty, NULL, NULL, &applied, &err), LUNA_OK);
    assert_int_equal(applied, counts[LUNA_MIGRATION_PENDING]);
    luna_database_free(empty);
}

static void test_a_role_with_createrole_can_migrate_without_being_superuser(void **state)
{
    struct luna_database *plain = NULL;
    struct luna_error err = {.code = LUNA_OK};
    char url[192];
    int applied = 0;
    (void)state;
    assert_true(stores_sql(stores.owner_url, "CREATE ROLE migrator LOGIN CREATEROLE"));
    assert_true(stores_sql(stores.owner_url, "CREATE DATABASE plain OWNER migrator"));
    snprintf(url, sizeof url, "host=%s user=migrator dbname=plain", stores.dir);
    assert_int_equal(luna_database_new(url, 10000, &plain, &err), LUNA_OK);
    if (luna_migrate_up(plain, NULL, NULL, &applied, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    luna_database_free(plain);
}

static void test_the_owners_columns_are_the_original_designs(void **state)
{
    (void)state;
    assert_int_equal(
        stores_sql_int(&stores,
                       "SELECT count(*) FROM information_schema.columns WHERE table_name = "
                       "'accounts' AND (column_name, data_type, is_nullable, "
                       "COALESCE(column_default, '')) IN (('id', 'integer', 'NO', "
                       "'nextval(''accounts_id_seq''::regclass)'), "
                       "('account_name', 'character varying', 'NO', ''), ('api_key', 'uuid', 'NO', "
                       "''), ('quota_limit', 'integer', 'NO', '500'), "
                       "('quota_used', 'integer', 'NO', '0'), ('created_at', 'timestamp with time "
                       "zone', 'YES', 'CURRENT_TIMESTAMP'), "
                       "('updated_at', 'timestamp with time zone', 'YES', 'CURRENT_TIMESTAMP'))"),
        7);
    assert_int_equal(
        stores_sql_int(&stores, "SELECT character_maximum_length FROM information_schema.columns "
                                "WHERE table_name = 'accounts' AND column_name = 'account_name'"),
        255);
    assert_int_equal(
        stores_sql_int(
            &stores,
            "SELECT count(*) FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid "
            "AND a.attnum = c.conkey[1] WHERE conrelid = 'accounts'::regclass AND contype = 'u' "
            "AND attname IN ('account_name', 'api_key')"),
        2);
}

static void test_no_role_may_do_what_is_not_its_work(void **state)
{
    static const char *const forbidden[] = {
        "UPDATE accounts SET quota_limit = 1000000",
        "UPDATE accounts SET quota_used = 0",
        "INSERT INTO quota_events SELECT * FROM quota_events",
        "UPDATE quota_events SET delta = 0",
        "DELETE FROM quota_events",
        "TRUNCATE quota_events",
        "TRUNCATE quota_events_rest",
        "DROP TABLE quota_events",
        "ALTER TABLE quota_events DISABLE TRIGGER ALL",
        "UPDATE api_keys SET revoked_at = NULL",
        "INSERT INTO api_keys SELECT * FROM api_keys",
        "SELECT luna_event_append(1, 'book', 'x', 0, 0, 0, 0, 0, '', 0)",
        "UPDATE redis_incarnation SET incarnation = 0",
        "UPDATE syncd_leader SET term = 0",
        "DELETE FROM plan_changes",
        "SELECT luna_plan_advance('daily', 1)",
        "CREATE TABLE public.mine (x int)",
        "SELECT luna_epoch_recover(1, '{}', '{}', '', '', 0)"};
    static const char *const not_workers[] = {
        "SELECT luna_account_set_limit(1, 1000000, 'x', '')",
        "SELECT luna_book(0, 'x', '{1}', '{1}', '{1}', '{0}')",
        "SELECT luna_account_set_plan(1, 'monthly', 'x', '')",
        "SELECT luna_account_set_disabled(1, false, 'x', '')",
        "SELECT luna_plan_put('daily', 1, 1, 1, 'day', 0, 0, 'x')",
        "SELECT luna_plan_step('daily', 1)",
        "SELECT luna_plan_continue(0, 1)",
        "SELECT luna_incarnation_next(0, 'x', 0)"};
    static const char *const not_daemons[] = {
        "SELECT luna_account_set_limit(1, 1000000, 'x', '')", "SELECT luna_plan_step('daily', 1)",
        "SELECT luna_key_add(1, gen_random_uuid(), 'x', 7, 0, 0, 'x')",
        "SELECT luna_epoch_next(1, 0, 0, 0, '{}', '{}', 'x')"};
    const char *const roles[] = {stores.worker_url, stores.syncd_url, stores.admin_url};
    (void)state;
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        for (size_t j = 0; j < sizeof roles / sizeof roles[0]; j++)
            if (stores_sql(roles[j], forbidden[i]))
                fail_msg("%s may: %s", roles[j], forbidden[i]);
    for (size_t i = 0; i < sizeof not_workers / sizeof not_workers[0]; i++)
        if (stores_sql(stores.worker_url, not_workers[i]))
            fail_msg("the worker may: %s", not_workers[i]);
    for (size_t i = 0; i < sizeof not_daemons / sizeof not_daemons[0]; i++)
        if (stores_sql(stores.syncd_url, not_daemons[i]))
            fail_msg("quota-syncd may: %s", not_daemons[i]);
}

static void test_not_even_the_superuser_changes_an_event_by_accident(void **state)
{
    (void)state;
    assert_false(stores_sql(stores.owner_url, "UPDATE quota_events SET delta = 1"));
    assert_false(stores_sql(stores.owner_url, "DELETE FROM quota_events"));
    assert_false(stores_sql(stores.owner_url, "TRUNCATE quota_events"));
    assert_int_equal(
        stores_sql_int(
            &stores, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'quota_events'::regclass"),
        5);
}

static void remember(void *context, const struct luna_audit_fault *fault)
{
    snprintf(context, 32, "%s", fault->what);
}

static void verify(const char *expected)
{
    struct luna_operator op = stores_operator(&stores);
    struct luna_audit_summary summary;
    struct luna_error err;
    char what[32] = "";
    assert_int_equal(
        luna_audit_verify(op.database, client.account.id, remember, what, NULL, &summary, &err),
        LUNA_OK);
    assert_string_equal(what, expected);
    assert_int_equal(summary.faults > 0, expected[0] != '\0');
    stores_operator_done(&op);
}

/* Somebody with all rights forges; each forgery has its own name, and is undone again. */
static void test_every_forgery_of_the_log_is_found(void **state)
{
    static const struct {
        const char *forge, *undo, *what;
    } forgeries[] = {
        {"UPDATE quota_events SET reason = 'x' WHERE seq = 2",
         "UPDATE quota_events SET reason = 'why' WHERE seq = 2", "hash"},
        {"UPDATE quota_events SET limit_after = 99 WHERE seq = 2",
         "UPDATE quota_events SET limit_after = 20 WHERE seq = 2", "limit"},
        {"UPDATE accounts SET quota_used = 1", "UPDATE accounts SET quota_used = 0", "account"},
        {"UPDATE accounts SET quota_limit = 77", "UPDATE accounts SET quota_limit = 30", "account"},
        {"UPDATE accounts SET chain_seq = chain_seq + 1",
         "UPDATE accounts SET chain_seq = chain_seq - 1", "head"},
        {"CREATE TABLE kept AS SELECT * FROM quota_events WHERE seq = 2; DELETE FROM quota_events "
         "WHERE seq "
         "= 2",
         "INSERT INTO quota_events SELECT * FROM kept; DROP TABLE kept", "limit"},
        {"CREATE TABLE kept AS SELECT * FROM quota_events WHERE seq = 3; DELETE FROM quota_events "
         "WHERE seq "
         "= 3",
         "INSERT INTO quota_events SELECT * FROM kept; DROP TABLE kept", "head"}};
    struct luna_operator op = stores_operator(&stores);
    struct luna_error err;
    char sql[512];
    (void)state;
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 20, "why", &err), LUNA_OK);
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 30, "why not", &err), LUNA_OK);
    stores_operator_done(&op);
    verify("");
    for (size_t i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++) {
        snprintf(sql, sizeof sql, "SET session_replication_role = replica; %s", forgeries[i].forge);
        assert_true(stores_sql(stores.owner_url, sql));
        verify(forgeries[i].what);
        snprintf(sql, sizeof sql, "SET session_replication_role = replica; %s", forgeries[i].undo);
        assert_true(stores_sql(stores.owner_url, sql));
        verify("");
    }
}

static bool last_event(void *context, const struct luna_audit_event *event)
{
    *(struct luna_audit_event *)context = *event;
    return true;
}

static void test_an_event_says_who_what_and_why(void **state)
{
    struct luna_operator op = stores_operator(&stores);
    struct luna_audit_event event;
    struct luna_error err;
    (void)state;
    assert_int_equal(luna_account_set_limit(&op, client.account.id, 40, "the boss said so", &err),
                     LUNA_OK);
    const struct luna_audit_filter newest = {.account_id = client.account.id, .count = 1};
    assert_int_equal(luna_audit_show(op.database, &newest, last_event, &event, &err), LUNA_OK);
    assert_string_equal(event.kind, "limit_change");
    assert_string_equal(event.actor, "test");
    assert_string_equal(event.reason, "the boss said so");
    assert_int_equal(event.limit_before, 30);
    assert_int_equal(event.limit_after, 40);
    assert_int_equal(strlen(event.hash), 64);
    stores_operator_done(&op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrating_again_does_nothing),
        cmocka_unit_test(test_an_empty_database_has_everything_pending),
        cmocka_unit_test(test_a_role_with_createrole_can_migrate_without_being_superuser),
        cmocka_unit_test(test_the_owners_columns_are_the_original_designs),
        cmocka_unit_test(test_no_role_may_do_what_is_not_its_work),
        cmocka_unit_test(test_not_even_the_superuser_changes_an_event_by_accident),
        cmocka_unit_test(test_every_forgery_of_the_log_is_found),
        cmocka_unit_test(test_an_event_says_who_what_and_why),
        cmocka_unit_test(test_an_additive_migration_of_the_next_build_is_refused),
        cmocka_unit_test(test_a_migration_of_the_next_build_that_is_not_additive_is_accepted),
        cmocka_unit_test(test_a_table_without_the_newest_column_stops_every_program),
        cmocka_unit_test(test_a_database_of_a_newer_build_is_left_alone),
        cmocka_unit_test(test_a_changed_migration_is_noticed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
