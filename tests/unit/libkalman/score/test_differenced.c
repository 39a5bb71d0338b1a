/* The likelihood by differences beside the filter's. */
#include "support.h"

#include "fit/problem.h"

#include <kalman/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { count_max = 300 };

static const char *const forms[][2] = {
    {"basic_structural", "period=4"},
    {"basic_structural", "period=2"},
    {"basic_structural", "period=52"},
    {"seasonal", "period=7"},
    {"seasonal", "period=24"},
    {"seasonal", "period=48"},
    {"arima", "p=1 q=1 Q=1 period=24 mean=1"},
    {"arima", "p=2 D=1 Q=1 period=30 mean=1"},
    {"arima", "p=1 mean=1"},
    {"arima", "p=2 d=1 q=2"},
    {"arima", "p=1 D=1 Q=1 period=12 mean=1"},
    {"arima", "p=1 q=1 P=1 period=4"},
    {"arima", "p=3 d=2 q=1"},
    {"damped_trend", ""},
};
enum { form_count = sizeof forms / sizeof forms[0] };

/* In every place of the differences: the first season, a run, a season apart, the last value. */
static void make_gaps(double *y)
{
    static const size_t gaps[] = {0, 20, 150, 151, 174, 202, count_max - 1};
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++)
        y[gaps[i]] = NAN;
}

/* One constant for all points. */
static void both_forms_have_one_likelihood(void **state)
{
    bool with_gaps = *state != NULL;
    double y[count_max];
    struct kalman_random random;
    kalman_random_seed(&random, 5);
    for (size_t k = 0; k < form_count; k++) {
        struct kalman_spec spec = spec_of(forms[k][0], forms[k][1]), point;
        struct fit_problem problem;
        struct score_result sums;
        series_with_season(y, count_max, 12, k);
        if (with_gaps)
            make_gaps(y);
        void *memory = bind_problem(&spec, y, count_max, NULL, &problem);
        if (with_gaps && differenced_reach(&problem.layout) < 24) {
            assert_false(problem.differenced.usable);
            free(memory);
            continue;
        }
        for (int trial = 0; trial < 6; trial++) {
            random_point(&problem, &random, &point);
            assert_int_equal(fit_problem_evaluate(&problem, &point), KALMAN_OK);
            assert_true(problem.differenced.usable && problem.differenced.checked);
            assert_true(
                differenced_likelihood(&problem.differenced, &problem.layout, &point, NULL, &sums));
            assert_int_equal(sums.observed, problem.last.observed);
            assert_int_equal(sums.diffuse, problem.last.diffuse);
            assert_within(sums.log_determinant, problem.last.log_determinant, 1e-8);
            if (problem.marginal)
                assert_within(problem.differenced.information, score_information(&problem.score),
                              1e-9);
            assert_within(sums.quadratic, problem.last.quadratic, 1e-9 * problem.last.quadratic);
        }
        free(memory);
    }
}

static void what_has_no_such_form_is_left_to_the_filter(void **state)
{
    (void)state;
    static const char *const others[][2] = {{"basic_structural", "period=12 harmonics=2"},
                                            {"arima", "d=1 q=1"},
                                            {"arima", "p=1 P=2 period=12"},
                                            {"local_linear_trend", ""}};
    double y[count_max];
    struct fit_problem problem;
    series_with_season(y, count_max, 12, 3);
    for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) {
        struct kalman_spec spec = spec_of(others[k][0], others[k][1]);
        free(bind_problem(&spec, y, count_max, NULL, &problem));
        assert_false(problem.differenced.usable);
    }
    y[100] = NAN;
    struct kalman_spec spec = spec_of("basic_structural", "period=12");
    free(bind_problem(&spec, y, count_max, NULL, &problem));
    assert_false(problem.differenced.usable);
}

/* The check is by the squares: those of another series are others. */
static void a_pass_that_disagrees_ends_its_use(void **state)
{
    (void)state;
    double y[count_max];
    struct kalman_random random;
    struct kalman_spec spec = spec_of("basic_structural", "period=12"), point;
    struct fit_problem problem;
    kalman_random_seed(&random, 8);
    series_with_season(y, count_max, 12, 3);
    void *memory = bind_problem(&spec, y, count_max, NULL, &problem);
    problem.differenced.values[20] += 1e-3;
    random_point(&problem, &random, &point);
    assert_int_equal(fit_problem_evaluate(&problem, &point), KALMAN_OK);
    assert_false(problem.differenced.usable);
    free(memory);
}

int main(void)
{
    bool with_gaps = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_have_one_likelihood),
        {"both_forms_have_one_likelihood_with_gaps", both_forms_have_one_likelihood, NULL, NULL,
         &with_gaps},
        cmocka_unit_test(what_has_no_such_form_is_left_to_the_filter),
        cmocka_unit_test(a_pass_that_disagrees_ends_its_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
