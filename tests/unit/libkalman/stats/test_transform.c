/* Logarithms and Box-Cox powers against R's forecast 8.20 (BoxCox, InvBoxCox). */
#include "support.h"

#include <kalman/transform.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct kalman_transform power(double lambda)
{
    return (struct kalman_transform){.kind = KALMAN_TRANSFORM_BOX_COX, .lambda = lambda};
}

/* lambda; z of 112 and 0.25; the y of z(112) + 0.1, and its mean where the variance is .04 */
static void a_power_is_not_that_of_box_and_cox(void **state)
{
    static const double cases[][5] = {
        {0, 4.7184988712950942, -1.3862943611198906, 123.77914282447244, 126.27964737688998},
        {0.3, 10.395832538687104, -1.1341534820451764, 114.7424542530083, 114.83578348448478},
        {-0.5, 1.8110177634953863, -2, 505.18838490681702, 8161.6475122495658},
        {1, 111, -0.75, 112.1, 112.1},
        {2, 6271.5, -0.46875, 112.00089285358399, 112.00089283934872}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct kalman_transform transform = power(cases[i][0]);
        const double values[2] = {112, 0.25};
        double z[2], mean = 0, variance = 0;
        size_t bad_index = 9;
        assert_int_equal(kalman_transform_apply(&transform, values, 2, z, &bad_index), KALMAN_OK);
        assert_relative(z[0], cases[i][1], 1e-14);
        assert_relative(z[1], cases[i][2], 1e-14);
        assert_relative(kalman_transform_invert(&transform, z[0]), 112, 1e-12);
        assert_relative(kalman_transform_invert(&transform, z[0] + 0.1), cases[i][3], 1e-12);
        kalman_transform_moments(&transform, z[0] + 0.1, 0.04, &mean, &variance);
        assert_relative(mean, cases[i][4], 1e-12);
        assert_true(variance > 0);
        double slope = (kalman_transform_invert(&transform, z[0] + 1e-6) -
                        kalman_transform_invert(&transform, z[0] - 1e-6)) /
                       2e-6;
        assert_true(fabs(kalman_transform_log_jacobian(&transform, 112) + log(slope)) < 1e-6);
    }
}

/* Of a lognormal with log mean 1 and log variance .25: exp(1.125), exp(2.25) (exp(.25) - 1). */
static void the_mean_of_logarithms_is_the_median(void **state)
{
    static const struct kalman_transform logarithms = {.kind = KALMAN_TRANSFORM_LOG};
    double mean = 0, variance = 0;
    (void)state;
    kalman_transform_moments(&logarithms, 1, 0.25, &mean, &variance);
    assert_relative(mean, 3.0802168489180312, 1e-14);
    assert_relative(variance, 2.694758124344948, 1e-13);
}

static void a_value_without_a_logarithm_is_taken(void **state)
{
    static const double bad[] = {0, -1, -0.0};
    static const struct kalman_transform logarithms = {.kind = KALMAN_TRANSFORM_LOG};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const double values[3] = {NAN, 2, bad[i]};
        double z[3];
        size_t bad_index = 9;
        assert_int_equal(kalman_transform_apply(&logarithms, values, 3, z, &bad_index),
                         KALMAN_EDOMAIN);
        assert_int_equal(bad_index, 2);
    }
}

static void the_unit_changes_the_logarithms(void **state)
{
    static const double values[] = {1120, NAN, 963, 1e-3}, units[] = {0x1p-40, 0x1p500};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        double plain[4], scaled[4];
        size_t bad_index = 9;
        for (size_t t = 0; t < 4; t++)
            scaled[t] = values[t] * units[k];
        struct kalman_transform a = {KALMAN_TRANSFORM_LOG, 0, kalman_transform_unit(values, 4)};
        struct kalman_transform b = {KALMAN_TRANSFORM_LOG, 0, kalman_transform_unit(scaled, 4)};
        assert_int_equal(kalman_transform_apply(&a, values, 4, plain, &bad_index), KALMAN_OK);
        assert_int_equal(kalman_transform_apply(&b, scaled, 4, scaled, &bad_index), KALMAN_OK);
        for (size_t t = 0; t < 4; t++)
            assert_true(plain[t] == scaled[t] || isnan(values[t]));
        assert_true(kalman_transform_invert(&b, plain[0]) ==
                    kalman_transform_invert(&a, plain[0]) * units[k]);
    }
}

/* The ratio of the two values is beyond any double. */
static void a_value_far_from_the_unit_is_refused(void **state)
{
    static const double ends[][2] = {{1e-200, 1e200}, {1e200, 1e-200}, {1e-310, 1e300}};
    (void)state;
    for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
        double z[2], mean = 0, variance = 0;
        size_t bad_index = 9;
        struct kalman_transform transform = {KALMAN_TRANSFORM_LOG, 0,
                                             kalman_transform_unit(ends[k], 2)};
        assert_int_equal(kalman_transform_apply(&transform, ends[k], 2, z, &bad_index), KALMAN_OK);
        for (size_t t = 0; t < 2; t++) {
            assert_relative(kalman_transform_invert(&transform, z[t]), ends[k][t], 1e-12);
            kalman_transform_moments(&transform, z[t], 0, &mean, &variance);
            assert_relative(mean, ends[k][t], 1e-12);
            assert_relative(kalman_transform_log_jacobian(&transform, ends[k][t]), -log(ends[k][t]),
                            1e-12);
        }
    }
}

static void a_bound_outside_the_range_is_a_number(void **state)
{
    const struct kalman_transform root = power(0.5), reciprocal = power(-1);
    (void)state;
    assert_true(kalman_transform_invert(&root, -3) == 0);
    assert_true(isinf(kalman_transform_invert(&reciprocal, 2)));
    assert_true(isnan(kalman_transform_invert(&root, NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_is_not_that_of_box_and_cox),
        cmocka_unit_test(the_mean_of_logarithms_is_the_median),
        cmocka_unit_test(a_value_without_a_logarithm_is_taken),
        cmocka_unit_test(the_unit_changes_the_logarithms),
        cmocka_unit_test(a_value_far_from_the_unit_is_refused),
        cmocka_unit_test(a_bound_outside_the_range_is_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
