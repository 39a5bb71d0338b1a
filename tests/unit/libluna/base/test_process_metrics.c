#include "luna/base/process_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct luna_buf page;

static double value_of(const char *name)
{
    char line[128];
    luna_buf_done(&page);
    luna_buf_init(&page, 64 * 1024);
    luna_metrics_put_process(&page);
    luna_buf_putc(&page, '\0');
    assert_false(page.overflow);
    snprintf(line, sizeof line, "\nprocess_%s ", name);
    const char *at = strstr(page.data, line);
    assert_non_null(at);
    return strtod(at + strlen(line), NULL);
}

static void an_open_file_is_counted(void **state)
{
    (void)state;
    double before = value_of("open_fds");
    int fd = open("/dev/null", O_RDONLY);
    assert_true(fd >= 0);
    assert_true(value_of("open_fds") == before + 1);
    close(fd);
    assert_true(value_of("open_fds") == before);
}

/* ps reads the same files: half a minute either way is more than any rounding, and far less than
 * a wrong field would be off. */
static void the_start_is_just_now_and_does_not_move(void **state)
{
    (void)state;
    double first = value_of("start_time_seconds");
    assert_true(first > (double)time(NULL) - 30 && first < (double)time(NULL) + 30);
    assert_true(value_of("start_time_seconds") == first);
}

static void memory_and_time_are_of_this_process(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, GROWN = 64 * MIB };
    double before = value_of("resident_memory_bytes"), cpu_before = value_of("cpu_seconds_total");
    assert_true(before > 100000 && before < value_of("virtual_memory_bytes"));
    char *memory = malloc(GROWN);
    volatile char *touched = memory;
    assert_non_null(memory);
    for (int round = 0; round < 40; round++)
        for (size_t i = 0; i < GROWN; i += 512)
            touched[i] = (char)round;
    assert_true(value_of("resident_memory_bytes") > before + GROWN * 0.9);
    assert_true(value_of("cpu_seconds_total") > cpu_before);
    free(memory);
}

static void build_is_one_line_with_its_labels(void **state)
{
    (void)state;
    struct luna_buf out;
    luna_buf_init(&out, 4096);
    luna_metrics_put_build(&out, "quota-syncd", "1.2.3");
    luna_buf_putc(&out, '\0');
    assert_non_null(strstr(
        out.data, "\nluna_build_info{program=\"quota-syncd\",version=\"1.2.3\",compiler=\""));
    assert_string_equal(strrchr(out.data, '}'), "} 1\n");
    luna_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_file_is_counted),
        cmocka_unit_test(the_start_is_just_now_and_does_not_move),
        cmocka_unit_test(memory_and_time_are_of_this_process),
        cmocka_unit_test(build_is_one_line_with_its_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
