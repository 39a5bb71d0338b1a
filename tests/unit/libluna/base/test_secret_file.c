#include "luna/base/secret_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROOT = 0, SERVICE = 10001 };

static void another_user_reads_or_writes_a_secret(void **state)
{
    static const mode_t exposed[] = {0640, 0604, 0644, 0620, 0602, 0666, 0660, 0440, 0444, 0777};
    (void)state;
    for (size_t i = 0; i < sizeof exposed / sizeof exposed[0]; i++)
        assert_true(luna_secret_file_is_exposed(exposed[i], SERVICE, false));
    assert_true(luna_secret_file_is_exposed(0644, ROOT, false));
    assert_true(luna_secret_file_is_exposed(0660, ROOT, false));
    assert_true(luna_secret_file_is_exposed(0642, ROOT, true));
    assert_true(luna_secret_file_is_exposed(0664, SERVICE, true));
}

static void a_secret_that_is_set_up_well_is_refused(void **state)
{
    (void)state;
    assert_false(luna_secret_file_is_exposed(0600, SERVICE, false));
    assert_false(luna_secret_file_is_exposed(0400, SERVICE, false));
    assert_false(luna_secret_file_is_exposed(0640, ROOT, false)); /* the service's group */
    assert_false(luna_secret_file_is_exposed(0440, ROOT, true));  /* Kubernetes with fsGroup */
    assert_false(luna_secret_file_is_exposed(0444, ROOT, true));  /* Docker, Kubernetes */
    assert_false(luna_secret_file_is_exposed(0644, SERVICE, true));
}

/* The temporary folder may be a memory file system: it is one that all users share. */
static void a_message_lacks_the_command(void **state)
{
    char path[] = "/tmp/luna-secret-XXXXXX";
    char expected[200];
    struct luna_error err;
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(luna_secret_file_check(fd, "LUNA_X_FILE names", path, &err), LUNA_OK);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(luna_secret_file_check(fd, "LUNA_X_FILE names", path, &err), LUNA_ECONFIG);
    snprintf(expected, sizeof expected,
             "LUNA_X_FILE names %s, which other users may read (mode 0644): chmod %s %s", path,
             geteuid() == ROOT ? "640" : "600", path);
    assert_string_equal(err.msg, expected);
    assert_int_equal(fchmod(fd, 0622), 0);
    assert_int_equal(luna_secret_file_check(fd, "LUNA_X_FILE names", path, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "which other users may write to (mode 0622): chmod"));
    close(fd);
    unlink(path);
}

static void a_pipe_is_refused(void **state)
{
    int ends[2];
    struct luna_error err;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(luna_secret_file_check(ends[0], "LUNA_X_FILE names", "/dev/fd/3", &err),
                     LUNA_OK);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_user_reads_or_writes_a_secret),
        cmocka_unit_test(a_secret_that_is_set_up_well_is_refused),
        cmocka_unit_test(a_message_lacks_the_command),
        cmocka_unit_test(a_pipe_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
