/* Reloads: the old generation serves until the new one is whole, and stays when it never is. */
#include "rig.h"

#include "shared/exit_code.h"

#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define READY POOL_STATE(WORKER_READY)
#define STARTING POOL_STATE(WORKER_STARTING)

static int count(unsigned generation, unsigned states)
{
    return pool_count(&rig.pool, generation, states);
}

static unsigned long long rollbacks(void)
{
    return atomic_load(&rig.board->pool.reload_rollbacks);
}

/* The slot of a worker of the generation that is starting. */
static int starting_slot(unsigned generation)
{
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (rig.pool.slots[i].generation == generation &&
            rig.pool.slots[i].state == WORKER_STARTING)
            return i;
    fail_msg("no worker of generation %u starts", generation);
    return -1;
}

static void stillborn_reload_replaces_the_workers(void **state)
{
    (void)state;
    rig_start();
    fake.workers = "3";
    rig_signal(SIGHUP);
    rig_end(starting_slot(2), WORKER_EXIT_SOFTWARE, 0);
    assert_int_equal(rig.reload.phase, RELOAD_IDLE);
    assert_int_equal(rig.current.number, 1);
    assert_int_equal(rig.current.config.workers, 2);
    assert_int_equal(count(1, READY), 2);
    assert_int_equal(count(2, STARTING | READY | POOL_STATE(WORKER_BACKOFF)), 0);
    assert_int_equal(rollbacks(), 1);
    assert_int_equal(fake.notified_ready, 2); /* at the start and after RELOADING=1 */
}

static void outcome_of_a_reload_is_not_reported(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    rig_make_ready();
    assert_int_equal(fake.reported_done, 0);
    rig_make_ready();
    (void)master_step(&rig);
    assert_int_equal(fake.reported_done, 1);
    assert_int_equal(fake.reported_signal, SIGHUP);
    assert_string_equal(fake.reported_note, "");
    rig_signal(SIGHUP);
    rig_end(starting_slot(3), WORKER_EXIT_UNAVAILABLE, 0);
    assert_int_equal(fake.reported_failed, 1);
    assert_string_equal(fake.reported_note, "a store is unavailable");
    fake.workers = "many";
    rig_signal(SIGHUP);
    assert_int_equal(fake.reported_failed, 2);
    assert_non_null(strstr(fake.reported_note, "LUNA_WORKERS"));
}

/* The lock of the journal slots is in the folder of the start, and new workers write beside it. */
static void reload_takes_a_setting_that_needs_a_restart(void **state)
{
    (void)state;
    rig_start();
    fake.state_dir = "/elsewhere";
    rig_signal(SIGHUP);
    rig_make_ready();
    rig_make_ready();
    (void)master_step(&rig);
    assert_int_equal(rig.current.number, 2);
    assert_string_not_equal(rig.current.config.state_dir, "/elsewhere");
    assert_string_equal(fake.reported_note, "a restart is needed for LUNA_STATE_DIR");
}

static void canary_is_started_together_with_the_others(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    assert_int_equal(count(2, STARTING), 1);
    assert_true(rig.pool.slots[starting_slot(2)].canary);
    rig_make_ready();
    assert_int_equal(count(2, STARTING), 1);
    assert_false(rig.pool.slots[starting_slot(2)].canary);
}

static void old_workers_drain_before_the_new_ones_are_ready(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    rig_make_ready();
    assert_int_equal(count(1, READY), 2);
    rig_make_ready();
    (void)master_step(&rig);
    assert_int_equal(count(2, READY), 2);
    assert_int_equal(count(1, POOL_STATE(WORKER_DRAINING)), 2);
    assert_int_equal(rig.current.number, 2);
    assert_int_equal(atomic_load(&rig.board->pool.generation), 2);
    assert_int_equal(atomic_load(&rig.board->pool.reloads), 1);
}

static void canary_that_hangs_blocks_the_next_reload(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    rig_pass_ms(RIG_START_MS);
    assert_int_equal(rig.reload.phase, RELOAD_CANARY);
    rig_reap_all(); /* it was killed */
    assert_int_equal(rig.reload.phase, RELOAD_IDLE);
    assert_int_equal(count(1, READY), 2);
    assert_int_equal(rollbacks(), 1);
}

/* The others of a new generation that keep starting, one after the other. */
static void reload_that_never_fills_up_stays_in_progress(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    rig_make_ready();
    for (int i = 0; i < 30 && rig.reload.phase != RELOAD_IDLE; i++)
        rig_pass_ms(1000);
    assert_int_equal(rig.reload.phase, RELOAD_IDLE);
    assert_int_equal(rig.current.number, 1);
    assert_int_equal(count(1, READY), 2);
}

static void wrong_settings_touch_the_pool(void **state)
{
    (void)state;
    rig_start();
    fake.workers = "many";
    int before = fake.process_count;
    rig_signal(SIGHUP);
    assert_int_equal(rig.reload.phase, RELOAD_IDLE);
    assert_int_equal(fake.process_count, before);
    assert_int_equal(rig.current.config.workers, 2);
    assert_int_equal(rollbacks(), 1);
}

static void reload_requested_during_another_is_lost(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    fake.workers = "3";
    rig_signal(SIGHUP);
    rig_signal(SIGHUP);
    assert_int_equal(count(2, STARTING), 1);
    rig_make_ready();
    rig_make_ready();
    (void)master_step(&rig);
    assert_int_equal(rig.current.number, 2);
    assert_int_equal(rig.reload.phase, RELOAD_CANARY);
    assert_int_equal(rig.reload.next.number, 3);
    assert_int_equal(rig.reload.next.config.workers, 3);
    assert_false(rig.reload.again);
}

static void crash_of_an_old_worker_rolls_a_reload_back(void **state)
{
    (void)state;
    rig_start();
    rig_pass_ms(60000);
    rig_signal(SIGHUP);
    rig_end(0, -1, SIGSEGV);
    rig_end(0, WORKER_EXIT_SOFTWARE, 0); /* its successor, before it is ready */
    assert_int_equal(rig.reload.phase, RELOAD_CANARY);
    assert_null(rig.reload.failure);
}

static void crash_of_a_new_worker_that_served_rolls_a_reload_back(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    int canary = starting_slot(2);
    rig_make_ready();
    rig_end(canary, -1, SIGSEGV);
    assert_int_equal(rig.reload.phase, RELOAD_FILL);
}

/* Generation 1 may not be filled again from the settings that are being replaced, and generation 2
 * has workers of its own: it does not take over one of generation 1 that backs off. */
static void filling_reload_starts_old_workers(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    rig_make_ready();
    rig_end(0, -1, SIGSEGV);
    rig_pass_ms(10);
    assert_int_equal(count(1, STARTING), 0);
    assert_int_equal(count(1, POOL_STATE(WORKER_BACKOFF)), 1);
    assert_int_equal(count(2, STARTING | READY), 2);
}

/* Killed before the commit and reaped after it: its slot would wait for a generation that nobody
 * fills any more, and the master would look at it every millisecond. */
static void old_worker_that_was_killed_keeps_its_slot(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    rig_make_ready();
    rig_begin_request(0, 5);
    rig_pass_ms(5);
    assert_int_equal(rig.pool.slots[0].state, WORKER_KILLED);
    rig_make_ready();
    (void)master_step(&rig);
    assert_int_equal(rig.current.number, 2);
    assert_int_equal(count(2, READY), 2);
    rig_reap_all();
    assert_int_equal(rig.pool.slots[0].state, WORKER_NONE);
    fake.now_ns += 1000000;
    assert_true(master_step(&rig) > fake.now_ns + 1000000);
}

static bool must_reach_stores[SCOREBOARD_SLOTS];

static int note_worker(const struct worker_options *options)
{
    must_reach_stores[options->slot] = options->must_reach_stores;
    return 0;
}

static void abandon_nothing(void *context)
{
    (void)context;
}

/* A pool whose stores are unavailable would lose all of its old workers, too. */
static void canary_serves_without_its_stores(void **state)
{
    const struct roles roles = {.worker = note_worker, .names = rig.pool.roles->names};
    (void)state;
    rig_start();
    rig.pool.roles = &roles;
    rig.pool.abandon = abandon_nothing;
    fake.runs_children = true;
    rig_signal(SIGHUP);
    assert_true(must_reach_stores[starting_slot(2)]);
    rig_make_ready();
    assert_false(must_reach_stores[starting_slot(2)]);
    fake.runs_children = false;
}

/* The canary is ready, and the next one fails. */
static void roll_a_reload_back(void)
{
    rig_signal(SIGHUP);
    rig_make_ready();
    rig_end(starting_slot(2), WORKER_EXIT_SOFTWARE, 0);
    assert_int_equal(rig.reload.phase, RELOAD_IDLE);
}

static void refused_worker_outlives_the_rollback(void **state)
{
    (void)state;
    rig_start();
    fake.ignores_release = true;
    roll_a_reload_back();
    rig_pass_ms(1);
    assert_int_equal(count(2, READY | POOL_STATE(WORKER_DRAINING)), 0);
    assert_int_equal(count(2, POOL_STATE(WORKER_KILLED)), 1);
    assert_int_equal(count(1, READY), 2);
}

static void rollback_keeps_the_memory_of_its_settings(void **state)
{
    enum { ROLLBACKS = 20 };
    (void)state;
    rig_start();
    size_t before = 0;
    for (int i = 0; i < 2 * ROLLBACKS; i++) {
        if (i == ROLLBACKS) /* after the allocator has filled its caches */
            before = mallinfo2().uordblks;
        roll_a_reload_back();
        rig_reap_all();
    }
    assert_int_equal(mallinfo2().uordblks, before);
}

static void reload_keeps_the_old_limit_of_liveness(void **state)
{
    (void)state;
    fake.live_stall_ms = "7000";
    rig_start();
    rig_signal(SIGHUP);
    assert_int_not_equal(atomic_load(&rig.board->pool.live_stall_ns), 7000 * INT64_C(1000000));
    rig_make_ready();
    rig_make_ready();
    (void)master_step(&rig);
    assert_int_equal(rig.current.number, 2);
    assert_int_equal(atomic_load(&rig.board->pool.live_stall_ns), 7000 * INT64_C(1000000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stillborn_reload_replaces_the_workers),
        TEST(outcome_of_a_reload_is_not_reported),
        TEST(reload_takes_a_setting_that_needs_a_restart),
        TEST(canary_is_started_together_with_the_others),
        TEST(old_workers_drain_before_the_new_ones_are_ready),
        TEST(canary_that_hangs_blocks_the_next_reload),
        TEST(reload_that_never_fills_up_stays_in_progress),
        TEST(wrong_settings_touch_the_pool),
        TEST(reload_requested_during_another_is_lost),
        TEST(crash_of_an_old_worker_rolls_a_reload_back),
        TEST(crash_of_a_new_worker_that_served_rolls_a_reload_back),
        TEST(filling_reload_starts_old_workers),
        TEST(old_worker_that_was_killed_keeps_its_slot),
        TEST(canary_serves_without_its_stores),
        TEST(refused_worker_outlives_the_rollback),
        TEST(rollback_keeps_the_memory_of_its_settings),
        TEST(reload_keeps_the_old_limit_of_liveness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
