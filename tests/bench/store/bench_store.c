/*
 * bench_store.c: what an admission costs Redis, and how long booking takes, on this machine.
 *
 *   bench_store [accounts]     default 100000 dirty accounts
 */
#include "stores_fixture.h"
#include "stores_process.h"

#include "client/pg.h"
#include "client/redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARM_UP = 2000, ADMISSIONS = 40000 };

static double evalsha_us(struct stores *stores)
{
    struct luna_counters *counters = NULL;
    struct luna_error err;
    char line[160];
    if (luna_counters_new(stores->redis_url, 2000, &counters, &err) != LUNA_OK ||
        luna_redis_info(counters, "commandstats", "cmdstat_evalsha", luna_deadline_in_ms(2000),
                        line, sizeof line, &err) != LUNA_OK)
        stores_die(err.msg);
    luna_counters_free(counters);
    /* calls=N,usec=N,… */
    const char *usec = strstr(line, "usec=");
    double calls = strtod(strncmp(line, "calls=", 6) == 0 ? line + 6 : "0", NULL);
    double us = usec != NULL ? strtod(usec + 5, NULL) : 0;
    if (calls < 1)
        return 0;
    return us / calls;
}

static void bench_admission(struct stores *stores)
{
    struct client client;
    struct luna_operator op = stores_operator(stores);
    struct luna_error err;
    stores_client(stores, "bench", NULL, 2000000000, &client);
    if (!stores_sql(stores->owner_url,
                    "UPDATE plans SET rate_per_s = 1000000, rate_burst = 1000000"))
        stores_die("cannot raise the rate");
    if (luna_account_set_limit(&op, client.account.id, 2000000000, "bench", &err) != LUNA_OK)
        stores_die(err.msg);
    stores_operator_done(&op);
    struct luna_admitter *admitter = stores_admitter(stores, 0);
    for (int i = 0; i < WARM_UP; i++)
        if (stores_request(admitter, &client) != LUNA_ADMIT_ALLOWED)
            stores_die("not admitted");
    stores_redis_int(stores, "CONFIG RESETSTAT");
    int64_t started = luna_clock_mono_ns();
    for (int i = 0; i < ADMISSIONS; i++)
        if (stores_request(admitter, &client) != LUNA_ADMIT_ALLOWED)
            stores_die("not admitted");
    double wall = (double)(luna_clock_mono_ns() - started) / 1e9;
    printf("admission: %.1f us of Redis, %.1f us admit and commit, %.0f per second by one worker\n",
           evalsha_us(stores), wall / ADMISSIONS * 1e6, ADMISSIONS / wall);
    luna_admitter_free(admitter);
}

static void make_accounts(struct stores *stores, long count)
{
    char sql[512];
    struct luna_database *database = NULL;
    struct luna_pg_result *result = NULL;
    struct luna_error err;
    snprintf(
        sql, sizeof sql,
        "SELECT count(luna_account_create('bench-' || i, 'standard', 1000000, gen_random_uuid(), "
        "'benchbch', 'bench')) "
        "FROM generate_series(1, %ld) i",
        count);
    if (luna_database_new(stores->owner_url, 5000, &database, &err) != LUNA_OK ||
        luna_pg_query_long(database, 600000, sql, NULL, &result, &err) != LUNA_OK)
        stores_die(err.msg);
    luna_pg_result_free(result);
    if (luna_pg_query_long(database, 600000,
                           "UPDATE accounts SET quota_epoch = 1, epoch_open = true WHERE "
                           "account_name LIKE 'bench-%'",
                           NULL, &result, &err) != LUNA_OK ||
        luna_pg_script(database, luna_deadline_in_ms(60000), "DELETE FROM config_outbox", &err) !=
            LUNA_OK ||
        luna_pg_script(database, luna_deadline_in_ms(60000), "VACUUM ANALYZE accounts", &err) !=
            LUNA_OK)
        stores_die(err.msg);
    luna_pg_result_free(result);
    luna_database_free(database);
}

/* The state that `count` accounts with one charge each have. */
static void make_dirty(struct stores *stores, long count, int64_t incarnation, int round)
{
    static const char script[] =
        "for id = tonumber(ARGV[1]), tonumber(ARGV[2]) do local q = 'user:' .. id .. ':quota' "
        "local t = '{' "
        ".. q .. '}' "
        "redis.call('HSET', t .. ':m', 'I', ARGV[3], 'e', 1, 'c', ARGV[4], 'r', 0, 'a', ARGV[4] - "
        "1, 'ar', "
        "0, 'lim', 1000000, "
        "'base', 0, 'pc', 0, 'pr', 0, 'pn', 0, 'pend', 0, 'nend', 0, 'd', 1) redis.call('SET', q, "
        "1000000 - "
        "ARGV[4]) "
        "redis.call('SET', t .. ':delta', 1) redis.call('SADD', 'quota:dirty', q) end return 1";
    int64_t first =
        stores_sql_int(stores, "SELECT min(id) FROM accounts WHERE account_name LIKE 'bench-%'");
    struct luna_counters *counters = NULL;
    struct luna_reply *reply = NULL;
    struct luna_error err;
    if (luna_counters_new(stores->redis_url, 10000, &counters, &err) != LUNA_OK)
        stores_die(err.msg);
    for (int64_t from = first; from < first + count; from += 5000) {
        struct luna_redis_command command;
        int64_t to = from + 4999 < first + count - 1 ? from + 4999 : first + count - 1;
        luna_redis_begin(&command, "EVAL");
        luna_redis_arg(&command, script);
        luna_redis_arg(&command, "0");
        luna_redis_arg_int(&command, from);
        luna_redis_arg_int(&command, to);
        luna_redis_arg_int(&command, incarnation);
        luna_redis_arg_int(&command, round);
        if (luna_redis_run(counters, &command, luna_deadline_in_ms(10000), &reply, &err) != LUNA_OK)
            stores_die(err.msg);
        luna_reply_free(reply);
    }
    luna_counters_free(counters);
}

/* Seconds of processor that a process has used. */
static double process_cpu(int64_t pid)
{
    char path[64], line[1024] = "";
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t len = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[len] = '\0';
    const char *field = strrchr(line, ')');
    for (int n = 2; field != NULL && n < 14; n++)
        field = strchr(field + 1, ' ');
    if (field == NULL)
        return 0;
    char *next = NULL;
    double user = strtod(field, &next), system = strtod(next, NULL);
    return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int64_t syncd_backend(struct stores *stores)
{
    return stores_sql_int(stores,
                          "SELECT pid FROM pg_stat_activity WHERE usename = 'luna_syncd' LIMIT 1");
}

static void bench_booking(struct stores *stores, struct luna_booker *booker, int64_t incarnation,
                          long count)
{
    make_accounts(stores, count);
    for (int round = 1; round <= 3; round++) {
        struct luna_booking_report report;
        struct luna_error err;
        make_dirty(stores, count, incarnation, round);
        int64_t backend = syncd_backend(stores);
        double redis = process_cpu(stores->redis), postgres = process_cpu(backend),
               ours = process_cpu(getpid());
        if (luna_booking_pass(booker, &report, &err) != LUNA_OK)
            stores_die(err.msg);
        printf("processor: PostgreSQL %.1f s, Redis %.1f s, quota-syncd's part %.1f s\n",
               process_cpu(backend) - postgres, process_cpu(stores->redis) - redis,
               process_cpu(getpid()) - ours);
        printf("booking: %" PRId64 " dirty accounts, %" PRId64 " booked, %" PRId64
               " units in %" PRId64 " ms\n",
               report.accounts_seen, report.accounts_booked, report.units_booked, report.lag_ms);
    }
}

int main(int argc, char **argv)
{
    struct stores stores;
    struct luna_fence_report report = {.incarnation = 0};
    struct luna_error err;
    bool leading = false;
    int64_t term = 0;
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
    stores_start(&stores);
    struct luna_booker *booker = stores_booker(&stores);
    if (luna_booking_lead(booker, &leading, &term, &err) != LUNA_OK ||
        luna_booking_fence(booker, &report, &err) != LUNA_OK)
        stores_die(err.msg);
    bench_admission(&stores);
    if (count > 0)
        bench_booking(&stores, booker, report.incarnation, count);
    luna_booker_free(booker);
    stores_stop(&stores);
    return 0;
}
