/* Upgrades: the running binary is given up only for one that proved itself, and comes back. */
#include "rig.h"

#include "shared/exit_code.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static unsigned long long rollbacks(void)
{
    return atomic_load(&rig.board->pool.upgrade_rollbacks);
}

static int inherited(void)
{
    int count = 0;
    for (int fd = FAKE_FIRST_FD; fd < fake.next_fd; fd++)
        count += fake.open[fd] && fake.inherited[fd];
    return count;
}

static void second_upgrade_runs_beside_the_first(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGUSR2);
    int before = fake.process_count;
    rig_signal(SIGUSR2);
    assert_int_equal(fake.process_count, before);
    assert_int_equal(rollbacks(), 0);
    assert_int_equal(fake_process(CHILD_SELF_TEST)->kills, 0);
}

static void upgrade_starts_during_a_reload_or_a_stop(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGHUP);
    rig_signal(SIGUSR2);
    assert_null(fake_process(CHILD_SELF_TEST));
    rig_signal(SIGTERM);
    rig_signal(SIGUSR2);
    assert_null(fake_process(CHILD_SELF_TEST));
}

static void binary_that_failed_its_self_test_is_executed(void **state)
{
    static const struct child_end failures[] = {{.exit_status = WORKER_EXIT_SOFTWARE},
                                                {.exit_status = WORKER_EXIT_UNAVAILABLE},
                                                {.exit_status = 127},
                                                {.exit_status = -1, .signal = SIGSEGV}};
    (void)state;
    rig_start();
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        rig_signal(SIGUSR2);
        rig_end(CHILD_SELF_TEST, failures[i].exit_status, failures[i].signal);
        assert_int_equal(rollbacks(), i + 1);
    }
    assert_int_equal(fake.execs, 0);
    assert_int_equal(rig_count(WORKER_READY), 2);
}

static void self_test_that_hangs_blocks_the_next_upgrade(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGUSR2);
    rig_pass_ms(RIG_START_MS - 1);
    assert_int_equal(fake_process(CHILD_SELF_TEST)->kills, 0);
    rig_pass_ms(1);
    rig_pass_ms(1000);
    assert_int_equal(fake_process(CHILD_SELF_TEST)->kills, 1);
    rig_reap_all();
    assert_int_equal(fake.execs, 0);
    assert_int_equal(rollbacks(), 1);
    rig_signal(SIGUSR2);
    assert_non_null(fake_process(CHILD_SELF_TEST));
}

/* It exits with 0 as it is killed: too late all the same. */
static void late_success_of_the_self_test_counts(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGUSR2);
    fake_end(fake_process(CHILD_SELF_TEST), 0, 0);
    rig_pass_ms(RIG_START_MS);
    rig_reap_all();
    assert_int_equal(fake.execs, 0);
    assert_int_equal(rollbacks(), 1);
}

static void reload_and_upgrade_run_at_the_same_time(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGUSR2);
    rig_signal(SIGHUP);
    rig_end(CHILD_SELF_TEST, 0, 0);
    assert_int_equal(fake.execs, 0);
    assert_int_equal(rollbacks(), 1);
}

/* Listener, scoreboard, monitor's leash, two workers' leashes and the binary itself. */
static void child_or_descriptor_is_not_handed_over(void **state)
{
    struct handover handover;
    struct luna_error err;
    (void)state;
    rig_start();
    rig_signal(SIGUSR2);
    rig_end(CHILD_SELF_TEST, 0, 0);
    assert_int_equal(fake.execs, 1);
    assert_string_equal(fake.exec_path, "/usr/sbin/fcgi-worker");
    assert_int_equal(fake.exec_binary_fd, -1);
    assert_int_equal(fake.exec_inherited, 6);
    assert_int_equal(handover_read(fake.exec_value, &handover, &err), LUNA_OK);
    assert_true(handover.on_trial);
    assert_int_equal(handover.worker_count, 2);
    assert_int_equal(handover.workers[1].pid, fake_process(1)->pid);
    assert_int_equal(handover.monitor_pid, fake_process(CHILD_MONITOR)->pid);
    assert_int_equal(handover.listen_fd, rig.listener.fd);
}

static void failed_exec_leaves_descriptors_behind(void **state)
{
    (void)state;
    rig_start();
    int before = fake_open_count();
    rig_signal(SIGUSR2);
    rig_end(CHILD_SELF_TEST, 0, 0);
    assert_int_equal(fake_open_count(), before);
    assert_int_equal(inherited(), 0);
    assert_int_equal(rollbacks(), 1);
    assert_int_equal(rig_count(WORKER_READY), 2);
    rig_pass_ms(1000);
    assert_int_equal(rig_count(WORKER_READY), 2);
}

static void upgrade_starts_without_a_binary_to_return_to(void **state)
{
    (void)state;
    rig_start();
    fake.open_binary_fails = true;
    rig_signal(SIGUSR2);
    rig_end(CHILD_SELF_TEST, 0, 0);
    assert_int_equal(fake.execs, 0);
    assert_int_equal(rollbacks(), 1);
}

static void lost_descriptor_is_handed_over(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGUSR2);
    fake.open[rig.listener.fd] = false;
    rig_end(CHILD_SELF_TEST, 0, 0);
    assert_int_equal(fake.execs, 0);
    assert_int_equal(rollbacks(), 1);
    assert_int_equal(inherited(), 0);
}

/* As the new image sees it: nothing has started yet, and `workers` of the two old ones are
 * there. */
static void take_over(struct handover *handover, size_t workers)
{
    *handover = (struct handover){.generation = 4,
                                  .target = 2,
                                  .on_trial = true,
                                  .previous_fd = fake_fd(),
                                  .monitor_pid = 700,
                                  .monitor_leash_fd = fake_fd(),
                                  .worker_count = workers};
    for (int i = 0; i < (int)workers; i++) {
        handover->workers[i] = (struct handover_worker){
            .slot = i, .pid = 800 + i, .leash_fd = fake_fd(), .generation = 4};
        atomic_store(&rig.board->worker[i].ready, 1);
        atomic_store(&rig.board->worker[i].heartbeat_ns, fake.now_ns);
    }
    master_adopt(&rig, handover);
    (void)master_step(&rig);
}

static void failed_trial_stays_with_the_new_binary(void **state)
{
    struct handover handover;
    struct luna_error err;
    (void)state;
    take_over(&handover, 2);
    assert_int_equal(rig.reload.phase, RELOAD_CANARY);
    assert_int_equal(rig.reload.next.number, 5);
    int previous_fd = handover.previous_fd;
    rig_end(2, WORKER_EXIT_SOFTWARE, 0);
    assert_int_equal(fake.execs, 1);
    assert_int_equal(fake.exec_binary_fd, previous_fd);
    assert_int_equal(rollbacks(), 1);
    assert_int_equal(handover_read(fake.exec_value, &handover, &err), LUNA_OK);
    assert_false(handover.on_trial);
    assert_int_equal(handover.generation, 4);
    assert_int_equal(handover.worker_count, 2);
    /* This exec failed too, so the old workers serve under the new master. */
    assert_int_equal(pool_count(&rig.pool, 4, POOL_STATE(WORKER_READY)), 2);
    assert_int_equal(rig.reload.phase, RELOAD_IDLE);
}

/* Nothing has proved this binary: its worker would serve what the canary is there to find out. */
static void worker_that_is_missing_in_a_trial_is_started_by_the_new_binary(void **state)
{
    struct handover handover;
    (void)state;
    take_over(&handover, 1);
    assert_int_equal(rig.reload.phase, RELOAD_CANARY);
    assert_int_equal(pool_count(&rig.pool, 4, POOL_STATE(WORKER_STARTING)), 0);
    assert_int_equal(pool_count(&rig.pool, 5, POOL_STATE(WORKER_STARTING)), 1);
}

static void won_trial_keeps_the_previous_binary_or_monitor(void **state)
{
    struct handover handover;
    (void)state;
    take_over(&handover, 2);
    rig_make_ready();
    rig_make_ready();
    (void)master_step(&rig);
    assert_int_equal(rig.current.number, 5);
    assert_int_equal(atomic_load(&rig.board->pool.upgrades), 1);
    assert_false(fake.open[handover.previous_fd]);
    assert_false(fake.open[handover.monitor_leash_fd]);
    assert_int_equal(pool_count(&rig.pool, 4, POOL_STATE(WORKER_DRAINING)), 2);
    assert_int_equal(fake.execs, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(second_upgrade_runs_beside_the_first),
        TEST(upgrade_starts_during_a_reload_or_a_stop),
        TEST(binary_that_failed_its_self_test_is_executed),
        TEST(self_test_that_hangs_blocks_the_next_upgrade),
        TEST(late_success_of_the_self_test_counts),
        TEST(reload_and_upgrade_run_at_the_same_time),
        TEST(child_or_descriptor_is_not_handed_over),
        TEST(failed_exec_leaves_descriptors_behind),
        TEST(upgrade_starts_without_a_binary_to_return_to),
        TEST(lost_descriptor_is_handed_over),
        TEST(failed_trial_stays_with_the_new_binary),
        TEST(worker_that_is_missing_in_a_trial_is_started_by_the_new_binary),
        TEST(won_trial_keeps_the_previous_binary_or_monitor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
