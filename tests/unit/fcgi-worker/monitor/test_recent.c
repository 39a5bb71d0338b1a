/* The last minute: what was counted before it is left out, and what was counted in it is not. */
#include "monitor/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define STEP_NS (RECENT_STEP_MS * (int64_t)1000000)

static struct scoreboard *board;
static int board_fd;

static void serve(uint64_t requests)
{
    atomic_store(&board->master[0].starts, 1);
    atomic_fetch_add(&board->worker[0].requests, requests);
}

static int64_t since(const struct recent *recent, int64_t now_ns, struct recent_counts *counts)
{
    struct totals totals;
    totals_add_up(board, &totals);
    return recent_since_ns(recent, &totals, now_ns, counts);
}

static void a_new_monitor_has_a_last_minute(void **state)
{
    struct recent recent = {.kept = 0};
    struct recent_counts counts;
    (void)state;
    serve(7);
    assert_int_equal(since(&recent, 1, &counts), 0);
    assert_int_equal(counts.requests, 0);
}

static void what_came_before_the_minute_is_counted(void **state)
{
    struct recent recent = {.kept = 0};
    struct recent_counts counts;
    int64_t now_ns = 1;
    (void)state;
    serve(1000);
    recent_note(&recent, board, now_ns);
    serve(3);
    assert_int_equal(since(&recent, now_ns + 1, &counts), 1);
    assert_int_equal(counts.requests, 3);
    for (int i = 0; i < 3 * RECENT_STEPS; i++) {
        serve(10);
        recent_note(&recent, board, now_ns += STEP_NS);
        recent_note(&recent, board, now_ns + 1); /* too early: not kept */
    }
    assert_int_equal(since(&recent, now_ns, &counts), (RECENT_STEPS - 1) * STEP_NS);
    assert_int_equal(counts.requests, 10 * (RECENT_STEPS - 1));
}

static int set_up(void **state)
{
    struct luna_error err;
    (void)state;
    return scoreboard_new(&board, &board_fd, &err) == LUNA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return close(board_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_monitor_has_a_last_minute),
        cmocka_unit_test(what_came_before_the_minute_is_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
