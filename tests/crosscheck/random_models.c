/*
 * The filter's likelihood and the smoother against dense least squares, over random models of every
 * kind, ill-conditioned ones among them, without an exception:
 *
 *   random_models MODELS FIRST_SEED SEEDS
 *
 * Each model is compared with least squares in 64 bits; where these differ by more than a tenth of
 * the bound, or cannot say, 113 bits decide. Prints the worst errors of each seed. Exit status 1: a
 * model was beyond the bound.
 */
#include "oracle_gls.h"
#include "random_model.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int oracle_gls_wide(const struct oracle_model *model, const double *y, size_t n,
                    struct oracle_result *ret_result);

static const double bound = 1e-9;

enum {
    STATES = RANDOM_POINTS * RANDOM_STATES,
    SQUARES = RANDOM_POINTS * RANDOM_STATES * RANDOM_STATES
};

struct errors {
    double likelihood, mean, variance;
};

struct answer {
    double likelihood;
    double mean[STATES], variance[SQUARES];
    size_t diffuse, observed;
    int status; /* of the oracle: 1 where there is no answer */
};

static struct answer ours, dense;

static void ask_oracle(const struct random_model *x, bool varying, bool wide)
{
    const struct oracle_model oracle = random_model_oracle(x, varying);
    struct oracle_result result = {.smoothed_mean = dense.mean,
                                   .smoothed_variance = dense.variance};
    dense.status = (wide ? oracle_gls_wide : oracle_gls)(&oracle, x->y, x->n, &result);
    dense.likelihood = result.loglikelihood;
    dense.diffuse = result.diffuse_count;
    dense.observed = result.observed_count;
}

static void ask_library(const struct random_model *x, enum kalman_engine engine)
{
    const struct kalman_options options = {.engine = engine};
    const struct kalman_output output = {.smoothed_state = ours.mean,
                                         .smoothed_state_variance = ours.variance};
    struct kalman_summary summary = random_model_run(x, x->y, &options, &output);
    ours.likelihood = summary.loglikelihood;
    ours.diffuse = summary.diffuse_count;
    ours.observed = summary.observation_count;
}

/* The errors beside the oracle's last answer. Where it says that the data do not determine the
 * start, the library has to say so too. */
static struct errors compare(const struct random_model *x)
{
    if (dense.status != 0)
        return ours.diffuse < dense.diffuse ? (struct errors){0, 0, 0}
                                            : (struct errors){HUGE_VAL, HUGE_VAL, HUGE_VAL};
    if (ours.diffuse != dense.diffuse || ours.observed != dense.observed)
        return (struct errors){HUGE_VAL, HUGE_VAL, HUGE_VAL};
    return (struct errors){fabs(ours.likelihood / dense.likelihood - 1),
                           random_model_worst(ours.mean, dense.mean, x->n, x->m),
                           random_model_worst(ours.variance, dense.variance, x->n, x->m * x->m)};
}

static double largest(const struct errors *errors)
{
    return fmax(errors->likelihood, fmax(errors->mean, errors->variance));
}

static struct errors check_engine(const struct random_model *x, bool varying,
                                  enum kalman_engine engine, size_t *wide_count)
{
    ask_library(x, engine);
    ask_oracle(x, varying, false);
    struct errors errors = compare(x);
    if (dense.status == 0 && largest(&errors) <= bound / 10)
        return errors;
    ask_oracle(x, varying, true);
    ++*wide_count;
    return compare(x);
}

/* Returns how many models of this seed are beyond the bound. */
static size_t check_seed(size_t models, size_t seed)
{
    struct kalman_random random;
    struct errors worst = {0, 0, 0};
    size_t beyond = 0, wide = 0;
    kalman_random_seed(&random, seed);
    for (size_t i = 0; i < models; i++) {
        struct random_model x;
        const struct random_kind kind = random_kinds[i % RANDOM_KINDS];
        bool failed = false;
        random_model_make(&x, &random, kind);
        for (int engine = KALMAN_ENGINE_FAST; engine <= KALMAN_ENGINE_REFERENCE; engine++) {
            struct errors errors =
                check_engine(&x, kind.varying != 0, (enum kalman_engine)engine, &wide);
            failed = failed || !(largest(&errors) <= bound);
            if (!(largest(&errors) <= bound))
                printf("model %zu of seed %zu, engine %d: likelihood %.2g, mean %.2g, variance "
                       "%.2g\n",
                       i, seed, engine, errors.likelihood, errors.mean, errors.variance);
            worst.likelihood = fmax(worst.likelihood, errors.likelihood);
            worst.mean = fmax(worst.mean, errors.mean);
            worst.variance = fmax(worst.variance, errors.variance);
        }
        beyond += failed ? 1 : 0;
        kalman_model_free(x.model);
    }
    printf("seed %zu: %zu models, worst likelihood %.2g, mean %.2g, variance %.2g; %zu of %zu "
           "comparisons in 113 bits\n",
           seed, models, worst.likelihood, worst.mean, worst.variance, wide, 2 * models);
    return beyond;
}

int main(int argc, char **argv)
{
    size_t numbers[3], beyond = 0; /* models, first seed, seeds */
    for (int i = 0; i < 3; i++) {
        char *end = argc == 4 ? argv[i + 1] : NULL;
        numbers[i] = argc == 4 ? strtoul(argv[i + 1], &end, 10) : 0;
        if (argc != 4 || end == argv[i + 1] || *end != '\0') {
            fputs("usage: random_models MODELS FIRST_SEED SEEDS\n", stderr);
            return 2;
        }
    }
    for (size_t i = 0; i < numbers[2]; i++)
        beyond += check_seed(numbers[0], numbers[1] + i);
    return beyond > 0;
}
