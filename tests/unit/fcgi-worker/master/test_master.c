/* The master: how it starts, stops, reports itself and keeps its monitor. */
#include "rig.h"

#include "luna/base/config.h"
#include "shared/exit_code.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void pool_reports_ready_before_it_serves_or_twice(void **state)
{
    (void)state;
    (void)master_step(&rig);
    rig_pass_ms(1000);
    assert_int_equal(fake.notified_ready, 0);
    rig_make_ready();
    rig_pass_ms(1000);
    assert_int_equal(fake.notified_ready, 1);
}

static void watchdog_of_the_service_manager_starves(void **state)
{
    (void)state;
    fake.watchdog_ns = 1000 * 1000000LL;
    rig_start();
    int before = fake.notified_watchdog;
    for (int i = 0; i < 10; i++) {
        int64_t due_ns = master_step(&rig);
        assert_true(due_ns <= fake.now_ns + fake.watchdog_ns / 2);
        rig_pass_ms((due_ns - fake.now_ns) / 1000000);
    }
    assert_in_range(fake.notified_watchdog - before, 9, 11);
}

static void stop_kills_before_the_drain_is_over_or_never(void **state)
{
    (void)state;
    rig_start();
    rig_begin_request(0, 60000);
    fake.ignores_release = true;
    rig_signal(SIGTERM);
    assert_int_equal(rig_count(WORKER_DRAINING), 2);
    assert_int_equal(fake.notified_stopping, 1);
    rig_pass_ms(RIG_DRAIN_MS - 1);
    assert_int_equal(fake_process(0)->kills + fake_process(1)->kills, 0);
    rig_pass_ms(1);
    assert_int_equal(fake_process(0)->kills + fake_process(1)->kills, 2);
    assert_false(master_has_stopped(&rig));
    rig_reap_all();
    assert_true(master_has_stopped(&rig));
}

static void second_stop_waits_like_the_first(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGTERM);
    rig_pass_ms(100);
    rig_signal(SIGINT);
    assert_int_equal(rig.pool.slots[0].kill_reason, KILL_STOP_LIMIT);
    assert_int_equal(rig_count(WORKER_KILLED), 2);
    assert_int_equal(fake.notified_stopping, 1);
}

static void stopping_pool_starts_workers(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGTERM);
    int before = fake.process_count;
    rig_reap_all();
    rig_pass_ms(5000);
    assert_int_equal(fake.process_count, before);
    assert_int_equal(atomic_load(&rig.board->pool.draining), 1);
}

static void run_never_ends_or_leaves_a_child(void **state)
{
    (void)state;
    rig_start();
    master_take_event(&rig, &(struct master_event){.signal = SIGTERM});
    assert_int_equal(master_run(&rig), 0);
    assert_int_equal(fake_alive(), 0);
    assert_int_equal(fake_open_count(), 2); /* the listener and the scoreboard are main.c's */
}

static void hung_monitor_keeps_the_master_from_ending(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGTERM);
    rig_reap_all();
    /* The monitor is released only now. */
    fake.ignores_release = true;
    struct fake_process *monitor = fake_process(CHILD_MONITOR);
    assert_int_equal(master_run(&rig), 0);
    assert_int_equal(monitor->kills, 1);
    assert_true(monitor->reaped);
}

static void dead_monitor_is_started_in_a_loop_or_never(void **state)
{
    (void)state;
    rig_start();
    rig_pass_ms(5000);
    rig_end(CHILD_MONITOR, -1, SIGSEGV);
    assert_non_null(fake_process(CHILD_MONITOR));
    rig_end(CHILD_MONITOR, -1, SIGSEGV);
    assert_null(fake_process(CHILD_MONITOR));
    assert_true(master_step(&rig) <= rig.monitor_due_ns);
    rig_pass_ms(999);
    assert_null(fake_process(CHILD_MONITOR));
    rig_pass_ms(1);
    assert_non_null(fake_process(CHILD_MONITOR));
    assert_false(rig.stopping);
}

static void monitor_without_an_address_does_not_end_the_start(void **state)
{
    (void)state;
    rig_start();
    rig_end(CHILD_MONITOR, LUNA_EXIT_CONFIG, 0);
    assert_true(rig.stopping);
    assert_int_equal(rig.exit_status, LUNA_EXIT_CONFIG);
}

static void later_failure_of_the_monitor_ends_the_service(void **state)
{
    (void)state;
    rig_start();
    rig_end(CHILD_MONITOR, 0, 0);
    rig_pass_ms(1000);
    rig_end(CHILD_MONITOR, LUNA_EXIT_CONFIG, 0);
    assert_false(rig.stopping);
}

static void address_in_use_is_called_a_wrong_setting(void **state)
{
    (void)state;
    rig_start();
    for (int tries = 1; tries < 10; tries++) {
        rig_end(CHILD_MONITOR, LUNA_EXIT_TEMPFAIL, 0);
        assert_false(rig.stopping);
        rig_pass_ms(1000);
    }
    rig_end(CHILD_MONITOR, LUNA_EXIT_TEMPFAIL, 0);
    assert_true(rig.stopping);
    assert_int_equal(rig.exit_status, LUNA_EXIT_TEMPFAIL);
}

static void slot_of_another_process_ends_the_service(void **state)
{
    (void)state;
    (void)master_step(&rig);
    rig_end(0, WORKER_EXIT_TEMPFAIL, 0);
    assert_false(rig.stopping);
    assert_int_equal(rig_count(WORKER_STARTING), 2);
}

static void useless_configuration_is_tried_for_ever(void **state)
{
    (void)state;
    (void)master_step(&rig);
    rig_end(0, WORKER_EXIT_CONFIG, 0);
    assert_true(rig.stopping);
    assert_int_equal(rig.exit_status, LUNA_EXIT_CONFIG);
}

/* What the child says is taken before a later one is started in its place. */
static void the_reason_of_a_stop_is_lost(void **state)
{
    (void)state;
    (void)master_step(&rig);
    scoreboard_reason_set(rig.board, 0, "the key pepper is another one");
    scoreboard_reason_set(rig.board, 1, "something else");
    rig_end(0, WORKER_EXIT_CONFIG, 0);
    assert_string_equal(rig.stop_reason, "the key pepper is another one");
}

static void the_reason_of_an_earlier_child_is_given(void **state)
{
    char reason[SCOREBOARD_REASON_BYTES];
    (void)state;
    scoreboard_reason_set(rig.board, 0, "of an earlier worker");
    scoreboard_reason_set(rig.board, CHILD_MONITOR, "of an earlier monitor");
    (void)master_step(&rig);
    scoreboard_reason_get(rig.board, 0, reason);
    assert_string_equal(reason, "");
    scoreboard_reason_get(rig.board, CHILD_MONITOR, reason);
    assert_string_equal(reason, "");
}

static void one_misconfigured_worker_stops_a_pool_that_serves(void **state)
{
    (void)state;
    rig_start();
    rig_end(0, WORKER_EXIT_CONFIG, 0);
    assert_false(rig.stopping);
    assert_int_equal(rig_count(WORKER_READY), 1);
}

static void change_by_hand_passes_its_limits_or_is_lost(void **state)
{
    (void)state;
    rig_start();
    for (int i = 0; i < 3; i++)
        rig_signal(SIGTTIN);
    assert_int_equal(rig.scaling.target, 5);
    assert_int_equal(rig_count(WORKER_STARTING), 3);
    for (int i = 0; i < 10; i++)
        rig_signal(SIGTTOU);
    assert_int_equal(rig.scaling.target, 1);
    rig_signal(SIGTTIN);
    assert_int_equal(rig.scaling.target, 2);
}

/* A pool that was quiet for half a minute gives one worker back, whatever its kernel tells of the
 * backlog. */
static void dynamic_pool_never_shrinks_without_a_known_backlog(void **state)
{
    (void)state;
    rig.current.config.pool_mode = POOL_DYNAMIC;
    rig.current.config.workers_min = 2;
    rig.current.config.workers_max = 8;
    rig.current.config.workers_spare = 1;
    rig.scaling.target = 4;
    fake.backlog = (struct listener_backlog){.depth = -1, .max = -1};
    rig_start();
    for (int i = 0; i < 29; i++)
        rig_pass_ms(1000);
    assert_int_equal(rig.scaling.target, 4);
    for (int i = 0; i < 3; i++)
        rig_pass_ms(1000);
    assert_int_equal(rig.scaling.target, 3);
    assert_int_equal(rig_count(WORKER_DRAINING), 1);
}

static void step_is_due_after_what_has_to_happen(void **state)
{
    (void)state;
    (void)master_step(&rig);
    assert_true(master_step(&rig) <= fake.now_ns + 10 * 1000000); /* readiness is polled */
    rig_make_ready();
    rig_begin_request(0, 50);
    assert_int_equal(master_step(&rig), fake.now_ns + 50 * 1000000);
    assert_true(master_step(&rig) > fake.now_ns);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pool_reports_ready_before_it_serves_or_twice),
        TEST(watchdog_of_the_service_manager_starves),
        TEST(stop_kills_before_the_drain_is_over_or_never),
        TEST(second_stop_waits_like_the_first),
        TEST(stopping_pool_starts_workers),
        TEST(run_never_ends_or_leaves_a_child),
        TEST(hung_monitor_keeps_the_master_from_ending),
        TEST(dead_monitor_is_started_in_a_loop_or_never),
        TEST(monitor_without_an_address_does_not_end_the_start),
        TEST(later_failure_of_the_monitor_ends_the_service),
        TEST(address_in_use_is_called_a_wrong_setting),
        TEST(slot_of_another_process_ends_the_service),
        TEST(useless_configuration_is_tried_for_ever),
        TEST(the_reason_of_a_stop_is_lost),
        TEST(the_reason_of_an_earlier_child_is_given),
        TEST(one_misconfigured_worker_stops_a_pool_that_serves),
        TEST(change_by_hand_passes_its_limits_or_is_lost),
        TEST(dynamic_pool_never_shrinks_without_a_known_backlog),
        TEST(step_is_due_after_what_has_to_happen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
