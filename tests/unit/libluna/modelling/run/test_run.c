/*
 * From a body to numbers: Nile at given parameters against the 50-digit reference, and what a model
 * cannot do.
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

enum {
    COLUMN_Y = 1,
    COLUMN_V = 4,
    COLUMN_F,
    COLUMN_FILTERED,
    COLUMN_P,
    COLUMN_SMOOTHED,
    COLUMN_V_SMOOTHED,
    COLUMNS
};

/* One row of a reference file; an empty field is NaN. */
struct reference {
    double column[COLUMNS];
};

static size_t read_reference(const char *path, struct reference *rows, size_t max)
{
    char line[512];
    size_t n = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    while (fgets(line, sizeof line, file) != NULL && n < max) {
        if (line[0] < '0' || line[0] > '9')
            continue;
        char *rest = line;
        for (int c = 0; c < COLUMNS; c++) {
            char *field = strsep(&rest, ",");
            rows[n].column[c] = field != NULL && field[0] > ' ' ? strtod(field, NULL) : (double)NAN;
        }
        n++;
    }
    fclose(file);
    return n;
}

static void write_body(const struct reference *rows, size_t n, const char *options)
{
    luna_buf_clear(&body);
    luna_buf_puts(&body, "{\"results\":[");
    for (size_t i = 0; i < n; i++) {
        luna_buf_puts(&body, i > 0 ? "," : "");
        if (isnan(rows[i].column[COLUMN_Y]))
            luna_buf_puts(&body, "null");
        else
            luna_buf_printf(&body, "%.17g", rows[i].column[COLUMN_Y]);
    }
    luna_buf_printf(&body, "]%s}", options);
}

static enum luna_run_status run_text(const char *text, size_t len)
{
    if (decoding_json(&d, text, len) != LUNA_DECODE_OK)
        fail_msg("%.*s: %s", (int)len, text, decoding_faults(&d));
    return luna_run(&d.request, NULL, &d.arena, &result, &d.faults);
}

static void assert_close(double got, double wanted, size_t row)
{
    if (!(fabs(got - wanted) <= 1e-12 * fabs(wanted)))
        fail_msg("row %zu: got %.17g, wanted %.17g", row, got, wanted);
}

static void compare_with_reference(const char *path)
{
    static const char given[] =
        ",\"model\":{\"name\":\"local_level\",\"parameters\":{\"observation_variance\":15099,"
        "\"level_variance\":1469.1}},\"include\":[\"variance\",\"innovations\"]%s";
    struct reference rows[100];
    char options[300];
    size_t n = read_reference(path, rows, 100);
    assert_int_equal(n, 100);
    for (int smoothed = 0; smoothed <= 1; smoothed++) {
        snprintf(options, sizeof options, given, smoothed ? ",\"output\":\"smoothed\"" : "");
        write_body(rows, n, options);
        assert_int_equal(run_text(body.data, body.len), LUNA_RUN_OK);
        for (size_t i = 0; i < n; i++) {
            const double *wanted = rows[i].column;
            assert_close(result.processed[i], wanted[smoothed ? COLUMN_SMOOTHED : COLUMN_FILTERED],
                         i);
            assert_close(result.variance[i], wanted[smoothed ? COLUMN_V_SMOOTHED : COLUMN_P], i);
            if (!isnan(wanted[COLUMN_V])) {
                /* An innovation is a difference of two levels: its error is relative to them. */
                assert_true(fabs(result.innovations[i] - wanted[COLUMN_V]) <= 1e-12 * 1200);
                assert_close(result.innovation_variance[i], wanted[COLUMN_F], i);
            }
        }
        assert_true(result.processed[0] == 1120 || smoothed);
    }
}

static void nile_differs_from_the_reference(void **state)
{
    (void)state;
    compare_with_reference(VECTORS "/nile_reference.csv");
}

static void nile_with_gaps_differs_from_the_reference(void **state)
{
    (void)state;
    compare_with_reference(VECTORS "/nile_missing_reference.csv");
}

/* Durbin and Koopman's estimates to 60 digits; forecasts and their 50 % interval at (15099,
 * 1469.1) from R. */
static void the_fit_or_the_forecast_is_not_the_papers(void **state)
{
    (void)state;
    struct reference rows[100];
    size_t n = read_reference(VECTORS "/nile_reference.csv", rows, 100);
    write_body(rows, n, ",\"include\":[\"model\",\"diagnostics\"]");
    assert_int_equal(run_text(body.data, body.len), LUNA_RUN_OK);
    assert_string_equal(result.fit_status, "interior");
    assert_true(fabs(result.signal_to_noise - 0.09730599577872505809) < 1e-9);
    assert_true(fabs(result.loglikelihood - -633.4645636362457) < 1e-8);
    assert_string_equal(result.parameters[0].name, "observation_variance");
    assert_true(fabs(result.parameters[0].values[0] / 15098.5183240962789 - 1) < 1e-7);
    assert_true(fabs(result.diagnostics->ljung_box - 13.195) < 1e-2 &&
                result.diagnostics->ljung_box_lags == 10);
    write_body(
        rows, n,
        ",\"model\":{\"parameters\":{\"observation_variance\":15099,\"level_variance\":1469.1}},"
        "\"horizon\":30,\"intervals\":[0.95,0.5]");
    assert_int_equal(run_text(body.data, body.len), LUNA_RUN_OK);
    assert_int_equal(result.forecast.horizon, 30);
    assert_true(fabs(result.forecast.mean[29] - 798.370292608358) < 1e-9);
    assert_true(fabs(sqrt(result.forecast.variance[0]) - 143.527899524131) < 1e-9);
    assert_true(fabs(result.forecast.lower[1][0] - 701.562195512158) < 1e-9);
    assert_true(fabs(result.forecast.upper[1][29] - 967.939964249047) < 1e-9);
    assert_true(result.lower[0][99] < result.lower[1][99] &&
                result.upper[1][99] < result.upper[0][99]);
}

/* One value has no variance: neither an interval of no width, nor one without the fit's status. */
static void an_interval_comes_of_one_value(void **state)
{
    (void)state;
    static const char text[] = "{\"results\":[5],\"intervals\":[0.95],\"horizon\":2,"
                               "\"include\":[\"variance\"]}";
    assert_int_equal(run_text(text, sizeof text - 1), LUNA_RUN_OK);
    assert_true(result.processed[0] == 5 && result.forecast.mean[1] == 5);
    assert_false(isfinite(result.variance[0]) || isfinite(result.lower[0][0]) ||
                 isfinite(result.upper[0][0]));
    assert_false(isfinite(result.forecast.variance[0]) || isfinite(result.forecast.lower[0][1]) ||
                 isfinite(result.forecast.upper[0][1]));
    assert_string_equal(result.fit_status, "unidentified_default");
    assert_int_equal(result.warning_count, 1);
}

static void the_choice_is_not_explained(void **state)
{
    (void)state;
    static const char text[] = "{\"results\":[0,0,0,0,0,1,1,0,0,0,0,0,1,1,0,0,0,0,0,1,1],"
                               "\"model\":{\"name\":\"auto\",\"period\":7},\"horizon\":7}";
    static const double next[] = {0, 0, 0, 0, 0, 1, 1};
    assert_int_equal(run_text(text, sizeof text - 1), LUNA_RUN_OK);
    assert_string_equal(result.model_name, "seasonal");
    for (size_t h = 0; h < 7; h++)
        assert_true(fabs(result.forecast.mean[h] - next[h]) < 1e-12);
    assert_true(result.candidate_count > 4 && result.fit_reason != NULL);
    assert_string_equal(result.candidates[0].model_name, "seasonal");
    assert_true(result.candidates[result.candidate_count - 1].aicc > 0);
    assert_string_equal(result.fit_status, "degenerate_constant");
}

/* The Nile flows at 919: an autoregression about zero forecast 458 after thirty years. */
static void the_forecast_decays_to_zero(void **state)
{
    (void)state;
    struct reference rows[100];
    size_t n = read_reference(VECTORS "/nile_reference.csv", rows, 100);
    write_body(rows, n, ",\"model\":{\"name\":\"arima\",\"p\":1},\"horizon\":30");
    assert_int_equal(run_text(body.data, body.len), LUNA_RUN_OK);
    assert_true(fabs(result.forecast.mean[29] - 919) < 15);
    write_body(rows, n, ",\"model\":{\"name\":\"arima\",\"p\":1,\"mean\":0},\"horizon\":30");
    assert_int_equal(run_text(body.data, body.len), LUNA_RUN_OK);
    assert_true(result.forecast.mean[29] < 600);
}

/* Two periods of a season, where its own autocorrelation shows, or as many lags as asked for. */
static void the_test_of_a_season_stops_short_of_it(void **state)
{
    (void)state;
    static char text[4000];
    int at = snprintf(text, sizeof text, "{\"results\":[0");
    for (int t = 1; t < 150; t++)
        at += snprintf(text + at, sizeof text - (size_t)at, ",%d", t * t * 7919 % 101);
    static const struct {
        const char *rest;
        int lags;
    } cases[] = {
        {"],\"include\":[\"diagnostics\"],\"model\":{\"name\":\"seasonal\",\"period\":12}}", 24},
        {"],\"include\":[\"diagnostics\"],\"model\":{\"name\":\"seasonal\",\"period\":24}}", 30},
        {"],\"include\":[\"diagnostics\"],\"ljung_box_lags\":7}", 7},
        {"],\"include\":[\"diagnostics\"]}", 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text + at, sizeof text - (size_t)at, "%s", cases[i].rest);
        assert_int_equal(run_text(text, strlen(text)), LUNA_RUN_OK);
        assert_int_equal(result.diagnostics->ljung_box_lags, cases[i].lags);
    }
}

/* "model" of an answer, sent back, gives the same filter without a fit. */
static void the_answered_model_is_not_a_request(void **state)
{
    (void)state;
    static const char first[] = "{\"results\":[1120,1160,963,1210,1160,1160,813,1230,1370,1140,995,"
                                "935],\"include\":[\"model\"]}";
    struct luna_buf answer, second;
    luna_buf_init(&answer, 1 << 16);
    luna_buf_init(&second, 1 << 16);
    assert_int_equal(run_text(first, sizeof first - 1), LUNA_RUN_OK);
    luna_encode_json(&d.request, &result, 0, &answer);
    luna_buf_putc(&answer, '\0');
    char *model = strstr(answer.data, "\"model\":"), *fit = strstr(answer.data, ",\"fit\":");
    assert_non_null(model);
    assert_non_null(fit);
    luna_buf_printf(&second, "{\"results\":%.*s,%.*s}", (int)d.request.input_len, d.request.input,
                    (int)(fit - model), model);
    double processed[12];
    memcpy(processed, result.processed, sizeof processed);
    assert_int_equal(run_text(second.data, second.len), LUNA_RUN_OK);
    assert_string_equal(result.fit_status, "fixed");
    assert_memory_equal(processed, result.processed, sizeof processed);
    luna_buf_done(&answer);
    luna_buf_done(&second);
}

static void a_degenerate_series_fails(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"results\":[7]}",
        "{\"results\":[null]}",
        "{\"results\":[null,null,null]}",
        "{\"results\":[1,2]}",
        "{\"results\":[5,5,5,5]}",
        "{\"results\":[null,3,null]}",
        "{\"results\":[1e300,-1e300,1e300]}",
        "{\"results\":[1.7e308,-1.7e308]}",
        "{\"results\":[1e-320,2e-320,1e-320,3e-320]}",
        "{\"results\":[0,0,0,1e-300]}",
        ("{\"results\":[1,2,3],\"output\":\"smoothed\",\"horizon\":2,\"intervals\":[0.9],"
         "\"robust\":true,"
         "\"include\":[\"model\",\"variance\",\"innovations\",\"diagnostics\"]}"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        enum luna_run_status status = run_text(bodies[i], strlen(bodies[i]));
        if (status != LUNA_RUN_OK)
            fail_msg("%s: status %d, %s", bodies[i], status, decoding_faults(&d));
    }
    assert_int_equal(run_text(bodies[0], strlen(bodies[0])), LUNA_RUN_OK);
    assert_true(result.processed[0] == 7);
    assert_int_equal(run_text(bodies[1], strlen(bodies[1])), LUNA_RUN_OK);
    assert_true(isnan(result.processed[0]));
}

static void an_impossible_model_is_not_a_fault(void **state)
{
    (void)state;
    static const char none[] = "{\"results\":[1,2,3],\"model\":{\"parameters\":{\"level_variance\":"
                               "0,\"observation_variance\":0}}}";
    assert_int_equal(run_text(none, sizeof none - 1), LUNA_RUN_FAULTS);
    assert_int_equal(d.faults.count, 1);
    assert_string_equal(d.faults.list[0].type, "value_error");
}

static int stop_at_once(void *ctx)
{
    ++*(int *)ctx;
    return 1;
}

static void a_cancelled_run_goes_on(void **state)
{
    (void)state;
    int asked = 0;
    static const char text[] = "{\"results\":[1,2,3]}";
    assert_int_equal(decoding_json(&d, text, sizeof text - 1), LUNA_DECODE_OK);
    struct luna_run_control control = {
        .deadline = luna_deadline_in_ms(60000), .cancelled = stop_at_once, .ctx = &asked};
    assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults),
                     LUNA_RUN_CANCELLED);
    assert_int_equal(asked, 1);
    control = (struct luna_run_control){.deadline = luna_deadline_in_ms(-1)};
    assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults),
                     LUNA_RUN_CANCELLED);
    control = (struct luna_run_control){.deadline = luna_deadline_in_ms(60000)};
    assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults), LUNA_RUN_OK);
}

static void take_seconds(void *ctx, double seconds)
{
    *(double *)ctx = seconds;
}

/* Many missing values leave a season of days to the filter. */
static void a_hopeless_fit_is_not_started(void **state)
{
    (void)state;
    enum { days = 4000, missing = 200 };
    static double values[days];
    static const char text[] = "{\"results\":[1],\"model\":{\"name\":\"bsm\",\"period\":365}}";
    double expected = 0;
    for (size_t t = 0; t < days; t++)
        values[t] = t < missing ? (double)NAN : (double)(t * t % 97);
    assert_int_equal(decoding_json(&d, text, sizeof text - 1), LUNA_DECODE_OK);
    d.request.values = values;
    d.request.values_own = NULL;
    d.request.n = days;
    struct luna_run_control control = {.deadline = luna_deadline_in_ms(60000),
                                       .expected = take_seconds,
                                       .fit_max_s = 0.5,
                                       .ctx = &expected};
    assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults), LUNA_RUN_LONG);
    assert_true(expected > 2 && expected < 60);
    static const char nile[] = "{\"results\":[1120,1160,963,1210,1160,1160,813,1230,1370,1140]}";
    assert_int_equal(decoding_json(&d, nile, sizeof nile - 1), LUNA_DECODE_OK);
    assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults), LUNA_RUN_OK);
    assert_true(expected > 0 && expected < 0.01);
}

static void a_fit_longer_than_a_request_is_not_warned_of(void **state)
{
    (void)state;
    static const char nile[] = "{\"results\":[1120,1160,963,1210,1160,1160,813,1230,1370,1140]}";
    double expected = 0;
    struct luna_run_control control = {
        .deadline = luna_deadline_in_ms(60000), .expected = take_seconds, .ctx = &expected};
    for (int i = 0; i < 2; i++) { /* no limit, one above the estimate */
        control.fit_long_s = 2 * expected * i;
        assert_int_equal(decoding_json(&d, nile, sizeof nile - 1), LUNA_DECODE_OK);
        assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults), LUNA_RUN_OK);
        assert_int_equal(result.warning_count, 0);
    }
    control.fit_long_s = expected / 2;
    char sentence[64];
    snprintf(sentence, sizeof sentence, "expected to take about %.2g s, more than a", expected);
    assert_string_equal(luna_run_seconds_text(&d.arena, 0.0251), "0.025 s");
    assert_string_equal(luna_run_seconds_text(&d.arena, 9.99), "10 s");
    assert_string_equal(luna_run_seconds_text(&d.arena, 123.4), "123 s");
    assert_int_equal(decoding_json(&d, nile, sizeof nile - 1), LUNA_DECODE_OK);
    assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults), LUNA_RUN_OK);
    assert_int_equal(result.warning_count, 1);
    assert_non_null(strstr(result.warnings[0], sentence));
}

static void answer(const char *text, bool in_place, struct luna_buf *out)
{
    const struct luna_run_control control = {.deadline = luna_deadline_in_ms(60000),
                                             .in_place = in_place};
    assert_int_equal(decoding_json(&d, text, strlen(text)), LUNA_DECODE_OK);
    assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults), LUNA_RUN_OK);
    assert_true((result.processed == d.request.values) == in_place);
    luna_buf_clear(out);
    luna_encode_json(&d.request, &result, 0, out);
}

static void a_result_in_the_observations_place_is_another(void **state)
{
    (void)state;
    static const char *const options[] = {
        "",
        ",\"output\":\"smoothed\"",
        ",\"robust\":true,\"intervals\":[0.5,0.9],\"horizon\":3,"
        "\"include\":[\"model\",\"variance\",\"innovations\",\"diagnostics\"]",
        ",\"output\":\"smoothed\",\"robust\":true,\"intervals\":[0.5],"
        "\"include\":[\"model\",\"variance\",\"innovations\",\"diagnostics\"]",
        ",\"model\":{\"name\":\"local_linear_trend\"},\"output\":\"smoothed\",\"include\":["
        "\"innovations\"]",
        ",\"model\":{\"name\":\"auto\"},\"include\":[\"model\"]",
    };
    struct luna_buf apart, in_place;
    luna_buf_init(&apart, 1 << 16);
    luna_buf_init(&in_place, 1 << 16);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"results\":[1,2,null,4,3,9,5,5.5,6,7,6.25,40,8,7,9,10,9.5,11,12,10]%s}",
                 options[i]);
        answer(text, false, &apart);
        answer(text, true, &in_place);
        assert_int_equal(in_place.len, apart.len);
        assert_memory_equal(in_place.data, apart.data, apart.len);
    }
    luna_buf_done(&apart);
    luna_buf_done(&in_place);
}

/* The observations of a caller who made the request by hand are not the run's to write over. */
static void a_request_loses_observations_that_are_not_its_own(void **state)
{
    (void)state;
    static const double values[] = {1, 2, 4, 3};
    const struct luna_run_control control = {.deadline = luna_deadline_in_ms(60000),
                                             .in_place = true};
    static const char text[] = "{\"results\":[1,2]}";
    assert_int_equal(decoding_json(&d, text, sizeof text - 1), LUNA_DECODE_OK);
    luna_request_init(&d.request);
    d.request.values = values;
    d.request.n = 4;
    assert_int_equal(luna_run(&d.request, &control, &d.arena, &result, &d.faults), LUNA_RUN_OK);
    assert_true(result.processed != values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nile_differs_from_the_reference),
        cmocka_unit_test(nile_with_gaps_differs_from_the_reference),
        cmocka_unit_test(the_fit_or_the_forecast_is_not_the_papers),
        cmocka_unit_test(an_interval_comes_of_one_value),
        cmocka_unit_test(the_choice_is_not_explained),
        cmocka_unit_test(the_forecast_decays_to_zero),
        cmocka_unit_test(the_test_of_a_season_stops_short_of_it),
        cmocka_unit_test(the_answered_model_is_not_a_request),
        cmocka_unit_test(a_degenerate_series_fails),
        cmocka_unit_test(an_impossible_model_is_not_a_fault),
        cmocka_unit_test(a_cancelled_run_goes_on),
        cmocka_unit_test(a_hopeless_fit_is_not_started),
        cmocka_unit_test(a_fit_longer_than_a_request_is_not_warned_of),
        cmocka_unit_test(a_result_in_the_observations_place_is_another),
        cmocka_unit_test(a_request_loses_observations_that_are_not_its_own),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
