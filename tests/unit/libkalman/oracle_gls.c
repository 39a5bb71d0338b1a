#include "oracle_gls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef ORACLE_WIDE
typedef _Float128 real; /* 113 bits; compiled as oracle_gls_wide() */
#define SQRT sqrtf128
#define LOG logf128
static const real pivot_least = 1e-32F128;
#else
typedef long double real;
#define SQRT sqrtl
#define LOG logl
static const real pivot_least = 1e-17L;
#endif

/* What the stacked problem is made of. w = (alpha_1 - a1 without delta, eta_1 .. eta_{n-1});
 * alpha_t is linear in it. */
struct stacked {
    size_t n, states, noise, diffuse, observed;
    real *load;      /* n x states x noise: alpha_t on w */
    real *mean;      /* n x states */
    real *delta;     /* n x states x diffuse: alpha_t on delta */
    real *variance;  /* noise x noise: Var(w) */
    real *row_load;  /* observed x noise */
    real *row_delta; /* observed x diffuse */
    real *row_value; /* observed: y - mu */
    real *sigma;     /* observed x observed; its Cholesky factor afterwards */
};

static real *zeros(size_t count)
{
    return calloc(count + 1, sizeof(real));
}

/* A column basis of the range of the diffuse matrix: for the diagonal ones of these tests, unit
 * vectors. */
static size_t diffuse_columns(const struct oracle_model *model, real *ret_columns)
{
    size_t m = model->states, count = 0;
    for (size_t i = 0; model->diffuse && i < m; i++)
        if (model->diffuse[i * m + i] > 0) {
            ret_columns[i * m + count] = SQRT((real)model->diffuse[i * m + i]);
            count++;
        }
    return count;
}

static void start_states(const struct oracle_model *model, struct stacked *s)
{
    size_t m = s->states;
    real *columns = zeros(m * m);
    s->diffuse = diffuse_columns(model, columns);
    s->delta = zeros(s->n * m * s->diffuse);
    for (size_t i = 0; i < m; i++) {
        s->mean[i] = model->initial_mean ? model->initial_mean[i] : 0;
        s->load[i * s->noise + i] = 1;
        for (size_t j = 0; j < s->diffuse; j++)
            s->delta[i * s->diffuse + j] = columns[i * m + j];
        for (size_t j = 0; j < m; j++)
            s->variance[i * s->noise + j] =
                model->initial_variance ? model->initial_variance[i * m + j] : 0;
    }
    free(columns);
}

static void multiply_into(real *out, const double *left, const real *right, size_t rows,
                          size_t inner, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < inner; k++)
            for (size_t j = 0; left[i * inner + k] != 0 && j < columns; j++)
                out[i * columns + j] += (real)left[i * inner + k] * right[k * columns + j];
}

static void propagate_states(const struct oracle_model *model, struct stacked *s)
{
    size_t m = s->states, r = model->disturbances;
    for (size_t t = 0; t + 1 < s->n; t++) {
        const double *transition = model->transition + t * model->transition_step;
        const double *selection = model->selection + t * model->selection_step;
        const double *variance = model->state_variance + t * model->state_variance_step;
        real *next = s->load + (t + 1) * m * s->noise;
        multiply_into(next, transition, s->load + t * m * s->noise, m, m, s->noise);
        multiply_into(s->delta + (t + 1) * m * s->diffuse, transition,
                      s->delta + t * m * s->diffuse, m, m, s->diffuse);
        multiply_into(s->mean + (t + 1) * m, transition, s->mean + t * m, m, m, 1);
        size_t at = m + t * r;
        for (size_t i = 0; i < m; i++) {
            if (model->state_intercept)
                s->mean[(t + 1) * m + i] +=
                    model->state_intercept[t * model->state_intercept_step + i];
            for (size_t j = 0; j < r; j++)
                next[i * s->noise + at + j] += selection[i * r + j];
        }
        for (size_t i = 0; i < r; i++)
            for (size_t j = 0; j < r; j++)
                s->variance[(at + i) * s->noise + at + j] = variance[i * r + j];
    }
}

/* Appends one observed number as a row; returns its index. */
static void append_row(const struct oracle_model *model, struct stacked *s, size_t t, size_t i,
                       double y)
{
    size_t m = s->states, row = s->observed++;
    const double *z = model->design + t * model->design_step + i * m;
    multiply_into(s->row_load + row * s->noise, z, s->load + t * m * s->noise, 1, m, s->noise);
    multiply_into(s->row_delta + row * s->diffuse, z, s->delta + t * m * s->diffuse, 1, m,
                  s->diffuse);
    real mu = 0;
    multiply_into(&mu, z, s->mean + t * m, 1, m, 1);
    if (model->observation_intercept)
        mu += model->observation_intercept[t * model->observation_intercept_step + i];
    s->row_value[row] = (real)y - mu;
}

static real *times_variance(const struct stacked *s, const real *rows, size_t count)
{
    real *out = zeros(count * s->noise);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < s->noise; k++)
            for (size_t j = 0; rows[i * s->noise + k] != 0 && j < s->noise; j++)
                out[i * s->noise + j] += rows[i * s->noise + k] * s->variance[k * s->noise + j];
    return out;
}

static real dot(const real *a, const real *b, size_t count)
{
    real sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static void observe(const struct oracle_model *model, const double *y, struct stacked *s)
{
    size_t p = model->observations;
    size_t *times = calloc(s->n * p + 1, sizeof(size_t)),
           *series = calloc(s->n * p + 1, sizeof(size_t));
    for (size_t t = 0; t < s->n; t++)
        for (size_t i = 0; i < p; i++)
            if (!isnan(y[t * p + i])) {
                times[s->observed] = t;
                series[s->observed] = i;
                append_row(model, s, t, i, y[t * p + i]);
            }
    size_t count = s->observed;
    real *weighted = times_variance(s, s->row_load, count);
    s->sigma = zeros(count * count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            s->sigma[i * count + j] =
                dot(weighted + i * s->noise, s->row_load + j * s->noise, s->noise);
            if (times[i] == times[j])
                s->sigma[i * count + j] +=
                    model->observation_variance[times[i] * model->observation_variance_step +
                                                series[i] * p + series[j]];
        }
    free(weighted);
    free(times);
    free(series);
}

/* Lower Cholesky factor in place; 1 if a pivot is not positive relative to its diagonal. */
static int factor(real *a, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        real diagonal = a[j * count + j], pivot = diagonal - dot(a + j * count, a + j * count, j);
        if (!(pivot > diagonal * pivot_least))
            return 1;
        a[j * count + j] = SQRT(pivot);
        for (size_t i = j + 1; i < count; i++)
            a[i * count + j] =
                (a[i * count + j] - dot(a + i * count, a + j * count, j)) / a[j * count + j];
    }
    return 0;
}

/* x = L^-1 x for `columns` columns at once, row-major. */
static void solve_lower(const real *factor_, size_t count, real *x, size_t columns)
{
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < columns; c++) {
            real sum = x[i * columns + c];
            for (size_t k = 0; k < i; k++)
                sum -= factor_[i * count + k] * x[k * columns + c];
            x[i * columns + c] = sum / factor_[i * count + i];
        }
}

static real log_determinant(const real *factor_, size_t count)
{
    real sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += 2 * LOG(factor_[i * count + i]);
    return sum;
}

static void solve_upper_vector(const real *lower, size_t count, real *x)
{
    for (size_t i = count; i-- > 0;) {
        for (size_t k = i + 1; k < count; k++)
            x[i] -= lower[k * count + i] * x[k];
        x[i] /= lower[i * count + i];
    }
}

/* The whitened regression: X~ = L^-1 X, v~ = L^-1 v, its normal matrix factored, delta^ and the
 * residuals. */
struct regression {
    real *x, *residual, *normal, *delta;
};

static int regress(const struct stacked *s, struct regression *fit, double *ret_loglikelihood)
{
    size_t count = s->observed, d = s->diffuse;
    fit->x = zeros(count * d);
    fit->residual = zeros(count);
    fit->normal = zeros(d * d);
    fit->delta = zeros(d);
    memcpy(fit->x, s->row_delta, count * d * sizeof(real));
    memcpy(fit->residual, s->row_value, count * sizeof(real));
    if (factor(s->sigma, count))
        return 1;
    solve_lower(s->sigma, count, fit->x, d);
    solve_lower(s->sigma, count, fit->residual, 1);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < d; i++) {
            fit->delta[i] += fit->x[k * d + i] * fit->residual[k];
            for (size_t j = 0; j < d; j++)
                fit->normal[i * d + j] += fit->x[k * d + i] * fit->x[k * d + j];
        }
    if (factor(fit->normal, d))
        return 1;
    solve_lower(fit->normal, d, fit->delta, 1);
    solve_upper_vector(fit->normal, d, fit->delta);
    for (size_t k = 0; k < count; k++)
        fit->residual[k] -= dot(fit->x + k * d, fit->delta, d);
    real log_two_pi = LOG((real)6.283185307179586476925286766559005768L);
    *ret_loglikelihood =
        (double)(-0.5L *
                 ((real)count * log_two_pi + log_determinant(s->sigma, count) +
                  log_determinant(fit->normal, d) + dot(fit->residual, fit->residual, count)));
    return 0;
}

static void smooth_one(const struct stacked *s, const struct regression *fit, size_t t,
                       struct oracle_result *result)
{
    size_t m = s->states, count = s->observed, d = s->diffuse;
    const real *load = s->load + t * m * s->noise;
    real *weighted = times_variance(s, load, m), *cross = zeros(count * m), *gap = zeros(d * m);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < m; i++)
            cross[k * m + i] = dot(weighted + i * s->noise, s->row_load + k * s->noise, s->noise);
    solve_lower(s->sigma, count, cross, m);
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < m; i++) {
            gap[j * m + i] = s->delta[(t * m + i) * d + j];
            for (size_t k = 0; k < count; k++)
                gap[j * m + i] -= cross[k * m + i] * fit->x[k * d + j];
        }
    for (size_t i = 0; i < m; i++) {
        real mean = s->mean[t * m + i];
        for (size_t j = 0; j < d; j++)
            mean += s->delta[(t * m + i) * d + j] * fit->delta[j];
        for (size_t k = 0; k < count; k++)
            mean += cross[k * m + i] * fit->residual[k];
        result->smoothed_mean[t * m + i] = (double)mean;
    }
    solve_lower(fit->normal, d, gap, m);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) {
            real value = dot(weighted + i * s->noise, load + j * s->noise, s->noise);
            for (size_t k = 0; k < count; k++)
                value -= cross[k * m + i] * cross[k * m + j];
            for (size_t k = 0; k < d; k++)
                value += gap[k * m + i] * gap[k * m + j];
            result->smoothed_variance[(t * m + i) * m + j] = (double)value;
        }
    free(weighted);
    free(cross);
    free(gap);
}

int oracle_gls(const struct oracle_model *model, const double *y, size_t n,
               struct oracle_result *ret_result)
{
    struct stacked s = {
        .n = n, .states = model->states, .noise = model->states + n * model->disturbances};
    struct regression fit = {0};
    s.load = zeros(n * s.states * s.noise);
    s.mean = zeros(n * s.states);
    s.variance = zeros(s.noise * s.noise);
    start_states(model, &s);
    propagate_states(model, &s);
    s.row_load = zeros(n * model->observations * s.noise);
    s.row_delta = zeros(n * model->observations * s.diffuse);
    s.row_value = zeros(n * model->observations);
    observe(model, y, &s);
    int status = regress(&s, &fit, &ret_result->loglikelihood);
    ret_result->diffuse_count = s.diffuse;
    ret_result->observed_count = s.observed;
    for (size_t t = 0; !status && ret_result->smoothed_mean && t < n; t++)
        smooth_one(&s, &fit, t, ret_result);
    real *owned[] = {s.load,      s.mean,  s.delta, s.variance,   s.row_load, s.row_delta,
                     s.row_value, s.sigma, fit.x,   fit.residual, fit.normal, fit.delta};
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++)
        free(owned[i]);
    return status;
}

int oracle_regression(const double *y, size_t n, const double *x, size_t d, const double *sigma,
                      double *ret_loglikelihood)
{
    struct stacked s = {.n = n, .diffuse = d, .observed = n};
    struct regression fit = {0};
    s.row_delta = zeros(n * d);
    s.row_value = zeros(n);
    s.sigma = zeros(n * n);
    for (size_t i = 0; i < n * d; i++)
        s.row_delta[i] = x[i];
    for (size_t i = 0; i < n; i++)
        s.row_value[i] = y[i];
    for (size_t i = 0; i < n * n; i++)
        s.sigma[i] = sigma[i];
    int status = regress(&s, &fit, ret_loglikelihood);
    real *owned[] = {s.row_delta, s.row_value, s.sigma, fit.x, fit.residual, fit.normal, fit.delta};
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++)
        free(owned[i]);
    return status;
}
