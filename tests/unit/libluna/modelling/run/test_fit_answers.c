/*
 * What an answer says about its fit: a model that gives the same numbers when it is sent back,
 * errors of its parameters, values left out, warnings.
 */
#include "luna/modelling/run.h"

#include "decoding.h"
#include "luna/modelling/encode.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VALUES_MAX = 200 };

static struct decoding d;
static struct luna_result result;
static struct luna_buf body, answer;

static int set_up(void **state)
{
    (void)state;
    decoding_init(&d);
    luna_buf_init(&body, 1 << 20);
    luna_buf_init(&answer, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    decoding_done(&d);
    luna_buf_done(&body);
    luna_buf_done(&answer);
    return 0;
}

static size_t read_vector(const char *name, double *values)
{
    char line[128];
    snprintf(line, sizeof line, "%s/%s.csv", VECTORS, name);
    FILE *file = fopen(line, "re");
    size_t n = 0;
    if (file == NULL)
        fail_msg("%s cannot be read", line);
    while (n < VALUES_MAX && fgets(line, sizeof line, file) != NULL)
        if (line[0] != '#')
            values[n++] = strtod(line, NULL);
    fclose(file);
    return n;
}

/* Runs the values with these options, and leaves the answer as JSON in `answer`. */
static void ask(const double *values, size_t n, const char *options)
{
    luna_buf_clear(&body);
    luna_buf_puts(&body, "{\"results\":[");
    for (size_t i = 0; i < n; i++)
        luna_buf_printf(&body, i > 0 ? ",%.17g" : "%.17g", values[i]);
    luna_buf_printf(&body, "]%s}", options);
    if (decoding_json(&d, body.data, body.len) != LUNA_DECODE_OK)
        fail_msg("%s: %s", options, decoding_faults(&d));
    if (luna_run(&d.request, NULL, &d.arena, &result, &d.faults) != LUNA_RUN_OK)
        fail_msg("%s: not run: %s", options, decoding_faults(&d));
    luna_buf_clear(&answer);
    luna_encode_json(&d.request, &result, 0, &answer);
    luna_buf_putc(&answer, '\0');
}

/* The member of the answer's object: from its name to the end of its braces. */
static void copy_model(char *out, size_t size)
{
    const char *at = strstr(answer.data, "\"model\":{");
    assert_non_null(at);
    size_t depth = 0, used = 0;
    for (; used + 1 < size; used++) {
        depth += at[used] == '{' ? 1u : 0u;
        depth -= at[used] == '}' ? 1u : 0u;
        if (at[used] == '}' && depth == 0)
            break;
    }
    memcpy(out, at, used + 1);
    out[used + 1] = '\0';
}

static void same_numbers_when_sent_back(const double *values, size_t n, const char *model)
{
    char options[256], back[1200], first_model[1024];
    double processed[VALUES_MAX], mean[3], variance[3];
    snprintf(options, sizeof options, ",\"horizon\":3,\"include\":[\"model\"],\"model\":%s", model);
    ask(values, n, options);
    memcpy(processed, result.processed, n * sizeof(double));
    memcpy(mean, result.forecast.mean, sizeof mean);
    memcpy(variance, result.forecast.variance, sizeof variance);
    copy_model(first_model, sizeof first_model);
    snprintf(back, sizeof back, ",\"horizon\":3,%s", first_model);
    ask(values, n, back);
    if (strcmp(result.fit_status, "fixed") != 0)
        fail_msg("%s of %g: a parameter was fitted again", model, values[0]);
    if (memcmp(processed, result.processed, n * sizeof(double)) != 0 ||
        memcmp(mean, result.forecast.mean, sizeof mean) != 0 ||
        memcmp(variance, result.forecast.variance, sizeof variance) != 0)
        fail_msg("%s of %g: other numbers", model, values[0]);
}

static void a_returned_model_gives_the_same_numbers_at_every_scale(void **state)
{
    (void)state;
    static const char *const models[] = {
        "\"local_level\"",
        "\"local_linear_trend\"",
        "\"damped_trend\"",
        "\"random_walk_drift\"",
        "{\"name\":\"bsm\",\"period\":4}",
        "{\"name\":\"seasonal\",\"period\":12,\"harmonics\":2}",
        "\"cycle\"",
        "{\"name\":\"arima\",\"p\":1,\"q\":1}",
        "{\"name\":\"arima\",\"p\":2,\"d\":1,\"q\":2,\"mean\":1}",
        "{\"name\":\"arima\",\"d\":1,\"q\":1,\"D\":1,\"Q\":1,\"period\":4}",
        "{\"name\":\"arima\",\"p\":2,\"q\":2,\"mean\":0}",
        "\"ets\"",
        "{\"name\":\"ets\",\"trend\":1,\"damped\":1,\"period\":4}",
        "\"constant_velocity\"",
        "\"auto\"",
    };
    static const double scales[] = {1, 1e-7, 1e5, 1e150, 1e-160, 1e300, 1e-300, 1e-307};
    double values[VALUES_MAX], scaled[VALUES_MAX];
    size_t n = read_vector("nile", values) / 2;
    for (size_t k = 0; k < sizeof models / sizeof models[0]; k++)
        for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
            for (size_t t = 0; t < n; t++)
                scaled[t] = values[t] * scales[i];
            same_numbers_when_sent_back(scaled, n, models[k]);
        }
}

/* statsmodels: see tests/unit/libkalman/fit/test_uncertainty.c. */
static void errors_are_named_and_not_known_at_the_edge(void **state)
{
    (void)state;
    double values[VALUES_MAX];
    size_t n = read_vector("nile", values);
    ask(values, n, ",\"include\":[\"covariance\"]");
    assert_non_null(result.uncertainty);
    assert_int_equal(result.uncertainty->order, 2);
    assert_true(fabs(result.uncertainty->estimates[0].standard_error[0] / 3145.549 - 1) < 1e-5);
    assert_string_equal(result.uncertainty->names[1], "level_variance");
    assert_non_null(strstr(answer.data, "\"model\":{"));
    ask(values, n, ",\"include\":[\"standard_errors\"],\"model\":\"local_linear_trend\"");
    assert_null(result.uncertainty->covariance);
    assert_non_null(
        strstr(answer.data, "\"slope_variance\":{\"standard_error\":null,\"lower\":null"));
    ask(values, n,
        ",\"include\":[\"standard_errors\"],\"model\":{\"name\":\"local_level\","
        "\"parameters\":{\"observation_variance\":15099,\"level_variance\":1469.1}}");
    assert_null(result.uncertainty);
    ask(values, 1, ",\"include\":[\"standard_errors\"]");
    assert_null(result.uncertainty);
    ask(values, n,
        ",\"include\":[\"standard_errors\"],\"model\":{\"name\":\"arima\",\"p\":2,"
        "\"parameters\":{\"ar\":[0.3,null]}}");
    assert_true(isnan(result.uncertainty->estimates[1].standard_error[0]) &&
                result.uncertainty->estimates[1].standard_error[1] > 0);
}

static void robust_reaches_the_fit_and_says_how_much_it_left_out(void **state)
{
    (void)state;
    double values[VALUES_MAX];
    size_t n = read_vector("nile", values);
    values[60] += 1e6;
    ask(values, n, ",\"include\":[\"standard_errors\"]");
    assert_true(result.parameters[0].values[0] > 1e9 && !result.is_robust);
    assert_null(strstr(answer.data, "left_out"));
    ask(values, n, ",\"include\":[\"standard_errors\"],\"robust\":true");
    assert_true(result.parameters[0].values[0] > 10000 && result.parameters[0].values[0] < 20000);
    assert_true(result.uncertainty->estimates[0].standard_error[0] < 5000);
    assert_non_null(strstr(answer.data, "\"left_out\":1"));
    ask(values, n,
        ",\"robust\":true,\"model\":{\"name\":\"local_level\",\"parameters\":"
        "{\"observation_variance\":15099,\"level_variance\":1469.1}}");
    assert_null(strstr(answer.data, "left_out"));
}

static void a_model_that_does_not_suit_is_said_with_what_may_help(void **state)
{
    (void)state;
    static const char bsm[] = ",\"model\":{\"name\":\"bsm\",\"period\":12}";
    double values[VALUES_MAX];
    size_t n = read_vector("airpassengers", values);
    ask(values, n, bsm);
    assert_non_null(strstr(answer.data, "transform log or auto"));
    assert_non_null(strstr(answer.data, "autocorrelated"));
    for (size_t t = 0; t < n; t++)
        values[t] = log(values[t]);
    ask(values, n, bsm);
    assert_non_null(strstr(answer.data, "\"warnings\":[]"));
    n = read_vector("nile", values);
    ask(values, n, ",\"horizon\":1");
    assert_non_null(strstr(answer.data, "\"warnings\":[]"));
    assert_null(result.diagnostics);
}

/* Of ARIMA and ETS the filtered values are the observations; what they predicted is an output. */
static void a_prediction_and_its_error_make_the_observation(void **state)
{
    (void)state;
    double values[VALUES_MAX];
    size_t n = read_vector("nile", values);
    ask(values, n,
        ",\"output\":\"predicted\",\"include\":[\"innovations\",\"variance\"],"
        "\"model\":\"ets\",\"intervals\":[0.9]");
    assert_true(isnan(result.processed[0]));
    for (size_t t = 1; t < n; t++) {
        assert_true(fabs(result.processed[t] + result.innovations[t] - values[t]) < 1e-9);
        assert_true(result.variance[t] > 0 && result.lower[0][t] < result.processed[t]);
    }
    ask(values, n, ",\"model\":\"ets\"");
    for (size_t t = 0; t < n; t++)
        assert_true(fabs(result.processed[t] - values[t]) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_returned_model_gives_the_same_numbers_at_every_scale,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_are_named_and_not_known_at_the_edge, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(robust_reaches_the_fit_and_says_how_much_it_left_out,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_that_does_not_suit_is_said_with_what_may_help,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_prediction_and_its_error_make_the_observation, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
