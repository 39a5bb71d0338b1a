/* Scaling: grows for waiting, not for computing beyond the cores; shrinks slowly. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t ms = 1000000;

static struct scaling_input quiet_pool(void)
{
    return (struct scaling_input){.now_ns = 1000000 * ms,
                                  .min = 2,
                                  .max = 16,
                                  .spare = 1,
                                  .cores = 4,
                                  .target = 4,
                                  .idle = 4,
                                  .wait_target_ns = 20 * ms};
}

/* 100 requests since the last look, each waiting `wait_ms`, of whose work `blocked` percent was
 * waiting. */
static struct scaling_input loaded_pool(int wait_ms, int blocked)
{
    struct scaling_input input = quiet_pool();
    input.idle = 0;
    input.busy = 4;
    input.requests = 100;
    input.wait_ns = (int64_t)wait_ms * 100 * ms;
    input.worked_ns = 100 * ms;
    input.blocked_ns = blocked * ms;
    return input;
}

static void nothing_to_do_changes_nothing(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = quiet_pool();
    struct scaling_decision decision = scaling_decide(&scaling, &input);
    assert_int_equal(decision.target, 4);
    assert_null(decision.reason);
}

static void waiting_behind_blocked_workers_grows_past_the_cores(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = loaded_pool(50, 90);
    struct scaling_decision decision = scaling_decide(&scaling, &input);
    assert_int_equal(decision.target, 6);
    assert_string_equal(decision.reason, "requests wait while workers are blocked");
    assert_int_equal(decision.blocked_percent, 90);
}

static void computing_workers_stop_at_the_cores(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = loaded_pool(500, 10);
    struct scaling_decision decision = scaling_decide(&scaling, &input);
    assert_int_equal(decision.target, 4);
    assert_null(decision.reason);
    input.target = 2;
    assert_int_equal(scaling_decide(&scaling, &input).target, 3);
}

static void hung_workers_with_a_queue_grow_although_nothing_finishes(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = quiet_pool();
    input.idle = 0;
    input.busy = 4;
    input.busy_blocked = 4;
    input.backlog = 7;
    assert_true(scaling_decide(&scaling, &input).target > 4);
}

static void growth_ends_at_the_maximum(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = loaded_pool(500, 100);
    for (int i = 0; i < 20; i++)
        input.target = scaling_decide(&scaling, &input).target;
    assert_int_equal(input.target, 16);
}

static void one_quiet_moment_does_not_shrink(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = quiet_pool();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(scaling_decide(&scaling, &input).target, 4);
        input.now_ns += (SCALING_QUIET_MS - 1000) * ms / 100;
    }
}

static void long_quiet_shrinks_by_one_at_a_time_to_the_minimum(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = quiet_pool();
    (void)scaling_decide(&scaling, &input);
    input.now_ns += SCALING_QUIET_MS * ms;
    input.target = scaling_decide(&scaling, &input).target;
    assert_int_equal(input.target, 3);
    input.now_ns += ms;
    assert_int_equal(scaling_decide(&scaling, &input).target, 3);
    for (int i = 0; i < 10; i++) {
        input.now_ns += SCALING_SHRINK_PAUSE_MS * ms;
        input.target = scaling_decide(&scaling, &input).target;
    }
    assert_int_equal(input.target, 2);
}

static void a_burst_ends_the_quiet(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = quiet_pool();
    struct scaling_input burst = loaded_pool(50, 10);
    (void)scaling_decide(&scaling, &input);
    (void)scaling_decide(&scaling, &burst);
    input.now_ns += SCALING_QUIET_MS * ms;
    assert_int_equal(scaling_decide(&scaling, &input).target, 4);
}

static void new_limits_are_obeyed_at_once(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = quiet_pool();
    input.min = 8;
    assert_int_equal(scaling_decide(&scaling, &input).target, 8);
    input.min = 1;
    input.max = 3;
    assert_int_equal(scaling_decide(&scaling, &input).target, 3);
}

static void a_queue_counts_as_quiet(void **state)
{
    (void)state;
    struct scaling scaling = {0};
    struct scaling_input input = quiet_pool();
    input.backlog = 1;
    (void)scaling_decide(&scaling, &input);
    input.now_ns += SCALING_QUIET_MS * ms;
    assert_int_equal(scaling_decide(&scaling, &input).target, 4);
    input.backlog = -1; /* not known */
    (void)scaling_decide(&scaling, &input);
    input.now_ns += SCALING_QUIET_MS * ms;
    assert_int_equal(scaling_decide(&scaling, &input).target, 3);
}

/* Every worker is busy with its first request, so that only the kernel knows who waits. */
static void the_kernels_queue_is_not_looked_at(void **state)
{
    (void)state;
    rig_start();
    rig.current.config.pool_mode = POOL_DYNAMIC;
    rig.current.config.workers_min = 2;
    rig.current.config.workers_max = 16;
    rig.current.config.workers_spare = 0;
    fake.cores = 8;
    rig_begin_request(0, 60000);
    rig_begin_request(1, 60000);
    rig_pass_ms(1000);
    assert_int_equal(rig.scaling.target, 2);
    fake.backlog = (struct listener_backlog){.depth = 5, .max = 128};
    rig_pass_ms(1000);
    assert_int_equal(rig.scaling.target, 3);
    assert_int_equal(atomic_load(&rig.board->pool.backlog_depth), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_do_changes_nothing),
        cmocka_unit_test(waiting_behind_blocked_workers_grows_past_the_cores),
        cmocka_unit_test(computing_workers_stop_at_the_cores),
        cmocka_unit_test(hung_workers_with_a_queue_grow_although_nothing_finishes),
        cmocka_unit_test(growth_ends_at_the_maximum),
        cmocka_unit_test(one_quiet_moment_does_not_shrink),
        cmocka_unit_test(long_quiet_shrinks_by_one_at_a_time_to_the_minimum),
        cmocka_unit_test(a_burst_ends_the_quiet),
        cmocka_unit_test(new_limits_are_obeyed_at_once),
        cmocka_unit_test(a_queue_counts_as_quiet),
        cmocka_unit_test_setup_teardown(the_kernels_queue_is_not_looked_at, rig_set_up,
                                        rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
