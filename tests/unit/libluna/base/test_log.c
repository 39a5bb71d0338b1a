#include "luna/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char captured[65536];

/* What `speak` writes to standard error. */
static const char *capture(void (*speak)(void))
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    speak();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t got = read(ends[0], captured, sizeof captured - 1);
    close(ends[0]);
    captured[got > 0 ? got : 0] = '\0';
    return captured;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void say_hostile(void)
{
    luna_log(LUNA_LOG_WARNING, "request", LUNA_LOG_N("path", "/a\"\n\x1b[31m\0\xff", 11),
             LUNA_LOG_S("none", NULL), LUNA_LOG_I("status", -5), LUNA_LOG_B("late", true));
}

static void untrusted_bytes_forge_a_second_line(void **state)
{
    (void)state;
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_JSON);
    const char *line = capture(say_hostile);
    assert_contains(line, "\"level\":\"warning\",\"program\":\"prog\"");
    assert_contains(
        line,
        "\"event\":\"request\",\"path\":\"/a\\\"\\n\\u001b[31m\\u0000\xef\xbf\xbd\",\"none\":null,"
        "\"status\":-5,\"late\":true}\n");
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void text_lines_carry_raw_bytes(void **state)
{
    (void)state;
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_TEXT);
    const char *line = capture(say_hostile);
    assert_contains(line, " warning prog[");
    assert_contains(line, "] request path=\"/a\\\"\\n\\u001b[31m\\u0000\xef\xbf\xbd\" none=null "
                          "status=-5 late=true\n");
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static char huge[20000];

static void say_huge(void)
{
    memset(huge, 'x', sizeof huge);
    luna_log(LUNA_LOG_INFO, "big", LUNA_LOG_I("before", 1), LUNA_LOG_N("huge", huge, sizeof huge),
             LUNA_LOG_I("after", 2));
}

static void a_long_field_breaks_the_object(void **state)
{
    (void)state;
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_JSON);
    const char *line = capture(say_huge);
    assert_true(strlen(line) <= 4096); /* PIPE_BUF: one write stays whole */
    assert_contains(line, "\"before\":1,\"after\":2,\"cut\":true}\n");
}

static void say_quietly(void)
{
    luna_log(LUNA_LOG_DEBUG, "hidden", LUNA_LOG_I("a", 1));
    luna_log_fields(LUNA_LOG_DEBUG, "hidden", NULL, 0);
}

static void lines_below_the_level_are_written(void **state)
{
    (void)state;
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_JSON);
    assert_string_equal(capture(say_quietly), "");
    luna_log_configure("prog", LUNA_LOG_DEBUG, LUNA_LOG_JSON);
    assert_contains(capture(say_quietly), "\"event\":\"hidden\"}\n");
}

static void say_to_a_closed_stream(void)
{
    int saved = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = EDOM;
    luna_log(LUNA_LOG_ERROR, "lost", LUNA_LOG_I("a", 1));
    assert_int_equal(errno, EDOM);
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static void logging_changes_errno(void **state)
{
    (void)state;
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_JSON);
    capture(say_to_a_closed_stream);
}

/* The clock that storms are measured by is the test's own. */
static int64_t mono_ns = 1000000000;
int64_t __wrap_luna_clock_mono_ns(void);
int64_t __wrap_luna_clock_mono_ns(void)
{
    return mono_ns;
}

static void let_time_pass(int64_t ms)
{
    mono_ns += ms * 1000000;
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        count++;
    return count;
}

static void begin_quiet(enum luna_log_level level)
{
    capture(luna_log_flush);
    let_time_pass(LUNA_LOG_STORM_MS);
    luna_log_configure("prog", level, LUNA_LOG_JSON);
}

enum { STORM = 500 };

static void storm(void)
{
    for (int i = 0; i < STORM; i++)
        luna_log(LUNA_LOG_WARNING, "store_failed", LUNA_LOG_I("number", i));
}

static void a_storm_fills_the_disk(void **state)
{
    (void)state;
    begin_quiet(LUNA_LOG_INFO);
    const char *lines = capture(storm);
    assert_int_equal(count_of(lines, "\"event\":\"store_failed\""), LUNA_LOG_STORM_LINES);
    assert_int_equal(count_of(lines, "\n"), LUNA_LOG_STORM_LINES);
    assert_contains(lines, "\"number\":0}");
}

static void storm_and_its_end(void)
{
    storm();
    luna_log_tick(); /* not over yet: says nothing */
    let_time_pass(LUNA_LOG_STORM_MS);
    luna_log_tick();
    luna_log_tick();
}

static void what_was_suppressed_is_never_told(void **state)
{
    char wanted[128];
    (void)state;
    begin_quiet(LUNA_LOG_INFO);
    snprintf(wanted, sizeof wanted,
             "\"level\":\"warning\",\"program\":\"prog\",\"pid\":%d,\"event\":\"suppressed\","
             "\"of\":\"store_"
             "failed\",\"lines\":%d}\n",
             (int)getpid(), STORM - LUNA_LOG_STORM_LINES);
    const char *lines = capture(storm_and_its_end);
    assert_contains(lines, wanted);
    assert_int_equal(count_of(lines, "suppressed"), 1);
}

static void storm_and_another_line(void)
{
    storm();
    let_time_pass(LUNA_LOG_STORM_MS);
    luna_log(LUNA_LOG_INFO, "request", LUNA_LOG_I("a", 1));
}

static void only_a_tick_tells_of_a_storm(void **state)
{
    (void)state;
    begin_quiet(LUNA_LOG_INFO);
    assert_int_equal(
        count_of(capture(storm_and_another_line), "\"of\":\"store_failed\",\"lines\":480}"), 1);
}

static void storm_and_others(void)
{
    storm();
    luna_log(LUNA_LOG_ERROR, "crash_loop", LUNA_LOG_I("a", 1));
    for (int i = 0; i < STORM; i++)
        luna_log(LUNA_LOG_INFO, "request", LUNA_LOG_I("number", i));
}

/* Requests are the log's purpose; and one event's storm must not hide another event. */
static void a_storm_hides_other_lines(void **state)
{
    (void)state;
    begin_quiet(LUNA_LOG_INFO);
    const char *lines = capture(storm_and_others);
    assert_int_equal(count_of(lines, "\"event\":\"crash_loop\""), 1);
    assert_int_equal(count_of(lines, "\"event\":\"request\""), STORM);
}

static void two_storms_apart(void)
{
    storm();
    let_time_pass(LUNA_LOG_STORM_MS);
    storm();
}

static void a_later_storm_is_silent(void **state)
{
    (void)state;
    begin_quiet(LUNA_LOG_INFO);
    const char *lines = capture(two_storms_apart);
    assert_int_equal(count_of(lines, "\"event\":\"store_failed\""), 2 * LUNA_LOG_STORM_LINES);
    assert_int_equal(count_of(lines, "\"event\":\"suppressed\""), 1);
}

static const char *const many_events[] = {"e00", "e01", "e02", "e03", "e04", "e05",
                                          "e06", "e07", "e08", "e09", "e10", "e11",
                                          "e12", "e13", "e14", "e15", "e16", "e17"};

static void storms_of_many_kinds(void)
{
    storm();
    for (size_t i = 0; i < sizeof many_events / sizeof many_events[0]; i++) {
        let_time_pass(1);
        luna_log(LUNA_LOG_ERROR, many_events[i], LUNA_LOG_I("a", 1));
    }
}

static void a_storm_is_forgotten_for_want_of_room(void **state)
{
    (void)state;
    begin_quiet(LUNA_LOG_INFO);
    const char *lines = capture(storms_of_many_kinds);
    assert_contains(lines, "\"of\":\"store_failed\",\"lines\":480}");
    assert_contains(lines, "\"event\":\"e17\"");
}

static void storm_and_fork(void)
{
    storm();
    pid_t pid = fork();
    if (pid == 0) {
        luna_log_flush();
        luna_log(LUNA_LOG_WARNING, "store_failed", LUNA_LOG_S("of", "the child"));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void a_child_tells_its_parents_storm(void **state)
{
    (void)state;
    begin_quiet(LUNA_LOG_INFO);
    const char *lines = capture(storm_and_fork);
    assert_null(strstr(lines, "suppressed"));
    assert_contains(lines, "the child");
}

static void say_it_at_the_end(void)
{
    storm();
    luna_log_flush();
}

static void errors_are_suppressed_for_good_above_their_level(void **state)
{
    (void)state;
    begin_quiet(LUNA_LOG_WARNING);
    assert_contains(capture(say_it_at_the_end), "\"lines\":480}");
    begin_quiet(LUNA_LOG_ERROR);
    assert_string_equal(capture(say_it_at_the_end), ""); /* nothing of the storm was wanted */
}

static void say_hello(void)
{
    luna_log(LUNA_LOG_INFO, "hello", LUNA_LOG_I("a", 1));
}

static const char *say_to_a_terminal(enum luna_log_format format)
{
    int saved = dup(STDERR_FILENO), master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    dup2(terminal, STDERR_FILENO);
    luna_log_configure("prog", LUNA_LOG_INFO, format);
    say_hello();
    dup2(saved, STDERR_FILENO);
    ssize_t got = read(master, captured, sizeof captured - 1);
    captured[got > 0 ? got : 0] = '\0';
    close(saved);
    close(terminal);
    close(master);
    return captured;
}

static void say_as_auto(void)
{
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_AUTO);
    say_hello();
}

static void a_terminal_gets_objects_or_a_pipe_gets_text(void **state)
{
    (void)state;
    assert_contains(say_to_a_terminal(LUNA_LOG_AUTO), "] hello a=1");
    assert_contains(say_to_a_terminal(LUNA_LOG_JSON), "\"event\":\"hello\",\"a\":1}");
    assert_contains(capture(say_as_auto), "\"event\":\"hello\",\"a\":1}");
}

static char folder[] = "/tmp/luna-log-XXXXXX", path[64], renamed[64];

static void say_into_a_file(void)
{
    struct luna_error err;
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_JSON);
    assert_int_equal(luna_log_open(path, &err), LUNA_OK);
    luna_log(LUNA_LOG_INFO, "first", LUNA_LOG_I("a", 1));
    assert_int_equal(rename(path, renamed), 0);
    luna_log(LUNA_LOG_INFO, "second", LUNA_LOG_I("a", 1));
    assert_int_equal(luna_log_open(path, &err), LUNA_OK);
    luna_log(LUNA_LOG_INFO, "third", LUNA_LOG_I("a", 1));
    assert_int_equal(luna_log_open("/nowhere/at/all", &err), LUNA_EIO);
    luna_log(LUNA_LOG_INFO, "fourth", LUNA_LOG_I("a", 1));
}

static const char *read_file(const char *name)
{
    FILE *file = fopen(name, "re");
    assert_non_null(file);
    captured[fread(captured, 1, sizeof captured - 1, file)] = '\0';
    fclose(file);
    unlink(name);
    return captured;
}

static void a_renamed_file_keeps_the_lines(void **state)
{
    struct stat found;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(renamed, sizeof renamed, "%s/log.1", folder);
    capture(say_into_a_file);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07, 0); /* not for everybody */
    const char *old = read_file(renamed);
    assert_non_null(strstr(old, "first"));
    assert_non_null(strstr(old, "second"));
    assert_null(strstr(old, "third"));
    const char *fresh = read_file(path);
    assert_non_null(strstr(fresh, "third"));
    assert_non_null(strstr(fresh, "fourth"));
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storm_fills_the_disk),
        cmocka_unit_test(what_was_suppressed_is_never_told),
        cmocka_unit_test(only_a_tick_tells_of_a_storm),
        cmocka_unit_test(a_storm_hides_other_lines),
        cmocka_unit_test(a_later_storm_is_silent),
        cmocka_unit_test(a_storm_is_forgotten_for_want_of_room),
        cmocka_unit_test(a_child_tells_its_parents_storm),
        cmocka_unit_test(errors_are_suppressed_for_good_above_their_level),
        cmocka_unit_test(a_terminal_gets_objects_or_a_pipe_gets_text),
        cmocka_unit_test(a_renamed_file_keeps_the_lines),
        cmocka_unit_test(untrusted_bytes_forge_a_second_line),
        cmocka_unit_test(text_lines_carry_raw_bytes),
        cmocka_unit_test(a_long_field_breaks_the_object),
        cmocka_unit_test(lines_below_the_level_are_written),
        cmocka_unit_test(logging_changes_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
