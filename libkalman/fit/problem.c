#include "fit/problem.h"

#include "numeric/expect.h"
#include "numeric/lag_polynomial.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static const double log_two_pi = 1.8378770664093454836;

bool fit_check_limits(struct fit_problem *problem)
{
    return !cancel_poll(&problem->cancel, CANCEL_NOW) && problem->failure == KALMAN_OK &&
           problem->evaluations < problem->evaluations_max;
}

/* tanh of it is 1 - 1e-7; divided by that, the end of the box is one exactly. */
static const double partial_end = 8.4;

double fit_partial(double x)
{
    assert(fabs(x) <= partial_end);
    return tanh(x) / tanh(partial_end);
}

double fit_partial_coordinate(double partial)
{
    assert(fabs(partial) <= 1);
    return atanh(partial * tanh(partial_end));
}

void fit_decode(const struct fit_problem *problem, const double *x, double scale,
                struct kalman_spec *ret_spec)
{
    EXPECT(problem->count <= KALMAN_PARAMETERS_MAX);
    struct kalman_spec spec = problem->spec;
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        double *value = &spec.parameters[c->at];
        switch (c->kind) {
        case FIT_VARIANCE:
            /* x = -infinity is the variance zero. */
            *value = exp(x[i]) * scale;
            break;
        case FIT_LINEAR:
            *value = x[i];
            break;
        case FIT_PARTIAL:
            *value = fit_partial(x[i]);
            break;
        case FIT_LOGARITHM:
            *value = exp(x[i]);
            break;
        case FIT_POWER:
            *value = pow(x[i], 1 / problem->pace);
            break;
        case FIT_SHARE_OF:
            /* alpha, decoded already: it stands before beta and gamma in the catalogue. */
            assert(c->limit_at < c->at);
            *value = x[i] * spec.parameters[c->limit_at];
            break;
        case FIT_SHARE_OF_REST:
            assert(c->limit_at < c->at);
            *value = x[i] * (1 - spec.parameters[c->limit_at]);
            break;
        }
    }
    for (size_t k = 0; k < problem->array_count; k++) {
        const struct fit_array *array = &problem->arrays[k];
        double coefficients[KALMAN_PARAMETERS_MAX];
        lag_from_partial(spec.parameters + array->at, array->count, coefficients);
        for (size_t i = 0; i < array->count; i++)
            spec.parameters[array->at + i] = array->sign * coefficients[i];
    }
    if (problem->stationary_cycle) {
        /* The coordinate is the variance of the whole cycle, Var(psi) = cycle_variance/(1 -
         * damping^2), which keeps its size as damping -> 1. */
        double damping = layout_value(&problem->layout, &spec, PARAMETER_DAMPING);
        spec.parameters[problem->cycle_at] *= (1 - damping) * (1 + damping);
    }
    *ret_spec = spec;
}

/* The partial autocorrelations of one polynomial, whose coefficients are divided by their sign and
 * shrunk: its roots move out by 1 / shrink. False where one is on the circle. */
static bool partials_of(const struct fit_array *array, const double *coefficients, double shrink,
                        double *ret_partials)
{
    EXPECT(array->count <= KALMAN_PARAMETERS_MAX);
    double shrunk[KALMAN_PARAMETERS_MAX], power = 1;
    for (size_t i = 0; i < array->count; i++) {
        power *= shrink;
        shrunk[i] = array->sign * coefficients[i] * power;
    }
    lag_to_partial(shrunk, array->count, ret_partials);
    for (size_t i = 0; i < array->count; i++)
        if (!(fabs(ret_partials[i]) < 1))
            return false;
    return true;
}

/* The coordinate of a parameter; of an element of a polynomial its partial autocorrelation. */
static double coordinate_of(const struct fit_problem *problem, const struct fit_coordinate *c,
                            const double *parameters)
{
    double value = parameters[c->at];
    switch (c->kind) {
    case FIT_VARIANCE:
    case FIT_LOGARITHM:
        return log(value);
    case FIT_POWER:
        return pow(value, problem->pace);
    case FIT_PARTIAL:
        return fit_partial_coordinate(value);
    case FIT_SHARE_OF:
        return value / parameters[c->limit_at];
    case FIT_SHARE_OF_REST:
        return value / (1 - parameters[c->limit_at]);
    default:
        return value;
    }
}

void fit_encode(const struct fit_problem *problem, const struct kalman_spec *scaled, double *ret_x)
{
    double parameters[KALMAN_PARAMETERS_MAX], partials[KALMAN_PARAMETERS_MAX];
    memcpy(parameters, scaled->parameters, sizeof parameters);
    if (problem->stationary_cycle) {
        double damping = layout_value(&problem->layout, scaled, PARAMETER_DAMPING);
        parameters[problem->cycle_at] /= (1 - damping) * (1 + damping);
    }
    for (size_t k = 0; k < problem->array_count; k++) {
        const struct fit_array *array = &problem->arrays[k];
        const double *coefficients = scaled->parameters + array->at;
        if (!partials_of(array, coefficients, 1, partials))
            (void)partials_of(array, coefficients, 1 - 1e-7, partials);
        memcpy(parameters + array->at, partials, array->count * sizeof(double));
    }
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        double x = coordinate_of(problem, c, parameters);
        bool zero = c->kind == FIT_VARIANCE && isinf(x);
        ret_x[i] = zero ? x : fmin(fmax(x, c->lower), c->upper);
    }
}

/* Builds the model of a spec; false where it has none. */
static bool build(struct fit_problem *problem, const struct kalman_spec *spec)
{
    EXPECT(problem->model_memory != NULL);
    enum kalman_status status =
        model_init(problem->model_memory, problem->model_bytes, &problem->layout, spec,
                   &problem->cancel, &problem->model);
    if (status == KALMAN_ENOMEM || status == KALMAN_EWORKSPACE)
        problem->failure = status;
    problem->score.model = problem->model;
    return status == KALMAN_OK;
}

enum kalman_status fit_problem_evaluate(struct fit_problem *problem, const struct kalman_spec *spec)
{
    enum kalman_status status =
        model_init(problem->model_memory, problem->model_bytes, &problem->layout, spec,
                   &problem->cancel, &problem->model);
    if (status != KALMAN_OK)
        return status;
    problem->score.model = problem->model;
    score_likelihood(&problem->score, &problem->last);
    differenced_check(&problem->differenced, &problem->layout, spec, &problem->cancel,
                      &problem->last);
    return problem->cancel.cancelled ? KALMAN_ECANCELLED : KALMAN_OK;
}

/*
 * The diffuse likelihood has -1/2 log|X'S^-1 X|, X what the data have of the diffuse start. That
 * compares values of a parameter only while X stays: a trend that is damped more has a smaller X,
 * and a larger likelihood, whatever the data. The marginal likelihood, of the data less their
 * projection on X, has + 1/2 log|X'X| as well (Tunnicliffe Wilson 1989; Francke, Koopman & de Vos
 * 2010), and does not depend on how the start is measured.
 */
static double of_the_start(const struct fit_problem *problem)
{
    double information = problem->marginal ? problem->information : 0;
    return isnan(information) ? -HUGE_VAL : 0.5 * information;
}

/* What is maximised, from the sums of the likelihood; also sets the scale. */
static double assemble(struct fit_problem *problem)
{
    assert(problem->last.observed >= problem->last.diffuse);
    const struct score_result *sums = &problem->last;
    double observed = (double)sums->observed, free_count = (double)(sums->observed - sums->diffuse);
    problem->scale = 1;
    if (!sums->determined || !sums->possible)
        return -INFINITY;
    if (!problem->concentrate)
        return of_the_start(problem) -
               0.5 * (observed * log_two_pi + sums->log_determinant + sums->quadratic);
    /* With variances s (pair) the log-likelihood is -1/2 (n log 2 pi + log det + m log s + q/s),
     * m the innovations and q their squares; it is largest at s = q/m, and -1/2 m (log s + 1) is
     * left of the last two terms (DK 2.10.2). */
    problem->scale = sums->quadratic / free_count;
    if (!(problem->scale > 0) || !isfinite(problem->scale))
        return -INFINITY;
    return of_the_start(problem) - 0.5 * (observed * log_two_pi + sums->log_determinant +
                                          free_count * (log(problem->scale) + 1));
}

/* The sums of the likelihood of a spec by a shorter way than the score's, where there is one. */
static bool sum_shortly(struct fit_problem *problem, const struct kalman_spec *spec)
{
    struct innovations *f = &problem->innovations;
    struct differenced *d = &problem->differenced;
    if (d->usable && d->checked &&
        differenced_likelihood(d, &problem->layout, spec, &problem->cancel, &problem->last)) {
        problem->information = d->information;
        return true;
    }
    if (f->width == 0 ||
        !innovations_likelihood(f, &problem->layout, spec, &problem->cancel, &problem->last))
        return false;
    if (problem->marginal)
        problem->information = innovations_information(f, &problem->layout, spec);
    return true;
}

/* The sums of the likelihood of a spec. False: it has no model. */
static bool sum_likelihood(struct fit_problem *problem, const struct kalman_spec *spec)
{
    const char *name = NULL;
    if (layout_check_parameters(&problem->layout, spec, true, &name) != KALMAN_OK)
        return false;
    if (sum_shortly(problem, spec))
        return true;
    if (problem->cancel.cancelled || !build(problem, spec))
        return false;
    score_likelihood(&problem->score, &problem->last);
    if (problem->marginal)
        problem->information = score_information(&problem->score);
    return true;
}

double fit_value(struct fit_problem *problem, const double *x)
{
    struct kalman_spec spec;
    problem->evaluations++;
    if (problem->cancel.cancelled)
        return -INFINITY;
    fit_decode(problem, x, 1, &spec);
    if (!sum_likelihood(problem, &spec) || problem->cancel.cancelled)
        return -INFINITY;
    double value = assemble(problem);
    /* NaN compares false both ways: as a value it could be neither kept nor passed over. */
    return isnan(value) ? -HUGE_VAL : value;
}

/* The parameter whose variance disturbance k has; the families with a closed-form score only. */
static enum parameter_id disturbance_parameter(const struct spec_layout *layout, size_t k)
{
    assert(k == 0 || layout->info->kind != KALMAN_LOCAL_LEVEL);
    if (k == 0)
        return PARAMETER_LEVEL_VARIANCE;
    return k == 1 && layout_count(layout, PARAMETER_SLOPE_VARIANCE) > 0
               ? PARAMETER_SLOPE_VARIANCE
               : PARAMETER_SEASONAL_VARIANCE;
}

/* dL / dlog V = V/2 (quadratic / scale - trace), summed over the disturbances that share V. */
static double gradient_closed(struct fit_problem *problem, const double *x, double *ret_gradient)
{
    assert(fit_is_analytic(problem));
    struct kalman_spec spec;
    problem->evaluations++;
    memset(ret_gradient, 0, problem->count * sizeof(double));
    fit_decode(problem, x, 1, &spec);
    if (problem->cancel.cancelled || !build(problem, &spec))
        return -INFINITY;
    score_gradient(&problem->score, &problem->last, problem->disturbance_quadratic,
                   problem->disturbance_trace);
    double value = assemble(problem);
    const struct kalman_model *model = problem->model;
    for (size_t i = 0; i < problem->count; i++) {
        enum parameter_id id = problem->coordinates[i].id;
        bool noise = id == PARAMETER_OBSERVATION_VARIANCE;
        double quadratic = noise ? model->H[0] * problem->last.observation_quadratic : 0;
        double trace = noise ? model->H[0] * problem->last.observation_trace : 0;
        for (size_t k = 0; !noise && k < model->disturbances; k++) {
            if (id != disturbance_parameter(&problem->layout, k))
                continue;
            quadratic += model->Q[k * model->disturbances + k] * problem->disturbance_quadratic[k];
            trace += model->Q[k * model->disturbances + k] * problem->disturbance_trace[k];
        }
        ret_gradient[i] = 0.5 * (quadratic / problem->scale - trace);
        problem->trace[i] = trace;
    }
    return isnan(value) ? -HUGE_VAL : value;
}

static double value_moved(struct fit_problem *problem, double *x, size_t i, double by)
{
    EXPECT(i < problem->count);
    double kept = x[i]; /* put back, not subtracted: (x + by) - by is not x */
    x[i] = kept + by;
    double value = fit_value(problem, x);
    x[i] = kept;
    return value;
}

/* From one side, where the other is outside the box: three points, or five when fine. */
static double difference_inward(struct fit_problem *problem, double *x, size_t i, double centre,
                                double step, bool fine)
{
    double one = value_moved(problem, x, i, step), two = value_moved(problem, x, i, 2 * step);
    if (!fine) /* the slope at the end of the parabola through the three */
        return (-3 * centre + 4 * one - two) / (2 * step);
    /* Five points on one side, error O(step^4): at the edge of the box there is no other side. */
    double three = value_moved(problem, x, i, 3 * step),
           four = value_moved(problem, x, i, 4 * step);
    return (-25 * centre + 48 * one - 36 * two + 16 * three - 3 * four) / (12 * step);
}

double fit_step(const struct fit_problem *problem, size_t i, double x, double step)
{
    EXPECT(i < problem->count);
    static const double share = 0.1, smallest = 1e-6;
    const struct fit_coordinate *c = &problem->coordinates[i];
    double width = c->upper - c->lower, room = fmin(x - c->lower, c->upper - x);
    bool of_log = c->kind == FIT_VARIANCE || c->kind == FIT_LOGARITHM || c->kind == FIT_PARTIAL;
    return of_log ? step : fmin(step, fmax(share * room, smallest * width));
}

/* One derivative by differences that stay inside the box. */
static double difference(struct fit_problem *problem, double *x, size_t i, double centre,
                         double step, bool fine)
{
    EXPECT(i < problem->count);
    assert(step > 0);
    const struct fit_coordinate *c = &problem->coordinates[i];
    step = fit_step(problem, i, x[i], step);
    double reach = fine ? 2 * step : step;
    if (x[i] - reach < c->lower)
        return difference_inward(problem, x, i, centre, step, fine);
    if (x[i] + reach > c->upper)
        return difference_inward(problem, x, i, centre, -step, fine);
    double near = value_moved(problem, x, i, step) - value_moved(problem, x, i, -step);
    if (!fine)
        return near / (2 * step);
    double far = value_moved(problem, x, i, 2 * step) - value_moved(problem, x, i, -2 * step);
    /* The two central differences have errors h^2 and 4 h^2 times one constant: this cancels it. */
    return (8 * near - far) / (12 * step);
}

double fit_gradient(struct fit_problem *problem, const double *x, double step, bool fine,
                    double *ret_gradient)
{
    if (fit_is_analytic(problem))
        return gradient_closed(problem, x, ret_gradient);
    double moving[KALMAN_PARAMETERS_MAX], value = fit_value(problem, x);
    struct score_result sums = problem->last;
    double scale = problem->scale;
    memcpy(moving, x, problem->count * sizeof(double));
    for (size_t i = 0; i < problem->count; i++) {
        /* A variance at zero has no logarithm to move; polish.c asks whether it should be there. */
        bool still = isinf(x[i]) || i == problem->scale_at;
        double slope = still ? 0 : difference(problem, moving, i, value, step, fine);
        ret_gradient[i] = isfinite(slope) ? slope : 0;
    }
    problem->last = sums; /* of x, not of the last point that a difference needed */
    problem->scale = scale;
    return value;
}

/* A moderate amount of everything; 0 for the coefficients of ARIMA. */
static const double defaults[PARAMETER_ID_COUNT] = {[PARAMETER_OBSERVATION_VARIANCE] = 1,
                                                    [PARAMETER_INNOVATION_VARIANCE] = 1,
                                                    [PARAMETER_LEVEL_VARIANCE] = 0.5,
                                                    [PARAMETER_SLOPE_VARIANCE] = 0.01,
                                                    [PARAMETER_SEASONAL_VARIANCE] = 0.1,
                                                    [PARAMETER_CYCLE_VARIANCE] = 0.1,
                                                    [PARAMETER_CYCLE_PERIOD] = 10,
                                                    [PARAMETER_DAMPING] = 0.9,
                                                    [PARAMETER_ALPHA] = 0.5,
                                                    [PARAMETER_BETA] = 0.1,
                                                    [PARAMETER_GAMMA] = 0.1,
                                                    [PARAMETER_ACCELERATION_VARIANCE] = 0.1,
                                                    [PARAMETER_JERK_VARIANCE] = 0.1};

void fit_defaults(const struct spec_layout *layout, const struct kalman_spec *spec,
                  struct kalman_spec *ret_spec)
{
    struct kalman_spec complete = *spec;
    assert(layout->length <= KALMAN_PARAMETERS_MAX);
    for (size_t row = 0; row < layout->parameter_count; row++) {
        const struct layout_parameter *p = &layout->parameters[row];
        for (size_t i = p->at; i < p->at + p->count; i++)
            if (isnan(complete.parameters[i]))
                complete.parameters[i] = defaults[p->id];
    }
    *ret_spec = complete;
}
