/* A log reader that stops does not stop the writer, and dropped lines are counted. */
#include "luna/base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FLOOD = 2000, HANG_S = 20, LINE_BYTES = 1000, OUTPUT_BYTES_MAX = 1 << 20 };

static char huge[LINE_BYTES], path[64], captured[65536];

static atomic_ullong counted;

/* Logs into `fd`, which nobody reads meanwhile, more than it takes. A writer that waits is ended by
 * the alarm. */
static void flood(int fd)
{
    int saved = dup(STDERR_FILENO);
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_JSON);
    memset(huge, 'x', sizeof huge);
    atomic_store(&counted, 0);
    luna_log_count_dropped(&counted);
    alarm(HANG_S);
    dup2(fd, STDERR_FILENO);
    luna_log_unblock();
    for (int i = 0; i < FLOOD; i++)
        luna_log(LUNA_LOG_INFO, "request", LUNA_LOG_N("huge", huge, sizeof huge));
    alarm(0);
    dup2(saved, STDERR_FILENO);
    close(saved);
    luna_log_count_dropped(NULL);
}

static void say_hello(void)
{
    luna_log(LUNA_LOG_INFO, "hello", LUNA_LOG_I("a", 1));
}

/* All that was written, with one more line at its end, after the reader has come back. */
static const char *read_all_and_log(int from, int to)
{
    static char lines[OUTPUT_BYTES_MAX];
    int saved = dup(STDERR_FILENO);
    size_t len = 0;
    assert_int_equal(fcntl(from, F_SETFL, O_NONBLOCK), 0);
    dup2(to, STDERR_FILENO);
    luna_log_unblock();
    for (int i = 0; i < 2; i++) {
        ssize_t got = 0;
        while ((got = read(from, lines + len, sizeof lines - 1 - len)) > 0)
            len += (size_t)got;
        if (i == 0)
            say_hello();
    }
    dup2(saved, STDERR_FILENO);
    close(saved);
    lines[len] = '\0';
    return lines;
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        count++;
    return count;
}

static unsigned long long reported(const char *text)
{
    static const char report[] = "\"event\":\"log_lines_dropped\",\"lines\":";
    unsigned long long lines = 0;
    while ((text = strstr(text, report)) != NULL) {
        text += sizeof report - 1;
        lines += strtoull(text, NULL, 10);
    }
    return lines;
}

static void assert_drops_and_counts(int from, int to)
{
    flood(to);
    unsigned long long lines = atomic_load(&counted);
    assert_in_range(lines, 1, FLOOD);
    const char *all = read_all_and_log(from, to);
    assert_non_null(strstr(all, "\"event\":\"hello\""));
    assert_int_equal(reported(all), lines);
    assert_true(count_of(all, "\"event\":\"request\"") >= (int)(FLOOD - lines));
}

static void a_pipe_that_nobody_reads_stops_the_writer(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_drops_and_counts(ends[0], ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void the_shell_that_shares_the_pipe_gets_eagain(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    flood(ends[1]);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    (void)read_all_and_log(ends[0], ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void a_socket_that_nobody_reads_stops_the_writer(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_drops_and_counts(ends[0], ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void a_terminal_that_is_held_stops_the_writer(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    (void)state;
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_drops_and_counts(master, terminal);
    close(terminal);
    close(master);
}

/* Into a pipe of its own. */
static const char *say_in_a_child(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        say_hello();
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    ssize_t got = read(ends[0], captured, sizeof captured - 1);
    captured[got > 0 ? got : 0] = '\0';
    close(ends[0]);
    close(ends[1]);
    return captured;
}

static void a_child_reports_what_its_parent_dropped(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    flood(ends[1]);
    const char *said = say_in_a_child();
    assert_non_null(strstr(said, "hello"));
    assert_null(strstr(said, "log_lines_dropped"));
    (void)read_all_and_log(ends[0], ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static char fifo_folder[] = "/tmp/luna-fifo-XXXXXX";

static void say_into_a_fifo(void)
{
    struct luna_error err;
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_JSON);
    alarm(HANG_S);
    assert_int_equal(luna_log_open(path, &err), LUNA_OK);
    for (int i = 0; i < FLOOD; i++)
        luna_log(LUNA_LOG_INFO, "request", LUNA_LOG_I("number", i));
    alarm(0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    ssize_t got = read(reader, captured, sizeof captured - 1);
    captured[got > 0 ? got : 0] = '\0';
    luna_log_flush();
    close(reader);
}

static void a_fifo_as_log_file_blocks_the_start(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(fifo_folder));
    snprintf(path, sizeof path, "%s/log", fifo_folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int saved = dup(STDERR_FILENO);
    say_into_a_fifo();
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_non_null(strstr(captured, "\"number\":0}")); /* what fitted waited for the reader */
    unlink(path);
    rmdir(fifo_folder);
}

/* In a child: the disk is full in the middle of a line. */
static void tear_a_line(int fd)
{
    const struct rlimit limit = {.rlim_cur = 10, .rlim_max = RLIM_INFINITY};
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        dup2(fd, STDERR_FILENO);
        if (setrlimit(RLIMIT_FSIZE, &limit) == 0)
            say_hello();
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void a_line_is_glued_to_another_processs_torn_one(void **state)
{
    char file[] = "/tmp/luna-torn-XXXXXX";
    atomic_bool *torn =
        mmap(NULL, sizeof *torn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fd = mkostemp(file, O_APPEND | O_CLOEXEC), saved = dup(STDERR_FILENO);
    (void)state;
    assert_true(torn != MAP_FAILED && fd >= 0);
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_JSON);
    luna_log_share_torn(torn);
    tear_a_line(fd);
    dup2(fd, STDERR_FILENO);
    luna_log_flush(); /* of earlier tests */
    say_hello();
    dup2(saved, STDERR_FILENO);
    close(saved);
    luna_log_share_torn(NULL);
    ssize_t got = pread(fd, captured, sizeof captured - 1, 0);
    captured[got > 0 ? got : 0] = '\0';
    assert_true(got > 11 && captured[10] == '\n' && captured[11] == '{');
    munmap(torn, sizeof *torn);
    close(fd);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_that_nobody_reads_stops_the_writer),
        cmocka_unit_test(the_shell_that_shares_the_pipe_gets_eagain),
        cmocka_unit_test(a_socket_that_nobody_reads_stops_the_writer),
        cmocka_unit_test(a_terminal_that_is_held_stops_the_writer),
        cmocka_unit_test(a_child_reports_what_its_parent_dropped),
        cmocka_unit_test(a_fifo_as_log_file_blocks_the_start),
        cmocka_unit_test(a_line_is_glued_to_another_processs_torn_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
