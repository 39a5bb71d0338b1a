/* The busiest keys: each has the share of the workers' time that it uses, and for a minute only. */
#include "monitor/busiest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SAMPLE_NS (BUSIEST_SAMPLE_MS * (int64_t)1000000)

enum { SAMPLES_A_MINUTE = BUSIEST_STEPS * BUSIEST_STEP_MS / BUSIEST_SAMPLE_MS };

static struct scoreboard *board;
static int board_fd;
static int64_t now_ns;
static struct busiest_share list[BUSIEST_SHOWN];

/* What scoreboard_worker_key() leaves, for a worker that this process is not. */
static void work(int slot, int64_t account_id, const char *key)
{
    unsigned long long words[SCOREBOARD_KEY_BYTES / 8] = {0};
    memcpy(words, key, strlen(key));
    for (int i = 0; i < SCOREBOARD_KEY_BYTES / 8; i++)
        atomic_store(&board->worker[slot].key[i], words[i]);
    atomic_store(&board->worker[slot].account_id, account_id);
    atomic_store(&board->worker[slot].accepted_ns, 1);
    atomic_store(&board->master[slot].pid, 1);
}

/* Killed: nobody cleared what it was doing. */
static void die(int slot)
{
    atomic_store(&board->master[slot].pid, 0);
}

static void rest(int slot)
{
    atomic_store(&board->worker[slot].accepted_ns, 0);
}

static void sample(struct busiest *busiest, int times)
{
    for (int i = 0; i < times; i++) {
        busiest_note(busiest, board, now_ns += SAMPLE_NS);
        busiest_note(busiest, board, now_ns + 1); /* too early: not a sample */
    }
}

static void a_dead_worker_keeps_a_key_busy(void **state)
{
    static struct busiest busiest;
    (void)state;
    work(5, 9, "luna_live_killed");
    die(5);
    sample(&busiest, 3);
    assert_int_equal(busiest_list(&busiest, list), 0);
}

static void shares_are_not_those_of_the_workers_time(void **state)
{
    static struct busiest busiest;
    (void)state;
    for (int i = 0; i < 10; i++) {
        work(0, 7, "luna_live_abcdef");
        work(1, 7, "luna_live_abcdef");
        work(2, 8, i % 2 == 0 ? "7f0c8f6e" : "7F0C8F6E");
        sample(&busiest, 1);
        rest(0);
        sample(&busiest, 1);
    }
    assert_int_equal(busiest_list(&busiest, list), 2);
    assert_int_equal(list[0].account_id, 7);
    assert_string_equal(list[0].key, "luna_live_abcdef");
    assert_int_equal(list[0].busy_ms_per_s, 1500);
    assert_int_equal(list[1].account_id, 8);
    assert_string_equal(list[1].key, "7f0c8f6e");
    assert_int_equal(list[1].busy_ms_per_s, 1000);
}

static void a_request_whose_key_is_not_accepted_is_listed(void **state)
{
    static struct busiest busiest;
    (void)state;
    work(0, 7, "");
    sample(&busiest, 5);
    assert_int_equal(busiest_list(&busiest, list), 0);
}

static void what_came_before_the_minute_is_listed(void **state)
{
    static struct busiest busiest;
    (void)state;
    work(0, 7, "luna_live_abcdef");
    sample(&busiest, 10);
    rest(0);
    sample(&busiest, SAMPLES_A_MINUTE / 2);
    assert_int_equal(busiest_list(&busiest, list), 1);
    sample(&busiest, SAMPLES_A_MINUTE);
    assert_int_equal(busiest_list(&busiest, list), 0);
}

static void many_idle_keys_push_out_a_busy_one(void **state)
{
    static struct busiest busiest;
    char key[SCOREBOARD_KEY_BYTES + 1];
    (void)state;
    work(0, 1, "luna_live_abcdef");
    for (int i = 0; i < 3 * BUSIEST_KEYS; i++) {
        (void)snprintf(key, sizeof key, "%08x", (unsigned)i);
        work(1, 100 + i, key);
        sample(&busiest, 1);
    }
    assert_int_equal(busiest_list(&busiest, list), BUSIEST_SHOWN);
    assert_int_equal(list[0].account_id, 1);
    assert_int_equal(list[0].busy_ms_per_s, 1000);
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

static int begin(void **state)
{
    (void)state;
    now_ns = 1;
    for (int i = 0; i < 3; i++)
        rest(i);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_dead_worker_keeps_a_key_busy, begin),
        cmocka_unit_test_setup(shares_are_not_those_of_the_workers_time, begin),
        cmocka_unit_test_setup(a_request_whose_key_is_not_accepted_is_listed, begin),
        cmocka_unit_test_setup(what_came_before_the_minute_is_listed, begin),
        cmocka_unit_test_setup(many_idle_keys_push_out_a_busy_one, begin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
