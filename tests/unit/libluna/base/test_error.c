#include "luna/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void context_is_lost_on_the_way_up(void **state)
{
    (void)state;
    struct luna_error err;
    assert_int_equal(luna_error_set(&err, LUNA_EIO, "read %d bytes", 7), LUNA_EIO);
    assert_int_equal(luna_error_wrap(&err, "file %s", "a.conf"), LUNA_EIO);
    assert_int_equal(luna_error_wrap(&err, "start"), LUNA_EIO);
    assert_string_equal(err.msg, "start: file a.conf: read 7 bytes");
}

static void long_messages_run_over_the_end(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int context = 0; context < 400; context++) {
        struct {
            struct luna_error err;
            char guard[16];
        } box;
        memset(box.guard, 'g', sizeof box.guard);
        luna_error_set(&box.err, LUNA_EINVAL, "%s", text);
        luna_error_wrap(&box.err, "%.*s", context, text);
        assert_true(strlen(box.err.msg) < LUNA_ERROR_MSG_BYTES);
        for (size_t i = 0; i < sizeof box.guard; i++)
            assert_int_equal(box.guard[i], 'g');
    }
}

static void a_null_error_or_its_own_message_as_argument_breaks(void **state)
{
    (void)state;
    assert_int_equal(luna_error_set(NULL, LUNA_ENOMEM, "x"), LUNA_ENOMEM);
    assert_int_equal(luna_error_wrap(NULL, "x"), LUNA_EINVAL);
    struct luna_error err;
    luna_error_set(&err, LUNA_EIO, "inner");
    luna_error_set(&err, LUNA_ETIMEOUT, "outer (%s)", err.msg);
    assert_string_equal(err.msg, "outer (inner)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_is_lost_on_the_way_up),
        cmocka_unit_test(long_messages_run_over_the_end),
        cmocka_unit_test(a_null_error_or_its_own_message_as_argument_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
