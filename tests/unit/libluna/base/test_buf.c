#include "luna/base/buf.h"

#include "failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_holds(const struct luna_buf *buf, const char *text)
{
    assert_int_equal(buf->len, strlen(text));
    if (buf->len > 0)
        assert_memory_equal(buf->data, text, buf->len);
}

static void appends_land_in_order_across_growth(void **state)
{
    (void)state;
    struct luna_buf buf;
    luna_buf_init(&buf, 1 << 20);
    for (int i = 0; i < 20000; i++)
        luna_buf_printf(&buf, "%d,", i % 10);
    assert_false(buf.overflow);
    assert_int_equal(buf.len, 40000);
    for (size_t i = 0; i < 20000; i++)
        assert_int_equal(buf.data[2 * i], '0' + (int)(i % 10));
    luna_buf_done(&buf);
}

static void overflow_leaves_what_was_written(void **state)
{
    (void)state;
    struct luna_buf buf;
    luna_buf_init(&buf, 10);
    luna_buf_puts(&buf, "12345678");
    luna_buf_puts(&buf, "abc");
    assert_true(buf.overflow);
    assert_holds(&buf, "12345678");
    luna_buf_puts(&buf, "9a");
    assert_holds(&buf, "123456789a"); /* exactly full is allowed */
    assert_true(buf.overflow);        /* and the flag stays until cleared */
    luna_buf_clear(&buf);
    assert_false(buf.overflow);
    assert_holds(&buf, "");
    luna_buf_done(&buf);
}

static void cut_keeps_what_came_later(void **state)
{
    struct luna_buf buf;
    (void)state;
    luna_buf_init(&buf, 100);
    luna_buf_puts(&buf, "first, second");
    luna_buf_cut(&buf, 5);
    luna_buf_puts(&buf, "!");
    assert_holds(&buf, "first!");
    luna_buf_done(&buf);
}

static void huge_reserve_does_not_wrap_around(void **state)
{
    (void)state;
    struct luna_buf buf;
    luna_buf_init(&buf, SIZE_MAX / 2);
    luna_buf_puts(&buf, "x");
    assert_null(luna_buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.overflow);
    luna_buf_done(&buf);
    luna_buf_init(&buf, 0);
    luna_buf_putc(&buf, 'x');
    assert_true(buf.overflow);
    luna_buf_done(&buf);
}

static void json_string_is(const char *text, size_t len, const char *expected)
{
    struct luna_buf buf;
    luna_buf_init(&buf, 4096);
    luna_buf_put_json_string(&buf, text, len);
    assert_holds(&buf, expected);
    luna_buf_done(&buf);
}

static void json_strings_escape_what_they_must(void **state)
{
    (void)state;
    json_string_is("plain", 5, "\"plain\"");
    json_string_is("", 0, "\"\"");
    json_string_is("a\"b\\c\n\t\r\b\f", 10, "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\"");
    json_string_is("\0\x1b\x7f", 3, "\"\\u0000\\u001b\\u007f\"");
    json_string_is("h\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x99", 10,
                   "\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x99\"");
    json_string_is("a\xff\xc3", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void json_string_that_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    struct luna_buf buf;
    luna_buf_init(&buf, 12);
    luna_buf_puts(&buf, "key:");
    luna_buf_put_json_string(&buf, "0123456789", 10);
    assert_true(buf.overflow);
    assert_holds(&buf, "key:");
    luna_buf_done(&buf);
}

static void failed_growth_keeps_the_old_bytes(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct luna_buf buf;
        luna_buf_init(&buf, 1 << 16);
        failing_alloc_at(n);
        for (int i = 0; i < 3000; i++)
            luna_buf_puts(&buf, "abc");
        bool fired = failing_alloc_fired();
        failing_alloc_at(0);
        assert_int_equal(buf.overflow, fired);
        for (size_t i = 0; i < buf.len; i++)
            assert_int_equal(buf.data[i], "abc"[i % 3]);
        luna_buf_done(&buf);
        if (!fired)
            break;
    }
}

static void a_lower_maximum_lets_more_be_written_than_it(void **state)
{
    struct luna_buf buf;
    char text[300];
    (void)state;
    memset(text, 'x', sizeof text);
    luna_buf_init(&buf, 1000);
    luna_buf_append(&buf, text, sizeof text);
    luna_buf_clear(&buf);
    luna_buf_limit(&buf, 100);
    luna_buf_append(&buf, text, sizeof text);
    assert_true(buf.overflow);
    assert_int_equal(buf.len, 0);
    luna_buf_clear(&buf);
    luna_buf_append(&buf, text, 100);
    luna_buf_limit(&buf, 1000);
    luna_buf_append(&buf, text, 200);
    assert_false(buf.overflow);
    assert_int_equal(buf.len, 300);
    luna_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_land_in_order_across_growth),
        cmocka_unit_test(overflow_leaves_what_was_written),
        cmocka_unit_test(cut_keeps_what_came_later),
        cmocka_unit_test(huge_reserve_does_not_wrap_around),
        cmocka_unit_test(a_lower_maximum_lets_more_be_written_than_it),
        cmocka_unit_test(json_strings_escape_what_they_must),
        cmocka_unit_test(json_string_that_does_not_fit_is_left_out_whole),
        cmocka_unit_test(failed_growth_keeps_the_old_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
