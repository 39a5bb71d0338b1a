/* One series: what would mix two answers, or say one thing twice. */
#include "fcgi-worker/request/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TABLE_BYTES_MAX = 65536 };

static const char *serve(const char *content_type, const char *query, const char *body)
{
    return rig_serve(&(struct rig_request){.path = "/api/v1/42/kalman",
                                           .api_key = "key",
                                           .content_type = content_type,
                                           .accept = "text/csv",
                                           .query = query,
                                           .body = body,
                                           .idempotency_key = "once"});
}

static int times_in(const char *text, const char *part)
{
    int times = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        times++;
    return times;
}

/* It is too long to be kept for a replay, which is found when most of it is written. */
static void a_long_answer_has_its_headers_twice(void **state)
{
    static char table[TABLE_BYTES_MAX];
    size_t len = (size_t)snprintf(table, sizeof table, "y\n");
    (void)state;
    for (int i = 0; i < 2000; i++)
        len += (size_t)snprintf(table + len, sizeof table - len, "%d.%d\n", i, i * 7919 % 1000);
    const char *answer = serve("text/csv", "output=filtered", table);
    assert_int_equal(times_in(answer, "Status: 200"), 1);
    assert_true(rig.io.sent.len > LUNA_ANSWER_BYTES_MAX);
    assert_int_equal(rig.admitter.kept_len, 0);
    assert_int_equal(times_in(answer, "\r\nLuna-Input: "), 1);
    assert_int_equal(times_in(answer, "\r\nLuna-Fit: "), 1);
}

static void only_a_table_says_what_was_read(void **state)
{
    (void)state;
    assert_int_equal(times_in(serve("application/json", "", "{\"results\":[1,null,3]}"),
                              "\r\nLuna-Input: rows=3\r\n"),
                     1);
    assert_int_equal(
        times_in(serve("application/x-ndjson", "", "1\nnull\n"), "\r\nLuna-Input: rows=2\r\n"), 1);
    assert_int_equal(
        times_in(serve("application/octet-stream", "", "12345678"), "\r\nLuna-Input: rows=1\r\n"),
        1);
}

/* Under one Idempotency-Key one unit bought the answers to several tables in one body. */
static void how_a_table_is_to_be_read_does_not_count(void **state)
{
    static const char *const types[] = {"text/csv", "text/csv; header=present",
                                        "text/csv; header=absent", "text/tab-separated-values"};
    enum { COUNT = sizeof types / sizeof types[0] };
    unsigned char hashes[COUNT][sizeof rig.admitter.body_hash];
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        assert_string_not_equal(serve(types[i], "", "1\n2\n3\n"), "");
        memcpy(hashes[i], rig.admitter.body_hash, sizeof hashes[i]);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(hashes[i], hashes[k], sizeof hashes[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_long_answer_has_its_headers_twice),
        TEST(only_a_table_says_what_was_read),
        TEST(how_a_table_is_to_be_read_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
