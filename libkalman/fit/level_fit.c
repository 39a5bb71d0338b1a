/*
 * kalman_fit for the local level: data and given variances in, ratio found by level_search, report
 * out.
 */
#include "fit/level_fit.h"

#include "fit/level_search.h"
#include "fit/report.h"
#include "numeric/expect.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

/* The two parameters of the kind, in the catalogue's order. */
enum { NOISE, LEVEL };

/* (y - centre) / 2^exponent, exact up to the rounding of the difference, without overflow. */
static double scaled_deviation(double y, double centre, int exponent)
{
    double difference = y - centre;
    /* Quarters first where the difference of two large numbers does not fit. */
    return isinf(difference) ? ldexp(y * 0.25 - centre * 0.25, 2 - exponent)
                             : ldexp(difference, -exponent);
}

/* Scale of a univariate series: the first finite value, and the exponent k with |y - centre| <
 * 2^(k+1) everywhere. Returns the count of finite values; *ret_exponent is INT_MIN when they are
 * all equal (or none). */
static size_t series_scale(const double *values, size_t count, double *ret_centre,
                           int *ret_exponent)
{
    size_t observed = 0;
    double largest = 0.0, centre = NAN;
    int shift = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            continue;
        if (observed++ == 0)
            centre = values[i];
        double difference = fabs(values[i] - centre);
        if (isinf(difference)) {
            difference = fabs(values[i] * 0.25 - centre * 0.25);
            largest = shift == 0 ? largest * 0.25 : largest;
            shift = 2;
        } else if (shift != 0) {
            difference *= 0.25;
        }
        largest = fmax(largest, difference);
    }
    *ret_centre = centre;
    *ret_exponent = largest > 0.0 ? ilogb(largest) + shift : INT_MIN;
    return observed;
}

/* A variance in data units of 2^exponent as a parameter of the spec, whose exponent must suit
 * both. */
static void store_variances(struct kalman_spec *spec, double noise, double level, int exponent)
{
    assert(noise >= 0.0 && level >= 0.0);
    double largest = fmax(noise, level);
    int size = largest > 0.0 ? ilogb(largest) + 2 * exponent : 0;
    /* Plain doubles unless they would lose digits. */
    bool plain = size > -900 && size < 1000;
    spec->parameters[NOISE] = plain ? ldexp(noise, 2 * exponent) : noise;
    spec->parameters[LEVEL] = plain ? ldexp(level, 2 * exponent) : level;
    spec->variance_exponent = plain || largest == 0.0 ? 0 : 2 * exponent;
}

/* The report at ratio q: sums once more at the result, then scale, variances, likelihood in the
 * caller's units. */
static enum kalman_status report(struct level_problem *problem, double q, int exponent,
                                 struct kalman_fit *fit)
{
    assert(q >= 0.0);
    const double log_two_pi = 1.837877066409345483560659472811,
                 ln2 = 0.693147180559945309417232121458;
    const struct kalman_spec given = fit->spec;
    double H = 1.0, Q = 1.0;
    level_ratio_pair(q, &H, &Q);
    struct level_sums sums;
    level_likelihood(&problem->data, H, Q, &sums);
    problem->evaluations++;
    double s = level_problem_scale(problem, H, Q, sums.squares), ne = problem->innovations;
    double noise = problem->mode == LEVEL_FIXED_NOISE ? problem->given : s * H;
    double level = problem->mode == LEVEL_FIXED_LEVEL ? problem->given : s * Q;
    /* gaps in time so small that a rate of variance overflows */
    if (!isfinite(noise) || !isfinite(level))
        return KALMAN_ERANGE;
    store_variances(&fit->spec, noise, level, exponent);
    for (int i = 0; i < 2; i++) /* a given number comes back as it was */
        if (!isnan(given.parameters[i]))
            fit->spec.parameters[i] =
                ldexp(given.parameters[i], given.variance_exponent - fit->spec.variance_exponent);
    fit->signal_to_noise = q;
    fit->evaluations = problem->evaluations;
    double kernel =
        level_problem_value(problem, H, Q, sums.squares, sums.logs) - ne * exponent * ln2;
    fit->loglikelihood_marginal = kernel - 0.5 * log_two_pi * ne;
    fit->loglikelihood = fit->loglikelihood_marginal - 0.5 * log_two_pi;
    return KALMAN_OK;
}

/* Series that have no information about the ratio: all missing, one value, or all values equal. */
static void report_degenerate(size_t observed, struct kalman_fit *fit)
{
    for (int i = 0; i < 2; i++)
        fit->spec.parameters[i] = isnan(fit->spec.parameters[i]) ? 0.0 : fit->spec.parameters[i];
    fit->status = observed >= 2 ? KALMAN_FIT_DEGENERATE_CONSTANT : KALMAN_FIT_UNIDENTIFIED_DEFAULT;
    fit->loglikelihood = observed >= 2 ? (double)INFINITY
                                       : -0.5 * 1.837877066409345483560659472811 * (double)observed;
    fit->loglikelihood_marginal = observed >= 2 ? (double)INFINITY : 0.0;
}

static enum level_mode level_mode_of(const struct kalman_spec *spec)
{
    bool noise = !isnan(spec->parameters[NOISE]), level = !isnan(spec->parameters[LEVEL]);
    if (noise && level)
        return spec->parameters[NOISE] > 0.0 ? LEVEL_FIXED_NOISE : LEVEL_FIXED_LEVEL;
    return noise ? LEVEL_FIXED_NOISE : level ? LEVEL_FIXED_LEVEL : LEVEL_BOTH_FREE;
}

/*
 * The caller's own values, to be centred and scaled as they are read: the workspace of a long
 * series stays untouched, and costs no memory then. Only where the scale or a deviation is no
 * double, a copy that is both already.
 */
static struct level_data level_data_of(const struct fit_request *request, double centre,
                                       int exponent)
{
    const struct kalman_series *series = request->series;
    if (abs(exponent) <= 1000)
        return (struct level_data){series->values, series->times, series->count, centre,
                                   ldexp(1.0, -exponent)};
    double *values = request->workspace;
    for (size_t i = 0; i < series->count; i++)
        values[i] = scaled_deviation(series->values[i], centre, exponent);
    return (struct level_data){values, series->times, series->count, 0.0, 1.0};
}

/* The ratio when it needs no search, NaN when it does. */
static double ratio_known(const struct level_problem *problem, size_t observed,
                          const struct fit_request *request)
{
    const struct kalman_spec *spec = request->spec;
    if (layout_free_count(request->layout, spec) == 0)
        return spec->parameters[LEVEL] / spec->parameters[NOISE];
    if (problem->mode == LEVEL_FIXED_NOISE && spec->parameters[NOISE] == 0.0)
        return INFINITY;
    if (problem->mode == LEVEL_FIXED_LEVEL && spec->parameters[LEVEL] == 0.0)
        return 0.0;
    /* Two observations leave the likelihood flat in q; q = 1/2 makes the gain exactly 1/2. */
    return problem->mode == LEVEL_BOTH_FREE && observed == 2 ? 0.5 : (double)NAN;
}

/* The given variance in the data's units, held inside the doubles. */
static void take_given(struct level_problem *problem, const struct kalman_spec *spec, int exponent)
{
    const double ln2 = 0.693147180559945309417232121458;
    double given = spec->parameters[problem->mode == LEVEL_FIXED_LEVEL ? LEVEL : NOISE];
    int shift = spec->variance_exponent - 2 * exponent;
    problem->log_given = log(given) + shift * ln2;
    problem->given = fmin(fmax(ldexp(given, shift), 1e-300), 1e300);
}

enum kalman_status level_fit(const struct fit_request *request, struct kalman_fit *ret_fit)
{
    assert(layout_at(request->layout, PARAMETER_OBSERVATION_VARIANCE) == NOISE);
    assert(layout_at(request->layout, PARAMETER_LEVEL_VARIANCE) == LEVEL);
    double centre = NAN;
    int exponent = INT_MIN;
    size_t observed =
        series_scale(request->series->values, request->series->count, &centre, &exponent);
    struct level_problem problem = {.mode = level_mode_of(request->spec),
                                    .cancel = {.hook = request->options->hook}};
    ret_fit->observation_count = observed;
    ret_fit->diffuse_count = observed > 0;
    ret_fit->parameter_count = layout_free_count(request->layout, request->spec);
    if (observed < 2 || exponent == INT_MIN) {
        report_degenerate(observed, ret_fit);
        fit_information_criteria(ret_fit);
        return KALMAN_OK;
    }
    problem.data = level_data_of(request, centre, exponent);
    problem.innovations = (double)(observed - 1);
    double q = ratio_known(&problem, observed, request);
    /* the ratio is known, the scale is not */
    if (!isnan(q) && ret_fit->parameter_count > 0)
        problem.mode = LEVEL_BOTH_FREE;
    else if (problem.mode != LEVEL_BOTH_FREE)
        take_given(&problem, request->spec, exponent);
    ret_fit->status = observed == 2 && problem.mode == LEVEL_BOTH_FREE
                          ? KALMAN_FIT_UNIDENTIFIED_DEFAULT
                          : KALMAN_FIT_INTERIOR;
    if (isnan(q)) {
        q = level_search(&problem);
        if (q == 0.0 || isinf(q))
            ret_fit->status = q == 0.0 ? KALMAN_FIT_BOUNDARY_LOW : KALMAN_FIT_BOUNDARY_HIGH;
    }
    if (ret_fit->parameter_count == 0)
        ret_fit->status = KALMAN_FIT_FIXED;
    if (problem.cancel.cancelled)
        return KALMAN_ECANCELLED;
    enum kalman_status status = report(&problem, q, exponent, ret_fit);
    if (status == KALMAN_OK)
        fit_information_criteria(ret_fit);
    return status;
}

size_t level_fit_bytes(size_t count)
{
    return count * sizeof(double);
}
