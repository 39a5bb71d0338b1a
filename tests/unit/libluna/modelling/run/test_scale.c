/*
 * Models of logarithms and powers: the answer is in the units of the data, and can be sent back.
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

static struct decoding d;
static struct luna_result result;
static struct luna_buf body;

static int set_up(void **state)
{
    (void)state;
    decoding_init(&d);
    luna_buf_init(&body, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    decoding_done(&d);
    luna_buf_done(&body);
    return 0;
}

static enum luna_run_status run_text(const char *text, size_t len)
{
    if (decoding_json(&d, text, len) != LUNA_DECODE_OK)
        fail_msg("%.*s: %s", (int)len, text, decoding_faults(&d));
    return luna_run(&d.request, NULL, &d.arena, &result, &d.faults);
}

/* R's AirPassengers times unit, with these options. */
static void run_passengers(double unit, const char *options)
{
    char line[64];
    FILE *file = fopen(VECTORS "/airpassengers.csv", "re");
    assert_non_null(file);
    luna_buf_clear(&body);
    luna_buf_puts(&body, "{\"results\":[");
    for (bool first = true; fgets(line, sizeof line, file) != NULL;)
        if (line[0] != '#') {
            luna_buf_printf(&body, first ? "%.17g" : ",%.17g", strtod(line, NULL) * unit);
            first = false;
        }
    fclose(file);
    luna_buf_printf(&body, "],%s}", options);
    enum luna_run_status status = run_text(body.data, body.len);
    if (status != LUNA_RUN_OK)
        fail_msg("%s: status %d, %s", options, status, decoding_faults(&d));
}

#define AIRLINE                                                                                    \
    "\"model\":{\"name\":\"arima\",\"d\":1,\"q\":1,\"D\":1,\"Q\":1,\"period\":12},"                \
    "\"transform\":\"log\",\"horizon\":3,\"intervals\":[0.95]"

/* The airline model of the logarithms by R 4.2.2 (Arima of forecast 8.20, lambda = 0): medians, and
 * bounds of 95 %. R divides by fewer degrees of freedom, so its intervals are a little wider. */
static void a_forecast_of_logarithms_is_not_in_units_of_the_data(void **state)
{
    static const double medians[] = {450.42237, 425.71720, 479.00683},
                        lower[] = {418.88951, 391.19378, 435.56772},
                        upper[] = {484.32894, 463.28735, 526.77812},
                        means[] = {450.73118, 426.11353, 479.57036};
    (void)state;
    run_passengers(1, AIRLINE);
    for (size_t h = 0; h < 3; h++) {
        assert_true(fabs(result.forecast.mean[h] / medians[h] - 1) < 2e-5);
        assert_true(fabs(result.forecast.lower[0][h] / lower[h] - 1) < 2e-3);
        assert_true(fabs(result.forecast.upper[0][h] / upper[h] - 1) < 2e-3);
    }
    run_passengers(1, AIRLINE ",\"bias_adjust\":true");
    for (size_t h = 0; h < 3; h++)
        assert_true(fabs(result.forecast.mean[h] / means[h] - 1) < 1e-4);
}

/* Runs the last answer's model, with its transform, on the last request's series. */
static void send_back(void)
{
    struct luna_buf answer, second;
    luna_buf_init(&answer, 1 << 18);
    luna_buf_init(&second, 1 << 18);
    luna_encode_json(&d.request, &result, 0, &answer);
    luna_buf_putc(&answer, '\0');
    char *model = strstr(answer.data, "\"model\":"), *fit = strstr(answer.data, ",\"fit\":");
    assert_non_null(model);
    assert_non_null(fit);
    luna_buf_printf(&second, "{\"results\":%.*s,\"horizon\":3,%.*s}", (int)d.request.input_len,
                    d.request.input, (int)(fit - model), model);
    assert_int_equal(run_text(second.data, second.len), LUNA_RUN_OK);
    luna_buf_done(&answer);
    luna_buf_done(&second);
}

/* Sent back, the model that was chosen gives the same filter without a fit. The level of the second
 * one is not estimated, so it depends on the unit whose logarithms it is fitted to. */
static void a_chosen_scale_is_lost_when_the_model_is_sent_back(void **state)
{
    static const char *const models[] = {
        "\"model\":{\"name\":\"auto\",\"period\":12},\"horizon\":3",
        "\"model\":{\"name\":\"arima\",\"p\":1,\"mean\":0},\"transform\":\"auto\",\"horizon\":3"};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        double forecast[3];
        run_passengers(1, models[i]);
        assert_int_equal(result.transform.kind, LUNA_TRANSFORM_LOG);
        memcpy(forecast, result.forecast.mean, sizeof forecast);
        send_back();
        assert_string_equal(result.fit_status, "fixed");
        assert_memory_equal(forecast, result.forecast.mean, sizeof forecast);
    }
}

static void another_unit_is_another_answer(void **state)
{
    static const char *const options[] = {
        "\"model\":{\"name\":\"auto\",\"period\":12},\"horizon\":3,\"intervals\":[0.95]", AIRLINE};
    (void)state;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        double mean[3], variance[3], lower[3];
        run_passengers(1, options[i]);
        for (size_t h = 0; h < 3; h++) {
            mean[h] = result.forecast.mean[h] * 0x1p30;
            variance[h] = result.forecast.variance[h] * 0x1p60;
            lower[h] = result.forecast.lower[0][h] * 0x1p30;
        }
        run_passengers(0x1p30, options[i]);
        assert_memory_equal(mean, result.forecast.mean, sizeof mean);
        assert_memory_equal(variance, result.forecast.variance, sizeof variance);
        assert_memory_equal(lower, result.forecast.lower[0], sizeof lower);
    }
}

static void a_value_without_a_logarithm_is_computed(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"results\":[3,1,0,2,4],\"transform\":\"log\"}",
        "{\"results\":[3,null,-1,2,4],\"transform\":{\"box_cox\":0.3}}"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(run_text(bodies[i], strlen(bodies[i])), LUNA_RUN_FAULTS);
        assert_string_equal(decoding_faults(&d), "value_error body.results.2");
    }
    static const char chosen[] = "{\"results\":[3,1,0,2,4],\"transform\":\"auto\"}";
    assert_int_equal(run_text(chosen, sizeof chosen - 1), LUNA_RUN_OK);
    assert_int_equal(result.transform.kind, LUNA_TRANSFORM_NONE);
}

static void a_smoothed_power_is_left_on_its_own_scale(void **state)
{
    (void)state;
    run_passengers(1, "\"transform\":{\"box_cox\":0.5},\"output\":\"smoothed\",\"include\":"
                      "[\"variance\",\"model\"],\"intervals\":[0.5]");
    assert_int_equal(result.transform.kind, LUNA_TRANSFORM_BOX_COX);
    for (size_t t = 0; t < result.n; t++) {
        assert_true(result.processed[t] > 90 && result.processed[t] < 650);
        assert_true(result.lower[0][t] <= result.processed[t]);
        assert_true(result.upper[0][t] >= result.processed[t]);
        assert_true(result.variance[t] < 100 * 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forecast_of_logarithms_is_not_in_units_of_the_data),
        cmocka_unit_test(a_chosen_scale_is_lost_when_the_model_is_sent_back),
        cmocka_unit_test(another_unit_is_another_answer),
        cmocka_unit_test(a_value_without_a_logarithm_is_computed),
        cmocka_unit_test(a_smoothed_power_is_left_on_its_own_scale),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
