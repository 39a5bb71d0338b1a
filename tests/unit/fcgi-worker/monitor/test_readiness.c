/* Readiness: a load balancer takes a host out for each reason there is, and for no other. */
#include "monitor/readiness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW_NS = 1000000000, STALL_NS = 1000 };

static struct scoreboard *board;
static int board_fd;

static void set_worker(int slot, enum worker_state state, int64_t heartbeat_ns)
{
    atomic_store(&board->master[slot].state, (int)state);
    atomic_store(&board->worker[slot].heartbeat_ns, heartbeat_ns);
}

static int set_up(void **state)
{
    struct luna_error err;
    (void)state;
    if (scoreboard_new(&board, &board_fd, &err) != LUNA_OK)
        return -1;
    atomic_store(&board->pool.ready_stall_ns, STALL_NS);
    set_worker(0, WORKER_READY, NOW_NS);
    set_worker(1, WORKER_READY, NOW_NS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(board_fd);
    return munmap(board, sizeof *board);
}

static void one_hung_worker_takes_the_host_out(void **state)
{
    (void)state;
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_OK);
    set_worker(1, WORKER_READY, NOW_NS - STALL_NS);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_OK);
    assert_string_equal(readiness_text(READINESS_OK), "ok");
}

static void hung_pool_is_called_ready(void **state)
{
    (void)state;
    set_worker(0, WORKER_READY, NOW_NS - STALL_NS);
    set_worker(1, WORKER_DRAINING, NOW_NS);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_STALLED);
}

static void pool_without_a_master_is_called_alive(void **state)
{
    (void)state;
    atomic_store(&board->pool.live_stall_ns, STALL_NS);
    atomic_store(&board->pool.heartbeat_ns, NOW_NS - STALL_NS + 1);
    assert_true(readiness_is_alive(board, NOW_NS));
    assert_false(readiness_is_alive(board, NOW_NS + 1));
}

static void starting_pool_is_called_ready(void **state)
{
    (void)state;
    set_worker(0, WORKER_STARTING, NOW_NS);
    set_worker(1, WORKER_BACKOFF, NOW_NS);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_NO_WORKER);
}

static void stopping_pool_still_receives_requests(void **state)
{
    (void)state;
    atomic_store(&board->pool.draining, 1);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_STOPPING);
}

/* The last use counts, not one from before the store came back; a hung worker's does not. */
static void old_trouble_with_a_store_is_reported(void **state)
{
    (void)state;
    scoreboard_worker_stores(&board->worker[0], STORES_TROUBLE, NOW_NS - 20);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_NO_STORES);
    scoreboard_worker_stores(&board->worker[1], STORES_OK, NOW_NS - 10);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_OK);
    set_worker(1, WORKER_READY, NOW_NS - STALL_NS);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_NO_STORES);
}

static void disagreeing_clocks_are_called_an_unreachable_store(void **state)
{
    (void)state;
    scoreboard_worker_stores(&board->worker[0], STORES_CLOCKS, NOW_NS - 20);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_CLOCKS);
    scoreboard_worker_stores(&board->worker[0], STORES_OK, NOW_NS - 10);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_OK);
}

/* The others' requests without a charge do not hide it. */
static void host_whose_journal_cannot_be_written_is_called_ready(void **state)
{
    (void)state;
    scoreboard_worker_unjournalled(&board->worker[0], NOW_NS - 20);
    scoreboard_worker_stores(&board->worker[1], STORES_OK, NOW_NS - 10);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_JOURNAL);
    assert_int_equal(board->worker[0].unjournalled, 1);
    scoreboard_worker_stores(&board->worker[0], STORES_OK, NOW_NS - 5);
    assert_int_equal(readiness_of(board, NOW_NS), READINESS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_hung_worker_takes_the_host_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hung_pool_is_called_ready, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pool_without_a_master_is_called_alive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(starting_pool_is_called_ready, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_pool_still_receives_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(disagreeing_clocks_are_called_an_unreachable_store, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(host_whose_journal_cannot_be_written_is_called_ready,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_trouble_with_a_store_is_reported, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
