/* The black box: blame falls on the body of the request in progress, and only for its faults. */
#include "master/black_box.h"

#include "luna/base/clock.h"
#include "shared/exit_code.h"
#include "shared/quarantine.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct scoreboard *board;
static int board_fd;
static unsigned char hash[SCOREBOARD_FINGERPRINT_BYTES] = {7, 7, 7};

static int set_up(void **state)
{
    struct luna_error err;
    (void)state;
    return scoreboard_new(&board, &board_fd, &err) == LUNA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    close(board_fd);
    return munmap(board, sizeof *board);
}

static void begin(enum phase phase, const unsigned char *fingerprint)
{
    scoreboard_worker_begin(&board->worker[0], luna_clock_mono_ns(), 0);
    scoreboard_worker_name(&board->worker[0], "req-12345678", 42, 0, 10, fingerprint, 0);
    scoreboard_worker_phase(&board->worker[0], phase);
}

static unsigned kills(void)
{
    return quarantine_kills(board, hash, luna_clock_wall_ms(), 60000);
}

static const struct names names;

static bool record(int signal, enum kill_reason kill_reason)
{
    return black_box_record_end(board, &names,
                                &(struct worker_end){.pid = 1,
                                                     .signal = signal,
                                                     .exit_status = -1,
                                                     .kill_reason = kill_reason,
                                                     .quarantine = true});
}

static void fault_with_a_body_in_hand_is_the_bodys(void **state)
{
    (void)state;
    begin(PHASE_MODEL, hash);
    assert_false(record(SIGSEGV, KILL_NONE));
    assert_int_equal(kills(), 1);
    begin(PHASE_ENCODE, hash);
    assert_false(record(SIGABRT, KILL_NONE));
    assert_int_equal(kills(), 2);
    assert_int_equal(atomic_load(&board->pool.crashes), 2);
}

static void kill_from_outside_blames_nobody(void **state)
{
    (void)state;
    begin(PHASE_MODEL, hash);
    assert_false(record(SIGKILL, KILL_NONE));
    assert_int_equal(kills(), 0);
    assert_int_equal(atomic_load(&board->pool.crashes), 1);
}

/* A full disk raises SIGBUS, whatever the body is. */
static void full_disk_blames_the_body(void **state)
{
    (void)state;
    begin(PHASE_COMMIT, hash);
    assert_false(record(SIGBUS, KILL_NONE));
    assert_false(record(SIGTERM, KILL_NONE));
    assert_int_equal(kills(), 0);
}

static void hang_is_the_bodys_only_while_it_was_computed(void **state)
{
    (void)state;
    begin(PHASE_ADMIT, hash);
    assert_false(record(SIGKILL, KILL_HARD_LIMIT));
    assert_int_equal(kills(), 0);
    begin(PHASE_MODEL, hash);
    assert_false(record(SIGKILL, KILL_DRAIN_LIMIT));
    assert_int_equal(kills(), 0);
    begin(PHASE_MODEL, hash);
    assert_false(record(SIGKILL, KILL_HARD_LIMIT));
    assert_int_equal(kills(), 1);
    assert_int_equal(atomic_load(&board->pool.hard_kills), 3);
}

/* PostgreSQL did not answer; the body was only what was asked of it. A fault is the body's all the
 * same. */
static void hang_in_a_store_blames_no_body(void **state)
{
    (void)state;
    begin(PHASE_STORE, hash);
    assert_false(record(SIGKILL, KILL_HARD_LIMIT));
    assert_int_equal(kills(), 0);
    begin(PHASE_STORE, hash);
    assert_false(record(SIGSEGV, KILL_NONE));
    assert_int_equal(kills(), 1);
}

static void crash_between_requests_blames_nobody(void **state)
{
    (void)state;
    scoreboard_worker_idle(&board->worker[0]);
    assert_false(record(SIGSEGV, KILL_NONE));
    begin(PHASE_READ, NULL); /* the body is not known yet */
    assert_false(record(SIGSEGV, KILL_NONE));
    static const unsigned char none[SCOREBOARD_FINGERPRINT_BYTES];
    assert_int_equal(quarantine_kills(board, none, luna_clock_wall_ms(), 60000), 0);
}

static void planned_ends_are_no_crashes(void **state)
{
    (void)state;
    assert_true(black_box_record_end(board, &names,
                                     &(struct worker_end){.exit_status = WORKER_EXIT_CLEAN}));
    assert_true(black_box_record_end(board, &names,
                                     &(struct worker_end){.exit_status = WORKER_EXIT_RECYCLE}));
    assert_false(black_box_record_end(board, &names,
                                      &(struct worker_end){.exit_status = WORKER_EXIT_SOFTWARE}));
    assert_int_equal(atomic_load(&board->pool.crashes), 0);
    assert_int_equal(atomic_load(&board->pool.recycles), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fault_with_a_body_in_hand_is_the_bodys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kill_from_outside_blames_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_blames_the_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hang_is_the_bodys_only_while_it_was_computed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(hang_in_a_store_blames_no_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(crash_between_requests_blames_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(planned_ends_are_no_crashes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
