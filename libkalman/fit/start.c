#include "fit/start.h"

#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* Sizes of the variances relative to each other, as logarithms to base ten: which of the
 * components does the moving. */
struct balance {
    double observation, level, slope, other;
};

static const struct balance balances[] = {
    {0, -0.5, -3, -2}, {0, -2, -5, -1},   {-1, 0, -3, -1}, {-3, 0, -2, -2},
    {0, -4, -1, -1.5}, {-1.5, -2, 0, -1}, {0, -1, -1, 0},  {-2, -1, -4, 0},
};
enum { balance_count = sizeof balances / sizeof balances[0] };

/* The partial autocorrelations tried for AR and MA parts, each with each: on AR = -MA the two
 * cancel. Polynomials of two and more also get pairs: roots on either side, and near the circle.
 * Their surfaces have summits there, which equal partials never come near. */
static const double shape_ar[] = {0, 0.5, -0.4, 0.8}, shape_ma[] = {0, -0.5, 0.4, -0.8};
static const double shape_pair[][2] = {{0.8, -0.6},   {-0.8, 0.3},  {0.3, 0.7},
                                       {0.999, -0.5}, {0.999, 0.3}, {0.99, -0.96},
                                       {-0.98, -0.6}, {-0.98, 0.8}, {0.1, -0.9}};
enum {
    shape_count = 4,
    shape_pairs = 9,
    shapes_max = shape_count + shape_pairs,
    periods_count = 10
};

static double variance_start(const struct fit_problem *problem, enum parameter_id id,
                             const struct balance *balance)
{
    const double ten = 2.302585092994045684;
    /* The balances are of what one step adds. A step of dt adds Q dt to a level, and of order q
     * dt^3 and q dt^5 to a position under acceleration and jerk (model/motion.c): their logarithms
     * lose 1, 3 and 5 times log dt. */
    double pace = log(problem->pace);
    switch (id) {
    case PARAMETER_OBSERVATION_VARIANCE:
    case PARAMETER_INNOVATION_VARIANCE:
        return balance->observation * ten;
    case PARAMETER_LEVEL_VARIANCE:
        return balance->level * ten - pace;
    case PARAMETER_SLOPE_VARIANCE:
    case PARAMETER_ACCELERATION_VARIANCE:
        return balance->slope * ten - 3 * pace;
    case PARAMETER_JERK_VARIANCE:
        return balance->slope * ten - 5 * pace;
    default:
        return balance->other * ten;
    }
}

static double smoothing_start(enum parameter_id id, size_t shape)
{
    EXPECT(shape < shape_count);
    static const double alpha[] = {0.3, 0.7, 0.1, 0.95}, share[] = {0.1, 0.3, 0.02, 0.5};
    return id == PARAMETER_ALPHA ? alpha[shape] : share[shape];
}

static bool is_autoregressive(const struct fit_coordinate *c)
{
    return c->id == PARAMETER_AR || c->id == PARAMETER_SEASONAL_AR;
}

/* The start of an element of a polynomial. */
static double partial_start(const struct fit_problem *problem, const struct fit_coordinate *c,
                            size_t shape)
{
    EXPECT(shape < shapes_max);
    bool ar = is_autoregressive(c);
    if (shape < shape_count)
        return ar ? shape_ar[shape] : -shape_ma[shape];
    size_t place = 0;
    for (size_t k = 0; k < problem->array_count; k++)
        if (c->at >= problem->arrays[k].at &&
            c->at < problem->arrays[k].at + problem->arrays[k].count)
            place = c->at - problem->arrays[k].at;
    /* The seasonal factor has the other sign: with the same one it is a near copy. Elements beyond
     * the second tell little of where the roots lie. */
    bool seasonal = c->id == PARAMETER_SEASONAL_AR || c->id == PARAMETER_SEASONAL_MA;
    size_t side = (place + (seasonal ? 1 : 0)) % 2;
    return shape_pair[shape - shape_count][side] * (place < 2 ? 1 : 0.3);
}

static double clamp(double x, double lower, double upper)
{
    assert(lower <= upper);
    return fmin(fmax(x, lower), upper);
}

/* One element of the starting point number `balance`, `shape`, `period`. */
static double element(const struct fit_problem *problem, const struct fit_coordinate *c,
                      size_t balance, size_t shape, size_t second, size_t period)
{
    EXPECT(balance < balance_count && shape < shapes_max && second < shapes_max);
    static const double damping[] = {0.9, 0.8, 0.98, 0.6};
    /* Periods in equal ratios: the likelihood of a period has many tops, and a climb ends at the
     * nearest. */
    double share = ((double)period + 0.5) / periods_count, x;
    switch (c->kind) {
    case FIT_VARIANCE:
        x = variance_start(problem, c->id, &balances[balance]);
        break;
    case FIT_LOGARITHM:
        x = c->lower + log(problem->pace) + share * (c->upper - c->lower - log(problem->pace));
        break;
    case FIT_PARTIAL:
        x = fit_partial_coordinate(
            partial_start(problem, c, is_autoregressive(c) ? shape : second));
        break;
    default:
        shape %= shape_count;
        x = c->id == PARAMETER_DAMPING ? damping[shape] : smoothing_start(c->id, shape);
        if (c->lower < -1) /* a free element of a partly given polynomial */
            x = 0.1 * shape_ar[shape];
        break;
    }
    return clamp(x, c->lower, c->upper);
}

static void keep_best(struct fit_start *starts, size_t wanted, size_t *kept,
                      const struct fit_start *found, size_t count)
{
    EXPECT(wanted <= FIT_STARTS_MAX && *kept <= wanted);
    size_t place = *kept; /* best first, by insertion: a handful are kept */
    while (place > 0 && starts[place - 1].value < found->value)
        place--;
    if (place >= wanted)
        return;
    size_t moved = (*kept < wanted ? *kept : wanted - 1) - place;
    memmove(starts + place + 1, starts + place, moved * sizeof *starts);
    starts[place].value = found->value;
    memcpy(starts[place].x, found->x, count * sizeof(double));
    *kept += *kept < wanted ? 1u : 0u;
}

static bool has_kind(const struct fit_problem *problem, enum fit_coordinate_kind kind)
{
    for (size_t i = 0; i < problem->count; i++)
        if (problem->coordinates[i].kind == kind)
            return true;
    return false;
}

static bool has_shape(const struct fit_problem *problem)
{
    return has_kind(problem, FIT_LINEAR) || has_kind(problem, FIT_PARTIAL) ||
           has_kind(problem, FIT_SHARE_OF) || has_kind(problem, FIT_SHARE_OF_REST);
}

bool fit_has_polynomial(const struct fit_problem *problem)
{
    size_t ar = 0, ma = 0;
    for (size_t k = 0; k < problem->array_count; k++)
        if (problem->arrays[k].count > 1)
            return true;
    /* Factors of one period and of another make polynomials together. */
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        ar += c->kind == FIT_PARTIAL && is_autoregressive(c) ? 1u : 0u;
        ma += c->kind == FIT_PARTIAL && !is_autoregressive(c) ? 1u : 0u;
    }
    return ar > 0 && ma > 0 && ar + ma > 2;
}

bool fit_is_rugged(const struct fit_problem *problem)
{
    return problem->marginal || fit_has_polynomial(problem);
}

/* The grid: how many values of each kind of thing are tried. */
struct grid {
    size_t balances, shapes, seconds, periods;
};

static struct grid grid_of(const struct fit_problem *problem)
{
    size_t variances = 0, ar = 0, ma = 0;
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        variances += c->kind == FIT_VARIANCE ? 1u : 0u;
        ar += c->kind == FIT_PARTIAL && is_autoregressive(c) ? 1u : 0u;
        ma += c->kind == FIT_PARTIAL && !is_autoregressive(c) ? 1u : 0u;
    }
    size_t shapes = fit_has_polynomial(problem) ? shapes_max : shape_count;
    /* A single variance that is concentrated out needs no balance. */
    struct grid grid = {variances > (problem->concentrate ? 1u : 0u) ? balance_count : 1,
                        has_shape(problem) && (ma == 0 || ar > 0) ? shapes : 1, ma > 0 ? shapes : 1,
                        has_kind(problem, FIT_LOGARITHM) ? periods_count : 1};
    /* a cycle's grid is its periods; a few balances and one damping are enough beside it */
    if (grid.periods > 1) {
        grid.balances = grid.balances < 3 ? grid.balances : 3;
        grid.shapes = 1;
    }
    return grid;
}

size_t fit_starts(struct fit_problem *problem, size_t wanted, struct fit_start *ret_starts)
{
    EXPECT(wanted > 0 && wanted <= FIT_STARTS_MAX);
    struct grid grid = grid_of(problem);
    size_t kept = 0, points = grid.balances * grid.shapes * grid.seconds * grid.periods;
    struct fit_start found;
    for (size_t k = 0; k < points && fit_check_limits(problem); k++) {
        size_t period = k % grid.periods, rest = k / grid.periods, second = rest % grid.seconds;
        size_t shape = rest / grid.seconds % grid.shapes,
               balance = rest / grid.seconds / grid.shapes;
        for (size_t i = 0; i < problem->count; i++)
            found.x[i] = element(problem, &problem->coordinates[i], balance, shape, second, period);
        found.value = fit_value(problem, found.x);
        if (isfinite(found.value))
            keep_best(ret_starts, wanted, &kept, &found, problem->count);
    }
    return kept;
}

void fit_warm(struct fit_problem *problem, size_t steps, double *x)
{
    if (!fit_is_analytic(problem))
        return;
    double gradient[KALMAN_PARAMETERS_MAX];
    assert(problem->count <= KALMAN_PARAMETERS_MAX);
    for (size_t step = 0; step < steps && fit_check_limits(problem); step++) {
        if (!isfinite(fit_gradient(problem, x, 0, false, gradient)))
            return;
        for (size_t i = 0; i < problem->count; i++) {
            /* gradient = 1/2 (quadratic - trace), V included in both, so the ratio is
             * quadratic/trace: the disturbance's smoothed size over the size it would have by V.
             * It is 1 at the maximum. */
            double ratio = (2 * gradient[i] + problem->trace[i]) / problem->trace[i];
            if (problem->trace[i] > 0 && ratio > 0)
                x[i] = clamp(x[i] + 0.9 * log(ratio), problem->coordinates[i].lower,
                             problem->coordinates[i].upper);
        }
    }
}
