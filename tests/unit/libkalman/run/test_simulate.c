/* Simulation: the draws have the moments that the smoother reports. Fixed seeds; bounds of five
 * standard errors. */
#include "support.h"

#include <kalman/model.h>
#include <kalman/simulate.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DRAWS = 4000, POINTS = 30 };

/* splitmix64 and xoshiro256++ by their authors' reference code: the first outputs for seed 0 of
 * splitmix64. */
static void generator_is_xoshiro_seeded_by_splitmix(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 0);
    assert_true(random.word[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(random.word[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(random.word[2] == UINT64_C(0x06c45d188009454f));
    assert_true(random.word[3] == UINT64_C(0xf88bb8a8724c81ec));
    /* xoshiro256++ from state 1, 2, 3, 4, as in the test vectors of the rand_xoshiro crate; ours
     * keeps the upper 52 bits. */
    const uint64_t expected[] = {UINT64_C(41943041),
                                 UINT64_C(58720359),
                                 UINT64_C(3588806011781223),
                                 UINT64_C(3591011842654386),
                                 UINT64_C(9228616714210784205),
                                 UINT64_C(9973669472204895162),
                                 UINT64_C(14011001112246962877),
                                 UINT64_C(12406186145184390807),
                                 UINT64_C(15849039046786891736),
                                 UINT64_C(10450023813501588000)};
    struct kalman_random fixed = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_true(kalman_random_uniform(&fixed) == ((double)(expected[i] >> 12) + 0.5) * 0x1p-52);
}

static void normal_deviates_have_the_moments_of_the_normal(void **state)
{
    (void)state;
    struct kalman_random random;
    kalman_random_seed(&random, 1);
    double sums[5] = {0};
    enum { COUNT = 1000000 };
    for (int i = 0; i < COUNT; i++) {
        double x = kalman_random_normal(&random), power = 1.0;
        for (int k = 1; k < 5; k++) {
            power *= x;
            sums[k] += power / COUNT;
        }
    }
    assert_within(sums[1], 0.0, 5e-3);
    assert_within(sums[2], 1.0, 5.0 * sqrt(2.0 / COUNT));
    assert_within(sums[3], 0.0, 5.0 * sqrt(15.0 / COUNT));
    assert_within(sums[4], 3.0, 5.0 * sqrt(96.0 / COUNT));
}

static void draws_have_the_smoothed_mean_and_variance(void **state)
{
    (void)state;
    const struct {
        const char *kind, *words;
    } kinds[] = {
        {"local_level", "observation_variance=2 level_variance=0.5"},
        {"local_linear_trend", "observation_variance=2 level_variance=0.5 slope_variance=0.05"},
        {"seasonal", "period=4 observation_variance=2 level_variance=0.5 seasonal_variance=0.1"},
        {"arima", "p=1 d=1 innovation_variance=1.5 ar=0.6"}};
    struct kalman_random random;
    kalman_random_seed(&random, 3);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        double y[POINTS], mean[POINTS], variance[POINTS],
            *signal = calloc(DRAWS * POINTS, sizeof *signal);
        for (size_t t = 0; t < POINTS; t++)
            y[t] = t < 2 || (t > 9 && t < 16)
                       ? (double)NAN
                       : 100.0 + 0.3 * (double)t + kalman_random_normal(&random);
        struct kalman_spec spec = spec_of(kinds[k].kind, kinds[k].words);
        struct kalman_series series = {.values = y, .count = POINTS};
        struct kalman_output out = {.smoothed_mean = mean, .smoothed_variance = variance};
        struct kalman_model *model = NULL;
        struct kalman_summary summary;
        size_t bytes = 0;
        run_of(&spec, &series, &out);
        assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
        assert_int_equal(kalman_simulate_bytes(model, POINTS, &bytes), KALMAN_OK);
        void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
        assert_int_equal(kalman_simulate(model, &series, NULL, &random, DRAWS, signal, NULL,
                                         workspace, bytes, &summary),
                         KALMAN_OK);
        for (size_t t = 0; t < POINTS; t++) {
            double sum = 0.0, square = 0.0;
            for (size_t d = 0; d < DRAWS; d++) {
                double x = signal[d * POINTS + t] - mean[t];
                sum += x / DRAWS;
                square += x * x / DRAWS;
            }
            assert_within(sum, 0.0, 5.0 * sqrt(variance[t] / DRAWS) + 1e-9);
            assert_within(square, variance[t], 5.0 * variance[t] * sqrt(2.0 / DRAWS) + 1e-9);
        }
        free(workspace);
        free(signal);
        kalman_model_free(model);
    }
}

/* What a model generates, filtered by it, leaves standardised innovations of mean 0 and variance
 * 1. */
static void generated_data_look_like_the_model(void **state)
{
    (void)state;
    enum { LONG = 20000 };
    double *y = calloc(LONG, sizeof *y), *standard = calloc(LONG, sizeof *standard), sum = 0.0,
           square = 0.0;
    struct kalman_spec spec =
        spec_of("basic_structural", "period=4 observation_variance=2 level_variance=0.5 "
                                    "slope_variance=0.01 seasonal_variance=0.1");
    struct kalman_model *model = NULL;
    struct kalman_random random;
    struct kalman_series series = {.values = y, .count = LONG};
    size_t bytes = 0;
    kalman_random_seed(&random, 8);
    assert_int_equal(kalman_model_new(&spec, &model), KALMAN_OK);
    assert_int_equal(kalman_simulate_bytes(model, LONG, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_int_equal(kalman_generate(model, &series, &random, y, NULL, workspace, bytes),
                     KALMAN_OK);
    struct kalman_output out = {.standardized = standard};
    run_of(&spec, &series, &out);
    for (size_t t = 10; t < LONG; t++) {
        sum += standard[t] / (LONG - 10);
        square += standard[t] * standard[t] / (LONG - 10);
    }
    assert_within(sum, 0.0, 5.0 / sqrt(LONG));
    assert_within(square, 1.0, 5.0 * sqrt(2.0 / LONG));
    free(workspace);
    free(y);
    free(standard);
    kalman_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generator_is_xoshiro_seeded_by_splitmix),
        cmocka_unit_test(normal_deviates_have_the_moments_of_the_normal),
        cmocka_unit_test(draws_have_the_smoothed_mean_and_variance),
        cmocka_unit_test(generated_data_look_like_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
