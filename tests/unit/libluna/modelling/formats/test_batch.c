#include "luna/modelling/batch.h"

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/ndjson.h"
#include "luna/modelling/octets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

static const struct luna_request_limits limits = {.points_max = 100, .nesting_max = 8};

struct fixture {
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_batch batch;
};

static int set_up(void **state)
{
    static struct fixture f;
    luna_arena_init(&f.arena, 4096, 64 << 20);
    luna_faults_init(&f.faults, &f.arena);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    luna_arena_done(&f->arena);
    return 0;
}

/* The faults as text, such as "too_short@body.series.1 …". */
static const char *faults_text(const struct luna_faults *faults)
{
    static char text[2048];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; faults != NULL && i < faults->count; i++) {
        const struct luna_fault *fault = &faults->list[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s@", i > 0 ? " " : "",
                                 fault->type);
        for (int k = 0; k < fault->loc_count; k++) {
            const struct luna_fault_loc *loc = &fault->loc[k];
            used += loc->name != NULL ? (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                                         k > 0 ? "." : "", loc->name)
                                      : (size_t)snprintf(text + used, sizeof text - used, "%s%ld",
                                                         k > 0 ? "." : "", loc->index);
        }
    }
    return text;
}

static enum luna_decode_status decode_json(struct fixture *f, const char *body)
{
    return luna_decode_batch_json(body, strlen(body), &limits, &f->arena, &f->batch, &f->faults);
}

static void assert_series(const struct luna_batch_item *item, size_t n, const double *values)
{
    if (item->faults != NULL)
        fail_msg("%s", faults_text(item->faults));
    assert_int_equal(item->request.n, n);
    for (size_t i = 0; i < n; i++)
        assert_true(item->request.values[i] == values[i] ||
                    (isnan(values[i]) && isnan(item->request.values[i])));
}

static void ragged_and_flat_say_the_same(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {
        "{\"series\":[[1,2,null],[4.5],[6,7]],\"output\":\"smoothed\",\"horizon\":2}",
        "{\"horizon\":2,\"y\":[1,2,null,4.5,6,7],\"output\":\"smoothed\",\"sizes\":[3,1,2]}",
        " { \"sizes\" : [ 3 , 1,2 ] ,\n\"y\" : [ 1 , 2 , null , 4.5 , 6 , 7 ], "
        "\"output\":\"smoothed\",\"horizon\":2 } "};
    for (size_t i = 0; i < 3; i++) {
        if (decode_json(f, bodies[i]) != LUNA_DECODE_OK)
            fail_msg("%s: %s", bodies[i], faults_text(&f->faults));
        assert_int_equal(f->batch.count, 3);
        assert_int_equal(f->batch.sound, 3);
        assert_int_equal(f->batch.points, 6);
        assert_series(&f->batch.items[0], 3, (const double[]){1, 2, (double)NAN});
        assert_series(&f->batch.items[1], 1, (const double[]){4.5});
        assert_series(&f->batch.items[2], 2, (const double[]){6, 7});
        assert_int_equal(f->batch.items[2].request.output, LUNA_OUTPUT_SMOOTHED);
        assert_int_equal(f->batch.items[2].request.horizon, 2);
    }
}

static void one_bad_series_leaves_the_others_whole(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decode_json(f, "{\"series\":[[1,2],[3,\"x\",true],[],5,[1e999],[7]]}"),
                     LUNA_DECODE_OK);
    assert_int_equal(f->batch.count, 6);
    assert_int_equal(f->batch.sound, 2);
    assert_int_equal(f->batch.points, 3);
    assert_series(&f->batch.items[0], 2, (const double[]){1, 2});
    assert_series(&f->batch.items[5], 1, (const double[]){7});
    assert_string_equal(faults_text(f->batch.items[1].faults),
                        "float_type@body.series.1.1 float_type@body.series.1.2");
    assert_string_equal(faults_text(f->batch.items[2].faults), "too_short@body.series.2");
    assert_string_equal(faults_text(f->batch.items[3].faults), "list_type@body.series.3");
    assert_string_equal(faults_text(f->batch.items[4].faults), "finite_number@body.series.4.0");
}

static void a_series_loses_its_id(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decode_json(f,
                                 "{\"series\":[{\"id\":\"a\",\"results\":[1,2]},[3],"
                                 "{\"results\":[4],\"id\":7},{\"id\":\"b\",\"results\":[1,\"x\"]},"
                                 "{\"id\":\"c\"},{\"id\":[1],\"results\":[1]},"
                                 "{\"id\":\"d\",\"results\":[1],\"horizon\":1}],\"horizon\":2}"),
                     LUNA_DECODE_OK);
    const struct luna_batch_item *items = f->batch.items;
    assert_int_equal(f->batch.count, 7);
    assert_int_equal(f->batch.sound, 3);
    assert_series(&items[0], 2, (const double[]){1, 2});
    assert_string_equal(items[0].request.id, "\"a\"");
    assert_int_equal(items[0].request.horizon, 2);
    assert_null(items[1].request.id);
    assert_string_equal(items[2].request.id, "7");
    assert_string_equal(items[3].request.id, "\"b\"");
    assert_string_equal(faults_text(items[3].faults), "float_type@body.series.3.results.1");
    assert_string_equal(items[4].request.id, "\"c\"");
    assert_string_equal(faults_text(items[4].faults), "missing@body.series.4.results");
    assert_string_equal(faults_text(items[5].faults), "string_type@body.series.5.id");
    assert_string_equal(faults_text(items[6].faults), "extra_forbidden@body.series.6.horizon");
}

static void sizes_of_zero_are_empty_series(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decode_json(f, "{\"y\":[1,2],\"sizes\":[0,2,0,0]}"), LUNA_DECODE_OK);
    assert_int_equal(f->batch.count, 4);
    assert_int_equal(f->batch.sound, 1);
    assert_string_equal(faults_text(f->batch.items[0].faults), "too_short@body.series.0");
    assert_string_equal(faults_text(f->batch.items[3].faults), "too_short@body.series.3");
    assert_series(&f->batch.items[1], 2, (const double[]){1, 2});
}

static void a_wrong_body_is_wrong_as_a_whole(void **state)
{
    static const struct {
        const char *body, *faults;
    } cases[] = {
        {"", "json_invalid@body.0"},
        {"[]", "model_attributes_type@body"},
        {"{\"series\":[[1]]} x", "json_invalid@body.17"},
        {"{\"series\":[[1]],\"series\":[[2]]}", "json_invalid@body.16"},
        {"{}", "missing@body.series"},
        {"{\"y\":[1]}", "missing@body.sizes"},
        {"{\"sizes\":[1]}", "missing@body.y"},
        {"{\"series\":[[1]],\"y\":[1]}", "extra_forbidden@body.series"},
        {"{\"series\":5}", "list_type@body.series"},
        {"{\"series\":[]}", "too_short@body.series"},
        {"{\"y\":[1,2],\"sizes\":[1]}", "value_error@body.sizes"},
        {"{\"y\":[1,2],\"sizes\":[3,-1]}", "int_type@body.sizes.1"},
        {"{\"y\":[1,2],\"sizes\":[1.0,\"1\"]}", "int_type@body.sizes.0 int_type@body.sizes.1"},
        {"{\"series\":[[1]],\"output\":\"x\",\"moon\":1}",
         "literal_error@body.output extra_forbidden@body.moon"},
        {"{\"series\":[[1]],\"results\":[1]}", "extra_forbidden@body.results"},
        {"{\"series\":[[1]],\"model\":{\"name\":\"moon\"}}", "literal_error@body.model.name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *f = *state;
        luna_faults_clear(&f->faults);
        assert_int_equal(decode_json(f, cases[i].body), LUNA_DECODE_FAULTS);
        if (strcmp(faults_text(&f->faults), cases[i].faults) != 0)
            fail_msg("%s: %s, not %s", cases[i].body, faults_text(&f->faults), cases[i].faults);
    }
}

static void the_points_of_all_series_have_one_limit(void **state)
{
    struct fixture *f = *state;
    char body[2048] = "{\"series\":[";
    for (int i = 0; i < 11; i++)
        strcat(body, i > 0 ? ",[1,2,3,4,5,6,7,8,9,10]" : "[1,2,3,4,5,6,7,8,9,10]");
    strcat(body, "]}");
    assert_int_equal(decode_json(f, body), LUNA_DECODE_LONG);
    assert_string_equal(faults_text(&f->faults), "too_long@body");
}

/* Also where the body ends, which is far away, the text is not read. */
static void values_past_any_limit_are_scanned(void **state)
{
    struct fixture *f = *state;
    enum { VALUES = 40000 };
    static char body[2 * VALUES + 64];
    char *at = body + sprintf(body, "{\"series\":[[1");
    for (int i = 0; i < VALUES; i++)
        at += sprintf(at, ",1");
    strcpy(at, "nonsense");
    assert_int_equal(decode_json(f, body), LUNA_DECODE_LONG);
    assert_string_equal(faults_text(&f->faults), "too_long@body");
}

/* A short body must not make a long answer. */
static void every_fault_of_every_series_is_told(void **state)
{
    struct fixture *f = *state;
    enum { LINES = 500 };
    static char body[LINES * 64];
    char *at = body;
    for (int i = 0; i < LINES; i++)
        at += sprintf(at, "{\"results\":[true,true,true],\"a\":1,\"b\":1}\n");
    assert_int_equal(
        luna_decode_batch_ndjson(body, strlen(body), &limits, &f->arena, &f->batch, &f->faults),
        LUNA_DECODE_OK);
    size_t told = 0;
    for (size_t i = 0; i < f->batch.count; i++)
        told += f->batch.items[i].faults->count;
    assert_int_equal(f->batch.count, LINES);
    assert_int_equal(f->batch.sound, 0);
    assert_int_equal(told, LUNA_FAULTS_MAX);
}

static void a_line_is_a_request_with_its_own_options(void **state)
{
    struct fixture *f = *state;
    static const char body[] = "{\"results\":[1,2],\"output\":\"smoothed\"}\r\n\n{\"results\":["
                               "\"x\"]}\nnonsense\n{\"results\":[3]}";
    assert_int_equal(
        luna_decode_batch_ndjson(body, sizeof body - 1, &limits, &f->arena, &f->batch, &f->faults),
        LUNA_DECODE_OK);
    assert_int_equal(f->batch.count, 4);
    assert_int_equal(f->batch.sound, 2);
    assert_int_equal(f->batch.items[0].request.output, LUNA_OUTPUT_SMOOTHED);
    assert_string_equal(faults_text(f->batch.items[1].faults), "float_type@body.2.results.0");
    assert_string_equal(faults_text(f->batch.items[2].faults), "json_invalid@body.3.0");
    assert_series(&f->batch.items[3], 1, (const double[]){3});
}

static void every_line_is_an_observation(void **state)
{
    struct fixture *f = *state;
    struct luna_request request;
    static const char good[] = "1.5\r\nnull\n\n{\"value\": -2e3}\n  7  ";
    assert_int_equal(
        luna_decode_ndjson(good, sizeof good - 1, &limits, &f->arena, &request, &f->faults),
        LUNA_DECODE_OK);
    assert_int_equal(request.n, 4);
    assert_true(request.values[0] == 1.5 && isnan(request.values[1]) &&
                request.values[2] == -2000 && request.values[3] == 7);
    static const char bad[] = "1\n\"2\"\n{\"moon\":1}\n{\"value\":1,\"x\":2}\n1 "
                              "2\n1e999\nNaN\n[3]\ntrue\n{\"value\":\"1\"}";
    assert_int_equal(
        luna_decode_ndjson(bad, sizeof bad - 1, &limits, &f->arena, &request, &f->faults),
        LUNA_DECODE_FAULTS);
    assert_string_equal(
        faults_text(&f->faults),
        "float_type@body.1 json_invalid@body.2 json_invalid@body.3 json_invalid@body.4 "
        "finite_number@body.5 json_invalid@body.6 float_type@body.7 float_type@body.8 "
        "float_type@body.9");
}

static void octets_are_little_endian_and_whole(void **state)
{
    struct fixture *f = *state;
    struct luna_request request;
    static const char one_and_missing[] = "\0\0\0\0\0\0\xf0\x3f\1\0\0\0\0\0\xf8\x7f";
    assert_int_equal(
        luna_decode_octets(one_and_missing, 16, &limits, &f->arena, &request, &f->faults),
        LUNA_DECODE_OK);
    assert_int_equal(request.n, 2);
    assert_true(request.values[0] == 1.0 && isnan(request.values[1]));
    static const char infinite[] = "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf0\x7f";
    assert_int_equal(luna_decode_octets(infinite, 16, &limits, &f->arena, &request, &f->faults),
                     LUNA_DECODE_FAULTS);
    assert_string_equal(faults_text(&f->faults), "finite_number@body.1");
    luna_faults_clear(&f->faults);
    assert_int_equal(luna_decode_octets(infinite, 15, &limits, &f->arena, &request, &f->faults),
                     LUNA_DECODE_FAULTS);
    assert_string_equal(faults_text(&f->faults), "value_error@body");
    luna_faults_clear(&f->faults);
    assert_int_equal(luna_decode_octets("", 0, &limits, &f->arena, &request, &f->faults),
                     LUNA_DECODE_FAULTS);
    assert_string_equal(faults_text(&f->faults), "too_short@body");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ragged_and_flat_say_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_bad_series_leaves_the_others_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_series_loses_its_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_of_zero_are_empty_series, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_body_is_wrong_as_a_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_past_any_limit_are_scanned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_fault_of_every_series_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_points_of_all_series_have_one_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_is_a_request_with_its_own_options, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_line_is_an_observation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(octets_are_little_endian_and_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
