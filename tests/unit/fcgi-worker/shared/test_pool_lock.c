/* The lock of a pool: one master for each slot, and the workers of a killed one are found. */
#include "shared/pool_lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 8, SLOT = 3 };

static char dir[64];
static struct worker_config config;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/luna-lock-XXXXXX");
    config = (struct worker_config){.state_dir = dir, .journal_slot_count = SLOTS};
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char file[96];
    (void)state;
    (void)snprintf(file, sizeof file, "%s/pool.lock", dir);
    (void)unlink(file);
    return rmdir(dir);
}

static enum luna_code take(int first, struct pool_lock *ret_lock, struct luna_error *err)
{
    config.journal_slot_first = first;
    return pool_lock_take(&config, -1, ret_lock, err);
}

/* A process that does `act`, writes a byte and stays until it is killed. */
static pid_t start(void (*act)(void))
{
    int ends[2];
    char done = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        act();
        if (write(ends[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &done, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void be_master(void)
{
    struct pool_lock lock;
    if (take(0, &lock, NULL) != LUNA_OK)
        _exit(1);
}

static void two_masters_have_the_same_slots(void **state)
{
    struct pool_lock lock;
    struct luna_error err;
    char holder[64];
    (void)state;
    pid_t other = start(be_master);
    assert_int_equal(take(SLOTS - 1, &lock, &err), LUNA_ECONFLICT); /* one slot is both's */
    (void)snprintf(holder, sizeof holder, "(process id %ld)", (long)other);
    assert_non_null(strstr(err.msg, holder));
    assert_non_null(strstr(err.msg, "pool.lock"));
    end(other);
    assert_int_equal(take(SLOTS - 1, &lock, &err), LUNA_OK);
    close(lock.fd);
}

static void pools_with_their_own_slots_exclude_each_other(void **state)
{
    struct pool_lock lock;
    struct luna_error err;
    (void)state;
    pid_t other = start(be_master);
    assert_int_equal(take(SLOTS, &lock, &err), LUNA_OK);
    close(lock.fd);
    end(other);
}

/* As a worker does, whose descriptor is its master's. */
static struct pool_lock inherited;

static void be_worker(void)
{
    pool_lock_mark(&inherited, SLOT);
}

static void worker_of_a_killed_master_is_not_seen(void **state)
{
    struct pool_lock lock;
    struct luna_error err;
    (void)state;
    assert_int_equal(take(0, &inherited, &err), LUNA_OK);
    pid_t worker = start(be_worker);
    close(inherited.fd); /* the master's end */
    assert_int_equal(take(0, &lock, &err), LUNA_OK);
    assert_int_equal(pool_lock_orphan(&lock, SLOT), worker);
    assert_int_equal(pool_lock_orphan(&lock, SLOT + 1), 0);
    end(worker);
    assert_int_equal(pool_lock_orphan(&lock, SLOT), 0);
    close(lock.fd);
}

static void wrong_directory_is_called_a_conflict(void **state)
{
    static char nowhere[] = "/nowhere/at/all";
    struct pool_lock lock;
    struct luna_error err;
    (void)state;
    config.state_dir = nowhere;
    assert_int_equal(take(0, &lock, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_STATE_DIR"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_masters_have_the_same_slots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pools_with_their_own_slots_exclude_each_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(worker_of_a_killed_master_is_not_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_directory_is_called_a_conflict, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
