#include "luna/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
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
        line, "\"event\":\"request\",\"path\":\"/a\\\"\\n\\u001b[31m\\u0000\xef\xbf\xbd\",\"none\":null,"
              "\"status\":-5,\"late\":true}\n");
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void text_lines_carry_raw_bytes(void **state)
{
    (void)state;
    luna_log_configure("prog", LUNA_LOG_INFO, LUNA_LOG_TEXT);
    const char *line = capture(say_hostile);
    assert_contains(line, " warning prog[");
    assert_contains(
        line, "] request path=\"/a\\\"\\n\\u001b[31m\\u0000\xef\xbf\xbd\" none=null status=-5 late=true\n");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untrusted_bytes_forge_a_second_line),
        cmocka_unit_test(text_lines_carry_raw_bytes),
        cmocka_unit_test(a_long_field_breaks_the_object),
        cmocka_unit_test(lines_below_the_level_are_written),
        cmocka_unit_test(logging_changes_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
