#include "stores_fixture.h"

#include "client/pg.h"
#include "client/redis.h"
#include "luna/store/audit.h"
#include "luna/store/migrate.h"
#include "stores_process.h"
#include "wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka needs these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const unsigned char pepper[32] = "a pepper that only the tests use";

bool stores_sql(const char *url, const char *sql)
{
    struct luna_database *database = NULL;
    struct luna_error err;
    bool ok = luna_database_new(url, WAIT_MS, &database, &err) == LUNA_OK &&
              luna_pg_script(database, luna_deadline_in_ms(WAIT_MS), sql, &err) == LUNA_OK;
    luna_database_free(database);
    return ok;
}

int64_t stores_sql_int(struct stores *stores, const char *sql)
{
    struct luna_database *database = NULL;
    struct luna_pg_result *result = NULL;
    struct luna_error err;
    int64_t value = INT64_MIN;
    if (luna_database_new(stores->owner_url, WAIT_MS, &database, &err) != LUNA_OK ||
        luna_pg_query(database, luna_deadline_in_ms(WAIT_MS), sql, NULL, &result, &err) != LUNA_OK)
        stores_die(err.msg);
    if (luna_pg_rows(result) > 0)
        value = luna_pg_int(result, 0, 0);
    luna_pg_result_free(result);
    luna_database_free(database);
    return value;
}

int64_t stores_redis_int(struct stores *stores, const char *words)
{
    struct luna_counters *counters = NULL;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_error err;
    char copy[512], *rest = copy;
    snprintf(copy, sizeof copy, "%s", words);
    luna_redis_begin(&command, strtok_r(rest, " ", &rest));
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;)
        luna_redis_arg(&command, word);
    if (luna_counters_new(stores->redis_url, WAIT_MS, &counters, &err) != LUNA_OK ||
        luna_redis_run(counters, &command, luna_deadline_in_ms(WAIT_MS), &reply, &err) != LUNA_OK)
        stores_die(err.msg);
    int64_t value = luna_reply_int(reply, -1);
    luna_reply_free(reply);
    luna_counters_free(counters);
    return value;
}

static void migrate(struct stores *stores)
{
    struct luna_database *database = NULL;
    struct luna_error err;
    int applied = 0;
    char url[192];
    snprintf(url, sizeof url, "host=%s user=postgres dbname=postgres", stores->dir);
    if (!stores_sql(url, "CREATE DATABASE luna"))
        stores_die("cannot create the database");
    if (luna_database_new(stores->owner_url, WAIT_MS, &database, &err) != LUNA_OK ||
        luna_migrate_up(database, NULL, NULL, &applied, &err) != LUNA_OK)
        stores_die(err.msg);
    luna_database_free(database);
}

static void start(struct stores *stores, enum luna_durability durability)
{
    memset(stores, 0, sizeof *stores);
    stores->durability = durability;
    signal(SIGPIPE, SIG_IGN);
    stores_process_init(stores);
    snprintf(stores->redis_url, sizeof stores->redis_url, "unix://%s/redis.sock", stores->dir);
    snprintf(stores->journal_dir, sizeof stores->journal_dir, "%s/journal", stores->dir);
    snprintf(stores->owner_url, sizeof stores->owner_url, "host=%s user=postgres dbname=luna",
             stores->dir);
    snprintf(stores->worker_url, sizeof stores->worker_url, "host=%s user=luna_worker dbname=luna",
             stores->dir);
    snprintf(stores->syncd_url, sizeof stores->syncd_url, "host=%s user=luna_syncd dbname=luna",
             stores->dir);
    snprintf(stores->admin_url, sizeof stores->admin_url, "host=%s user=luna_admin dbname=luna",
             stores->dir);
    stores_redis_start(stores);
    stores_postgres_start(stores);
    migrate(stores);
}

void stores_start(struct stores *stores)
{
    start(stores, LUNA_DURABILITY_DEFAULT);
}

void stores_start_strict(struct stores *stores)
{
    start(stores, LUNA_DURABILITY_STRICT);
}

void stores_stop(struct stores *stores)
{
    stores_process_done(stores);
}

struct luna_admitter *stores_admitter(struct stores *stores, int slot)
{
    return stores_admitter_hurried(stores, slot, WAIT_MS, WAIT_MS);
}

struct luna_admitter *stores_admitter_hurried(struct stores *stores, int slot, int redis_timeout_ms,
                                              int database_timeout_ms)
{
    struct luna_admitter *admitter = NULL;
    struct luna_error err;
    const struct luna_admitter_options options = {.redis_url = stores->redis_url,
                                                  .database_url = stores->worker_url,
                                                  .pepper = pepper,
                                                  .pepper_len = sizeof pepper,
                                                  .journal_dir = stores->journal_dir,
                                                  .worker_slot = slot,
                                                  .redis_timeout_ms = redis_timeout_ms,
                                                  .answer_bytes_max = STORES_ANSWERS_BYTES,
                                                  .durability = stores->durability,
                                                  .database_timeout_ms = database_timeout_ms};
    if (luna_admitter_new(&options, &admitter, &err) != LUNA_OK)
        stores_die(err.msg);
    return admitter;
}

struct luna_booker *stores_booker(struct stores *stores)
{
    struct luna_booker *booker = NULL;
    struct luna_error err;
    const struct luna_booker_options options = {.redis_url = stores->redis_url,
                                                .database_url = stores->syncd_url,
                                                .journal_dir = stores->journal_dir,
                                                .redis_timeout_ms = WAIT_MS,
                                                .durability = stores->durability,
                                                .database_timeout_ms = WAIT_MS,
                                                .batch_accounts_max = 2000};
    if (luna_booker_new(&options, &booker, &err) != LUNA_OK)
        stores_die(err.msg);
    return booker;
}

struct luna_operator stores_operator(struct stores *stores)
{
    struct luna_operator op = {.pepper = pepper, .pepper_len = sizeof pepper, .actor = "test"};
    struct luna_error err;
    if (luna_database_new(stores->admin_url, WAIT_MS, &op.database, &err) != LUNA_OK ||
        luna_counters_new(stores->redis_url, WAIT_MS, &op.counters, &err) != LUNA_OK)
        stores_die(err.msg);
    return op;
}

void stores_operator_done(struct luna_operator *op)
{
    luna_database_free(op->database);
    luna_counters_free(op->counters);
}

/* As the daemon does, from the start after any error. A connection to a server that was killed
 * fails once, and the session of a killed daemon holds the lock until PostgreSQL notices. */
void stores_fence(struct luna_booker *booker, struct luna_fence_report *ret_report)
{
    struct luna_error err = {.code = LUNA_OK};
    for (int i = 0; i < WAIT_MS / 50; i++) {
        bool leading = false;
        int64_t term = 0;
        if (luna_booking_lead(booker, &leading, &term, &err) == LUNA_OK && leading &&
            luna_booking_fence(booker, ret_report, &err) == LUNA_OK)
            return;
        wait_ms(i == 0 ? 1 : 50);
    }
    fail_msg("lead or fence: %s", err.msg);
}

void stores_book_all(struct luna_booker *booker)
{
    for (int i = 0; i < 20; i++) {
        struct luna_booking_report report;
        struct luna_error err;
        if (luna_booking_pass(booker, &report, &err) != LUNA_OK)
            fail_msg("pass: %s", err.msg);
        if (report.accounts_seen == 0)
            return;
    }
    fail_msg("accounts stay dirty");
}

void stores_client(struct stores *stores, const char *name, const char *plan, int64_t limit,
                   struct client *ret_client)
{
    struct luna_operator op = stores_operator(stores);
    struct luna_error err;
    const struct luna_account_spec spec = {.name = name, .plan = plan, .quota_limit = limit};
    if (luna_account_create(&op, &spec, &ret_client->account, &ret_client->key, &err) != LUNA_OK)
        fail_msg("create %s: %s", name, err.msg);
    stores_operator_done(&op);
}

void stores_admit(struct luna_admitter *admitter, const struct client *client, int64_t cost,
                  struct luna_admission *ret_admission)
{
    const struct luna_admission_request request = {.account_id = client->account.id,
                                                   .api_key = client->key.text,
                                                   .api_key_len = strlen(client->key.text),
                                                   .scope = LUNA_SCOPE_MODEL,
                                                   .cost = cost,
                                                   .points = 10,
                                                   .request_id = "test",
                                                   .deadline = luna_deadline_in_ms(WAIT_MS)};
    luna_admit(admitter, &request, ret_admission);
}

enum luna_code stores_key(const struct luna_operator *op, struct client *client,
                          struct luna_key_spec spec)
{
    struct luna_made_key made = {.id = 0};
    struct luna_error err;
    enum luna_code code = luna_key_create(op, client->account.id, &spec, &made, &err);
    if (code == LUNA_OK)
        client->key = made.key;
    client->key_id = made.id;
    return code;
}

enum luna_admission_outcome stores_request(struct luna_admitter *admitter,
                                           const struct client *client)
{
    struct luna_admission admission;
    stores_admit(admitter, client, 1, &admission);
    if (admission.outcome == LUNA_ADMIT_ALLOWED &&
        luna_admission_commit(admitter, &admission) != LUNA_COMMIT_OK)
        return LUNA_ADMIT_UNAVAILABLE;
    return admission.outcome;
}

static void print_fault(void *context, const struct luna_audit_fault *fault)
{
    (void)context;
    print_error("account %lld event %lld: %s: %s\n", (long long)fault->account_id,
                (long long)fault->seq, fault->what, fault->detail);
}

void stores_assert_sound(struct stores *stores, struct luna_booker *booker)
{
    struct luna_conservation gauges;
    struct luna_audit_summary summary;
    struct luna_error err;
    struct luna_operator op = stores_operator(stores);
    if (luna_booking_gauges(booker, 4000, &gauges, &err) != LUNA_OK)
        fail_msg("gauges: %s", err.msg);
    assert_int_equal(gauges.redis_local, 0);
    assert_int_equal(gauges.database_local, 0);
    assert_int_equal(gauges.across, 0);
    if (luna_audit_verify(op.database, 0, print_fault, NULL, NULL, &summary, &err) != LUNA_OK)
        fail_msg("verify: %s", err.msg);
    assert_int_equal(summary.faults, 0);
    stores_operator_done(&op);
}

int64_t stores_account_int(struct stores *stores, const struct client *client, const char *column)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT %s FROM accounts WHERE id = %lld", column,
             (long long)client->account.id);
    return stores_sql_int(stores, sql);
}

int64_t stores_used(struct stores *stores, const struct client *client)
{
    return stores_account_int(stores, client, "quota_used");
}

int64_t stores_charged(struct stores *stores, const struct client *client)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT sum(delta) FROM quota_events WHERE account_id = %lld",
             (long long)client->account.id);
    return stores_sql_int(stores, sql);
}

int64_t stores_remaining(struct stores *stores, const struct client *client)
{
    char words[96];
    snprintf(words, sizeof words, "GET user:%lld:quota", (long long)client->account.id);
    return stores_redis_int(stores, words);
}

void stores_assert_ledger(struct stores *stores, struct luna_booker *booker,
                          const struct client *client, int64_t units)
{
    stores_book_all(booker);
    assert_int_equal(stores_used(stores, client), units);
    assert_int_equal(stores_charged(stores, client), units);
    stores_assert_sound(stores, booker);
}
