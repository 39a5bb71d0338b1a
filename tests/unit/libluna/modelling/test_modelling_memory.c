/*
 * Out of memory at every single place: the answer is a status, never a crash, a leak or half a
 * result.
 */
#include "failing_alloc.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/run.h"
#include "luna/table/table.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char json_good[] =
    "{\"results\":[1,2,4,3,null,5,6,8],\"r\\u0065\":1,\"horizon\":3,"
    "\"intervals\":[0.5],\"include\":[\"model\",\"variance\","
    "\"innovations\",\"diagnostics\"],\"model\":{\"name\":\"local_level\","
    "\"parameters\":{\"level_variance\":0.5}}}";
static const char csv_good[] = "when,value\na,1\nb,2\nc,3\n";
static const char csv_bad[] = "when,value\na,1\nb,x\nc,1e999\nd\n";

enum end { END_ANSWERED, END_FAULTS, END_MEMORY };

static enum luna_decode_status
decode_csv(const char *text, const struct luna_request_limits *limits, struct luna_arena *arena,
           struct luna_request *ret_request, struct luna_faults *faults)
{
    static const struct luna_table_options found = {.column = NULL};
    struct luna_table table;
    enum luna_decode_status status =
        luna_table_read(text, strlen(text), &found, false, limits, arena, &table, faults);
    if (status == LUNA_DECODE_OK)
        luna_table_request(&table, 0, ret_request);
    return status;
}

/* One body through all steps; `arena_bytes` limits it. */
static enum end go(const char *text, bool csv, size_t arena_bytes)
{
    const struct luna_request_limits limits = {.points_max = 100, .nesting_max = 8};
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_request request;
    struct luna_result result;
    struct luna_buf out;
    luna_arena_init(&arena, 512, arena_bytes);
    luna_faults_init(&faults, &arena);
    luna_buf_init(&out, 1 << 20);
    enum luna_decode_status decoded =
        csv ? decode_csv(text, &limits, &arena, &request, &faults)
            : luna_decode_json(text, strlen(text), &limits, &arena, &request, &faults);
    enum luna_run_status ran = LUNA_RUN_OK;
    if (decoded == LUNA_DECODE_OK) {
        ran = luna_run(&request, NULL, &arena, &result, &faults);
        if (ran == LUNA_RUN_OK)
            luna_encode_json(&request, &result, 0, &out);
    }
    luna_faults_put_json(&faults, &out);
    enum end end = decoded == LUNA_DECODE_MEMORY || ran == LUNA_RUN_MEMORY || out.overflow
                       ? END_MEMORY
                   : decoded == LUNA_DECODE_FAULTS || ran == LUNA_RUN_FAULTS ? END_FAULTS
                                                                             : END_ANSWERED;
    luna_buf_done(&out);
    luna_arena_done(&arena);
    return end;
}

static const struct {
    const char *text;
    bool csv;
    enum end end;
} bodies[] = {
    {json_good, false, END_FAULTS}, /* one unknown member, written with an escape */
    {"{\"results\":[1,2,4,3,null,5,6,8],\"horizon\":3,\"intervals\":[0.5],\"include\":[\"model\","
     "\"variance\","
     "\"innovations\",\"diagnostics\"],\"model\":{\"name\":\"local_level\",\"parameters\":{\"level_"
     "variance\":0.5}}}",
     false, END_ANSWERED},
    {"{\"results\":[1,2,4,3,null,5,60,8,7,9,8,9,7,6],\"robust\":true,\"include\":[\"covariance\"]}",
     false, END_ANSWERED},
    {"{\"results\":[1,2,4,3,null,5,6,8,7,9,8,9,7,6],\"model\":{\"name\":\"arima\",\"p\":3},"
     "\"include\":[\"covariance\"]}",
     false, END_ANSWERED},
    {"{\"results\":[1,2", false, END_FAULTS},
    {"{\"results\":[],\"model\":{\"name\":\"zz\",\"parameters\":{\"a\":[1,\"b\"]}},\"intervals\":["
     "1,2,3,4,5,"
     "6,7,8,9]}",
     false, END_FAULTS},
    {csv_good, true, END_ANSWERED},
    {csv_bad, true, END_FAULTS},
};

/* A fault found before memory ran out may be answered; an answer may not. */
static void assert_end(enum end got, enum end wanted, bool short_of_memory)
{
    if (!short_of_memory)
        assert_int_equal(got, wanted);
    else
        assert_true(got == END_MEMORY || got == END_FAULTS || got == wanted);
}

static void a_full_arena_crashes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (size_t bytes = 0; bytes < 40000; bytes += bytes < 4000 ? 16 : 256)
            assert_end(go(bodies[i].text, bodies[i].csv, bytes), bodies[i].end, true);
        assert_end(go(bodies[i].text, bodies[i].csv, 1 << 20), bodies[i].end, false);
    }
}

static void a_failing_malloc_crashes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (long n = 1;; n++) {
            failing_alloc_at(n);
            enum end end = go(bodies[i].text, bodies[i].csv, 1 << 20);
            bool fired = failing_alloc_fired();
            failing_alloc_at(0);
            assert_end(end, bodies[i].end, fired);
            if (!fired)
                break;
        }
    }
}

static long jansson_countdown;

static void *jansson_malloc(size_t size)
{
    if (jansson_countdown > 0 && --jansson_countdown == 0)
        return NULL;
    return malloc(size);
}

/* No token is longer than 15 bytes: jansson 2.14 overlooks a failed growth of its token buffer and
 * then writes past the end of a string, which is no fault of ours to test. */
static const struct {
    const char *text;
    enum end end;
} short_tokens[] = {
    {"{\"results\":[1,2,4],\"horizon\":3,\"intervals\":[0.5],\"include\":[\"model\",\"variance\"],"
     "\"model\":{\"name\":\"local_level\",\"parameters\":{}}}",
     END_ANSWERED},
    {"{\"results\":[1],\"model\":{\"name\":\"arima\",\"p\":1,\"q\":-1,\"parameters\":{\"ar\":[0.5,"
     "null]}}}",
     END_FAULTS},
};

static void a_failing_jansson_is_a_fault_of_the_client(void **state)
{
    (void)state;
    json_set_alloc_funcs(jansson_malloc, free);
    for (size_t i = 0; i < sizeof short_tokens / sizeof short_tokens[0]; i++) {
        for (long n = 1;; n++) {
            jansson_countdown = n;
            enum end end = go(short_tokens[i].text, false, 1 << 20);
            bool fired = jansson_countdown == 0;
            jansson_countdown = 0;
            if (end != (fired ? END_MEMORY : short_tokens[i].end))
                fail_msg("body %zu, allocation %ld: end %d", i, n, (int)end);
            if (!fired)
                break;
        }
    }
    json_set_alloc_funcs(malloc, free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_arena_crashes),
        cmocka_unit_test(a_failing_malloc_crashes),
        cmocka_unit_test(a_failing_jansson_is_a_fault_of_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
