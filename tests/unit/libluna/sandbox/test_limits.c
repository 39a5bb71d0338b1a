/* Each limit in a child of its own, as it cannot be lifted again. */
#include "luna/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENTERED_NOT = 100 };

static const char *const calls[] = {"openat", "open",       "close",        "getpid", "exit_group",
                                    "write",  "newfstatat", "no_such_call", NULL};
static const char *const readable[] = {"/etc", "/no/such/folder", NULL};
static const char *const everything[] = {"/", NULL};
static char folder[] = "/tmp/luna-sandbox-XXXXXX";
static char log_file[sizeof folder + 8];

/* The exit status of `child` within the sandbox; 128 and more: the signal that ended it. */
static int run(const struct luna_sandbox *sandbox, enum luna_sandbox_mode mode, int (*child)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct luna_error err;
        _exit(luna_sandbox_enter(sandbox, mode, &err) == LUNA_OK ? child() : ENTERED_NOT);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int make_unlisted_call(void)
{
    return chdir("/") < 0 ? errno : 0;
}

static int open_packet_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int open_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int open_for(const char *path, int flags)
{
    return open(path, flags, 0600) < 0 ? errno : 0;
}

static int read_allowed(void)
{
    return open_for("/etc/passwd", O_RDONLY);
}

static int read_other(void)
{
    return open_for("/proc/self/maps", O_RDONLY);
}

static int write_readable(void)
{
    return open_for("/etc/passwd", O_WRONLY);
}

static int write_log(void)
{
    return open_for(log_file, O_WRONLY | O_CREAT | O_APPEND);
}

static void an_unlisted_call_is_made(void **state)
{
    const struct luna_sandbox sandbox = {.calls = calls, .readable = everything};
    (void)state;
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_OFF, make_unlisted_call), 0);
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_LOG, make_unlisted_call), 0);
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_ERRNO, make_unlisted_call), EPERM);
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_KILL, make_unlisted_call), 128 + SIGSYS);
}

static void a_socket_of_another_family_is_opened(void **state)
{
    struct luna_sandbox sandbox = {.calls = calls, .readable = everything, .connects = true};
    (void)state;
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_ERRNO, open_packet_socket), EPERM);
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_ERRNO, open_unix_socket), 0);
    sandbox.connects = false;
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_ERRNO, open_unix_socket), EPERM);
}

static void a_file_that_is_not_listed_is_opened(void **state)
{
    const struct luna_sandbox sandbox = {
        .calls = calls, .readable = readable, .log_file = log_file};
    (void)state;
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_ERRNO, read_allowed), 0);
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_ERRNO, write_log), 0);
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_ERRNO, read_other), EACCES);
    assert_int_equal(run(&sandbox, LUNA_SANDBOX_ERRNO, write_readable), EACCES);
}

/* A container's filter that refuses Landlock is one more sandbox around this one. */
static int enter_within(void)
{
    const struct luna_sandbox inner = {.calls = calls, .readable = readable};
    struct luna_error err;
    if (luna_sandbox_files_unlimited(LUNA_SANDBOX_ERRNO) == NULL ||
        luna_sandbox_files_unlimited(LUNA_SANDBOX_LOG) != NULL)
        return 1;
    return luna_sandbox_enter(&inner, LUNA_SANDBOX_ERRNO, &err) == LUNA_OK ? 0 : 2;
}

static void a_filter_that_refuses_landlock_stops_the_process(void **state)
{
    static const char *const container[] = {"openat", "close",      "prctl",  "seccomp",
                                            "brk",    "mmap",       "munmap", "mprotect",
                                            "getpid", "exit_group", NULL};
    const struct luna_sandbox outer = {.calls = container, .readable = everything};
    (void)state;
    assert_int_equal(run(&outer, LUNA_SANDBOX_ERRNO, enter_within), 0);
}

static void memory_is_shown_to_the_same_user(void **state)
{
    struct luna_error err;
    int status = 0;
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(luna_sandbox_hide_memory(&err) == LUNA_OK ? prctl(PR_GET_DUMPABLE) : ENTERED_NOT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(log_file, sizeof log_file, "%s/log", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(log_file);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unlisted_call_is_made),
        cmocka_unit_test(a_socket_of_another_family_is_opened),
        cmocka_unit_test(a_file_that_is_not_listed_is_opened),
        cmocka_unit_test(a_filter_that_refuses_landlock_stops_the_process),
        cmocka_unit_test(memory_is_shown_to_the_same_user),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
