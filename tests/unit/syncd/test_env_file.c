#include "luna/base/env_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum luna_code read_text(const char *text, size_t len, struct luna_env_file **ret_file,
                                struct luna_error *err)
{
    char path[] = "/tmp/test_env_file.XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    enum luna_code code = luna_env_file_read(path, ret_file, err);
    unlink(path);
    return code;
}

static void values_keep_what_belongs_to_them(void **state)
{
    (void)state;
    static const char text[] =
        "# a comment\n\nA=1\n  B = spaced value \t\nC=\"quo ted\"\r\nD='#not a comment'\n"
        "E=a=b=c\nF=\nG=\"\"\nA=2";
    struct luna_env_file *file = NULL;
    struct luna_error err;
    assert_int_equal(read_text(text, strlen(text), &file, &err), LUNA_OK);
    assert_string_equal(luna_env_file_get(file, "A"), "2");
    assert_string_equal(luna_env_file_get(file, "B"), "spaced value");
    assert_string_equal(luna_env_file_get(file, "C"), "quo ted");
    assert_string_equal(luna_env_file_get(file, "D"), "#not a comment");
    assert_string_equal(luna_env_file_get(file, "E"), "a=b=c");
    assert_string_equal(luna_env_file_get(file, "F"), "");
    assert_string_equal(luna_env_file_get(file, "G"), "");
    assert_null(luna_env_file_get(file, "H"));
    assert_null(luna_env_file_get(NULL, "A"));
    luna_env_file_free(file);
}

static void faults_name_the_line(void **state)
{
    (void)state;
    static const char *const texts[] = {"A=1\nno equals sign\n", "A=1\n=value\n", "A=1\n2A=x\n",
                                        "A=1\nB=\"open\n", "A=1\nB C=x\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct luna_env_file *file = NULL;
        struct luna_error err;
        assert_int_equal(read_text(texts[i], strlen(texts[i]), &file, &err), LUNA_ECONFIG);
        assert_non_null(strstr(err.msg, ":2:"));
        assert_null(file);
    }
}

static void a_file_that_is_no_text_or_too_long_is_refused(void **state)
{
    (void)state;
    struct luna_env_file *file = NULL;
    struct luna_error err;
    assert_int_equal(read_text("A=1\0B=2", 7, &file, &err), LUNA_ECONFIG);
    char *big = malloc(LUNA_ENV_FILE_BYTES_MAX + 1);
    memset(big, '\n', LUNA_ENV_FILE_BYTES_MAX + 1);
    assert_int_equal(read_text(big, LUNA_ENV_FILE_BYTES_MAX + 1, &file, &err), LUNA_ECONFIG);
    free(big);
    assert_int_equal(luna_env_file_read("/nonexistent/file", &file, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "/nonexistent/file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_what_belongs_to_them),
        cmocka_unit_test(faults_name_the_line),
        cmocka_unit_test(a_file_that_is_no_text_or_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
