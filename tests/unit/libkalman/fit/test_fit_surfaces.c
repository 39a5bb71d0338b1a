/*
 * Likelihoods with many summits, thin ones beside unit roots, and ridges where roots nearly cancel:
 * a fit ends at the highest summit that other programs or random starts find, and says so.
 */
#include "support.h"

#include "fit/nlopt.h"
#include "fit/polish.h"
#include "fit/problem.h"

#include <kalman/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct published {
    const char *series, *settings;
    double loglikelihood; /* marginal: the convention of all three */
    const char *source;
};

static const struct published summits[] = {
    /* results_sarimax_coverage.csv of statsmodels: "arima wpi, arima(3,0,3) noconstant" */
    {"wpi1", "p=3 q=3", -142.1485, "Stata"},
    {"wpi1", "p=3", -145.917, "Stata"},
    /* arima(discoveries, c(2, 1, 2)): its start by conditional least squares finds it */
    {"discoveries", "p=2 d=1 q=2", -213.840584, "R 4.2.2"},
};

static void a_published_summit_is_not_above(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof summits / sizeof summits[0]; i++) {
        size_t n = 0;
        const double *y = vector(summits[i].series, &n);
        struct kalman_spec spec = spec_of("arima", summits[i].settings);
        struct kalman_fit fit = fit_of(&spec, y, n);
        if (!(fit.loglikelihood_marginal > summits[i].loglikelihood - 6e-5) ||
            fit.status == KALMAN_FIT_NOT_CONVERGED)
            fail_msg("%s %s: %.9g, %s; %s has %.9g", summits[i].series, summits[i].settings,
                     fit.loglikelihood_marginal, kalman_fit_status_name(fit.status),
                     summits[i].source, summits[i].loglikelihood);
    }
}

/* Anywhere in the box, but for the ends that no likelihood reaches. */
static void random_start(const struct fit_problem *problem, struct kalman_random *random, double *x)
{
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        double lower = fmax(c->lower, -5), upper = fmin(c->upper, 5);
        x[i] = lower + (upper - lower) * kalman_random_uniform(random);
    }
}

/* The highest summit that climbs from so many random starts lead to, of what the fit maximises. */
static double highest_of_random(struct fit_problem *problem, int starts)
{
    struct kalman_random random;
    double best = -HUGE_VAL;
    kalman_random_seed(&random, 99);
    for (int k = 0; k < starts; k++) {
        double x[KALMAN_PARAMETERS_MAX];
        bool held[KALMAN_PARAMETERS_MAX] = {false}, converged = false;
        random_start(problem, &random, x);
        size_t reference = fit_reference(problem, x);
        if (reference != SIZE_MAX)
            held[reference] = true;
        double value = fit_climb(problem, held, 1e-4, 200, x);
        if (value > best - 3)
            value = fit_polish(problem, x, &converged);
        best = fmax(best, value);
    }
    return best;
}

struct surface {
    const char *kind, *series, *settings;
};

static const struct surface surfaces[] = {
    {"arima", "lh", "p=2 q=1"},
    {"arima", "lh", "p=2 q=2"},
    {"arima", "lh", "p=2 d=1 q=2"},
    {"arima", "lakehuron", "p=2"},
    {"arima", "lakehuron", "p=2 q=2"},
    {"arima", "lynx", "p=2 q=2"},
    {"arima", "wwwusage", "p=3 d=1 q=1"},
    {"arima", "uspop", "p=3 d=1 q=1"},
    {"damped_trend", "nile", ""},
    {"exponential_smoothing", "ukgas", "trend=1 damped=1 period=4"},
};

static void no_random_start_ends_higher(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof surfaces / sizeof surfaces[0]; i++) {
        const struct surface *s = &surfaces[i];
        size_t n = 0;
        const double *values = vector(s->series, &n);
        struct kalman_spec spec = spec_of(s->kind, s->settings);
        struct kalman_fit_options options = {.evaluations_max = 1000000};
        struct fit_problem problem;
        struct kalman_fit fit = fit_of(&spec, values, n);
        assert_int_not_equal(fit.status, KALMAN_FIT_NOT_CONVERGED);
        void *workspace = bind_problem(&spec, values, n, &options, &problem);
        double highest = highest_of_random(&problem, 15), x[KALMAN_PARAMETERS_MAX];
        struct kalman_spec scaled = fit.spec;
        for (size_t k = 0; k < problem.count; k++)
            if (problem.coordinates[k].kind == FIT_VARIANCE)
                scaled.parameters[problem.coordinates[k].at] =
                    ldexp(fit.spec.parameters[problem.coordinates[k].at],
                          -fit_variance_exponent(&problem, problem.coordinates[k].id));
        fit_encode(&problem, &scaled, x);
        double found = fit_value(&problem, x);
        if (!(found > highest - 5e-5))
            fail_msg("%s %s %s: %.9g below %.9g", s->kind, s->series, s->settings, found, highest);
        free(workspace);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_summit_is_not_above),
        cmocka_unit_test(no_random_start_ends_higher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
