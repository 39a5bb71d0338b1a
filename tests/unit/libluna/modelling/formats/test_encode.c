#include "luna/modelling/encode.h"

#include "decoding.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double processed[] = {1120, NAN, 1081.5};
static const double variance[] = {15099, INFINITY, 0.25};
static const double one[] = {1, 2, 3}, two[] = {4, 5, 6};
static const double ar[] = {0.5, -0.25}, level_variance[] = {1469.1763603};

static struct luna_result full_result(void)
{
    static const struct luna_diagnostics diagnostics = {
        .ljung_box = 1.5, .ljung_box_lags = 10, .kurtosis = NAN};
    static const struct luna_candidate candidate = {.model_name = "arima",
                                                    .settings = {{"p", 2}},
                                                    .setting_count = 1,
                                                    .aicc = 12.5,
                                                    .fit_status = "interior"};
    return (struct luna_result){
        .n = 3,
        .processed = processed,
        .variance = variance,
        .lower = {one, one},
        .upper = {two, two},
        .innovations = one,
        .innovation_variance = two,
        .forecast =
            {.horizon = 2, .mean = one, .variance = two, .lower = {one, one}, .upper = {two, two}},
        .model_name = "arima",
        .parameters = {{"ar", ar, 2, true}, {"level_variance", level_variance, 1, false}},
        .parameter_count = 2,
        .settings = {{"p", 2}},
        .setting_count = 1,
        .fit_status = "interior",
        .fit_reason = "because",
        .candidates = &candidate,
        .candidate_count = 1,
        .warnings = {"beware"},
        .warning_count = 1,
        .loglikelihood = -633.4645636,
        .aicc = NAN,
        .signal_to_noise = INFINITY,
        .diagnostics = &diagnostics,
    };
}

static void assert_text(const struct luna_buf *out, const char *expected)
{
    assert_false(out->overflow);
    if (out->len != strlen(expected) || memcmp(out->data, expected, out->len) != 0)
        fail_msg("wanted %s\n   got %.*s", expected, (int)out->len, out->data);
}

static void a_bare_request_gets_more_than_two_members(void **state)
{
    (void)state;
    struct decoding d;
    struct luna_buf out;
    static const char body[] = "{\"results\":[ 1120.0,null, 1e3 ]}";
    decoding_init(&d);
    luna_buf_init(&out, 1 << 16);
    assert_int_equal(decoding_json(&d, body, sizeof body - 1), LUNA_DECODE_OK);
    const struct luna_result result = {.n = 3, .processed = processed};
    luna_encode_json(&d.request, &result, 0, &out);
    assert_text(&out,
                "{\"processed_results\":[1120,null,1081.5],\"input_data\":[ 1120.0,null, 1e3 ]}");
    luna_buf_clear(&out);
    d.request.input = NULL; /* as after CSV */
    luna_encode_json(&d.request, &result, 2, &out);
    assert_text(&out, "{\"processed_results\":[1100,null,1100],\"input_data\":[1120,null,1000]}");
    luna_buf_done(&out);
    decoding_done(&d);
}

static void a_member_asked_for_is_missing(void **state)
{
    (void)state;
    struct luna_request request;
    struct luna_buf out;
    luna_request_init(&request);
    luna_buf_init(&out, 1 << 16);
    request.values = one;
    request.n = 3;
    request.include = LUNA_INCLUDE_MODEL | LUNA_INCLUDE_VARIANCE | LUNA_INCLUDE_INNOVATIONS |
                      LUNA_INCLUDE_DIAGNOSTICS;
    request.interval_count = 2;
    request.intervals[0] = 0.8;
    request.intervals[1] = 0.95;
    const struct luna_result result = full_result();
    luna_encode_json(&request, &result, 4, &out);
    assert_text(
        &out,
        "{\"processed_results\":[1120,null,1082],\"input_data\":[1,2,3],\"variance\":[15100,null,0."
        "25],"
        "\"intervals\":[{\"level\":0.8,\"lower\":[1,2,3],\"upper\":[4,5,6]},{\"level\":0.95,"
        "\"lower\":[1,2,3]"
        ","
        "\"upper\":[4,5,6]}],\"innovations\":{\"values\":[1,2,3],\"variance\":[4,5,6]},"
        "\"forecast\":{\"mean\":[1,2],\"variance\":[4,5],\"intervals\":[{\"level\":0.8,\"lower\":["
        "1,2],"
        "\"upper\":[4,5]},"
        "{\"level\":0.95,\"lower\":[1,2],\"upper\":[4,5]}]},"
        "\"model\":{\"name\":\"arima\",\"p\":2,\"parameters\":{\"ar\":[0.5,-0.25],\"level_"
        "variance\":1469."
        "1763603}},"
        "\"fit\":{\"status\":\"interior\",\"loglikelihood\":-633.5,"
        "\"loglikelihood_convention\":\"exact diffuse, all "
        "observations\",\"aicc\":null,\"signal_to_noise\":null,"
        "\"reason\":\"because\",\"candidates\":[{\"model\":{\"name\":\"arima\",\"p\":2},\"aicc\":"
        "12."
        "5,\"status\":\"interior\"}],\"warnings\":[\"beware\"]},"
        "\"diagnostics\":{\"ljung_box_lags\":10,\"ljung_box\":1.5,\"ljung_box_p\":0,\"skewness\":0,"
        "\"kurtosis\":null,"
        "\"jarque_bera\":0,\"jarque_bera_p\":0,\"heteroscedasticity\":0,\"heteroscedasticity_p\":0}"
        "}");
    luna_buf_done(&out);
}

static void a_csv_row_has_the_wrong_fields(void **state)
{
    (void)state;
    struct luna_request request;
    struct luna_buf out;
    static const double values[] = {1, NAN, 3};
    luna_request_init(&request);
    luna_buf_init(&out, 1 << 16);
    request.values = values;
    request.n = 3;
    struct luna_result result = {.n = 3, .processed = processed};
    luna_encode_csv(&request, &result, 0, &out);
    assert_text(&out, "value,processed\r\n1,1120\r\n,\r\n3,1081.5\r\n");
    luna_buf_clear(&out);
    request.interval_count = 1;
    request.intervals[0] = 0.95;
    result = full_result();
    luna_encode_csv(&request, &result, 0, &out);
    assert_text(&out,
                "value,processed,variance,lower_0.95,upper_0.95,innovation,innovation_variance\r\n"
                "1,1120,15099,1,4,1,4\r\n,,,2,5,2,5\r\n3,1081.5,0.25,3,6,3,6\r\n"
                ",1,4,1,4,,\r\n,2,5,2,5,,\r\n");
    luna_buf_done(&out);
}

/* Without the flag a cut answer would look like a whole one. */
static void a_full_buffer_goes_unnoticed(void **state)
{
    (void)state;
    struct luna_request request;
    luna_request_init(&request);
    request.values = one;
    request.n = 3;
    request.include = LUNA_INCLUDE_MODEL;
    const struct luna_result result = full_result();
    for (size_t max = 0; max < 1200; max++) {
        struct luna_buf out;
        luna_buf_init(&out, max);
        luna_encode_json(&request, &result, 0, &out);
        bool whole = out.len > 0 && out.data[out.len - 1] == '}' && out.data[out.len - 2] == '}';
        if (!out.overflow)
            assert_true(whole);
        luna_buf_done(&out);
    }
}

static void long_arrays_break_at_a_block(void **state)
{
    (void)state;
    enum { N = 1000 };
    static double values[N];
    struct luna_request request;
    struct luna_buf out;
    luna_request_init(&request);
    luna_buf_init(&out, 1 << 20);
    for (size_t n = 0; n < N; n += n < 200 ? 1 : 97) {
        for (size_t i = 0; i < n; i++)
            values[i] = (double)i;
        request.values = values;
        request.n = n;
        const struct luna_result result = {.n = n, .processed = values};
        luna_buf_clear(&out);
        luna_encode_json(&request, &result, 0, &out);
        char expected[20000], *at = expected + sprintf(expected, "{\"processed_results\":[");
        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i < n; i++)
                at += sprintf(at, i > 0 ? ",%zu" : "%zu", i);
            at += sprintf(at, pass == 0 ? "],\"input_data\":[" : "]}");
        }
        assert_text(&out, expected);
    }
    luna_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_request_gets_more_than_two_members),
        cmocka_unit_test(a_member_asked_for_is_missing),
        cmocka_unit_test(a_csv_row_has_the_wrong_fields),
        cmocka_unit_test(a_full_buffer_goes_unnoticed),
        cmocka_unit_test(long_arrays_break_at_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
