#include "decoding.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct decoding d;

static int set_up(void **state)
{
    (void)state;
    decoding_init(&d);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    decoding_done(&d);
    return 0;
}

static void decode_good(const char *body)
{
    if (decoding_json(&d, body, strlen(body)) != LUNA_DECODE_OK)
        fail_msg("%s: %s", body, decoding_faults(&d));
}

static void a_good_body_is_misread(void **state)
{
    (void)state;
    decode_good(" {\t\"results\"\r\n: [ 1 ,-2.5e1,\tnull, 0 ] } \n");
    assert_int_equal(d.request.n, 4);
    assert_true(d.request.values[0] == 1 && d.request.values[1] == -25 && d.request.values[3] == 0);
    assert_true(isnan(d.request.values[2]));
    assert_int_equal(d.request.input_len, strlen("[ 1 ,-2.5e1,\tnull, 0 ]"));
    assert_memory_equal(d.request.input, "[ 1 ,-2.5e1,\tnull, 0 ]", d.request.input_len);
    assert_string_equal(d.request.model_name, "local_level");
    assert_int_equal(d.request.output, LUNA_OUTPUT_FILTERED);
    assert_int_equal(d.request.horizon, 0);
    assert_int_equal(d.request.interval_count, 0);
    assert_int_equal(d.request.include, 0);
    assert_false(d.request.robust);
    assert_int_equal(d.request.parameter_count, 0);
    decode_good("{\"r\\u0065sult\\u0073\":[null]}");
    assert_int_equal(d.request.n, 1);
}

static void an_option_is_lost(void **state)
{
    (void)state;
    decode_good("{\"include\":[\"variance\",\"model\",\"model\",\"innovations\",\"diagnostics\"],"
                "\"robust\":true,"
                "\"intervals\":[0.8,0.95],\"horizon\":12.0,\"output\":\"smoothed\",\"model\":{"
                "\"parameters\":"
                "{\"level_variance\":1469.1,\"observation_variance\":null},\"name\":\"local_"
                "level\"},\"results\":[5]"
                "}");
    assert_int_equal(d.request.include, 15);
    assert_true(d.request.robust);
    assert_int_equal(d.request.interval_count, 2);
    assert_true(d.request.intervals[0] == 0.8 && d.request.intervals[1] == 0.95);
    assert_int_equal(d.request.horizon, 12);
    assert_int_equal(d.request.output, LUNA_OUTPUT_SMOOTHED);
    assert_int_equal(d.request.parameter_count, 2);
    assert_string_equal(d.request.parameters[0].name, "level_variance");
    assert_true(d.request.parameters[0].values[0] == 1469.1);
    assert_true(isnan(d.request.parameters[1].values[0]));
}

static void a_models_settings_are_lost(void **state)
{
    (void)state;
    decode_good("{\"results\":[1],\"model\":{\"name\":\"arima\",\"p\":2,\"d\":1,\"parameters\":{"
                "\"ar\":[0.5,"
                "null]}}}");
    assert_string_equal(d.request.model_name, "arima");
    assert_int_equal(d.request.setting_count, 2);
    assert_string_equal(d.request.settings[0].name, "p");
    assert_true(d.request.settings[0].value == 2);
    assert_int_equal(d.request.parameters[0].count, 2);
    assert_true(d.request.parameters[0].is_array && d.request.parameters[0].values[0] == 0.5);
    decode_good("{\"results\":[1],\"model\":\"auto\"}");
    assert_string_equal(d.request.model_name, "auto");
}

static void null_is_not_the_default(void **state)
{
    (void)state;
    decode_good(
        "{\"results\":[1],\"model\":null,\"output\":null,\"horizon\":null,\"intervals\":null,"
        "\"include\":null,\"robust\":null,\"ljung_box_lags\":null}");
    assert_false(d.request.has_options); /* as if none of them had been sent */
    assert_string_equal(d.request.model_name, "local_level");
    decode_good("{\"results\":[1],\"model\":{\"name\":null,\"parameters\":null}}");
    assert_string_equal(d.request.model_name, "local_level");
    assert_int_equal(d.request.parameter_count, 0);
    decode_good("{\"results\":[1],\"model\":{\"name\":\"arima\",\"p\":1,\"mean\":null}}");
    assert_true(d.request.settings[1].is_null);
}

/* A body of n zeros. */
static char *zeros(size_t n)
{
    char *body = malloc(2 * n + 32);
    char *at = body + sprintf(body, "{\"results\":[");
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, i > 0 ? ",0" : "0");
    strcpy(at, "]}");
    return body;
}

static void the_points_limit_is_off_by_one(void **state)
{
    (void)state;
    for (int extra = 0; extra <= 1; extra++) {
        char *body = zeros(DECODING_POINTS_MAX + (size_t)extra);
        enum luna_decode_status status = decoding_json(&d, body, strlen(body));
        assert_int_equal(status, extra == 0 ? LUNA_DECODE_OK : LUNA_DECODE_LONG);
        if (extra == 0) {
            assert_int_equal(d.request.n, DECODING_POINTS_MAX);
        } else {
            assert_string_equal(decoding_faults(&d), "too_long body.results");
            assert_string_equal(d.faults.list[0].msg,
                                "List should have at most 1000 items after validation, not more");
        }
        free(body);
    }
}

static void the_nesting_limit_is_off_by_one(void **state)
{
    (void)state;
    /* The object and the array are levels 1 and 2. */
    for (int depth = DECODING_NESTING_MAX - 2; depth <= DECODING_NESTING_MAX - 1; depth++) {
        char body[100];
        int len =
            sprintf(body, "{\"results\":[%.*s%.*s]}", depth, "[[[[[[[[[[", depth, "]]]]]]]]]]");
        assert_int_equal(decoding_json(&d, body, (size_t)len), LUNA_DECODE_FAULTS);
        assert_string_equal(decoding_faults(&d), depth == DECODING_NESTING_MAX - 2
                                                     ? "float_type body.results.0"
                                                     : "json_invalid body.18");
    }
}

static void a_nesting_bomb_exhausts_the_stack(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *body = malloc(DEPTH);
    static const char *const openers[] = {"[", "{\"a\":", "{\"results\":["};
    for (size_t k = 0; k < 3; k++) {
        size_t unit = strlen(openers[k]);
        for (size_t i = 0; i + unit <= DEPTH; i += unit)
            memcpy(body + i, openers[k], unit);
        assert_int_equal(decoding_json(&d, body, DEPTH / unit * unit), LUNA_DECODE_FAULTS);
        assert_string_equal(d.faults.list[0].type, "json_invalid");
    }
    free(body);
}

static void thousands_of_faults_are_all_listed(void **state)
{
    (void)state;
    char *body = zeros(900);
    for (char *at = body; *at != '\0'; at++) {
        if (*at == '0')
            *at = '{';
    }
    /* {"results":[{,{,…: not JSON; with quotes it is, and every element is wrong. */
    assert_int_equal(decoding_json(&d, body, strlen(body)), LUNA_DECODE_FAULTS);
    assert_int_equal(d.faults.count, 1);
    free(body);
    static char many[10000] = "{\"results\":[true";
    for (int i = 0; i < 900; i++)
        strcat(many, ",true");
    strcat(many, "]}");
    assert_int_equal(decoding_json(&d, many, strlen(many)), LUNA_DECODE_FAULTS);
    assert_int_equal(d.faults.count, LUNA_FAULTS_MAX);
    assert_true(d.faults.more);
    /* What follows the last fault that is listed is not read. */
    many[strlen(many) - 1] = '!';
    assert_int_equal(decoding_json(&d, many, strlen(many)), LUNA_DECODE_FAULTS);
    assert_int_equal(d.faults.count, LUNA_FAULTS_MAX);
    /* A syntax error behind fewer replaces them all. */
    static const char few[] = "{\"results\":[true,true,!";
    assert_int_equal(decoding_json(&d, few, sizeof few - 1), LUNA_DECODE_FAULTS);
    assert_int_equal(d.faults.count, 1);
    assert_false(d.faults.more);
    assert_string_equal(d.faults.list[0].type, "json_invalid");
}

/* What is behind the first point too many, however long, is not read. */
static void points_past_the_limit_are_decoded(void **state)
{
    (void)state;
    char *body = zeros(3 * DECODING_POINTS_MAX);
    body[strlen(body) - 1] = '!';
    assert_int_equal(decoding_json(&d, body, strlen(body)), LUNA_DECODE_LONG);
    assert_string_equal(decoding_faults(&d), "too_long body.results");
    free(body);
}

static void a_huge_option_or_name_is_passed_on(void **state)
{
    (void)state;
    static char body[100000];
    char *at = body + sprintf(body, "{\"results\":[1],\"include\":[");
    for (int i = 0; i < 5000; i++)
        at += sprintf(at, "\"model\",");
    strcpy(at - 1, "]}");
    assert_int_equal(decoding_json(&d, body, strlen(body)), LUNA_DECODE_FAULTS);
    assert_string_equal(decoding_faults(&d), "bytes_too_long body.include");
    at = body + sprintf(body, "{\"results\":[1],\"");
    memset(at, 'k', 50000);
    strcpy(at + 50000, "\":1}");
    assert_int_equal(decoding_json(&d, body, strlen(body)), LUNA_DECODE_FAULTS);
    assert_string_equal(d.faults.list[0].type, "extra_forbidden");
    assert_true(strlen(d.faults.list[0].loc[1].name) < 80);
    at = body + sprintf(body, "{\"results\":[1]");
    for (int i = 0; i < 100; i++)
        at += sprintf(at, ",\"m%d\":1", i);
    strcpy(at, "}");
    assert_int_equal(decoding_json(&d, body, strlen(body)), LUNA_DECODE_FAULTS);
    assert_string_equal(d.faults.list[0].type, "json_invalid");
}

static void an_options_object_overwrites_what_it_does_not_name(void **state)
{
    (void)state;
    static const char options[] =
        "{\"horizon\":3,\"model\":{\"parameters\":{\"level_variance\":2}}}";
    decode_good("{\"results\":[1,2],\"output\":\"smoothed\",\"horizon\":1}");
    assert_int_equal(
        luna_decode_options(options, sizeof options - 1, 8, &d.arena, &d.request, &d.faults),
        LUNA_DECODE_OK);
    assert_int_equal(d.request.horizon, 3);
    assert_int_equal(d.request.output, LUNA_OUTPUT_SMOOTHED);
    assert_int_equal(d.request.n, 2);
    assert_true(d.request.parameters[0].values[0] == 2);
    static const char results[] = "{\"results\":[1]}";
    assert_int_equal(
        luna_decode_options(results, sizeof results - 1, 8, &d.arena, &d.request, &d.faults),
        LUNA_DECODE_FAULTS);
    assert_string_equal(decoding_faults(&d), "extra_forbidden body.results");
    assert_string_equal(
        d.faults.list[0].hint,
        "options are: model, output, horizon, intervals, include, robust, ljung_box_lags, "
        "transform, bias_adjust");
}

static void the_position_is_not_told_in_lines(void **state)
{
    (void)state;
    static const char body[] = "{\n  \"results\": [\n    1,\n    two\n  ]\n}";
    assert_int_equal(decoding_json(&d, body, sizeof body - 1), LUNA_DECODE_FAULTS);
    assert_string_equal(d.faults.list[0].hint, "line 4, byte 5: expected a value here");
}

static void what_other_languages_write_gets_no_better_hint_than_noise(void **state)
{
    (void)state;
    static const struct {
        const char *body, *hint;
    } rows[] = {
        {"{\"results\":[None]}",
         "line 1, byte 13: not a JSON value; write null for a missing observation"},
        {"{\"results\":[-Infinity]}",
         "line 1, byte 13: JSON has no infinity; observations must be finite"},
        {"{\"robust\":True}",
         "line 1, byte 11: not a JSON value; write true or false, in lower case"},
        {"{\"results\":[1,]}",
         "line 1, byte 15: expected a value here; remove the comma after the last value"},
        {"\xff\xfe{", "line 1, byte 1: not UTF-8 but UTF-16; send the text as UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(decoding_json(&d, rows[i].body, strlen(rows[i].body)), LUNA_DECODE_FAULTS);
        assert_string_equal(d.faults.list[0].hint, rows[i].hint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_body_is_misread),
        cmocka_unit_test(an_option_is_lost),
        cmocka_unit_test(a_models_settings_are_lost),
        cmocka_unit_test(null_is_not_the_default),
        cmocka_unit_test(the_points_limit_is_off_by_one),
        cmocka_unit_test(the_nesting_limit_is_off_by_one),
        cmocka_unit_test(a_nesting_bomb_exhausts_the_stack),
        cmocka_unit_test(thousands_of_faults_are_all_listed),
        cmocka_unit_test(points_past_the_limit_are_decoded),
        cmocka_unit_test(a_huge_option_or_name_is_passed_on),
        cmocka_unit_test(an_options_object_overwrites_what_it_does_not_name),
        cmocka_unit_test(the_position_is_not_told_in_lines),
        cmocka_unit_test(what_other_languages_write_gets_no_better_hint_than_noise),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
