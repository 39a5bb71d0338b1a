/* The likelihood of a season by least squares on its start, beside the filter's. */
#include "support.h"

#include "fit/innovations.h"
#include "fit/problem.h"

#include <kalman/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { count_max = 400 };

struct bound {
    struct fit_problem problem;
    struct innovations innovations;
    void *memory;
    double *workspace;
};

static const struct {
    const char *kind, *settings;
} forms[] = {
    {"exponential_smoothing", "period=48"},
    {"exponential_smoothing", "trend=1 period=52"},
    {"exponential_smoothing", "trend=1 damped=1 period=40"},
    {"exponential_smoothing", "trend=1 damped=1 period=7"},
    {"arima", "d=1 q=1 D=1 Q=1 period=48"},
    {"arima", "q=2 Q=1 period=45 mean=1"},
    {"arima", "d=1 q=0 D=0 Q=2 period=24 mean=1"},
    {"arima", "d=2 q=1 D=2 Q=1 period=52"},
};

static void bind_form(const struct kalman_spec *spec, const double *y, size_t n,
                      struct bound *ret_bound)
{
    struct fit_problem *problem = &ret_bound->problem;
    ret_bound->memory = bind_problem(spec, y, n, NULL, problem);
    ret_bound->workspace = malloc((innovations_doubles(&problem->layout, n) + 1) * sizeof(double));
    innovations_prepare(&ret_bound->innovations, &problem->layout, &problem->series,
                        ret_bound->workspace);
}

static void release(struct bound *bound)
{
    free(bound->memory);
    free(bound->workspace);
}

/* -2 log L without its constants, of sums at any unit. */
static double criterion(const struct score_result *sums)
{
    double free_count = (double)(sums->observed - sums->diffuse);
    return sums->log_determinant + free_count * log(sums->quadratic / free_count);
}

/* In every place of the differences: the first season, a run, a season apart, the last value. */
static void make_gaps(double *y)
{
    static const size_t gaps[] = {0, 30, 200, 201, 202, 240, count_max - 1};
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++)
        y[gaps[i]] = NAN;
}

static void both_forms_have_one_likelihood(void **state)
{
    bool with_gaps = *state != NULL;
    double y[count_max];
    struct kalman_random random;
    kalman_random_seed(&random, 5);
    size_t compared = 0;
    for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) {
        struct kalman_spec spec = spec_of(forms[k].kind, forms[k].settings);
        struct bound bound;
        series_with_season(y, count_max, 48, k);
        if (with_gaps)
            make_gaps(y);
        bind_form(&spec, y, count_max, &bound);
        bool is_short = innovations_width(&bound.problem.layout) < 24;
        assert_int_equal(bound.innovations.width > 0, !with_gaps || !is_short);
        for (int trial = 0; trial < 6 && bound.innovations.width > 0; trial++) {
            struct kalman_spec complete;
            struct score_result sums;
            random_point(&bound.problem, &random, &complete);
            assert_int_equal(fit_problem_evaluate(&bound.problem, &complete), KALMAN_OK);
            if (!innovations_likelihood(&bound.innovations, &bound.problem.layout, &complete, NULL,
                                        &sums))
                continue;
            compared++;
            assert_int_equal(sums.observed, bound.problem.last.observed);
            assert_int_equal(sums.diffuse, bound.problem.last.diffuse);
            assert_within(sums.log_determinant, bound.problem.last.log_determinant, 1e-7);
            assert_within(criterion(&sums), criterion(&bound.problem.last), 1e-7);
            if (bound.innovations.is_season)
                assert_within(
                    innovations_information(&bound.innovations, &bound.problem.layout, &complete),
                    score_information(&bound.problem.score), 1e-7);
        }
        release(&bound);
    }
    assert_true(compared > 20);
}

static void what_has_no_such_form_is_left_to_the_filter(void **state)
{
    (void)state;
    double y[count_max];
    struct bound bound;
    series_with_season(y, count_max, 48, 3);
    static const char *const others[][2] = {{"arima", "p=1 q=1 Q=1 period=48"},
                                            {"exponential_smoothing", "trend=1"},
                                            {"basic_structural", "period=52"}};
    for (size_t k = 0; k < 3; k++) {
        struct kalman_spec spec = spec_of(others[k][0], others[k][1]);
        bind_form(&spec, y, count_max, &bound);
        assert_int_equal(bound.innovations.width, 0);
        release(&bound);
    }
    for (size_t t = 100; t < 117; t++) /* more than a third of the states */
        y[t] = NAN;
    struct kalman_spec spec = spec_of("exponential_smoothing", "period=48");
    bind_form(&spec, y, count_max, &bound);
    assert_int_equal(bound.innovations.width, 0);
    release(&bound);
}

static bool asked;

static bool second_time(void *context)
{
    (void)context;
    bool stop = asked;
    asked = true;
    return stop;
}

/* Days of a year: two seasons of states, one for the differences and one for the averages. */
static void an_airline_model_of_days_is_fitted(void **state)
{
    (void)state;
    enum { years = 3 * 365 };
    double *y = malloc(years * sizeof(double));
    struct kalman_spec spec = spec_of("arima", "d=1 q=1 D=1 Q=1 period=365");
    struct kalman_series series = {.values = y, .count = years};
    struct kalman_fit fit;
    size_t bytes = 0;
    series_with_season(y, years, 48, 2);
    assert_int_equal(kalman_fit_bytes(&spec, years, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(kalman_fit(&spec, &series, NULL, workspace, bytes, NULL, &fit), KALMAN_OK);
    assert_int_equal(fit.diffuse_count, 366);
    assert_true(fit.status == KALMAN_FIT_INTERIOR || fit.status == KALMAN_FIT_BOUNDARY_LOW);
    free(workspace);
    free(y);
}

/* A whole pass is a few milliseconds: the hook is asked within it. */
static void a_long_fit_can_be_cancelled(void **state)
{
    (void)state;
    enum { long_count = 4000 };
    double *y = malloc(long_count * sizeof(double));
    struct kalman_spec spec = spec_of("exponential_smoothing", "trend=1 period=365");
    struct kalman_series series = {.values = y, .count = long_count};
    struct kalman_fit_options options = {.hook = {.cancelled = second_time}};
    struct kalman_fit fit;
    size_t bytes = 0;
    series_with_season(y, long_count, 48, 9);
    assert_int_equal(kalman_fit_bytes(&spec, long_count, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    asked = false;
    assert_int_equal(kalman_fit(&spec, &series, &options, workspace, bytes, NULL, &fit),
                     KALMAN_ECANCELLED);
    free(workspace);
    free(y);
}

int main(void)
{
    bool with_gaps = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_have_one_likelihood),
        {"both_forms_have_one_likelihood_with_gaps", both_forms_have_one_likelihood, NULL, NULL,
         &with_gaps},
        cmocka_unit_test(what_has_no_such_form_is_left_to_the_filter),
        cmocka_unit_test(an_airline_model_of_days_is_fitted),
        cmocka_unit_test(a_long_fit_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
