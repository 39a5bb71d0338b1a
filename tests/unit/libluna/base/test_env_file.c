#include "luna/base/env_file.h"

#include "failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[32];

static void write_file(const char *content, size_t len)
{
    strcpy(path, "/tmp/luna-env-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), (ssize_t)len);
    close(fd);
}

static void values_are_misread(void **state)
{
    (void)state;
    static const char text[] =
        "# comment\n\n  LUNA_A = one two \r\nLUNA_B=\"quoted = #x\"\nLUNA_C='single'\nLUNA_D=\n"
        "LUNA_A=last wins\nLUNA_E=$HOME";
    struct luna_env_file *file = NULL;
    struct luna_error err;
    write_file(text, strlen(text));
    assert_int_equal(luna_env_file_read(path, &file, &err), LUNA_OK);
    assert_string_equal(luna_env_file_get(file, "LUNA_A"), "last wins");
    assert_string_equal(luna_env_file_get(file, "LUNA_B"), "quoted = #x");
    assert_string_equal(luna_env_file_get(file, "LUNA_C"), "single");
    assert_string_equal(luna_env_file_get(file, "LUNA_D"), "");
    assert_string_equal(luna_env_file_get(file, "LUNA_E"), "$HOME");
    assert_null(luna_env_file_get(file, "LUNA_Z"));
    assert_null(luna_env_file_get(NULL, "LUNA_A"));
    luna_env_file_free(file);
    unlink(path);
}

static void a_bad_line_is_not_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"LUNA_A=1\nnonsense\n", ":2: expected NAME=value"},
        {"1A=2\n", ":1: \"1A\" is not a valid variable name"},
        {"\nLUNA_A=\"open\n", ":2: the value of LUNA_A lacks its closing quote"},
        {"LUNA_A=\"\n", ":1: the value of LUNA_A lacks its closing quote"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct luna_env_file *file = NULL;
        struct luna_error err;
        char expected[200];
        write_file(rows[i].text, strlen(rows[i].text));
        assert_int_equal(luna_env_file_read(path, &file, &err), LUNA_ECONFIG);
        snprintf(expected, sizeof expected, "%s%s", path, rows[i].expected);
        assert_string_equal(err.msg, expected);
        assert_null(file);
        unlink(path);
    }
}

static void a_hostile_file_is_taken(void **state)
{
    (void)state;
    struct luna_env_file *file = NULL;
    struct luna_error err;
    assert_int_equal(luna_env_file_read("/dev/zero", &file, &err), LUNA_ECONFIG);
    assert_int_equal(luna_env_file_read("/nonexistent/luna", &file, &err), LUNA_ECONFIG);
    assert_string_equal(err.msg, "/nonexistent/luna: No such file or directory");
    write_file("A=1\0B=2", 7);
    assert_int_equal(luna_env_file_read(path, &file, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "contains a NUL byte"));
    unlink(path);
    failing_alloc_at(1);
    assert_int_equal(luna_env_file_read(path, &file, &err), LUNA_ENOMEM);
    failing_alloc_at(0);
    assert_null(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_misread),
        cmocka_unit_test(a_bad_line_is_not_named),
        cmocka_unit_test(a_hostile_file_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
