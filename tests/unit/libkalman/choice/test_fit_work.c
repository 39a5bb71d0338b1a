/* The estimate of what a fit computes. */
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { count_max = 4000 };

static double work_of(const char *kind, const char *words, size_t count, size_t missing)
{
    static double y[count_max];
    struct kalman_spec spec = spec_of(kind, words);
    struct kalman_series series = {.values = y, .count = count};
    double work = -1;
    for (size_t t = 0; t < count; t++)
        y[t] = sin((double)t);
    for (size_t t = 0; t < missing; t++)
        y[count / 2 + t] = NAN;
    assert_int_equal(kalman_fit_work(&spec, &series, &work), KALMAN_OK);
    return work;
}

static void many_missing_values_cost_the_shorter_way(void **state)
{
    (void)state;
    static const char *const seasons[][2] = {{"basic_structural", "period=365"},
                                             {"ets", "trend=1 period=365"},
                                             {"arima", "d=1 q=1 D=1 Q=1 period=365"}};
    for (size_t i = 0; i < 3; i++) {
        double whole = work_of(seasons[i][0], seasons[i][1], count_max, 0),
               few = work_of(seasons[i][0], seasons[i][1], count_max, 10);
        assert_true(whole > 0 && few > whole && few < 5 * whole);
        assert_true(work_of(seasons[i][0], seasons[i][1], count_max, 300) > 5 * whole);
    }
}

static void a_choice_is_all_its_fits(void **state)
{
    (void)state;
    double choice = work_of("auto", "period=24", count_max, 0);
    assert_true(choice > work_of("basic_structural", "period=24", count_max, 0) +
                             work_of("seasonal", "period=24", count_max, 0));
    assert_true(choice > work_of("auto", "", count_max, 0));
}

/* Of the passes that a fit counted, each with the multiplications of its matrices. */
static void an_estimate_is_of_the_size_of_the_work(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *words;
        double states;
        bool timed; /* there is no score in closed form then */
    } kinds[] = {{"local_linear_trend", "", 2, false},
                 {"local_linear_trend", "", 2, true},
                 {"smooth_trend", "", 2, false},
                 {"smooth_trend", "", 2, true},
                 {"arima", "d=1 q=2", 4, false}};
    double times[100], work = 0;
    size_t count = 0;
    const double *y = vector("nile", &count);
    assert_int_equal(count, 100);
    for (size_t t = 0; t < count; t++)
        times[t] = (double)t + 0.2 * (double)(t % 3);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct kalman_spec spec = spec_of(kinds[i].kind, kinds[i].words);
        struct kalman_series series = {
            .values = y, .count = count, .times = kinds[i].timed ? times : NULL};
        struct kalman_fit fit = fit_series(&spec, &series);
        double pass = (double)count * kinds[i].states * kinds[i].states,
               counted = (double)fit.evaluations * pass;
        assert_int_equal(kalman_fit_work(&spec, &series, &work), KALMAN_OK);
        assert_true(work > counted / 5 && work < counted * 5);
    }
}

static void what_is_not_fitted_takes_nothing(void **state)
{
    (void)state;
    assert_true(work_of("local_level", "observation_variance=1 level_variance=1", 100, 0) == 0);
    struct kalman_spec spec = spec_of("local_level", "");
    double work = 0;
    assert_int_equal(kalman_fit_work(&spec, NULL, &work), KALMAN_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_missing_values_cost_the_shorter_way),
        cmocka_unit_test(a_choice_is_all_its_fits),
        cmocka_unit_test(an_estimate_is_of_the_size_of_the_work),
        cmocka_unit_test(what_is_not_fitted_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
