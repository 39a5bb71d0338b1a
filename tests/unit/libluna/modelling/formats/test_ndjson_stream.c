#include "luna/base/buf.h"

#include "luna/modelling/encode.h"
#include "luna/modelling/ndjson.h"
#include "luna/modelling/octets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 20000, ROOM = 4096 };

struct sink {
    struct luna_buf taken;
    int calls, calls_allowed;
};

static bool take(void *ctx, const char *bytes, size_t len)
{
    struct sink *sink = ctx;
    if (++sink->calls > sink->calls_allowed)
        return false;
    luna_buf_append(&sink->taken, bytes, len);
    return true;
}

static void encode_octets(const struct luna_request *request, const struct luna_result *result,
                          int precision, struct luna_buf *out)
{
    (void)request;
    (void)precision;
    luna_encode_octets(result, out);
}

static void (*const encoders[])(const struct luna_request *request,
                                const struct luna_result *result, int precision,
                                struct luna_buf *out) = {luna_encode_json, luna_encode_csv,
                                                         luna_encode_ndjson, encode_octets};

static void encode(int which, struct luna_buf *out)
{
    static double values[N];
    static char input[N * 4];
    for (int i = 0; i < N; i++)
        values[i] = i / 7.0;
    memset(input, '1', sizeof input);
    const struct luna_request request = {
        .values = values, .n = N, .input = input, .input_len = sizeof input};
    const struct luna_result result = {
        .n = N,
        .processed = values,
        .forecast = {.horizon = N, .mean = values, .variance = values}};
    encoders[which](&request, &result, 0, out);
}

static void a_streamed_answer_is_the_whole_one_in_a_bounded_buffer(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        struct luna_buf whole, small;
        struct sink sink = {.calls_allowed = 1 << 30};
        luna_buf_init(&whole, (size_t)16 << 20);
        luna_buf_init(&small, ROOM);
        luna_buf_init(&sink.taken, (size_t)16 << 20);
        small.drain = take;
        small.drain_ctx = &sink;
        encode(which, &whole);
        encode(which, &small);
        assert_false(small.overflow);
        assert_true(small.cap <= ROOM);
        assert_int_equal(small.drained, sink.taken.len);
        luna_buf_append(&sink.taken, small.data, small.len);
        assert_int_equal(sink.taken.len, whole.len);
        assert_memory_equal(sink.taken.data, whole.data, whole.len);
        assert_true(sink.calls > 10);
        luna_buf_done(&whole);
        luna_buf_done(&small);
        luna_buf_done(&sink.taken);
    }
}

static void a_drain_that_fails_stops_the_writer_soon(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        struct luna_buf small;
        struct sink sink = {.calls_allowed = 3};
        luna_buf_init(&small, ROOM);
        luna_buf_init(&sink.taken, (size_t)16 << 20);
        small.drain = take;
        small.drain_ctx = &sink;
        encode(which, &small);
        assert_true(small.overflow);
        assert_int_equal(sink.calls, 4);
        luna_buf_done(&small);
        luna_buf_done(&sink.taken);
    }
}

static void without_a_drain_a_full_buffer_is_an_overflow(void **state)
{
    (void)state;
    struct luna_buf small;
    luna_buf_init(&small, ROOM);
    encode(0, &small);
    assert_true(small.overflow);
    assert_true(small.len <= ROOM);
    luna_buf_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_streamed_answer_is_the_whole_one_in_a_bounded_buffer),
        cmocka_unit_test(a_drain_that_fails_stops_the_writer_soon),
        cmocka_unit_test(without_a_drain_a_full_buffer_is_an_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
