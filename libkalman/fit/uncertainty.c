/*
 * How well the estimated parameters are known: the observed information in the coordinates of the
 * fit, with the scale as one of them, by differences of the likelihood; then the delta method.
 */
#include "fit/problem.h"
#include "fit/request.h"
#include "model/layout.h"
#include "numeric/expect.h"

#include <kalman/fit.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Everything of one call. */
struct inquiry {
    struct fit_problem problem;
    double x[KALMAN_PARAMETERS_MAX];
    bool at_edge[KALMAN_PARAMETERS_MAX];
    size_t inside[KALMAN_PARAMETERS_MAX];   /* the coordinates that are not */
    size_t count;                           /* of them */
    double step[KALMAN_PARAMETERS_MAX];     /* of the differences, for each of them */
    double centre;                          /* the likelihood at x */
    double *information, *wider, *jacobian; /* count x count; problem.count x count */
};

/* What was estimated becomes unknown again. */
static void open_spec(const struct kalman_spec *asked, const struct kalman_spec *fitted,
                      const struct spec_layout *layout, struct kalman_spec *ret_spec)
{
    *ret_spec = *fitted;
    for (size_t i = 0; i < layout->length; i++)
        if (asked->kind == KALMAN_AUTO || isnan(asked->parameters[i]))
            ret_spec->parameters[i] = NAN;
}

/* Information, its coarser estimate, derivatives: of no more coordinates than parameters. */
static size_t matrices_bytes(const struct spec_layout *layout)
{
    return 3 * (size_t)layout->length * layout->length * sizeof(double);
}

enum kalman_status kalman_uncertainty_bytes(const struct kalman_spec *fitted, size_t count,
                                            size_t *ret_bytes)
{
    struct spec_layout layout;
    if (!fitted || !ret_bytes)
        return KALMAN_EINVAL;
    enum kalman_status status = spec_resolve(fitted, true, &layout, NULL);
    if (status != KALMAN_OK)
        return status;
    if (fitted->kind == KALMAN_CUSTOM || fitted->kind == KALMAN_AUTO)
        return KALMAN_EUNSUPPORTED;
    status = fit_problem_bytes(fitted, &layout, count, ret_bytes);
    if (status == KALMAN_OK)
        *ret_bytes += matrices_bytes(&layout);
    return status;
}

/* The spec in the units of the scaled series, in which the fit has worked. */
static void scale_spec(const struct fit_problem *problem, const struct kalman_spec *fitted,
                       struct kalman_spec *ret_scaled)
{
    *ret_scaled = *fitted;
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        if (c->kind == FIT_VARIANCE)
            ret_scaled->parameters[c->at] =
                ldexp(fitted->parameters[c->at],
                      fitted->variance_exponent - fit_variance_exponent(problem, c->id));
    }
    ret_scaled->variance_exponent = 0;
}

/* Is the estimate on the edge of its box, or so near that it would not be moved off? */
static bool is_at_edge(const struct fit_coordinate *c, double x)
{
    double near = c->kind == FIT_VARIANCE ? 0 : 1e-6 * (c->upper - c->lower);
    return !isfinite(x) || x - c->lower <= near || c->upper - x <= near;
}

static void list_inside(struct inquiry *q)
{
    q->count = 0;
    for (size_t i = 0; i < q->problem.count; i++) {
        q->at_edge[i] = is_at_edge(&q->problem.coordinates[i], q->x[i]);
        if (!q->at_edge[i])
            q->inside[q->count++] = i;
    }
}

/* The likelihood with two coordinates moved. */
static double value_moved(struct inquiry *q, size_t a, double by_a, size_t b, double by_b)
{
    double x[KALMAN_PARAMETERS_MAX];
    memcpy(x, q->x, q->problem.count * sizeof(double));
    x[q->inside[a]] += by_a;
    x[q->inside[b]] += by_b;
    return fit_value(&q->problem, x);
}

static double second_difference(struct inquiry *q, size_t a, double h)
{
    double sum = value_moved(q, a, h, a, 0) + value_moved(q, a, -h, a, 0);
    return (2 * q->centre - sum) / (h * h);
}

/* Steps on which the likelihood falls by about 2e-4: far above its rounding, and a hundredth of
 * what its third derivatives need to show. False where it does not fall. */
static bool choose_step(struct inquiry *q, size_t a)
{
    const struct fit_coordinate *c = &q->problem.coordinates[q->inside[a]];
    double x = q->x[q->inside[a]], room = 0.45 * fmin(x - c->lower, c->upper - x);
    double h = fmin(1e-3, room), curvature = second_difference(q, a, h);
    if (curvature > 0)
        h = fmin(fmin(0.02 / sqrt(curvature), 0.1), room);
    q->step[a] = h;
    return second_difference(q, a, h) > 0;
}

/* Minus the second derivatives, by central differences over `factor` steps. */
static void differences(struct inquiry *q, double factor, double *matrix)
{
    for (size_t a = 0; a < q->count && fit_check_limits(&q->problem); a++) {
        double h = factor * q->step[a];
        matrix[a * q->count + a] = second_difference(q, a, h);
        for (size_t b = 0; b < a; b++) {
            double k = factor * q->step[b];
            double same = value_moved(q, a, h, b, k) + value_moved(q, a, -h, b, -k),
                   opposite = value_moved(q, a, h, b, -k) + value_moved(q, a, -h, b, k);
            matrix[a * q->count + b] = matrix[b * q->count + a] = (opposite - same) / (4 * h * k);
        }
    }
}

/* The information where the steps can be chosen; false where there is none. */
static bool inform(struct inquiry *q)
{
    size_t square = q->count * q->count;
    struct kalman_spec spec;
    fit_decode(&q->problem, q->x, 1, &spec);
    /* for the check of the shorter way, where there is one */
    if (q->problem.differenced.usable && fit_problem_evaluate(&q->problem, &spec) != KALMAN_OK)
        return false;
    q->centre = fit_value(&q->problem, q->x);
    bool curved = isfinite(q->centre);
    for (size_t a = 0; a < q->count && curved && fit_check_limits(&q->problem); a++)
        curved = choose_step(q, a);
    if (!curved)
        return false;
    differences(q, 1, q->information);
    differences(q, 2, q->wider);
    for (size_t i = 0; i < square; i++) /* the errors of h^2 cancel */
        q->information[i] = (4 * q->information[i] - q->wider[i]) / 3;
    return true;
}

/* The inverse of a symmetric positive definite matrix, in its place; false if it is not. By
 * Gauss-Jordan, pivots on the diagonal, after scaling it to ones. */
static bool invert(double *matrix, size_t n)
{
    EXPECT(n <= KALMAN_PARAMETERS_MAX);
    double scale[KALMAN_PARAMETERS_MAX];
    for (size_t i = 0; i < n; i++) {
        if (!(matrix[i * n + i] > 0))
            return false;
        scale[i] = 1 / sqrt(matrix[i * n + i]);
    }
    for (size_t i = 0; i < n * n; i++)
        matrix[i] *= scale[i / n] * scale[i % n];
    for (size_t k = 0; k < n; k++) {
        double pivot = matrix[k * n + k];
        if (!(pivot > 1e-9)) /* what is left of it is the differences' error */
            return false;
        matrix[k * n + k] = 1;
        for (size_t j = 0; j < n; j++)
            matrix[k * n + j] /= pivot;
        for (size_t i = 0; i < n; i++) {
            double factor = matrix[i * n + k];
            if (i == k)
                continue;
            matrix[i * n + k] = 0;
            for (size_t j = 0; j < n; j++)
                matrix[i * n + j] -= factor * matrix[k * n + j];
        }
    }
    for (size_t i = 0; i < n * n; i++)
        matrix[i] *= scale[i / n] * scale[i % n];
    return true;
}

/* How parameters move with the coordinates, by differences of fit_decode(): parameters in the order
 * of the coordinates. */
static void differentiate_parameters(struct inquiry *q)
{
    struct kalman_spec up, down;
    for (size_t a = 0; a < q->count; a++) {
        size_t i = q->inside[a];
        double x[KALMAN_PARAMETERS_MAX], h = fmin(1e-5, q->step[a]);
        memcpy(x, q->x, q->problem.count * sizeof(double));
        x[i] = q->x[i] + h;
        fit_decode(&q->problem, x, 1, &up);
        x[i] = q->x[i] - h;
        fit_decode(&q->problem, x, 1, &down);
        for (size_t k = 0; k < q->problem.count; k++) {
            size_t at = q->problem.coordinates[k].at;
            q->jacobian[k * q->count + a] = (up.parameters[at] - down.parameters[at]) / (2 * h);
        }
    }
}

static double covariance_of(const struct inquiry *q, size_t k, size_t l)
{
    double sum = 0;
    size_t n = q->count;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++)
            sum += q->jacobian[k * n + a] * q->information[a * n + b] * q->jacobian[l * n + b];
    return sum;
}

/* Is the parameter of coordinate k known no better than its edge? All of a polynomial is, when one
 * of its partial autocorrelations is at one. */
static bool is_parameter_at_edge(const struct inquiry *q, size_t k)
{
    const struct fit_coordinate *c = q->problem.coordinates;
    bool polynomial = c[k].kind == FIT_PARTIAL, edge = q->at_edge[k];
    for (size_t i = 0; polynomial && i < q->problem.count; i++)
        edge = edge || (c[i].id == c[k].id && q->at_edge[i]);
    return edge;
}

/* An interval that stays inside the parameter's domain. */
static void interval_of(const struct kalman_parameter_info *info, double value, double error,
                        double z, double *ret_lower, double *ret_upper)
{
    double width = z * error, range = info->upper - info->lower;
    if (info->domain == KALMAN_DOMAIN_VARIANCE || info->domain == KALMAN_DOMAIN_POSITIVE) {
        *ret_lower = value * exp(-width / value);
        *ret_upper = value * exp(width / value);
    } else if (!info->length && isfinite(range) && value > info->lower && value < info->upper) {
        double below = value - info->lower, above = info->upper - value;
        /* d logit = d value * range / (below above) */
        double factor = exp(-width * range / (below * above));
        *ret_lower = info->lower + range * below * factor / (below * factor + above);
        *ret_upper = info->lower + range * below / (below + above * factor);
    } else {
        *ret_lower = value - width;
        *ret_upper = value + width;
    }
}

static const struct kalman_parameter_info *info_at(const struct spec_layout *layout, size_t at)
{
    size_t row = 0;
    while (at >= (size_t)layout->parameters[row].at + layout->parameters[row].count)
        row++;
    return layout->parameters[row].info;
}

/* What a parameter of the scaled problem is multiplied by, as a power of two. */
static int unit_of(const struct fit_problem *problem, size_t k, const struct kalman_spec *fitted)
{
    const struct fit_coordinate *c = &problem->coordinates[k];
    return c->kind == FIT_VARIANCE
               ? fit_variance_exponent(problem, c->id) - fitted->variance_exponent
               : 0;
}

/* known: the information has an inverse, which is in its place. */
static void put_answer(const struct inquiry *q, bool known, const struct kalman_spec *fitted,
                       double coverage, double *covariance, struct kalman_uncertainty *ret)
{
    const struct fit_problem *problem = &q->problem;
    double z = kalman_normal_coverage(coverage);
    size_t n = problem->count;
    ret->count = n;
    for (size_t k = 0; k < n; k++) {
        size_t at = problem->coordinates[k].at;
        int unit = unit_of(problem, k, fitted);
        bool blank = !known || is_parameter_at_edge(q, k);
        double error = blank ? (double)NAN : ldexp(sqrt(covariance_of(q, k, k)), unit);
        ret->at[k] = at;
        ret->standard_error[k] = error;
        interval_of(info_at(&problem->layout, at), fitted->parameters[at], error, z, &ret->lower[k],
                    &ret->upper[k]);
        for (size_t l = 0; covariance && l < n; l++)
            covariance[k * n + l] =
                blank || is_parameter_at_edge(q, l)
                    ? (double)NAN
                    : ldexp(covariance_of(q, k, l), unit + unit_of(problem, l, fitted));
    }
}

/* Checks the call, and gets the fit's coordinates and its point ready. */
static enum kalman_status prepare(const struct kalman_spec *asked, const struct kalman_spec *fitted,
                                  const struct kalman_series *series,
                                  const struct kalman_fit_options *options, void *workspace,
                                  size_t workspace_bytes, struct inquiry *q)
{
    struct spec_layout layout;
    struct kalman_spec open, scaled;
    size_t needed = 0, bad_index = 0;
    enum kalman_status status = kalman_uncertainty_bytes(fitted, series->count, &needed);
    if (status == KALMAN_OK &&
        (!workspace || workspace_bytes < needed || (uintptr_t)workspace % KALMAN_ALIGN != 0))
        status = KALMAN_EWORKSPACE;
    if (status == KALMAN_OK)
        status = fit_series_check(fitted, series, &bad_index);
    if (status == KALMAN_OK)
        status = spec_resolve(fitted, true, &layout, NULL);
    if (status != KALMAN_OK)
        return status;
    size_t problem_bytes = needed - matrices_bytes(&layout),
           square = (size_t)layout.length * layout.length;
    open_spec(asked, fitted, &layout, &open);
    status =
        fit_problem_prepare(&q->problem, &open, &layout, series, options, workspace, problem_bytes);
    if (status != KALMAN_OK)
        return status;
    q->information = (double *)(void *)((char *)workspace + problem_bytes);
    q->wider = q->information + square;
    q->jacobian = q->wider + square;
    /* the scale is a parameter whose error is wanted */
    q->problem.concentrate = false;
    q->problem.scale_at = SIZE_MAX;
    q->problem.evaluations_max = SIZE_MAX;
    scale_spec(&q->problem, fitted, &scaled);
    fit_encode(&q->problem, &scaled, q->x);
    list_inside(q);
    return KALMAN_OK;
}

enum kalman_status
kalman_uncertainty(const struct kalman_spec *asked, const struct kalman_spec *fitted,
                   const struct kalman_series *series, const struct kalman_fit_options *options,
                   double coverage, void *workspace, size_t workspace_bytes, double *ret_covariance,
                   struct kalman_uncertainty *ret_uncertainty)
{
    struct inquiry q;
    if (!asked || !fitted || !series || !ret_uncertainty || !(coverage > 0 && coverage < 1) ||
        (asked->kind != KALMAN_AUTO && asked->kind != fitted->kind))
        return KALMAN_EINVAL;
    enum kalman_status status =
        prepare(asked, fitted, series, options, workspace, workspace_bytes, &q);
    if (status != KALMAN_OK)
        return status;
    bool known = q.count > 0 && inform(&q);
    if (q.problem.cancel.cancelled || q.problem.failure != KALMAN_OK)
        return q.problem.cancel.cancelled ? KALMAN_ECANCELLED : q.problem.failure;
    known = known && invert(q.information, q.count);
    if (known)
        differentiate_parameters(&q);
    put_answer(&q, known, fitted, coverage, ret_covariance, ret_uncertainty);
    return KALMAN_OK;
}
