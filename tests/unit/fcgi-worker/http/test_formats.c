#include "http/formats.h"

#include "http/content_coding.h"
#include "http/query.h"
#include "luna/base/arena.h"
#include "luna/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static void accept_is_weighed_as_rfc_9110_says(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum format otherwise, expected;
    } cases[] = {
        {"", FORMAT_CSV, FORMAT_CSV},
        {"*/*", FORMAT_OCTETS, FORMAT_OCTETS},
        {"image/png", FORMAT_JSON, FORMAT_JSON},
        {"text/csv", FORMAT_JSON, FORMAT_CSV},
        {"TEXT/CSV; charset=utf-8", FORMAT_JSON, FORMAT_CSV},
        {"text/csv;q=0.5, application/json", FORMAT_CSV, FORMAT_JSON},
        {"text/csv;q=0.9,application/json;q=0.8", FORMAT_JSON, FORMAT_CSV},
        {"text/csv,application/json", FORMAT_JSON, FORMAT_JSON},
        {"application/json;q=0,*/*", FORMAT_JSON, FORMAT_CSV},
        {"text/*", FORMAT_JSON, FORMAT_CSV},
        {"application/*;q=0.1,application/x-ndjson;q=0.05,text/csv;q=0.001", FORMAT_JSON,
         FORMAT_JSON},
        {"application/octet-stream;q=1.000, */*;q=0.1", FORMAT_JSON, FORMAT_OCTETS},
        {"application/problem+json", FORMAT_CSV, FORMAT_CSV},
        {";;;,,,q=;text", FORMAT_JSON, FORMAT_JSON},
        {"text/csv;q", FORMAT_JSON, FORMAT_CSV},
        {"text/csv;q=", FORMAT_JSON, FORMAT_CSV},
        {"text/csv;q=.4, application/json;q=.6", FORMAT_OCTETS, FORMAT_JSON},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum format got = format_accepted(cases[i].accept, cases[i].otherwise);
        if (got != cases[i].expected)
            fail_msg("%s: %d, not %d", cases[i].accept, (int)got, (int)cases[i].expected);
    }
}

/* Made by Python: gzip.compress(b'{"results":[1,2]}', mtime=0), zlib.compress of the same. */
static const unsigned char zipped[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                       0xab, 0x56, 0x2a, 0x4a, 0x2d, 0x2e, 0xcd, 0x29, 0x29, 0x56,
                                       0xb2, 0x8a, 0x36, 0xd4, 0x31, 0x8a, 0xad, 0x05, 0x00, 0xc5,
                                       0x3e, 0x9d, 0x58, 0x11, 0x00, 0x00, 0x00};
static const unsigned char deflated[] = {0x78, 0x9c, 0xab, 0x56, 0x2a, 0x4a, 0x2d, 0x2e, 0xcd,
                                         0x29, 0x29, 0x56, 0xb2, 0x8a, 0x36, 0xd4, 0x31, 0x8a,
                                         0xad, 0x05, 0x00, 0x37, 0x54, 0x05, 0xd0};

/* The middle of it: what is between zlib's header and its checksum. */
static const unsigned char *const raw = deflated + 2;
enum { RAW_BYTES = sizeof deflated - 2 - 4 };

static enum coding_outcome unpack(const char *coding, const void *body, size_t len,
                                  size_t bytes_max, const char *expected)
{
    struct luna_arena arena;
    struct luna_buf out;
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_buf_init(&out, bytes_max);
    enum coding_outcome outcome = content_decode(coding, body, len, &arena, &out);
    if (outcome == CODING_DECODED && expected != NULL) {
        assert_int_equal(out.len, strlen(expected));
        assert_memory_equal(out.data, expected, out.len);
    }
    luna_buf_done(&out);
    luna_arena_done(&arena);
    return outcome;
}

static void compressed_bodies_come_out_whole_or_not_at_all(void **state)
{
    (void)state;
    static const char plain[] = "{\"results\":[1,2]}";
    unsigned char twice[2 * sizeof zipped];
    memcpy(twice, zipped, sizeof zipped);
    memcpy(twice + sizeof zipped, zipped, sizeof zipped);
    assert_int_equal(unpack("", plain, 5, 100, NULL), CODING_NONE);
    assert_int_equal(unpack("Identity", plain, 5, 100, NULL), CODING_NONE);
    assert_int_equal(unpack("br", zipped, sizeof zipped, 100, NULL), CODING_UNKNOWN);
    assert_int_equal(unpack("gzip, gzip", zipped, sizeof zipped, 100, NULL), CODING_UNKNOWN);
    assert_int_equal(unpack("GZIP", zipped, sizeof zipped, 100, plain), CODING_DECODED);
    assert_int_equal(unpack("x-gzip", zipped, sizeof zipped, strlen(plain), plain), CODING_DECODED);
    assert_int_equal(unpack("deflate", deflated, sizeof deflated, 100, plain), CODING_DECODED);
    assert_int_equal(unpack("Deflate", raw, RAW_BYTES, 100, plain), CODING_DECODED);
    for (size_t len = 1; len < RAW_BYTES; len++)
        assert_int_equal(unpack("deflate", raw, len, 100, NULL), CODING_CORRUPT);
    assert_int_equal(unpack("deflate", plain, strlen(plain), 100, NULL), CODING_CORRUPT);
    assert_int_equal(unpack("gzip", raw, RAW_BYTES, 100, NULL), CODING_CORRUPT);
    assert_int_equal(
        unpack("gzip", twice, sizeof twice, 100, "{\"results\":[1,2]}{\"results\":[1,2]}"),
        CODING_DECODED);
    assert_int_equal(unpack("gzip", zipped, sizeof zipped, strlen(plain) - 1, NULL),
                     CODING_TOO_LARGE);
    assert_int_equal(unpack("gzip", "", 0, 100, NULL), CODING_CORRUPT);
    assert_int_equal(unpack("gzip", plain, strlen(plain), 100, NULL), CODING_CORRUPT);
    for (size_t len = 1; len < sizeof zipped; len++)
        assert_int_equal(unpack("gzip", zipped, len, 100, NULL), CODING_CORRUPT);
    for (size_t at = 0; at < sizeof zipped; at++) {
        unsigned char bent[sizeof zipped];
        memcpy(bent, zipped, sizeof zipped);
        bent[at] ^= 0x10;
        /* what comes out, if anything, is the plain text */
        (void)unpack("gzip", bent, sizeof bent, 100, plain);
    }
}

/* 5 MiB of zeros, level 9, in 5 kB; and the ratio's allowance. */
static void a_small_body_unpacks_to_anything(void **state)
{
    (void)state;
    enum { PLAIN_BYTES = 5 << 20, PACKED_BYTES = 1 << 16 };
    unsigned char *plain = calloc(1, PLAIN_BYTES), *packed = malloc(PACKED_BYTES);
    uLongf len = PACKED_BYTES;
    assert_int_equal(compress2(packed, &len, plain, PLAIN_BYTES, 9), Z_OK);
    assert_int_equal(unpack("deflate", packed, len, 2 * PLAIN_BYTES, NULL), CODING_EXPANDS);
    len = PACKED_BYTES;
    assert_int_equal(compress2(packed, &len, plain, CONTENT_EXPANDED_BYTES_FREE, 9), Z_OK);
    assert_int_equal(unpack("deflate", packed, len, 2 * PLAIN_BYTES, NULL), CODING_DECODED);
    free(plain);
    free(packed);
}

struct asked {
    struct luna_arena arena;
    struct luna_faults faults;
    struct query query;
    struct luna_request request;
};

static bool ask(struct asked *asked, const char *text)
{
    luna_arena_init(&asked->arena, 4096, 1 << 20);
    luna_faults_init(&asked->faults, &asked->arena);
    luna_request_init(&asked->request);
    bool parsed = query_parse(text, &asked->arena, &asked->query, &asked->faults);
    return query_options_apply(&asked->query, true, false, 8, &asked->arena, &asked->request,
                               &asked->faults) == LUNA_DECODE_OK &&
           parsed;
}

static void options_of_the_query_are_those_of_the_body(void **state)
{
    (void)state;
    struct asked a;
    assert_true(ask(&a, "output=smoothed&horizon=12&intervals=0.8,0.95&include=model,variance&"
                        "robust=true&precision=6&"
                        "model=%7B%22name%22%3A%22seasonal%22%2C%22period%22:12}"));
    assert_int_equal(a.request.output, LUNA_OUTPUT_SMOOTHED);
    assert_int_equal(a.request.horizon, 12);
    assert_int_equal(a.request.interval_count, 2);
    assert_true(a.request.intervals[1] == 0.95);
    luna_arena_done(&a.arena);
    assert_true(ask(&a, "intervals=.8&include=model&output=smoothed&intervals=0.95&horizon=12&"
                        "include=variance&robust=true&precision=6&"
                        "model=%7B%22name%22%3A%22seasonal%22%2C%22period%22:12}"));
    assert_int_equal(a.request.interval_count, 2);
    assert_true(a.request.intervals[0] == 0.8 && a.request.intervals[1] == 0.95);
    assert_int_equal(a.request.include, LUNA_INCLUDE_MODEL | LUNA_INCLUDE_VARIANCE);
    assert_true(a.request.robust);
    assert_string_equal(a.request.model_name, "seasonal");
    assert_int_equal(query_precision(&a.query, &a.faults), 6);
    luna_arena_done(&a.arena);
}

static void wrong_queries_are_told_where(void **state)
{
    (void)state;
    static const struct {
        const char *query, *type, *name;
    } cases[] = {
        {"output=x", "literal_error", "output"},
        {"horizon=x", "int_type", "horizon"},
        {"horizon=1.5", "int_from_float", "horizon"},
        {"horizon=1e999", "finite_number", "horizon"},
        {"intervals=0.8,", "float_type", "intervals"},
        {"intervals=95", "less_than", "intervals"},
        {"include=moon", "literal_error", "include"},
        {"robust=yes", "bool_type", "robust"},
        {"moon=1", "extra_forbidden", "moon"},
        {"precision=1&precision=2", "value_error", "precision"},
        {"horizon=.", "int_type", "horizon"},
        {"intervals=.8e", "float_type", "intervals"},
        {"%zz=1", "value_error", ""},
        {"output=%00", "value_error", "output"},
        {"output=%ff", "value_error", "output"},
        {"output=%4", "value_error", "output"},
        {"model=moon", "literal_error", "model"},
        {"=", "extra_forbidden", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asked a;
        assert_false(ask(&a, cases[i].query));
        assert_int_equal(a.faults.count, 1);
        const struct luna_fault *fault = &a.faults.list[0];
        if (strcmp(fault->type, cases[i].type) != 0 || strcmp(fault->loc[0].name, "query") != 0 ||
            strcmp(fault->loc[1].name, cases[i].name) != 0)
            fail_msg("%s: %s at %s.%s", cases[i].query, fault->type, fault->loc[0].name,
                     fault->loc[1].name);
        luna_arena_done(&a.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_is_weighed_as_rfc_9110_says),
        cmocka_unit_test(compressed_bodies_come_out_whole_or_not_at_all),
        cmocka_unit_test(a_small_body_unpacks_to_anything),
        cmocka_unit_test(options_of_the_query_are_those_of_the_body),
        cmocka_unit_test(wrong_queries_are_told_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
