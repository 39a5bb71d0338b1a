/* The pool's slots: who is killed, drained and started again, and when. */
#include "rig.h"

#include "shared/exit_code.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void worker_past_its_hard_limit_is_killed_twice_or_for_another_reason(void **state)
{
    (void)state;
    rig_start();
    rig_begin_request(0, 2000);
    rig_pass_ms(1999);
    assert_int_equal(fake_process(0)->kills, 0);
    rig_pass_ms(1);
    rig_pass_ms(1);
    rig_pass_ms(1000);
    assert_int_equal(fake_process(0)->kills, 1);
    assert_int_equal(rig.pool.slots[0].kill_reason, KILL_HARD_LIMIT);
    assert_int_equal(rig.pool.slots[0].state, WORKER_KILLED);
    assert_int_equal(fake_process(1)->kills, 0);
    rig_reap_all();
    assert_int_equal(atomic_load(&rig.board->pool.hard_kills), 1);
    assert_int_equal(atomic_load(&rig.board->pool.crashes), 0);
    assert_int_equal(rig.pool.slots[0].kill_reason, KILL_NONE);
}

static void idle_worker_that_hangs_is_never_noticed(void **state)
{
    (void)state;
    rig_start();
    fake.now_ns += 29999 * 1000000LL;
    (void)master_step(&rig);
    assert_int_equal(rig_count(WORKER_READY), 2);
    atomic_store(&rig.board->worker[1].heartbeat_ns, fake.now_ns);
    fake.now_ns += 1000000;
    (void)master_step(&rig);
    assert_int_equal(rig.pool.slots[0].kill_reason, KILL_NO_HEARTBEAT);
    assert_int_equal(rig.pool.slots[1].state, WORKER_READY);
}

static void worker_that_never_becomes_ready_keeps_its_slot(void **state)
{
    (void)state;
    (void)master_step(&rig);
    rig_pass_ms(RIG_START_MS - 1);
    assert_int_equal(rig_count(WORKER_STARTING), 2);
    rig_pass_ms(1);
    assert_int_equal(rig_count(WORKER_KILLED), 2);
    assert_int_equal(rig.pool.slots[0].kill_reason, KILL_START_LIMIT);
}

static void draining_worker_outlives_its_drain_or_hard_limit(void **state)
{
    (void)state;
    rig_start();
    rig_begin_request(0, 2000);
    pool_drain_others(&rig.pool, 0, RIG_DRAIN_MS);
    rig_pass_ms(2000);
    assert_int_equal(fake_process(0)->kills, 1);
    assert_int_equal(rig.pool.slots[0].kill_reason, KILL_HARD_LIMIT);
    assert_int_equal(fake_process(1)->kills, 0);
    rig_pass_ms(RIG_DRAIN_MS - 2000);
    assert_int_equal(fake_process(1)->kills, 1);
    assert_int_equal(rig.pool.slots[1].kill_reason, KILL_DRAIN_LIMIT);
}

/* Its body would be blamed a second time, and be refused from then on. */
static void new_worker_is_killed_for_the_request_of_a_killed_one(void **state)
{
    (void)state;
    rig_start();
    rig_begin_request(0, 2000);
    rig_pass_ms(2000);
    rig_reap_all();
    assert_int_equal(rig.pool.slots[0].state, WORKER_STARTING);
    pool_drain_others(&rig.pool, 0, RIG_DRAIN_MS);
    rig_pass_ms(1);
    assert_int_equal(rig.pool.slots[0].state, WORKER_DRAINING);
    assert_int_equal(fake_process(0)->kills, 0);
}

static void first_death_is_not_replaced_at_once(void **state)
{
    (void)state;
    rig_start();
    rig_pass_ms(60000);
    rig_end(0, -1, SIGSEGV);
    assert_int_equal(rig.pool.slots[0].state, WORKER_STARTING);
    assert_int_equal(atomic_load(&rig.board->pool.crashes), 1);
}

/* Every worker dies as soon as it starts; `ms` milliseconds of that. */
static void let_all_die_young(int workers, int ms)
{
    rig.scaling.by_hand = workers - 2;
    for (int i = 0; i < ms; i++) {
        for (int slot = 0; slot < workers; slot++)
            if (rig.pool.slots[slot].state == WORKER_STARTING)
                rig_end(slot, WORKER_EXIT_SOFTWARE, 0);
        rig_pass_ms(1);
    }
}

static int starts(void)
{
    int count = 0;
    for (int slot = 0; slot < SCOREBOARD_SLOTS; slot++)
        count += (int)atomic_load(&rig.board->master[slot].starts);
    return count;
}

/* A slot alone is slowed down by its own pauses, many together by their common budget. */
static void respawn_storm_forks_without_limit(void **state)
{
    (void)state;
    (void)master_step(&rig);
    let_all_die_young(1, 60000);
    assert_in_range(starts(), 8, 16);
    let_all_die_young(40, 60000);
    int first = starts();
    let_all_die_young(40, 60000);
    assert_in_range(starts() - first, 1, 2 * 60000 / RESPAWN_BUDGET_REFILL_MS);
}

static void crash_loop_is_not_shown_or_never_ends(void **state)
{
    (void)state;
    (void)master_step(&rig);
    let_all_die_young(40, 1000);
    assert_int_equal(atomic_load(&rig.board->pool.crash_looping), 1);
    rig.scaling.by_hand = 0;
    for (int i = 0; i < 120; i++) {
        rig_reap_all();
        rig_pass_ms(1000);
        rig_make_ready();
    }
    assert_int_equal(atomic_load(&rig.board->pool.crash_looping), 0);
    assert_int_equal(rig_count(WORKER_READY), 2);
}

static void recycled_worker_backs_off_like_a_crash(void **state)
{
    (void)state;
    rig_start();
    for (int i = 0; i < 50; i++) {
        rig_end(0, WORKER_EXIT_RECYCLE, 0);
        assert_int_equal(rig.pool.slots[0].state, WORKER_STARTING);
        rig_make_ready();
    }
    assert_int_equal(atomic_load(&rig.board->pool.recycles), 50);
    assert_int_equal(atomic_load(&rig.board->pool.crash_looping), 0);
}

static void scale_down_interrupts_a_busy_worker_before_an_idle_one(void **state)
{
    (void)state;
    fake.workers = "4";
    rig_signal(SIGTTIN);
    rig_signal(SIGTTIN);
    rig_start();
    assert_int_equal(rig_count(WORKER_READY), 4);
    rig_begin_request(3, 60000);
    rig_begin_request(2, 60000);
    pool_shrink(&rig.pool, 1, 2, RIG_DRAIN_MS);
    assert_int_equal(rig.pool.slots[3].state, WORKER_READY);
    assert_int_equal(rig.pool.slots[2].state, WORKER_READY);
    assert_int_equal(rig_count(WORKER_DRAINING), 2);
    pool_shrink(&rig.pool, 1, 1, RIG_DRAIN_MS);
    assert_int_equal(rig.pool.slots[3].state, WORKER_DRAINING);
    assert_int_equal(rig.pool.slots[2].state, WORKER_READY);
}

/* A worker too many is drained, and the one that took a request meanwhile is interrupted. */
static void killed_worker_is_replaced_twice(void **state)
{
    (void)state;
    rig_start();
    rig_begin_request(0, 2000);
    rig_pass_ms(2000);
    assert_int_equal(rig.pool.slots[0].state, WORKER_KILLED);
    rig_pass_ms(1);
    assert_int_equal(rig_count(WORKER_NONE), SCOREBOARD_SLOTS - 2);
    rig_reap_all();
    rig_pass_ms(1);
    assert_int_equal(rig_count(WORKER_DRAINING), 0);
    assert_int_equal(rig.pool.slots[0].state, WORKER_STARTING);
    assert_int_equal(rig.pool.slots[1].state, WORKER_READY);
}

static void scale_down_drains_a_process_before_a_slot_without_one(void **state)
{
    (void)state;
    rig_start();
    rig_begin_request(0, 60000);
    rig_end(0, -1, SIGSEGV);
    rig_make_ready();
    rig_begin_request(0, 60000);
    rig_end(0, -1, SIGSEGV);
    assert_int_equal(rig.pool.slots[0].state, WORKER_BACKOFF);
    pool_shrink(&rig.pool, 1, 1, RIG_DRAIN_MS);
    assert_int_equal(rig.pool.slots[0].state, WORKER_NONE);
    assert_int_equal(rig.pool.slots[1].state, WORKER_READY);
}

static void drained_worker_is_started_again(void **state)
{
    (void)state;
    rig_start();
    rig_signal(SIGTTOU);
    assert_int_equal(rig_count(WORKER_DRAINING), 1);
    rig_reap_all();
    rig_pass_ms(1000);
    assert_int_equal(rig_count(WORKER_NONE), SCOREBOARD_SLOTS - 1);
    assert_int_equal(rig_count(WORKER_READY), 1);
}

static void worker_that_cannot_be_watched_is_left_behind(void **state)
{
    (void)state;
    int before = fake_open_count();
    fake.open_pid_fails = true;
    (void)master_step(&rig);
    assert_int_equal(rig_count(WORKER_BACKOFF), 2);
    assert_int_equal(fake_alive(), 0);
    assert_int_equal(fake_open_count(), before);
    fake.open_pid_fails = false;
    rig_pass_ms(1000);
    assert_int_equal(rig_count(WORKER_STARTING), 2);
}

static void failed_fork_is_tried_in_a_loop(void **state)
{
    (void)state;
    fake.spawn_fails = true;
    (void)master_step(&rig);
    assert_int_equal(rig_count(WORKER_BACKOFF), 2);
    for (int i = 0; i < 10000; i++)
        rig_pass_ms(1);
    fake.spawn_fails = false;
    int64_t due_ns = rig.pool.slots[0].due_ns;
    assert_true(due_ns > fake.now_ns + 1000000);
}

static void pool_uses_a_slot_that_another_pool_owns(void **state)
{
    (void)state;
    rig.pool.slot_count = 3;
    pool_fill(&rig.pool, &rig.current, 10, false);
    assert_int_equal(rig_count(WORKER_STARTING), 3);
    assert_int_equal(rig.pool.slots[3].state, WORKER_NONE);
}

/* A worker of a killed master, which still finishes a request in `slot`; it ends with the test. */
static pid_t start_orphan(const struct pool_lock *lock, int slot)
{
    int ends[2];
    char done = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        pool_lock_mark(lock, slot);
        if (write(ends[1], "", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    assert_int_equal(read(ends[0], &done, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void pool_uses_a_slot_that_an_orphan_still_uses(void **state)
{
    char dir[] = "/tmp/luna-pool-XXXXXX", file[64];
    struct luna_error err;
    (void)state;
    assert_non_null(mkdtemp(dir));
    const struct worker_config config = {.state_dir = dir, .journal_slot_count = 8};
    assert_int_equal(pool_lock_take(&config, -1, &rig.pool.lock, &err), LUNA_OK);
    pid_t orphan = start_orphan(&rig.pool.lock, 1);
    pool_fill(&rig.pool, &rig.current, 3, false);
    assert_int_equal(rig.pool.slots[0].state, WORKER_STARTING);
    assert_int_equal(rig.pool.slots[1].state, WORKER_NONE);
    assert_int_equal(rig_count(WORKER_STARTING), 3);
    assert_int_equal(kill(orphan, SIGKILL), 0);
    assert_int_equal(waitpid(orphan, NULL, 0), orphan);
    pool_fill(&rig.pool, &rig.current, 4, false);
    assert_int_equal(rig.pool.slots[1].state, WORKER_STARTING);
    close(rig.pool.lock.fd);
    rig.pool.lock = POOL_LOCK_NONE;
    (void)snprintf(file, sizeof file, "%s/pool.lock", dir);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void descriptor_is_kept_for_each_dead_worker(void **state)
{
    (void)state;
    rig_start();
    int before = fake_open_count();
    for (int i = 0; i < 100; i++) {
        rig_end(i % 2, WORKER_EXIT_RECYCLE, 0);
        rig_make_ready();
    }
    assert_int_equal(fake_open_count(), before);
}

/* A copy of another worker's leash would keep that worker from noticing that it is released. */
static void new_child_keeps_the_leash_of_another(void **state)
{
    (void)state;
    rig_start();
    int leashes[] = {fake_process(0)->leash_fd, fake_process(1)->leash_fd,
                     fake_process(CHILD_MONITOR)->leash_fd};
    rig.pool.abandon(rig.pool.abandon_context);
    for (size_t i = 0; i < sizeof leashes / sizeof leashes[0]; i++)
        assert_false(fake.open[leashes[i]]);
    assert_int_equal(fake.abandons, 1);
    assert_true(fake.open[rig.listener.fd]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(worker_past_its_hard_limit_is_killed_twice_or_for_another_reason),
        TEST(idle_worker_that_hangs_is_never_noticed),
        TEST(worker_that_never_becomes_ready_keeps_its_slot),
        TEST(draining_worker_outlives_its_drain_or_hard_limit),
        TEST(new_worker_is_killed_for_the_request_of_a_killed_one),
        TEST(first_death_is_not_replaced_at_once),
        TEST(respawn_storm_forks_without_limit),
        TEST(crash_loop_is_not_shown_or_never_ends),
        TEST(recycled_worker_backs_off_like_a_crash),
        TEST(scale_down_interrupts_a_busy_worker_before_an_idle_one),
        TEST(killed_worker_is_replaced_twice),
        TEST(scale_down_drains_a_process_before_a_slot_without_one),
        TEST(drained_worker_is_started_again),
        TEST(worker_that_cannot_be_watched_is_left_behind),
        TEST(failed_fork_is_tried_in_a_loop),
        TEST(pool_uses_a_slot_that_another_pool_owns),
        TEST(pool_uses_a_slot_that_an_orphan_still_uses),
        TEST(descriptor_is_kept_for_each_dead_worker),
        TEST(new_child_keeps_the_leash_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
