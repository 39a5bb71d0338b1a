/* A reload whose caller receives the outcome: a child stands in for the daemon. */
#include "luna/base/reload.h"

#include "luna/base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 60000 };

static char dir[32];
static char note[LUNA_RELOAD_NOTE_BYTES];

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/luna-reload-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

/* Nothing may be left in the folder. */
static int tear_down(void **state)
{
    (void)state;
    return rmdir(dir);
}

/* A process that answers the first SIGHUP with these outcomes, in order, and then ends. */
static pid_t daemon_start(const struct luna_reload_outcome *outcomes, size_t count)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int signo = 0;
    struct luna_error err;
    (void)sigwait(&set, &signo);
    for (size_t i = 0; i < count; i++) {
        struct luna_reload_outcome outcome = outcomes[i];
        if (outcome.began_ns == 0)
            outcome.began_ns = luna_clock_mono_ns();
        if (luna_reload_report(dir, "part", &outcome, &err) != LUNA_OK)
            _exit(1);
    }
    (void)sigwait(&set, &signo); /* until it is ended */
    _exit(0);
}

static void daemon_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void outcome_is_lost(void **state)
{
    struct luna_reload_outcome done = {
        .signal = SIGHUP, .done = true, .note = "a restart is needed"};
    struct luna_error err = {0};
    (void)state;
    pid_t pid = daemon_start(&done, 1);
    assert_int_equal(luna_reload_request(dir, "part", pid, SIGHUP, TIMEOUT_MS, note, &err),
                     LUNA_OK);
    assert_string_equal(note, "a restart is needed");
    daemon_end(pid);
}

static void failed_reload_counts_as_done(void **state)
{
    struct luna_reload_outcome failed = {.signal = SIGHUP, .note = "a store is unavailable"};
    struct luna_error err = {0};
    (void)state;
    pid_t pid = daemon_start(&failed, 1);
    assert_int_equal(luna_reload_request(dir, "part", pid, SIGHUP, TIMEOUT_MS, note, &err),
                     LUNA_ECONFLICT);
    assert_string_equal(err.msg, "a store is unavailable");
    daemon_end(pid);
}

/* An earlier reload ends while this one is asked for; its settings were read before. */
static void outcome_of_an_earlier_reload_counts(void **state)
{
    struct luna_reload_outcome outcomes[] = {
        {.signal = SIGHUP, .began_ns = 1, .done = true, .note = "earlier"},
        {.signal = SIGUSR2, .done = true, .note = "an upgrade"},
        {.signal = SIGHUP, .note = "this one"}};
    struct luna_error err = {0};
    (void)state;
    pid_t pid = daemon_start(outcomes, 3);
    assert_int_equal(luna_reload_request(dir, "part", pid, SIGHUP, TIMEOUT_MS, note, &err),
                     LUNA_ECONFLICT);
    assert_string_equal(err.msg, "this one");
    daemon_end(pid);
}

static void caller_waits_for_a_process_that_is_gone(void **state)
{
    struct luna_error err = {0};
    (void)state;
    pid_t pid = daemon_start(NULL, 0);
    daemon_end(pid);
    assert_int_equal(luna_reload_request(dir, "part", pid, SIGHUP, TIMEOUT_MS, note, &err),
                     LUNA_ENOTFOUND);
}

static void caller_waits_for_ever(void **state)
{
    struct luna_error err = {0};
    (void)state;
    pid_t pid = daemon_start(NULL, 0);
    assert_int_equal(luna_reload_request(dir, "part", pid, SIGHUP, 1, note, &err), LUNA_ETIMEOUT);
    daemon_end(pid);
}

static void folder_that_cannot_be_written_is_passed_over(void **state)
{
    struct luna_reload_outcome done = {.signal = SIGHUP, .done = true, .note = ""};
    struct luna_error err = {0};
    (void)state;
    assert_int_equal(luna_reload_report("/nonexistent", "part", &done, &err), LUNA_EIO);
    assert_non_null(strstr(err.msg, "/nonexistent/reload.part"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(outcome_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_reload_counts_as_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(outcome_of_an_earlier_reload_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(caller_waits_for_a_process_that_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(caller_waits_for_ever, set_up, tear_down),
        cmocka_unit_test(folder_that_cannot_be_written_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
