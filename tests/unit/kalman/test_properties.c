/* Properties that hold for every linear Gaussian model, over thousands of random ones. */
#include "oracle_gls.h"
#include "random_model.h"
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STATES = RANDOM_POINTS * RANDOM_STATES, SQUARES = RANDOM_POINTS * RANDOM_STATES * RANDOM_STATES };

static const struct random_kind kinds[] = {
    {0, 0, 0, 0}, {0, 0, 1, 0}, {0, 0, 1, 1}, {1, 0, 1, 1}, {0, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 0, 1}, {1, 0, 0, 0},
};
enum { KINDS = sizeof kinds / sizeof kinds[0], PER_KIND = 400 };

static struct oracle_model oracle_of(const struct random_model *x, int varying)
{
    size_t varies = varying != 0;
    return (struct oracle_model){
        .states = x->m,
        .observations = x->p,
        .disturbances = x->r,
        .transition = x->T,
        .design = x->Z,
        .selection = x->R,
        .state_variance = x->Q,
        .observation_variance = x->H,
        .state_intercept = x->c,
        .observation_intercept = x->d,
        .transition_step = varies * x->m * x->m,
        .design_step = varies * x->p * x->m,
        .state_variance_step = varies * x->r * x->r,
        .observation_variance_step = varies * x->p * x->p,
        .initial_mean = x->a1,
        .initial_variance = x->P1,
        .diffuse = x->P_inf,
    };
}

/* Largest difference relative to the largest entry of each time point's block. */
static double worst(const double *ours, const double *theirs, size_t n, size_t width)
{
    double worst = 0.0;
    for (size_t t = 0; t < n; t++) {
        double size = 0.0, difference = 0.0;
        for (size_t i = t * width; i < (t + 1) * width; i++) {
            size = fmax(size, fabs(theirs[i]));
            difference = fmax(difference, fabs(ours[i] - theirs[i]));
        }
        worst = fmax(worst, difference / size);
    }
    return worst;
}

/* Both engines against dense generalised least squares: likelihood, smoothed states and variances. */
static void likelihood_and_smoother_equal_dense_least_squares(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 1);
    static double mean[STATES], variance[SQUARES], dense_mean[STATES], dense_variance[SQUARES];
    size_t compared = 0;
    for (size_t i = 0; i < KINDS * PER_KIND; i++) {
        struct random_model x;
        struct random_kind kind = kinds[i % KINDS];
        random_model_make(&x, &random, kind);
        struct oracle_model oracle = oracle_of(&x, kind.varying);
        struct oracle_result dense = {.smoothed_mean = dense_mean, .smoothed_variance = dense_variance};
        if (oracle_gls(&oracle, x.y, x.n, &dense) == 0) {
            for (int engine = 0; engine < 2; engine++) {
                struct kalman_options options = {.engine = engine ? KALMAN_ENGINE_REFERENCE : KALMAN_ENGINE_FAST};
                struct kalman_output out = {.smoothed_state = mean, .smoothed_state_variance = variance};
                struct kalman_summary summary = random_model_run(&x, x.y, &options, &out);
                assert_int_equal(summary.diffuse_count, dense.diffuse_count);
                assert_int_equal(summary.observation_count, dense.observed_count);
                assert_true(fabs(summary.loglikelihood - dense.loglikelihood) <= 1e-10 * fabs(dense.loglikelihood));
                assert_true(worst(mean, dense_mean, x.n, x.m) <= 1e-8);
                assert_true(worst(variance, dense_variance, x.n, x.m * x.m) <= 1e-8);
            }
            compared++;
        }
        kalman_model_free(x.model);
    }
    assert_true(compared > KINDS * PER_KIND * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likelihood_and_smoother_equal_dense_least_squares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
