/*
 * The automatic choice: it finds what made the data, whatever their unit, and says why.
 */
#include "support.h"

#include <kalman/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct choice {
    struct kalman_fit fit;
    struct kalman_candidate candidates[KALMAN_CANDIDATES_MAX];
};

static void choose(const char *words, const struct kalman_series *series, struct choice *choice)
{
    struct kalman_spec spec = spec_of("auto", words);
    size_t bytes = 0;
    assert_int_equal(kalman_fit_bytes(&spec, series->count, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(
        kalman_fit(&spec, series, NULL, workspace, bytes, choice->candidates, &choice->fit),
        KALMAN_OK);
    free(workspace);
}

/* The same, the scale to be chosen too. */
static void choose_scale(const char *words, const double *values, size_t count,
                         double *ret_logarithms, struct choice *choice)
{
    struct kalman_spec spec = spec_of("auto", words);
    const struct kalman_series series = {.values = values, .count = count};
    const struct kalman_fit_options options = {.logarithms = ret_logarithms};
    size_t bytes = 0;
    assert_int_equal(kalman_fit_bytes(&spec, count, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(
        kalman_fit(&spec, &series, &options, workspace, bytes, choice->candidates, &choice->fit),
        KALMAN_OK);
    free(workspace);
}

static void candidates_are_in_order_and_the_first_is_the_choice(void **state)
{
    struct choice choice;
    struct kalman_series series = {.values = NULL};
    (void)state;
    series.values = vector_log("airpassengers", &series.count);
    choose("period=12", &series, &choice);
    assert_true(choice.fit.candidate_count >= 8);
    assert_non_null(choice.fit.reason);
    assert_int_equal(choice.candidates[0].spec.kind, choice.fit.spec.kind);
    for (size_t i = 1; i < choice.fit.candidate_count; i++)
        assert_true(choice.candidates[i - 1].aicc <= choice.candidates[i].aicc);
    assert_int_equal(kalman_spec_free_count(&choice.fit.spec), 0);
}

/* A season that everybody sees must be chosen; a series without one must not get it. */
static void a_season_is_chosen_where_there_is_one(void **state)
{
    static const struct {
        const char *series, *words;
        int logarithm, seasonal;
    } cases[] = {{"airpassengers", "period=12", 1, 1}, {"uk_drivers", "period=12", 1, 1},
                 {"ukgas", "period=4", 1, 1},          {"usaccdeaths", "period=12", 0, 1},
                 {"nottem", "period=12", 0, 1},        {"co2", "period=12", 0, 1},
                 {"nile", "period=4", 0, 0},           {"lh", "period=12", 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct choice choice;
        struct kalman_series series = {.values = NULL};
        series.values = cases[i].logarithm ? vector_log(cases[i].series, &series.count)
                                           : vector(cases[i].series, &series.count);
        choose(cases[i].words, &series, &choice);
        int period = kalman_spec_get_int(&choice.fit.spec, "period");
        if ((period > 1) != cases[i].seasonal)
            fail_msg("%s: %s", cases[i].series, choice.fit.reason);
    }
}

static void the_choice_does_not_depend_on_the_unit(void **state)
{
    static const char *const names[] = {"nile",     "lakehuron",      "lh",
                                        "wwwusage", "johnsonjohnson", "us_unemployment"};
    static const double units[] = {1e-5, 1000, 1.0 / 3};
    enum { NAMES = sizeof names / sizeof names[0] };
    (void)state;
    for (size_t i = 0; i < 3 * (size_t)NAMES; i++) {
        struct choice plain, scaled;
        struct kalman_series series = {.values = NULL};
        double values[256];
        const double *original = vector(names[i % NAMES], &series.count);
        series.values = original;
        choose("", &series, &plain);
        for (size_t t = 0; t < series.count; t++)
            values[t] = original[t] * units[i / NAMES];
        series.values = values;
        choose("", &series, &scaled);
        assert_int_equal(plain.fit.spec.kind, scaled.fit.spec.kind);
        for (size_t k = 1; k < plain.fit.candidate_count; k++)
            assert_within(scaled.candidates[k].aicc - scaled.candidates[0].aicc,
                          plain.candidates[k].aicc - plain.candidates[0].aicc, 1e-5);
    }
}

/* Series whose changes grow with their level, as R's BoxCox.lambda (loglik) has it: -0.05 to 0.35;
 * and some whose changes do not, or that vary too little to tell, or have no logarithms. */
static void the_scale_is_not_that_of_the_changes(void **state)
{
    static const struct {
        const char *series, *words;
        bool logarithmic;
    } cases[] = {{"airpassengers", "period=12", true},
                 {"ukgas", "period=4", true},
                 {"johnsonjohnson", "period=4", true},
                 {"nottem", "period=12", false},
                 {"nile", "", false},
                 {"lakehuron", "", false},
                 {"lh", "", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct choice choice;
        size_t count = 0;
        double logarithms[1000], scaled[1000];
        const double *values = vector(cases[i].series, &count);
        choose_scale(cases[i].words, values, count, logarithms, &choice);
        if ((choice.fit.transform.kind == KALMAN_TRANSFORM_LOG) != cases[i].logarithmic)
            fail_msg("%s: %s", cases[i].series, choice.fit.reason);
        /* in another unit: the same choice, the same parameters but for the unit */
        struct choice other;
        for (size_t t = 0; t < count; t++)
            scaled[t] = values[t] * 0x1p-20;
        choose_scale(cases[i].words, scaled, count, logarithms, &other);
        assert_string_equal(choice.fit.reason, other.fit.reason);
        assert_int_equal(choice.fit.transform.kind, other.fit.transform.kind);
        if (cases[i].logarithmic)
            assert_memory_equal(choice.fit.spec.parameters, other.fit.spec.parameters,
                                sizeof choice.fit.spec.parameters);
        scaled[0] = 0;
        choose_scale(cases[i].words, scaled, count, logarithms, &other);
        assert_int_equal(other.fit.transform.kind, KALMAN_TRANSFORM_NONE);
    }
}

/* A series that grew a hundredfold, but whose changes have had the same size for its whole latter
 * half: its forecasts have that size of error, not one that grows with the level. */
static void the_scale_is_that_of_long_ago(void **state)
{
    enum { count = 400 };
    struct kalman_random random;
    struct choice choice;
    double values[count], logarithms[count], level = 10;
    (void)state;
    kalman_random_seed(&random, 1);
    for (size_t t = 0; t < count; t++) {
        double size = t < count / 2 ? 0.02 * level : 30;
        level += size * kalman_random_normal(&random) + (t < count / 2 ? 0.025 * level : 25);
        values[t] = level;
    }
    assert_true(level > 1000);
    choose_scale("", values, count, logarithms, &choice);
    assert_int_equal(choice.fit.transform.kind, KALMAN_TRANSFORM_NONE);
}

/* One kind on both scales: the difference of the criteria is that of the two likelihoods less the
 * Jacobian, the sum of the logarithms after the 13 values that the start consumes. */
static void logarithms_are_not_judged_as_data(void **state)
{
    struct kalman_spec spec = spec_of("basic_structural", "period=12");
    struct kalman_candidate candidates[KALMAN_CANDIDATES_MAX];
    struct kalman_fit fit, plain, alone;
    size_t count = 0;
    double logarithms[200], jacobian = 0;
    (void)state;
    const double *values = vector("airpassengers", &count), *logged = NULL;
    const struct kalman_series series = {.values = values, .count = count};
    const struct kalman_fit_options options = {.logarithms = logarithms};
    size_t bytes = 0;
    assert_int_equal(kalman_fit_bytes(&spec, count, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(kalman_fit(&spec, &series, &options, workspace, bytes, candidates, &fit),
                     KALMAN_OK);
    assert_int_equal(kalman_fit(&spec, &series, NULL, workspace, bytes, NULL, &plain), KALMAN_OK);
    logged = vector_log("airpassengers", &count);
    const struct kalman_series of_logarithms = {.values = logged, .count = count};
    assert_int_equal(kalman_fit(&spec, &of_logarithms, NULL, workspace, bytes, NULL, &alone),
                     KALMAN_OK);
    free(workspace);
    for (size_t t = 13; t < count; t++)
        jacobian -= logged[t];
    assert_int_equal(fit.transform.kind, KALMAN_TRANSFORM_LOG);
    assert_int_equal(fit.candidate_count, 2);
    assert_true(fit.evaluations > alone.evaluations);
    assert_within(candidates[1].aicc - candidates[0].aicc, plain.aicc - (alone.aicc - 2 * jacobian),
                  1e-6);
}

static void irregular_times_leave_the_models_that_take_them(void **state)
{
    struct choice choice;
    double times[100];
    struct kalman_series series = {.times = times};
    (void)state;
    series.values = vector("nile", &series.count);
    for (size_t t = 0; t < 100; t++)
        times[t] = (double)t + 0.3 * sin((double)t);
    choose("", &series, &choice);
    for (size_t i = 0; i < choice.fit.candidate_count; i++)
        assert_true(kalman_kind_describe(choice.candidates[i].spec.kind)->accepts_times);
}

static void too_little_data_fall_back_to_the_level(void **state)
{
    const double values[3] = {1, 4, 2};
    struct choice choice;
    struct kalman_series series = {.values = values, .count = 3};
    (void)state;
    choose("", &series, &choice);
    assert_int_equal(choice.fit.spec.kind, KALMAN_LOCAL_LEVEL);
    assert_non_null(choice.fit.reason);
    assert_int_equal(choice.fit.candidate_count, 0);
}

/* Some candidates would need more states than there may be: they are passed over, the others
 * compared. */
static void a_very_long_season_is_no_reason_to_refuse(void **state)
{
    enum { count = 40 };
    double values[count];
    struct choice choice;
    struct kalman_series series = {.values = values, .count = count};
    (void)state;
    for (size_t t = 0; t < count; t++)
        values[t] = sin((double)(t * t)) + (double)t;
    choose("period=366", &series, &choice);
    assert_true(choice.fit.candidate_count > 3);
    assert_int_equal(kalman_spec_free_count(&choice.fit.spec), 0);
}

/* A model that explains everything was passed over, for its likelihood has no maximum. */
static void a_perfect_fit_is_kept(void **state)
{
    static const struct {
        const char *words;
        size_t count, period;
        double slope, pattern[12];
    } cases[] = {{"period=7", 42, 7, 0, {0, 0, 0, 0, 0, 1, 1}},
                 {"period=6", 36, 6, 0, {1, 2, 3, 4, 5, 6}},
                 {"period=12", 36, 12, 2, {[3] = 1}},
                 {"", 36, 1, 2, {3}},
                 {"period=12", 36, 1, -0.1, {3}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct choice choice;
        double values[42], mean[12];
        struct kalman_series series = {.values = values, .count = cases[i].count};
        for (size_t t = 0; t < series.count; t++)
            values[t] = cases[i].pattern[t % cases[i].period] + cases[i].slope * (double)t;
        choose(cases[i].words, &series, &choice);
        assert_int_equal(choice.fit.status, KALMAN_FIT_DEGENERATE_CONSTANT);
        struct kalman_forecast forecast = {.horizon = 12, .mean = mean};
        struct kalman_output output = {.forecast = &forecast};
        (void)run_of(&choice.fit.spec, &series, &output);
        for (size_t h = 0; h < 12; h++) {
            size_t t = series.count + h;
            assert_within(
                mean[h], cases[i].pattern[t % cases[i].period] + cases[i].slope * (double)t, 1e-12);
        }
    }
}

/* The season's start took 13 of 22 values from the criterion of every model. */
static void a_period_does_not_cost_a_short_series_its_model(void **state)
{
    static const char *const names[] = {"nile", "lakehuron", "lh", "wwwusage", "us_unemployment"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct choice with, without;
        struct kalman_series series = {.values = NULL};
        series.values = vector(names[i], &series.count);
        series.count = 22;
        choose("", &series, &without);
        choose("period=12", &series, &with);
        assert_string_equal(with.fit.reason, without.fit.reason);
        assert_true(with.fit.candidate_count > without.fit.candidate_count);
        assert_true(with.candidates[0].aicc == without.candidates[0].aicc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates_are_in_order_and_the_first_is_the_choice),
        cmocka_unit_test(a_season_is_chosen_where_there_is_one),
        cmocka_unit_test(the_choice_does_not_depend_on_the_unit),
        cmocka_unit_test(the_scale_is_not_that_of_the_changes),
        cmocka_unit_test(the_scale_is_that_of_long_ago),
        cmocka_unit_test(logarithms_are_not_judged_as_data),
        cmocka_unit_test(irregular_times_leave_the_models_that_take_them),
        cmocka_unit_test(a_perfect_fit_is_kept),
        cmocka_unit_test(a_period_does_not_cost_a_short_series_its_model),
        cmocka_unit_test(too_little_data_fall_back_to_the_level),
        cmocka_unit_test(a_very_long_season_is_no_reason_to_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
