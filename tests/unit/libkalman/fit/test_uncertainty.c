/* Standard errors of fitted parameters: other programs' numbers, edges, units, refusals. */
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct kalman_uncertainty uncertainty_of(const struct kalman_spec *asked,
                                                const struct kalman_spec *fitted, const double *y,
                                                size_t n, double *covariance)
{
    struct kalman_series series = {.values = y, .count = n};
    struct kalman_uncertainty found;
    size_t bytes = 0;
    assert_int_equal(kalman_uncertainty_bytes(fitted, n, &bytes), KALMAN_OK);
    void *workspace =
        aligned_alloc(KALMAN_ALIGN, (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN);
    assert_int_equal(kalman_uncertainty(asked, fitted, &series, NULL, 0.95, workspace, bytes,
                                        covariance, &found),
                     KALMAN_OK);
    free(workspace);
    return found;
}

/* The Hessian of statsmodels' exact diffuse likelihood, by tests/crosscheck's program; for the
 * airline model R's arima prints s.e. 0.0896 and 0.0731 too. */
static void errors_are_those_of_other_programs(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double covariance[9];
    struct kalman_spec level = spec_of("local_level", "");
    struct kalman_fit fit = fit_of(&level, nile, n);
    struct kalman_uncertainty found = uncertainty_of(&level, &fit.spec, nile, n, covariance);
    assert_int_equal(found.count, 2);
    assert_relative(found.standard_error[0], 3145.5490006, 1e-5);
    assert_relative(found.standard_error[1], 1280.3766627, 1e-5);
    assert_relative(sqrt(covariance[3]), found.standard_error[1], 1e-14);
    assert_true(covariance[1] == covariance[2] && covariance[1] < 0);

    const double *air = vector_log("airpassengers", &n);
    struct kalman_spec airline = spec_of("arima", "d=1 q=1 D=1 Q=1 period=12");
    fit = fit_of(&airline, air, n);
    found = uncertainty_of(&airline, &fit.spec, air, n, NULL);
    const double expected[] = {0.0001672020861, 0.0896446519, 0.0731051003};
    for (size_t i = 0; i < 3; i++)
        assert_relative(found.standard_error[i], expected[i], 1e-5);
    /* a coefficient's interval is symmetric about it, a variance's about its logarithm */
    assert_relative(found.upper[1] - found.lower[1], 2 * 1.959963984540054 * expected[1], 1e-5);
    assert_relative(found.upper[0] * found.lower[0],
                    fit.spec.parameters[0] * fit.spec.parameters[0], 1e-9);
}

/* The slope of the Nile has no variance: nothing is said of it, and the rest is known. */
static void an_estimate_on_the_edge_has_no_error(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double covariance[9];
    struct kalman_spec trend = spec_of("local_linear_trend", "");
    struct kalman_fit fit = fit_of(&trend, nile, n);
    assert_true(kalman_spec_get(&fit.spec, "slope_variance") == 0);
    struct kalman_uncertainty found = uncertainty_of(&trend, &fit.spec, nile, n, covariance);
    assert_int_equal(found.count, 3);
    assert_true(found.standard_error[0] > 0 && found.standard_error[1] > 0);
    assert_true(isnan(found.standard_error[2]) && isnan(found.lower[2]) && isnan(covariance[5]));
}

/* What was given has no error; the others' are those given it. */
static void only_what_was_estimated_is_listed(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    struct kalman_spec asked = spec_of("local_level", "observation_variance=15099");
    struct kalman_fit fit = fit_of(&asked, nile, n);
    struct kalman_uncertainty found = uncertainty_of(&asked, &fit.spec, nile, n, NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.at[0], 1);
    assert_true(found.standard_error[0] > 100 && found.standard_error[0] < 1280);
}

/* Errors have the unit of their parameter, to the bit. */
static void another_unit_of_the_data_changes_no_digit(void **state)
{
    (void)state;
    size_t n = 0;
    const double *nile = vector("nile", &n);
    double *scaled = malloc(n * sizeof(double));
    struct kalman_spec level = spec_of("local_level", "");
    struct kalman_fit fit = fit_of(&level, nile, n);
    struct kalman_uncertainty plain = uncertainty_of(&level, &fit.spec, nile, n, NULL);
    static const int powers[] = {40, -300, 900};
    for (size_t k = 0; k < 3; k++) {
        for (size_t t = 0; t < n; t++)
            scaled[t] = ldexp(nile[t], powers[k]);
        struct kalman_fit other = fit_of(&level, scaled, n);
        struct kalman_uncertainty found = uncertainty_of(&level, &other.spec, scaled, n, NULL);
        for (size_t i = 0; i < 2; i++)
            assert_true(
                found.standard_error[i] ==
                ldexp(plain.standard_error[i], 2 * powers[k] - other.spec.variance_exponent));
    }
    free(scaled);
}

static bool always(void *context)
{
    (void)context;
    return true;
}

static void a_call_that_cannot_be_answered_is_refused(void **state)
{
    (void)state;
    size_t n = 0, bytes = 0;
    const double *nile = vector("nile", &n);
    struct kalman_series series = {.values = nile, .count = n};
    struct kalman_spec level = spec_of("local_level", ""), trend = spec_of("smooth_trend", "");
    struct kalman_fit fit = fit_of(&level, nile, n);
    struct kalman_fit_options stopped = {.hook = {.cancelled = always}};
    struct kalman_uncertainty found;
    assert_int_equal(kalman_uncertainty_bytes(&level, n, &bytes), KALMAN_EMISSINGPARAMETER);
    assert_int_equal(kalman_uncertainty_bytes(&fit.spec, n, &bytes), KALMAN_OK);
    void *workspace =
        aligned_alloc(KALMAN_ALIGN, (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN);
    assert_int_equal(kalman_uncertainty(&level, &fit.spec, &series, &stopped, 0.95, workspace,
                                        bytes, NULL, &found),
                     KALMAN_ECANCELLED);
    assert_int_equal(
        kalman_uncertainty(&trend, &fit.spec, &series, NULL, 0.95, workspace, bytes, NULL, &found),
        KALMAN_EINVAL);
    assert_int_equal(
        kalman_uncertainty(&level, &fit.spec, &series, NULL, 1, workspace, bytes, NULL, &found),
        KALMAN_EINVAL);
    assert_int_equal(kalman_uncertainty(&level, &fit.spec, &series, NULL, 0.95, workspace,
                                        bytes - KALMAN_ALIGN, NULL, &found),
                     KALMAN_EWORKSPACE);
    free(workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_those_of_other_programs),
        cmocka_unit_test(an_estimate_on_the_edge_has_no_error),
        cmocka_unit_test(only_what_was_estimated_is_listed),
        cmocka_unit_test(another_unit_of_the_data_changes_no_digit),
        cmocka_unit_test(a_call_that_cannot_be_answered_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
