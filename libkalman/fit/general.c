/*
 * kalman_fit for every kind but the plain local level: starts, climbs, polish, report.
 */
#include "fit/general.h"

#include "fit/nlopt.h"
#include "fit/polish.h"
#include "fit/problem.h"
#include "fit/report.h"
#include "fit/start.h"
#include "numeric/expect.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double log_two = 0.69314718055994530942, log_two_pi = 1.8378770664093454836;

enum {
    warm_steps = 4,
    climb_evaluations = 120,
    starts_one = 1,
    starts_few = 2,
    starts_some = 4,
    starts_many = 6,
    starts_most = 8,
    starts_all = 12,
    states_many = 4,
    states_most = 12,
    states_long = 100
};

enum kalman_status fit_general_bytes(const struct kalman_spec *spec,
                                     const struct spec_layout *layout, size_t count,
                                     size_t *ret_bytes)
{
    return fit_problem_bytes(spec, layout, count, ret_bytes);
}

/* Parameters in units of the scaled series into the caller's; given ones come back as they were. */
static void store_parameters(const struct fit_problem *problem, const struct kalman_spec *scaled,
                             const struct kalman_spec *given, struct kalman_spec *ret_spec)
{
    const struct spec_layout *layout = &problem->layout;
    struct kalman_spec spec = *given;
    double largest = 0;
    for (size_t row = 0; row < layout->parameter_count; row++) {
        const struct layout_parameter *p = &layout->parameters[row];
        for (size_t i = 0; p->info->domain == KALMAN_DOMAIN_VARIANCE && i < p->count; i++)
            largest = fmax(largest, scaled->parameters[p->at + i]);
    }
    int common = 2 * problem->data_exponent, size = largest > 0 ? ilogb(largest) + common : 0;
    /* doubles hold them with all their digits */
    bool plain = (size > -900 && size < 1000) || largest == 0;
    spec.variance_exponent = plain ? 0 : common;
    for (size_t row = 0; row < layout->parameter_count; row++) {
        const struct layout_parameter *p = &layout->parameters[row];
        bool variance = p->info->domain == KALMAN_DOMAIN_VARIANCE;
        int exponent =
            fit_variance_exponent(problem, (enum parameter_id)p->id) - spec.variance_exponent;
        for (size_t i = p->at; i < p->at + p->count; i++) {
            if (isnan(given->parameters[i]))
                spec.parameters[i] =
                    variance ? ldexp(scaled->parameters[i], exponent) : scaled->parameters[i];
            else if (variance)
                spec.parameters[i] =
                    ldexp(given->parameters[i], given->variance_exponent - spec.variance_exponent);
        }
    }
    *ret_spec = spec;
}

/* The likelihood of a complete scaled spec, in the caller's units, and the report made of it. */
static enum kalman_status report(struct fit_problem *problem, const struct kalman_spec *scaled,
                                 const struct fit_request *request, enum kalman_fit_status verdict,
                                 struct kalman_fit *fit)
{
    enum kalman_status status = fit_problem_evaluate(problem, scaled);
    if (status != KALMAN_OK)
        return status;
    const struct score_result *sums = &problem->last;
    double observed = (double)sums->observed,
           innovations = (double)(sums->observed - sums->diffuse);
    fit->status = verdict;
    fit->observation_count = sums->observed;
    fit->diffuse_count = sums->diffuse;
    fit->evaluations = problem->evaluations;
    /* y = 2^k x: a density of y is that of x divided by 2^k, for each innovation; a diffuse
     * value has no density of its own to change. */
    fit->loglikelihood = -0.5 * (observed * log_two_pi + sums->log_determinant + sums->quadratic) -
                         innovations * problem->data_exponent * log_two - problem->start_log;
    /* Every value was known before: their density is infinite. */
    if (verdict == KALMAN_FIT_DEGENERATE_CONSTANT && sums->quadratic == 0)
        fit->loglikelihood = HUGE_VAL;
    else if (!sums->possible)
        fit->loglikelihood = -HUGE_VAL;
    fit->loglikelihood_marginal = fit->loglikelihood + 0.5 * (double)sums->diffuse * log_two_pi;
    store_parameters(problem, scaled, request->spec, &fit->spec);
    fit_information_criteria(fit);
    return KALMAN_OK;
}

/* Every free variance multiplied by factor, the rest at its default. */
static void defaults_scaled(const struct fit_problem *problem, double factor,
                            struct kalman_spec *ret_spec)
{
    struct kalman_spec spec;
    fit_defaults(&problem->layout, &problem->spec, &spec);
    for (size_t i = 0; i < problem->count; i++)
        if (problem->coordinates[i].kind == FIT_VARIANCE)
            spec.parameters[problem->coordinates[i].at] *= factor;
    *ret_spec = spec;
}

static bool series_moves(const struct fit_problem *problem)
{
    double first = NAN;
    for (size_t t = 0; t < problem->series.count; t++) {
        double y = problem->series.values[t];
        if (isnan(y))
            continue;
        if (!isnan(first) && y != first)
            return true;
        first = y;
    }
    return false;
}

/* One for each variance; a coefficient takes one more than its own, or the fit passes through
 * every value. */
static size_t innovations_needed(const struct fit_problem *problem)
{
    for (size_t i = 0; i < problem->count; i++)
        if (problem->coordinates[i].kind != FIT_VARIANCE)
            return problem->count + 1;
    return problem->count;
}

/*
 * Series that a fit can say nothing about: fewer innovations than parameters, or innovations that
 * are all rounding (constants for a level, straight lines for a trend): the scaled series is of
 * size one, its rounding 1e-16. Returns true when it has reported.
 */
static bool settle_without_fit(struct fit_problem *problem, const struct fit_request *request,
                               struct kalman_fit *fit, enum kalman_status *status)
{
    struct kalman_spec spec;
    defaults_scaled(problem, 1, &spec);
    *status = fit_problem_evaluate(problem, &spec);
    if (*status != KALMAN_OK)
        return true;
    size_t innovations = problem->last.observed - problem->last.diffuse;
    double mean_square = innovations ? problem->last.quadratic / (double)innovations : 0;
    /* 1e-13 squared: rounding as the recursion of a long series adds it up. */
    bool exact = innovations > 0 && mean_square < 1e-26;
    if (problem->last.determined && innovations >= innovations_needed(problem) &&
        !(exact && problem->concentrate))
        return false;
    double factor = problem->concentrate && mean_square > 0 ? mean_square : 1;
    if (innovations > 0 && mean_square == 0)
        factor = 0;
    if (!series_moves(problem))
        factor = 0;
    defaults_scaled(problem, factor, &spec);
    *status = report(problem, &spec, request,
                     exact ? KALMAN_FIT_DEGENERATE_CONSTANT : KALMAN_FIT_UNIDENTIFIED_DEFAULT, fit);
    return true;
}

/* Summits that are polished where there may be several, and how far the best climb may be above
 * one that is. */
enum { summits_max = 3 };
static const double summit_depth = 3;

/* Is this where another climb ended? */
static bool is_same_end(const struct fit_start *a, const struct fit_start *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs(a->x[i] - b->x[i]) <= 0.02 || a->x[i] == b->x[i]))
            return false;
    return true;
}

/* Climbs from the promising starts; ends: where that led, best first. Returns how many. */
static size_t climb_all(struct fit_problem *problem, size_t wanted, struct fit_start *ret_ends)
{
    EXPECT(wanted <= FIT_STARTS_MAX);
    struct fit_start starts[FIT_STARTS_MAX];
    size_t found = fit_starts(problem, wanted, starts), kept = 0;
    bool many = found > starts_most;
    for (size_t k = 0; k < found && fit_check_limits(problem); k++) {
        bool held[KALMAN_PARAMETERS_MAX] = {false};
        fit_warm(problem, warm_steps, starts[k].x);
        /* With the scale concentrated out the likelihood is flat along a common factor of all
         * variances: the largest is held. */
        size_t reference = fit_reference(problem, starts[k].x), place = kept;
        if (reference != SIZE_MAX)
            held[reference] = true;
        starts[k].value = fit_climb(problem, held, fit_is_analytic(problem) || many ? 1e-3 : 1e-5,
                                    climb_evaluations, starts[k].x);
        if (!isfinite(starts[k].value))
            continue;
        for (; place > 0 && ret_ends[place - 1].value < starts[k].value; place--)
            ret_ends[place] = ret_ends[place - 1];
        ret_ends[place] = starts[k];
        kept++;
    }
    return kept;
}

/* The best summit near the ends; returns its value, -infinity without one. */
static double polish_all(struct fit_problem *problem, struct fit_start *ends, size_t count,
                         double *x, bool *ret_converged)
{
    double best = -HUGE_VAL, highest = count > 0 ? ends[0].value : 0;
    size_t most = fit_is_rugged(problem) ? summits_max : 1, polished = 0;
    for (size_t k = 0; k < count && polished < most; k++) {
        bool converged = false, seen = ends[k].value < highest - summit_depth;
        struct fit_start end = ends[k];
        for (size_t other = 0; other < k; other++)
            seen = seen || is_same_end(&end, &ends[other], problem->count);
        if (seen || (k > 0 && !fit_check_limits(problem)))
            continue;
        end.value = fit_polish(problem, end.x, &converged);
        polished++;
        if (end.value > best) {
            best = end.value;
            *ret_converged = converged;
            memcpy(x, end.x, problem->count * sizeof(double));
        }
    }
    return best;
}

/* Is the summit one of the exact likelihood? Where the differences have lost digits, it is looked
 * for again from there without them; and beside a damping, where it may be a ridge on which each
 * digit counts. Leaves the scale of x in the problem. */
static double confirm(struct fit_problem *problem, double best, double *x, bool *converged)
{
    static const double loss_max = 1e-8;
    bool exact = !problem->differenced.usable, ridge = !exact && problem->marginal;
    if (!isfinite(best) || problem->cancel.cancelled)
        return best;
    problem->differenced.usable = false;
    double value = ridge ? -HUGE_VAL : fit_value(problem, x);
    if (exact || fabs(value - best) <= loss_max * (1 + fabs(best)))
        return best;
    best = fit_polish(problem, x, converged);
    (void)fit_value(problem, x); /* for its scale */
    return best;
}

static enum kalman_fit_status judge(const struct fit_problem *problem, const double *x,
                                    bool converged)
{
    assert(problem->count <= KALMAN_PARAMETERS_MAX);
    bool low = false, noiseless = false;
    for (size_t i = 0; i < problem->count; i++) {
        bool zero = isinf(x[i]) != 0,
             noise = problem->coordinates[i].id == PARAMETER_OBSERVATION_VARIANCE;
        noiseless = noiseless || (zero && noise);
        low = low || (zero && !noise) || (!zero && fit_at_bound(problem, x, i));
    }
    if (!converged)
        return KALMAN_FIT_NOT_CONVERGED;
    if (low)
        return KALMAN_FIT_BOUNDARY_LOW;
    return noiseless ? KALMAN_FIT_BOUNDARY_HIGH : KALMAN_FIT_INTERIOR;
}

/* Is a pass so short that many starts cost less than a request does otherwise? */
static bool is_short(const struct fit_problem *problem)
{
    size_t m = problem->model->states;
    return problem->series.count * m * m < (size_t)1 << 16;
}

/* Season models take long for each start, and have one sharp summit; what is not variances has
 * more, and wilder ones. */
static size_t starts_for(const struct fit_problem *problem)
{
    if (fit_has_polynomial(problem) && is_short(problem))
        return starts_all;
    if (problem->model->states > states_most)
        return fit_is_analytic(problem) && problem->model->states > states_long ? starts_one
                                                                                : starts_few;
    if (!fit_is_analytic(problem))
        return problem->marginal ? starts_most : starts_many;
    return problem->model->states > states_many ? starts_few : starts_some;
}

enum kalman_status fit_general(const struct fit_request *request, struct kalman_fit *ret_fit)
{
    EXPECT(request->workspace && request->layout);
    struct fit_problem problem;
    size_t bytes = 0;
    enum kalman_status status =
        fit_problem_bytes(request->spec, request->layout, request->series->count, &bytes);
    if (status == KALMAN_OK)
        status = fit_problem_prepare(&problem, request->spec, request->layout, request->series,
                                     request->options, request->workspace, bytes);
    if (status != KALMAN_OK)
        return status;
    ret_fit->parameter_count = problem.count;
    if (problem.count == 0)
        return report(&problem, &problem.spec, request, KALMAN_FIT_FIXED, ret_fit);
    if (settle_without_fit(&problem, request, ret_fit, &status))
        return status;
    size_t wanted = request->options->starts;
    if (wanted == 0)
        wanted = starts_for(&problem);
    double x[KALMAN_PARAMETERS_MAX] = {0};
    bool converged = false;
    struct fit_start ends[FIT_STARTS_MAX];
    size_t found = climb_all(&problem, wanted < FIT_STARTS_MAX ? wanted : FIT_STARTS_MAX, ends);
    double best =
        confirm(&problem, polish_all(&problem, ends, found, x, &converged), x, &converged);
    if (problem.cancel.cancelled || problem.failure != KALMAN_OK)
        return problem.cancel.cancelled ? KALMAN_ECANCELLED : problem.failure;
    struct kalman_spec scaled;
    if (!isfinite(best)) {
        defaults_scaled(&problem, 1, &scaled);
        return report(&problem, &scaled, request, KALMAN_FIT_NOT_CONVERGED, ret_fit);
    }
    fit_decode(&problem, x, problem.scale, &scaled);
    return report(&problem, &scaled, request, judge(&problem, x, converged), ret_fit);
}
