/*
 * Getting a fit ready: the series in units of its own, the coordinates of what is free, the
 * workspace laid out.
 */
#include "fit/problem.h"
#include "numeric/expect.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { evaluations_default = 20000 };

static const double log_two = 0.69314718055994530942;

static size_t aligned(size_t bytes)
{
    return (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
}

/* Kinds whose parameters are all variances of single disturbances: the score by them needs no
 * differences. */
static bool closed_form(enum kalman_kind kind)
{
    return kind == KALMAN_LOCAL_LEVEL || kind == KALMAN_LOCAL_LINEAR_TREND ||
           kind == KALMAN_SMOOTH_TREND || kind == KALMAN_SEASONAL ||
           kind == KALMAN_BASIC_STRUCTURAL;
}

bool fit_has_score(enum kalman_kind kind, bool timed)
{
    return !timed && closed_form(kind);
}

enum kalman_status fit_problem_bytes(const struct kalman_spec *spec,
                                     const struct spec_layout *layout, size_t count,
                                     size_t *ret_bytes)
{
    struct kalman_spec complete;
    struct model_shape shape;
    size_t bytes_of_model = 0;
    fit_defaults(layout, spec, &complete);
    enum kalman_status status = model_bytes(layout, &complete, &bytes_of_model);
    if (status != KALMAN_OK)
        return status;
    const struct model_builder *builder = model_builder_for(spec->kind);
    status = builder->shape(layout, &complete, &shape);
    if (status != KALMAN_OK)
        return status;
    size_t states = shape.states + spec->input_count;
    if (count > SIZE_MAX / 64 / (states + 4))
        return KALMAN_EINVAL;
    size_t augmented = model_collinear(layout) ? shape.diffuse + spec->input_count : 0;
    *ret_bytes =
        aligned(bytes_of_model) + aligned(count * sizeof(double)) +
        aligned(count * spec->input_count * sizeof(double)) + aligned(count * sizeof(double)) +
        aligned(2 * shape.disturbances * sizeof(double)) +
        aligned(innovations_doubles(layout, count) * sizeof(double)) +
        aligned(differenced_doubles(layout, count) * sizeof(double)) +
        aligned(score_bytes(states, shape.disturbances, augmented, count, closed_form(spec->kind)));
    return KALMAN_OK;
}

/* (value - centre) * 2^-exponent, divided first so that the difference of two huge values stays
 * finite. */
static void scale_values(struct fit_problem *problem, const struct kalman_series *series,
                         bool centre, double *scaled)
{
    EXPECT(series->count == 0 || scaled != series->values);
    /* Twice: by the size of the values, so that nothing overflows, and by that of the deviations,
     * which may be smaller by any factor. Powers of two round nothing. */
    double largest = 0, first = 0;
    for (size_t t = 0; t < series->count; t++)
        if (isfinite(series->values[t]))
            largest = fmax(largest, fabs(series->values[t]));
    int exponent = largest > 0 ? ilogb(largest) : 0;
    for (size_t t = series->count; centre && t-- > 0;)
        first = isfinite(series->values[t]) ? series->values[t] : first;
    double spread = 0, base = ldexp(first, -exponent);
    for (size_t t = 0; t < series->count; t++) {
        scaled[t] = ldexp(series->values[t], -exponent) - base;
        if (isfinite(scaled[t]))
            spread = fmax(spread, fabs(scaled[t]));
    }
    int second = spread > 0 ? ilogb(spread) : 0;
    for (size_t t = 0; t < series->count; t++)
        scaled[t] = ldexp(scaled[t], -second);
    problem->data_exponent = exponent + second;
}

/* Each input to a size of about one, by a power of two: its coefficient's fit does not depend on
 * its unit. */
static void scale_inputs(struct fit_problem *problem, const struct kalman_series *series,
                         size_t columns, double *scaled)
{
    assert(columns == 0 || series->inputs);
    for (size_t j = 0; j < columns; j++) {
        double largest = 0;
        for (size_t t = 0; t < series->count; t++)
            largest = fmax(largest, fabs(series->inputs[t * columns + j]));
        int exponent = largest > 0 ? ilogb(largest) : 0;
        for (size_t t = 0; t < series->count; t++)
            scaled[t * columns + j] = ldexp(series->inputs[t * columns + j], -exponent);
        problem->start_log += exponent * log_two;
    }
}

/* The powers of time in the unit of a continuous-time model's variance; 0 for the others, whose
 * clock ticks in units. */
static int time_powers(enum kalman_kind kind)
{
    /* q dt^3 and q dt^5 are variances of a position (model/motion.c). */
    return kind == KALMAN_CONSTANT_VELOCITY ? 3 : kind == KALMAN_CONSTANT_ACCELERATION ? 5 : 0;
}

int fit_variance_exponent(const struct fit_problem *problem, enum parameter_id id)
{
    assert(id < PARAMETER_ID_COUNT);
    bool noise = id == PARAMETER_OBSERVATION_VARIANCE;
    return 2 * problem->data_exponent -
           (noise ? 0 : time_powers(problem->spec.kind) * problem->time_exponent);
}

/*
 * The average step, and for models in continuous time the times themselves in steps of about one:
 * then seconds and years make the same fit. Velocity and acceleration at the start are diffuse in
 * units of time, so the likelihood moves.
 */
static const double *scale_times(struct fit_problem *problem, const struct kalman_series *series,
                                 double *scaled)
{
    size_t n = series->count;
    problem->span = series->times && n > 1 ? series->times[n - 1] - series->times[0] : (double)n;
    problem->pace = series->times && n > 1 ? problem->span / (double)(n - 1) : 1;
    problem->time_exponent = 0;
    if (!series->times || time_powers(problem->spec.kind) == 0)
        return series->times;
    problem->time_exponent = ilogb(problem->pace);
    for (size_t t = 0; t < n; t++)
        scaled[t] = ldexp(series->times[t] - series->times[0], -problem->time_exponent);
    problem->pace = ldexp(problem->pace, -problem->time_exponent);
    /* A velocity has one power of time, velocity and acceleration have three together. */
    problem->start_log +=
        problem->time_exponent * log_two * (problem->spec.kind == KALMAN_CONSTANT_VELOCITY ? 1 : 3);
    return scaled;
}

/* Bounds of x for the kinds of parameter that are not variances. */
static struct fit_coordinate coordinate_for(const struct layout_parameter *parameter,
                                            const struct fit_problem *problem, size_t at)
{
    const struct kalman_parameter_info *p = parameter->info;
    struct fit_coordinate c = {.kind = FIT_LINEAR,
                               .id = (enum parameter_id)parameter->id,
                               .at = at,
                               .lower = p->lower,
                               .upper = p->upper};
    if (p->domain == KALMAN_DOMAIN_VARIANCE) {
        c.kind = FIT_VARIANCE; /* e^80: far beyond any ratio that the data could show */
        c.lower = -80;
        c.upper = 80;
    } else if (p->domain == KALMAN_DOMAIN_POSITIVE) {
        c.kind = FIT_LOGARITHM; /* longer than twice the series, a cycle is a trend */
        c.lower = log(fmax(p->lower, 1e-300));
        c.upper = fmax(log(2 * problem->span), c.lower + 1);
    } else if (p->domain == KALMAN_DOMAIN_STATIONARY || p->domain == KALMAN_DOMAIN_INVERTIBLE) {
        /* On the circle an AR part has no variance to start from; an MA part is valid there. */
        double edge = p->domain == KALMAN_DOMAIN_STATIONARY ? 1 - 1e-7 : 1;
        c.kind = FIT_PARTIAL;
        c.upper = fit_partial_coordinate(edge);
        c.lower = -c.upper;
    } else if (parameter->id == PARAMETER_DAMPING) {
        if (problem->pace > 1) /* finer than a unit, what is left after one is too little to hold */
            c.kind = FIT_POWER;
        /* A stationary cycle has no limit at 1. A smoothing trend that loses a fifth in a step is a
         * second smoothing of the level: R's lower bound; its upper one, .98, would keep the fit
         * from the trend that is not damped, which is a model like any other. */
        c.lower = problem->spec.kind == KALMAN_EXPONENTIAL_SMOOTHING ? 0.8 : 0;
        c.upper = problem->spec.kind == KALMAN_CYCLE ? 1 - 1e-6 : 1;
    }
    return c;
}

/* beta <= alpha and gamma <= 1 - alpha become boxes as shares of what alpha leaves. */
static void restrict_smoothing(struct fit_problem *problem, struct fit_coordinate *c)
{
    if (problem->spec.kind != KALMAN_EXPONENTIAL_SMOOTHING)
        return;
    c->limit_at = layout_at(&problem->layout, PARAMETER_ALPHA);
    if (c->id == PARAMETER_BETA)
        c->kind = FIT_SHARE_OF;
    if (c->id == PARAMETER_GAMMA)
        c->kind = FIT_SHARE_OF_REST;
}

static void list_parameter(struct fit_problem *problem, const struct layout_parameter *p,
                           size_t *fixed_variances)
{
    EXPECT(problem->count + p->count <= KALMAN_PARAMETERS_MAX);
    EXPECT(problem->array_count < sizeof problem->arrays / sizeof problem->arrays[0] ||
           !p->info->length);
    size_t at = p->at, count = p->count, unknown = 0;
    if (count == 0)
        return;
    for (size_t i = at; i < at + count; i++)
        unknown += isnan(problem->spec.parameters[i]) ? 1u : 0u;
    bool whole = unknown == count, polynomial = p->info->length != NULL;
    if (polynomial && whole)
        problem->arrays[problem->array_count++] =
            (struct fit_array){at, count, p->info->domain == KALMAN_DOMAIN_STATIONARY ? 1.0 : -1.0};
    for (size_t i = at; i < at + count; i++) {
        if (!isnan(problem->spec.parameters[i])) {
            *fixed_variances += p->info->domain == KALMAN_DOMAIN_VARIANCE ? 1u : 0u;
            continue;
        }
        struct fit_coordinate c = coordinate_for(p, problem, i);
        /* part of it is given: the rest moves freely, invalid points have no likelihood */
        if (polynomial && !whole) {
            c.kind = FIT_LINEAR;
            c.lower = -3;
            c.upper = 3;
        }
        restrict_smoothing(problem, &c);
        if (p->id == PARAMETER_CYCLE_VARIANCE &&
            !(layout_value(&problem->layout, &problem->spec, PARAMETER_DAMPING) >= 1)) {
            problem->stationary_cycle = true;
            problem->cycle_at = i;
        }
        problem->coordinates[problem->count++] = c;
    }
}

/* The only variance of a problem whose scale is concentrated out: no likelihood depends on it. */
static size_t find_scale(const struct fit_problem *problem)
{
    size_t found = SIZE_MAX, variances = 0;
    for (size_t i = 0; i < problem->count; i++) {
        if (problem->coordinates[i].kind != FIT_VARIANCE)
            continue;
        variances++;
        found = i;
    }
    return problem->concentrate && variances == 1 ? found : SIZE_MAX;
}

/* Does a free parameter move T where the diffuse start goes through it? The damping of a slope
 * does, and the period of a cycle that is not damped, whose own start is diffuse. */
static bool moves_the_start(const struct fit_problem *problem)
{
    enum kalman_kind kind = problem->spec.kind;
    for (size_t i = 0; i < problem->count; i++)
        if (problem->coordinates[i].id ==
            (kind == KALMAN_CYCLE ? PARAMETER_CYCLE_PERIOD : PARAMETER_DAMPING))
            return kind != KALMAN_CYCLE ||
                   layout_value(&problem->layout, &problem->spec, PARAMETER_DAMPING) >= 1;
    return false;
}

static void list_coordinates(struct fit_problem *problem)
{
    size_t fixed_variances = 0;
    problem->count = problem->array_count = 0;
    for (size_t row = 0; row < problem->layout.parameter_count; row++)
        list_parameter(problem, &problem->layout.parameters[row], &fixed_variances);
    /* One fixed variance ties the scale; and the score has its closed form for steps of one length,
     * where each variance is that of one disturbance. */
    problem->concentrate = fixed_variances == 0;
    problem->has_score = fit_has_score(problem->spec.kind, problem->series.times != NULL);
    problem->marginal = moves_the_start(problem);
    problem->scale_at = find_scale(problem);
}

/* Fixed variances into the units of the scaled series. */
static void scale_fixed(struct fit_problem *problem)
{
    for (size_t row = 0; row < problem->layout.parameter_count; row++) {
        const struct layout_parameter *p = &problem->layout.parameters[row];
        int exponent = problem->spec.variance_exponent -
                       fit_variance_exponent(problem, (enum parameter_id)p->id);
        for (size_t i = p->at; p->info->domain == KALMAN_DOMAIN_VARIANCE && i < p->at + p->count;
             i++)
            problem->spec.parameters[i] = ldexp(problem->spec.parameters[i], exponent);
    }
    problem->spec.variance_exponent = 0; /* taken into the numbers: the fit has one unit */
}

static void *carve(char **cursor, size_t bytes)
{
    EXPECT((uintptr_t)*cursor % KALMAN_ALIGN == 0);
    char *start = *cursor;
    *cursor += aligned(bytes);
    return start;
}

enum kalman_status fit_problem_prepare(struct fit_problem *problem, const struct kalman_spec *spec,
                                       const struct spec_layout *layout,
                                       const struct kalman_series *series,
                                       const struct kalman_fit_options *options, void *workspace,
                                       size_t workspace_bytes)
{
    size_t needed = 0, n = series->count;
    enum kalman_status status = fit_problem_bytes(spec, layout, n, &needed);
    if (status != KALMAN_OK)
        return status;
    if (!workspace || workspace_bytes < needed || (uintptr_t)workspace % KALMAN_ALIGN != 0)
        return KALMAN_EWORKSPACE;
    memset(problem, 0, sizeof *problem);
    problem->spec = *spec;
    problem->layout = *layout;
    problem->evaluations_max =
        options && options->evaluations_max ? options->evaluations_max : evaluations_default;
    if (options)
        problem->cancel.hook = options->hook;

    struct kalman_spec complete;
    char *cursor = workspace;
    fit_defaults(layout, spec, &complete);
    status = model_bytes(layout, &complete, &problem->model_bytes);
    problem->model_memory = carve(&cursor, problem->model_bytes);
    if (status == KALMAN_OK)
        status = model_init(problem->model_memory, problem->model_bytes, layout, &complete,
                            &problem->cancel, &problem->model);
    if (status != KALMAN_OK)
        return status;
    double *values = carve(&cursor, n * sizeof(double));
    double *inputs = carve(&cursor, n * spec->input_count * sizeof(double));
    double *times = carve(&cursor, n * sizeof(double));
    size_t r = problem->model->disturbances;
    problem->disturbance_quadratic = carve(&cursor, 2 * r * sizeof(double));
    problem->disturbance_trace = problem->disturbance_quadratic + r;
    scale_values(problem, series, kalman_spec_follows_shift(spec), values);
    scale_inputs(problem, series, spec->input_count, inputs);
    problem->series = (struct kalman_series){.values = values,
                                             .count = n,
                                             .times = scale_times(problem, series, times),
                                             .inputs = spec->input_count ? inputs : NULL};
    scale_fixed(problem);
    list_coordinates(problem);
    innovations_prepare(&problem->innovations, &problem->layout, &problem->series,
                        carve(&cursor, innovations_doubles(layout, n) * sizeof(double)));
    differenced_prepare(&problem->differenced, &problem->layout, &problem->series,
                        carve(&cursor, differenced_doubles(layout, n) * sizeof(double)));
    assert((size_t)(cursor - (char *)workspace) +
               aligned(score_bytes(problem->model->states, r,
                                   problem->model->collinear ? problem->model->diffuse : 0, n,
                                   closed_form(spec->kind))) ==
           needed);
    score_prepare(&problem->score, problem->model, &problem->series, closed_form(spec->kind),
                  cursor);
    problem->score.cancel = &problem->cancel;
    problem->score.same_start = closed_form(spec->kind); /* whose parameters are all variances */
    return KALMAN_OK;
}
