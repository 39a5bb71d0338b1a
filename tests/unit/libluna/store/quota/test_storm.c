/*
 * test_storm.c: several workers and one quota-syncd, and all of them are killed again and again.
 * Afterwards the ledger must have exactly what was answered.
 *
 * Each worker counts a success after its commit, where the answer would be sent. The invariants
 * are numbered as in docs/QUOTA.md.
 */
#include "stores_fixture.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 4, CLIENTS = 6, LIMIT_LARGE = 1000000 };
enum { REDIS_TIMEOUT_MS = 500, DATABASE_TIMEOUT_MS = 1500 };

struct board {
    _Atomic int64_t sent[CLIENTS];
    _Atomic int64_t refunded, unavailable, exhausted, limited, other;
    _Atomic int64_t slowest_ms;
    /* accounts checked meanwhile, and those with wrong sums */
    _Atomic int64_t gauged, unsound;
    _Atomic bool probes; /* workers read the record of the fence again */
    _Atomic bool stop;
};

static struct stores stores;
static struct board *board;
static struct client clients[CLIENTS];
static pid_t workers[WORKERS], daemon_pid;
static int64_t kills;

static void count_outcome(int index, enum luna_admission_outcome outcome)
{
    if (outcome == LUNA_ADMIT_ALLOWED)
        atomic_fetch_add(&board->sent[index], 1);
    else if (outcome == LUNA_ADMIT_UNAVAILABLE)
        atomic_fetch_add(&board->unavailable, 1);
    else if (outcome == LUNA_ADMIT_QUOTA_EXHAUSTED)
        atomic_fetch_add(&board->exhausted, 1);
    else if (outcome == LUNA_ADMIT_RATE_LIMITED)
        atomic_fetch_add(&board->limited, 1);
    else
        atomic_fetch_add(&board->other, 1);
}

/* Of sixteen requests one fails in its handler and is refunded, and one is a batch of three that
 * answers one. */
static enum luna_admission_outcome one_request(struct luna_admitter *admitter, int index)
{
    struct luna_admission admission;
    long kind = random() % 16;
    stores_admit(admitter, &clients[index], kind == 1 ? 3 : 1, &admission);
    if (admission.outcome != LUNA_ADMIT_ALLOWED)
        return admission.outcome;
    if (kind == 0) {
        luna_admission_refund(admitter, &admission);
        atomic_fetch_add(&board->refunded, 1);
        return LUNA_ADMIT_UNAVAILABLE;
    }
    return luna_admission_reduce(admitter, &admission, 1) == LUNA_COMMIT_OK &&
                   luna_admission_commit(admitter, &admission) == LUNA_COMMIT_OK
               ? LUNA_ADMIT_ALLOWED
               : LUNA_ADMIT_UNAVAILABLE;
}

/* As an idle worker does, which reads the record of the fence. */
static void probe(struct luna_admitter *admitter)
{
    struct luna_error err;
    if (luna_admitter_probe(admitter, luna_deadline_in_ms(REDIS_TIMEOUT_MS), &err) != LUNA_OK)
        wait_ms(2);
}

static _Noreturn void work(int slot)
{
    srandom((unsigned)(getpid() * 31 + slot));
    struct luna_admitter *admitter =
        stores_admitter_hurried(&stores, slot, REDIS_TIMEOUT_MS, DATABASE_TIMEOUT_MS);
    while (!atomic_load(&board->stop)) {
        int index = (int)(random() % CLIENTS);
        int64_t started = luna_clock_mono_ns();
        enum luna_admission_outcome outcome = one_request(admitter, index);
        int64_t ms = (luna_clock_mono_ns() - started) / 1000000;
        if (ms > atomic_load(&board->slowest_ms))
            atomic_store(&board->slowest_ms, ms);
        count_outcome(index, outcome);
        if (outcome != LUNA_ADMIT_ALLOWED)
            wait_ms(2);
        if (atomic_load(&board->probes) && random() % 32 == 0)
            probe(admitter);
    }
    _exit(0);
}

/* I3, I4, I5 hold at any moment, not only at rest. */
static void gauge(struct luna_booker *booker)
{
    struct luna_conservation gauges;
    struct luna_error err;
    if (luna_booking_gauges(booker, 100, &gauges, &err) != LUNA_OK)
        return;
    atomic_fetch_add(&board->gauged, gauges.accounts_checked);
    atomic_fetch_add(&board->unsound, gauges.redis_local + gauges.database_local + gauges.across);
}

static _Noreturn void book(void)
{
    struct luna_booker *booker = stores_booker(&stores);
    while (!atomic_load(&board->stop)) {
        struct luna_error err;
        struct luna_fence_report fence;
        struct luna_booking_report report;
        bool leading = false;
        int64_t term = 0, pushed = 0;
        enum luna_code code = luna_booking_lead(booker, &leading, &term, &err);
        if (code == LUNA_OK && leading)
            code = luna_booking_fence(booker, &fence, &err);
        if (code == LUNA_OK && leading)
            code = luna_booking_pass(booker, &report, &err);
        if (code == LUNA_OK && leading)
            code = luna_booking_push(booker, luna_deadline_in_ms(WAIT_MS), &pushed, &err);
        if (code == LUNA_OK && leading)
            gauge(booker);
        wait_ms(code == LUNA_OK ? 10 : 30);
    }
    _exit(0);
}

static pid_t start_child(int slot)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (slot < 0)
        book();
    work(slot);
}

static void kill_child(pid_t *pid, int slot)
{
    int status = 0;
    kill(*pid, SIGKILL);
    waitpid(*pid, &status, 0);
    *pid = start_child(slot);
}

static void begin(int64_t limit)
{
    memset(board, 0, sizeof *board);
    kills = 0;
    static int round;
    round++;
    for (int i = 0; i < CLIENTS; i++) {
        char name[48];
        snprintf(name, sizeof name, "storm-%d-%d", round, i);
        stores_client(&stores, name, "storm", limit, &clients[i]);
    }
    daemon_pid = start_child(-1);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start_child(i);
}

/* Until every account is warm: a kill during a cold load would only show that a lease has to
 * expire. */
static void warm_up(void)
{
    for (int i = 0; i < CLIENTS; i++)
        WAIT_UNTIL(atomic_load(&board->sent[i]) > 0);
}

static int64_t account_int(int index, const char *what, const char *from, const char *key)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT COALESCE(sum(%s), 0) FROM %s WHERE %s = %lld", what, from,
             key, (long long)clients[index].account.id);
    return stores_sql_int(&stores, sql);
}

/* I1, I2, I3–I6, I7. */
static void end(const char *scenario, int64_t limit)
{
    int status = 0;
    int64_t sent = 0, ledger = 0;
    struct luna_fence_report fence;
    /* The last daemon is not killed: it has to check the sums before the test ends. */
    WAIT_UNTIL(atomic_load(&board->gauged) > 0);
    atomic_store(&board->stop, true);
    waitpid(daemon_pid, &status, 0);
    for (int i = 0; i < WORKERS; i++)
        waitpid(workers[i], &status, 0);
    struct luna_booker *booker = stores_booker(&stores);
    stores_fence(booker, &fence);
    /* The successors settle what the killed workers left outstanding. */
    for (int i = 0; i < WORKERS; i++) {
        struct luna_admitter *successor = stores_admitter(&stores, i);
        struct luna_admission admission;
        stores_admit(successor, &clients[0], 0, &admission);
        luna_admitter_free(successor);
    }
    stores_book_all(booker);
    for (int i = 0; i < CLIENTS; i++) {
        int64_t n = atomic_load(&board->sent[i]),
                booked = account_int(i, "delta", "quota_events", "account_id");
        int64_t used = account_int(i, "quota_used", "accounts", "id");
        assert_in_range(booked - n, 0, kills);
        assert_int_equal(used, booked);
        assert_in_range(n, 0, limit);
        sent += n;
        ledger += booked;
    }
    print_message("%-44s sent %lld, ledger %lld, kills %lld, unavailable %lld, exhausted %lld, "
                  "slowest %lld ms\n",
                  scenario, (long long)sent, (long long)ledger, (long long)kills,
                  (long long)board->unavailable, (long long)board->exhausted,
                  (long long)board->slowest_ms);
    assert_true(sent > 0);
    assert_in_range(ledger - sent, 0, kills);
    assert_int_equal(board->other, 0);
    assert_true(board->gauged > 0);
    assert_int_equal(board->unsound, 0);
    /* A request ends with the timeouts of two loads, and not with its own deadline. */
    assert_in_range(board->slowest_ms, 0, WAIT_MS / 2);
    stores_assert_sound(&stores, booker);
    luna_booker_free(booker);
}

static void test_under_load(void **state)
{
    (void)state;
    struct luna_operator op = stores_operator(&stores);
    struct luna_error err;
    begin(LIMIT_LARGE);
    /* The operator's events and the bookings' go into the same chains. */
    for (int64_t started = luna_clock_mono_ns(), n = 0; luna_clock_mono_ns() - started < 2000000000;
         n++)
        assert_int_equal(luna_account_set_limit(&op, clients[n % CLIENTS].account.id,
                                                LIMIT_LARGE - n % 7, "", &err),
                         LUNA_OK);
    stores_operator_done(&op);
    end("load, and limits that change", LIMIT_LARGE);
    assert_int_equal(board->exhausted + board->limited, 0);
}

static void test_flushall_under_load(void **state)
{
    (void)state;
    begin(LIMIT_LARGE);
    for (int i = 0; i < 12; i++) {
        wait_ms(150 + random() % 150);
        stores_redis_int(&stores, "FLUSHALL");
    }
    end("FLUSHALL", LIMIT_LARGE);
    assert_int_equal(board->exhausted, 0);
}

/* The scripts in force are of another build: quota-syncd puts its own in their place. */
static void change_scripts(void)
{
    stores_redis_int(&stores, "HSET quota:fence build 0123456789abcdef");
    WAIT_UNTIL(stores_redis_int(&stores, "HSTRLEN quota:fence build") == 16 &&
               stores_redis_int(&stores, "EVAL "
                                         "return(redis.call('HGET',KEYS[1],'build')=='"
                                         "0123456789abcdef'and(1)or(0)) 1 quota:fence") == 0);
}

static void test_scripts_replaced_under_load(void **state)
{
    (void)state;
    begin(LIMIT_LARGE);
    atomic_store(&board->probes, true);
    warm_up();
    int64_t incarnation = stores_sql_int(&stores, "SELECT incarnation FROM redis_incarnation");
    for (int i = 0; i < 60; i++)
        change_scripts();
    end("scripts of another build", LIMIT_LARGE);
    assert_int_equal(board->unavailable, board->refunded);
    assert_int_equal(stores_sql_int(&stores, "SELECT incarnation FROM redis_incarnation"),
                     incarnation);
}

static void test_scripts_replaced_and_flushed_under_load(void **state)
{
    (void)state;
    begin(LIMIT_LARGE);
    atomic_store(&board->probes, true);
    for (int i = 0; i < 40; i++) {
        stores_redis_int(&stores, "HSET quota:fence build 0123456789abcdef");
        wait_ms(random() % 30);
        if (i % 3 == 0)
            stores_redis_int(&stores, i % 2 == 0 ? "SCRIPT FLUSH" : "FLUSHALL");
        if (i % 4 == 0)
            kill_child(&daemon_pid, -1);
    }
    end("scripts of another build, and flushed", LIMIT_LARGE);
    assert_int_equal(board->exhausted, 0);
}

static void test_redis_killed_under_load(void **state)
{
    (void)state;
    begin(LIMIT_LARGE);
    for (int i = 0; i < 4; i++) {
        wait_ms(400);
        stores_redis_kill(&stores);
        stores_redis_start(&stores);
    }
    wait_ms(400);
    end("Redis killed and restarted", LIMIT_LARGE);
    assert_int_equal(board->exhausted, 0);
}

static void test_an_older_redis_comes_back_under_load(void **state)
{
    (void)state;
    begin(LIMIT_LARGE);
    for (int i = 0; i < 3; i++) {
        wait_ms(1200);
        stores_shell(stores.dir, "rm -rf older && cp -r appendonlydir older");
        wait_ms(500);
        stores_redis_kill(&stores);
        stores_shell(stores.dir, "rm -rf appendonlydir && mv older appendonlydir");
        stores_redis_start(&stores);
    }
    wait_ms(300);
    end("older append-only file restored", LIMIT_LARGE);
    assert_int_equal(board->exhausted, 0);
}

static void test_postgresql_killed_under_load(void **state)
{
    (void)state;
    begin(LIMIT_LARGE);
    for (int i = 0; i < 2; i++) {
        wait_ms(500);
        stores_postgres_kill(&stores);
        wait_ms(300);
        stores_postgres_start(&stores);
    }
    wait_ms(500);
    end("PostgreSQL killed and restarted", LIMIT_LARGE);
    assert_int_equal(board->exhausted, 0);
}

static void test_daemons_killed_under_load(void **state)
{
    (void)state;
    begin(LIMIT_LARGE);
    warm_up();
    for (int i = 0; i < 40; i++) {
        wait_ms(20 + random() % 60);
        kill_child(&daemon_pid, -1);
    }
    end("quota-syncd killed", LIMIT_LARGE);
    assert_int_equal(board->exhausted, 0);
}

static void test_workers_killed_under_load(void **state)
{
    (void)state;
    begin(LIMIT_LARGE);
    warm_up();
    for (int i = 0; i < 60; i++) {
        int slot = i % WORKERS;
        wait_ms(10 + random() % 40);
        kill_child(&workers[slot], slot);
        kills++;
    }
    end("workers killed", LIMIT_LARGE);
    assert_int_equal(board->exhausted, 0);
}

static void test_everything_killed_until_the_limit(void **state)
{
    enum { LIMIT = 900 };
    (void)state;
    begin(LIMIT);
    warm_up();
    for (int i = 0; i < 30; i++) {
        int slot = i % WORKERS;
        wait_ms(20 + random() % 60);
        kill_child(&workers[slot], slot);
        kills++;
        kill_child(&daemon_pid, -1);
        if (i % 10 == 4)
            stores_redis_int(&stores, "FLUSHALL");
        if (i % 15 == 9) {
            stores_redis_kill(&stores);
            stores_redis_start(&stores);
        }
    }
    WAIT_UNTIL(atomic_load(&board->exhausted) >= 200);
    end("everything killed, small limit", LIMIT);
    assert_true(board->exhausted > 0);
}

static int start(void **state)
{
    (void)state;
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    stores_start(&stores);
    return stores_sql(stores.owner_url, "INSERT INTO plans (name, rate_per_s, rate_burst) VALUES "
                                        "('storm', 1000000, 1000000)")
               ? 0
               : 1;
}

static int stop(void **state)
{
    (void)state;
    stores_stop(&stores);
    munmap(board, sizeof *board);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_under_load),
        cmocka_unit_test(test_flushall_under_load),
        cmocka_unit_test(test_scripts_replaced_under_load),
        cmocka_unit_test(test_scripts_replaced_and_flushed_under_load),
        cmocka_unit_test(test_redis_killed_under_load),
        cmocka_unit_test(test_an_older_redis_comes_back_under_load),
        cmocka_unit_test(test_postgresql_killed_under_load),
        cmocka_unit_test(test_daemons_killed_under_load),
        cmocka_unit_test(test_workers_killed_under_load),
        cmocka_unit_test(test_everything_killed_until_the_limit),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
