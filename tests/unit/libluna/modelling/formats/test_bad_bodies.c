/*
 * Every kind of bad body with the exact fault it must get: pydantic's slug and FastAPI's loc.
 */
#include "decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *body;
    const char *faults;
};

#define GOOD "\"results\":[1,2,3]"

static const struct row not_json[] = {
    {"", "missing body"},
    {" ", "json_invalid body.1"},
    {"hello", "json_invalid body.0"},
    {"{", "json_invalid body.1"},
    {"{\"results\"", "json_invalid body.10"},
    {"{\"results\":", "json_invalid body.11"},
    {"{\"results\":[", "json_invalid body.12"},
    {"{\"results\":[1", "json_invalid body.13"},
    {"{\"results\":[1,", "json_invalid body.14"},
    {"{\"results\":[1]", "json_invalid body.14"},
    {"{\"results\":[1,]}", "json_invalid body.14"},
    {"{\"results\":[,1]}", "json_invalid body.12"},
    {"{\"results\":[1 2]}", "json_invalid body.14"},
    {"{\"results\":[1],}", "json_invalid body.15"},
    {"{\"results\":[1]}x", "json_invalid body.15"},
    {"{\"results\":[1]}{}", "json_invalid body.15"},
    {"{results:[1]}", "json_invalid body.1"},
    {"{'results':[1]}", "json_invalid body.1"},
    {"{\"results\" [1]}", "json_invalid body.11"},
    {"{\"results\":[NaN]}", "json_invalid body.12"},
    {"{\"results\":[Infinity]}", "json_invalid body.12"},
    {"{\"results\":[-Infinity]}", "json_invalid body.12"},
    {"{\"results\":[nul]}", "json_invalid body.12"},
    {"{\"results\":[True]}", "json_invalid body.12"},
    {"{\"results\":[01]}", "json_invalid body.12"},
    {"{\"results\":[-]}", "json_invalid body.12"},
    {"{\"results\":[+1]}", "json_invalid body.12"},
    {"{\"results\":[.5]}", "json_invalid body.12"},
    {"{\"results\":[5.]}", "json_invalid body.12"},
    {"{\"results\":[1e]}", "json_invalid body.12"},
    {"{\"results\":[1e+]}", "json_invalid body.12"},
    {"{\"results\":[0x10]}", "json_invalid body.13"},
    {"{\"results\":[1_000]}", "json_invalid body.13"},
    {"{\"results\":[1,[[[[[[[[[2]]]]]]]]]]}", "json_invalid body.20"},
    {"{\"results\":[1,\"a\nb\"]}", "json_invalid body.16"},
    {"{\"results\":[1,\"\\x\"]}", "json_invalid body.15"},
    {"{\"results\":[1,\"\\u12G4\"]}", "json_invalid body.15"},
    {"{\"results\":[1,\"\\ud800\"]}", "json_invalid body.15"},
    {"{\"results\":[1,\"\\udc00\\ud800\"]}", "json_invalid body.15"},
    {"{\"results\":[1,\"\xff\"]}", "json_invalid body.15"},
    {"{\"results\":[1,\"\xc0\xaf\"]}", "json_invalid body.15"},
    {"{\"results\":[1,\"open]}", "json_invalid body.14"},
    {"\xef\xbb\xbf{\"results\":[1]}", "json_invalid body.0"},
    {"{\"results\":[1],\"results\":[2]}", "json_invalid body.15"},
    {"{\"results\":[1],\"r\\u0065sults\":[2]}", "json_invalid body.15"},
    {"{" GOOD ",\"model\":{\"name\":\"auto\",\"name\":\"auto\"}}", "json_invalid body.48"},
    {"{" GOOD ",\"output\":\"fil\\u0000tered\"}", "json_invalid body.44"},
    {"{" GOOD "/* c */}", "json_invalid body.18"},
};

static const struct row wrong_shape[] = {
    {"[1,2,3]", "model_attributes_type body"},
    {"\"text\"", "model_attributes_type body"},
    {"12", "model_attributes_type body"},
    {"null", "model_attributes_type body"},
    {"true", "model_attributes_type body"},
    {"{}", "missing body.results"},
    {"{\"result\":[1]}", "missing body.results; extra_forbidden body.result"},
    {"{\"results\":null}", "list_type body.results"},
    {"{\"results\":\"1,2\"}", "list_type body.results"},
    {"{\"results\":1}", "list_type body.results"},
    {"{\"results\":{\"0\":1}}", "list_type body.results"},
    {"{\"results\":[]}", "too_short body.results"},
    {"{\"results\":[\"1\"]}", "float_type body.results.0"},
    {"{\"results\":[1,true,2]}", "float_type body.results.1"},
    {"{\"results\":[1,[2],{\"a\":3}]}", "float_type body.results.1; float_type body.results.2"},
    {"{\"results\":[1,1e999,-1e999]}",
     "finite_number body.results.1; finite_number body.results.2"},
    {"{\"results\":[1,\"a\"],\"x\":1}", "float_type body.results.1; extra_forbidden body.x"},
    {"{\"x\":1,\"results\":[1,\"a\",1e400]}",
     "float_type body.results.1; finite_number body.results.2; extra_forbidden body.x"},
    {"{" GOOD ",\"\":1}", "extra_forbidden body."},
    {"{" GOOD ",\"\\ud83c\\udf19\\u20ac\\u00e9\\n\":1}",
     "extra_forbidden body.\xf0\x9f\x8c\x99\xe2\x82\xac\xc3\xa9\n"},
};

static const struct row bad_options[] = {
    {"{" GOOD ",\"output\":\"raw\"}", "literal_error body.output"},
    {"{" GOOD ",\"horizon\":-1}", "greater_than_equal body.horizon"},
    {"{" GOOD ",\"horizon\":10001}", "less_than_equal body.horizon"},
    {"{" GOOD ",\"horizon\":1.5}", "int_from_float body.horizon"},
    {"{" GOOD ",\"horizon\":\"3\"}", "int_type body.horizon"},
    {"{" GOOD ",\"horizon\":99999999999999999999}", "less_than_equal body.horizon"},
    {"{" GOOD ",\"horizon\":1e999}", "finite_number body.horizon"},
    {"{" GOOD ",\"intervals\":0.9}", "list_type body.intervals"},
    {"{" GOOD ",\"intervals\":[0]}", "greater_than body.intervals.0"},
    {"{" GOOD ",\"intervals\":[0.5,1]}", "less_than body.intervals.1"},
    {"{" GOOD ",\"intervals\":[0.5,0.5]}", "value_error body.intervals.1"},
    {"{" GOOD ",\"intervals\":[null,\"0.9\"]}",
     "float_type body.intervals.0; float_type body.intervals.1"},
    {"{" GOOD ",\"intervals\":[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9]}", "too_long body.intervals"},
    {"{" GOOD ",\"include\":\"model\"}", "list_type body.include"},
    {"{" GOOD ",\"include\":[\"model\",\"everything\",7]}",
     "literal_error body.include.1; literal_error body.include.2"},
    {"{" GOOD ",\"robust\":1}", "bool_type body.robust"},
    {"{" GOOD ",\"robust\":\"yes\"}", "bool_type body.robust"},
    {"{" GOOD ",\"ljung_box_lags\":1001}", "less_than_equal body.ljung_box_lags"},
    {"{" GOOD ",\"transform\":\"ln\"}", "literal_error body.transform"},
    {"{" GOOD ",\"transform\":0.3}", "literal_error body.transform"},
    {"{" GOOD ",\"transform\":{}}", "missing body.transform.box_cox"},
    {"{" GOOD ",\"transform\":{\"box_cox\":\"0\"}}", "float_type body.transform.box_cox"},
    {"{" GOOD ",\"transform\":{\"box_cox\":0,\"unit\":1}}", "too_long body.transform.box_cox"},
    {"{" GOOD ",\"transform\":{\"box_cox\":3}}", "less_than_equal body.transform.box_cox"},
    {"{" GOOD ",\"transform\":{\"box_cox\":-3}}", "greater_than_equal body.transform.box_cox"},
    {"{" GOOD ",\"transform\":\"log\",\"model\":{\"transform\":\"log\"}}",
     "value_error body.model.transform"},
    {"{" GOOD ",\"model\":{\"transform\":\"ln\"}}", "literal_error body.model.transform"},
    {"{" GOOD ",\"bias_adjust\":1}", "bool_type body.bias_adjust"},
    {"{" GOOD ",\"Robust\":true}", "extra_forbidden body.Robust"},
};

static const struct row bad_models[] = {
    {"{" GOOD ",\"model\":7}", "model_attributes_type body.model"},
    {"{" GOOD ",\"model\":\"kalman\"}", "literal_error body.model"},
    {"{" GOOD ",\"model\":\"custom\"}", "literal_error body.model"},
    {"{" GOOD ",\"model\":{\"name\":\"arima\",\"moon\":null}}", "extra_forbidden body.model.moon"},
    {"{" GOOD ",\"model\":{\"name\":\"seasonal\",\"period\":null}}", "missing body.model.period"},
    {"{" GOOD ",\"model\":{\"name\":\"\"}}", "literal_error body.model.name"},
    {"{" GOOD ",\"model\":{\"name\":3}}", "string_type body.model.name"},
    {"{" GOOD ",\"model\":{\"period\":12}}", "extra_forbidden body.model.period"},
    {"{" GOOD ",\"model\":{\"level_variance\":1}}", "extra_forbidden body.model.level_variance"},
    {"{" GOOD ",\"model\":{\"parameters\":[1]}}", "dict_type body.model.parameters"},
    {"{" GOOD ",\"model\":{\"parameters\":{\"q\":1}}}", "extra_forbidden body.model.parameters.q"},
    {"{" GOOD ",\"model\":{\"parameters\":{\"level_variance\":-1}}}",
     "greater_than_equal body.model.parameters.level_variance"},
    {"{" GOOD
     ",\"model\":{\"parameters\":{\"level_variance\":\"1\",\"observation_variance\":[1]}}}",
     "float_type body.model.parameters.level_variance; float_type "
     "body.model.parameters.observation_variance"},
    {"{" GOOD ",\"model\":{\"parameters\":{\"level_variance\":-1,\"observation_variance\":-2}}}",
     "greater_than_equal body.model.parameters.level_variance; "
     "greater_than_equal body.model.parameters.observation_variance"},
    {"{" GOOD ",\"model\":{\"parameters\":{\"level_variance\":1e999}}}",
     "finite_number body.model"},
    {"{" GOOD ",\"model\":{\"name\":\"seasonal\"}}", "missing body.model.period"},
    {"{" GOOD ",\"model\":{\"name\":\"seasonal\",\"period\":1}}",
     "greater_than_equal body.model.period"},
    {"{" GOOD ",\"model\":{\"name\":\"seasonal\",\"period\":10000}}",
     "less_than_equal body.model.period"},
    {"{" GOOD ",\"model\":{\"name\":\"seasonal\",\"period\":1000}}",
     "value_error body.model.period"},
    {"{" GOOD ",\"model\":{\"name\":\"seasonal\",\"period\":4.5}}",
     "int_from_float body.model.period"},
    {"{" GOOD ",\"model\":{\"name\":\"seasonal\",\"period\":\"4\"}}", "int_type body.model.period"},
    {"{" GOOD ",\"model\":{\"name\":\"seasonal\",\"parameters\":{\"zz\":1}}}",
     "missing body.model.period; extra_forbidden body.model.parameters.zz"},
    {"{" GOOD ",\"model\":{\"name\":\"arima\",\"parameters\":{\"ar\":[0.5]}}}",
     "extra_forbidden body.model.parameters.ar"},
    {"{" GOOD ",\"model\":{\"name\":\"arima\",\"p\":2,\"parameters\":{\"ar\":[0.5]}}}",
     "too_short body.model.parameters.ar"},
    {"{" GOOD ",\"model\":{\"name\":\"arima\",\"p\":1,\"parameters\":{\"ar\":[0.5,\"x\"]}}}",
     "float_type body.model.parameters.ar.1"},
    {"{" GOOD ",\"model\":{\"name\":\"arima\",\"p\":1,\"parameters\":{\"ar\":[1.5]}}}",
     "value_error body.model.parameters.ar"},
    {"{" GOOD ",\"model\":{\"name\":\"damped_trend\",\"parameters\":{\"damping\":2}}}",
     "less_than_equal body.model.parameters.damping"},
    {"{\"results\":[],\"model\":\"x\",\"output\":1,\"horizon\":-1}",
     "too_short body.results; literal_error body.output; greater_than_equal body.horizon; "
     "literal_error body.model"},
};

static void check(const struct row *rows, size_t count)
{
    struct decoding d;
    decoding_init(&d);
    for (size_t i = 0; i < count; i++) {
        /* An exact copy without a NUL: reading past the end is then seen by the sanitizer. */
        size_t len = strlen(rows[i].body);
        char *body = malloc(len > 0 ? len : 1);
        memcpy(body, rows[i].body, len);
        enum luna_decode_status status = decoding_json(&d, body, len);
        if (status != LUNA_DECODE_FAULTS || strcmp(decoding_faults(&d), rows[i].faults) != 0)
            fail_msg("%s\n  wanted %s\n  got    %s", rows[i].body, rows[i].faults,
                     decoding_faults(&d));
        for (size_t k = 0; k < d.faults.count; k++) {
            assert_true(strlen(d.faults.list[k].msg) > 5);
            assert_true(strlen(d.faults.list[k].hint) > 5);
        }
        free(body);
    }
    decoding_done(&d);
}

static void text_that_is_not_json_passes(void **state)
{
    (void)state;
    check(not_json, sizeof not_json / sizeof not_json[0]);
}

static void json_of_the_wrong_shape_passes(void **state)
{
    (void)state;
    check(wrong_shape, sizeof wrong_shape / sizeof wrong_shape[0]);
}

static void a_wrong_option_is_ignored(void **state)
{
    (void)state;
    check(bad_options, sizeof bad_options / sizeof bad_options[0]);
}

static void a_wrong_model_is_accepted(void **state)
{
    (void)state;
    check(bad_models, sizeof bad_models / sizeof bad_models[0]);
}

static void the_words_differ_from_pydantics(void **state)
{
    (void)state;
    static const struct {
        const char *body, *msg;
    } rows[] = {
        {"{}", "Field required"},
        {"{\"results\":1}", "Input should be a valid list"},
        {"{\"results\":[\"1\"]}", "Input should be a valid number"},
        {"{\"results\":[1e999]}", "Input should be a finite number"},
        {"{\"results\":[]}", "List should have at least 1 item after validation, not 0"},
        {"{" GOOD ",\"x\":1}", "Extra inputs are not permitted"},
        {"{" GOOD ",\"output\":1}", "Input should be 'filtered', 'smoothed' or 'predicted'"},
        {"{" GOOD ",\"horizon\":-1}", "Input should be greater than or equal to 0"},
        {"{" GOOD ",\"horizon\":0.5}",
         "Input should be a valid integer, got a number with a fractional part"},
        {"{" GOOD ",\"intervals\":[0]}", "Input should be greater than 0"},
        {"{" GOOD ",\"robust\":0}", "Input should be a valid boolean"},
        {"{" GOOD ",\"model\":{\"parameters\":1}}", "Input should be a valid dictionary"},
        {"[]", "Input should be a valid dictionary or object to extract fields from"},
        {"{", "JSON decode error"},
    };
    struct decoding d;
    decoding_init(&d);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(decoding_json(&d, rows[i].body, strlen(rows[i].body)), LUNA_DECODE_FAULTS);
        assert_string_equal(d.faults.list[0].msg, rows[i].msg);
    }
    decoding_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_is_not_json_passes),
        cmocka_unit_test(json_of_the_wrong_shape_passes),
        cmocka_unit_test(a_wrong_option_is_ignored),
        cmocka_unit_test(a_wrong_model_is_accepted),
        cmocka_unit_test(the_words_differ_from_pydantics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
