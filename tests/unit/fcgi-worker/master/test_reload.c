/* Reloads: the old generation serves until the new one is whole, and stays when it never is. */
#include "rig.h"

#include "shared/exit_code.h"

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

/* Generation 1 may not be filled again from the settings that are being replaced. */
static void filling_reload_starts_old_workers(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    rig_make_ready();
    rig_end(0, -1, SIGSEGV);
    rig_pass_ms(10);
    assert_int_equal(count(1, STARTING), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stillborn_reload_replaces_the_workers),
        TEST(canary_is_started_together_with_the_others),
        TEST(old_workers_drain_before_the_new_ones_are_ready),
        TEST(canary_that_hangs_blocks_the_next_reload),
        TEST(reload_that_never_fills_up_stays_in_progress),
        TEST(wrong_settings_touch_the_pool),
        TEST(reload_requested_during_another_is_lost),
        TEST(crash_of_an_old_worker_rolls_a_reload_back),
        TEST(crash_of_a_new_worker_that_served_rolls_a_reload_back),
        TEST(filling_reload_starts_old_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
