#include "random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct random_kind random_kinds[RANDOM_KINDS] = {
    {0, 0, 0, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, 1, 1, 0}, {1, 0, 1, 1, 0}, {0, 1, 1, 1, 0},
    {1, 1, 1, 1, 0}, {1, 1, 0, 1, 0}, {1, 0, 0, 0, 0}, {0, 0, 1, 1, 1}, {1, 1, 1, 1, 1},
};

static size_t below(struct kalman_random *random, size_t count)
{
    return (size_t)(kalman_random_uniform(random) * (double)count);
}

static void normals(struct kalman_random *random, double *to, size_t count, double sd)
{
    for (size_t i = 0; i < count; i++)
        to[i] = sd * kalman_random_normal(random);
}

/* B B' + small diagonal for a random B: well conditioned enough for the dense oracle to be
 * exact. */
static void random_variance(struct kalman_random *random, double *to, size_t size, int diagonal,
                            double scale)
{
    double B[RANDOM_STATES * RANDOM_STATES] = {0};
    normals(random, B, size * size, 1.0);
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = i == j ? 0.2 : 0.0;
            for (size_t k = 0; k < size; k++)
                sum += B[i * size + k] * B[j * size + k];
            to[i * size + j] = to[j * size + i] = diagonal && i != j ? 0.0 : scale * sum;
        }
}

/* A chain of integrators under the first state, observed with weights of order one: like a trend
 * of order m. */
static void tame(struct random_model *x, size_t t)
{
    double *Z = x->Z + t * x->p * x->m, *T = x->T + t * x->m * x->m;
    for (size_t i = 0; i < x->p * x->m; i++)
        Z[i] = i % x->m == 0 ? copysign(0.8 + 0.1 * fabs(Z[i]), Z[i]) : 0.1 * Z[i];
    for (size_t i = 0; i < x->m; i++)
        for (size_t j = 0; j < x->m; j++)
            T[i * x->m + j] =
                i == j ? 0.9 + 0.1 * T[i * x->m + j]
                       : (j == i + 1 ? 1.0 + 0.2 * T[i * x->m + j] : 0.05 * T[i * x->m + j]);
}

static void random_matrices(struct random_model *x, struct kalman_random *random,
                            struct random_kind kind)
{
    size_t copies = kind.varying ? x->n : 1;
    for (size_t t = 0; t < copies; t++) {
        double *T = x->T + t * x->m * x->m;
        normals(random, x->Z + t * x->p * x->m, x->p * x->m, 1.0);
        random_variance(random, x->H + t * x->p * x->p, x->p, !kind.vector_observations, 1.0);
        random_variance(random, x->Q + t * x->r * x->r, x->r, 0, 0.5);
        normals(random, T, x->m * x->m, 0.4 / sqrt((double)x->m));
        for (size_t i = 0; i < x->m; i++)
            T[i * x->m + i] += 0.7;
        if (!kind.wild)
            tame(x, t);
    }
    normals(random, x->R, x->m * x->r, 1.0);
    normals(random, x->c, x->m, 0.3);
    normals(random, x->d, x->p, 0.3);
    normals(random, x->a1, x->m, 1.0);
    random_variance(random, x->P1, x->m, 0, 1.0);
    for (size_t i = 0; i < x->m; i++) {
        x->diffuse[i] = kind.diffuse && kalman_random_uniform(random) < 0.6;
        for (size_t j = 0; j < x->m && x->diffuse[i] != 0.0; j++)
            x->P1[i * x->m + j] = x->P1[j * x->m + i] = 0.0;
        x->P_inf[i * x->m + i] = x->diffuse[i];
    }
}

void random_model_make(struct random_model *x, struct kalman_random *random,
                       struct random_kind kind)
{
    memset(x, 0, sizeof *x);
    x->n = 12 + below(random, RANDOM_POINTS - 12 + 1);
    x->p = kind.vector_observations ? 1 + below(random, RANDOM_OBSERVED) : 1;
    /* no real model integrates more than three times */
    x->m = 1 + below(random, kind.wild ? RANDOM_STATES : 3);
    x->r = 1 + below(random, x->m);
    random_matrices(x, random, kind);
    for (size_t i = 0; i < x->n * x->p; i++)
        x->y[i] = kind.missing && kalman_random_uniform(random) < 0.25
                      ? (double)NAN
                      : 3.0 * kalman_random_normal(random);
    size_t varies = kind.varying != 0;
    x->system = (struct kalman_system){
        .observed = x->p,
        .states = x->m,
        .disturbances = x->r,
        .Z = {x->Z, varies * x->p * x->m},
        .H = {x->H, varies * x->p * x->p},
        .T = {x->T, varies * x->m * x->m},
        .R = {x->R, 0},
        .Q = {x->Q, varies * x->r * x->r},
        .c = {x->c, 0},
        .d = {x->d, 0},
        .a1 = x->a1,
        .P1 = x->P1,
        .diffuse = x->diffuse,
    };
    kalman_spec_init(&x->spec, KALMAN_CUSTOM);
    x->spec.system = &x->system;
    assert_int_equal(kalman_model_new(&x->spec, &x->model), KALMAN_OK);
}

struct kalman_summary random_model_run(const struct random_model *x, const double *y,
                                       const struct kalman_options *options,
                                       const struct kalman_output *output)
{
    struct kalman_series series = {.values = y, .count = x->n};
    struct kalman_summary summary;
    size_t bytes = 0;
    assert_int_equal(kalman_run_bytes(x->model, x->n, options, output, &bytes), KALMAN_OK);
    void *workspace = aligned_alloc(KALMAN_ALIGN, bytes);
    assert_non_null(workspace);
    assert_int_equal(kalman_run(x->model, &series, options, output, workspace, bytes, &summary),
                     KALMAN_OK);
    free(workspace);
    return summary;
}

struct oracle_model random_model_oracle(const struct random_model *x, int varying)
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

double random_model_worst(const double *a, const double *b, size_t n, size_t width)
{
    double worst = 0;
    for (size_t t = 0; t < n; t++) {
        double size = 0, difference = 0;
        for (size_t i = t * width; i < (t + 1) * width; i++) {
            size = fmax(size, fabs(b[i]));
            difference = isnan(a[i]) ? HUGE_VAL : fmax(difference, fabs(a[i] - b[i]));
        }
        worst = fmax(worst, difference > 0 ? difference / size : 0);
    }
    return worst;
}
