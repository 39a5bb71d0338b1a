#include "fit/nlopt.h"

#include "numeric/expect.h"

#include <math.h>
#include <nlopt.h>
#include <string.h>

/* What the callback needs: which elements of the whole x the optimiser's vector stands for, and
 * the best so far. */
struct climb {
    struct fit_problem *problem;
    nlopt_opt optimiser;
    size_t moving[KALMAN_PARAMETERS_MAX];
    size_t count;
    double x[KALMAN_PARAMETERS_MAX], best[KALMAN_PARAMETERS_MAX];
    double value;
};

/* Far below any likelihood that matters, yet finite, as SLSQP's line search wants. */
static const double nowhere = -1e12;
static const double difference_step = 1e-5;

static double objective(unsigned count, const double *moving, double *gradient, void *context)
{
    EXPECT(count == ((struct climb *)context)->count);
    struct climb *climb = context;
    double whole[KALMAN_PARAMETERS_MAX];
    /* NLopt asks no more after this call, whose value it still wants. */
    if (!fit_check_limits(climb->problem))
        nlopt_force_stop(climb->optimiser);
    for (unsigned i = 0; i < count; i++)
        climb->x[climb->moving[i]] = moving[i];
    double value = gradient ? fit_gradient(climb->problem, climb->x, difference_step, false, whole)
                            : fit_value(climb->problem, climb->x);
    /* Where there is no likelihood there is no slope either: the line search backs off by the
     * value. */
    for (unsigned i = 0; gradient && i < count; i++)
        gradient[i] = isfinite(value) ? whole[climb->moving[i]] : 0;
    /* Kept here, whatever point NLopt is at when it stops or is stopped. */
    if (value > climb->value) {
        climb->value = value;
        memcpy(climb->best, climb->x, climb->problem->count * sizeof(double));
    }
    return isfinite(value) ? value : nowhere;
}

static bool configure(nlopt_opt optimiser, struct climb *climb, double gain_min,
                      size_t evaluations_max)
{
    double lower[KALMAN_PARAMETERS_MAX], upper[KALMAN_PARAMETERS_MAX];
    for (size_t i = 0; i < climb->count; i++) {
        lower[i] = climb->problem->coordinates[climb->moving[i]].lower;
        upper[i] = climb->problem->coordinates[climb->moving[i]].upper;
    }
    return nlopt_set_lower_bounds(optimiser, lower) > 0 &&
           nlopt_set_upper_bounds(optimiser, upper) > 0 &&
           nlopt_set_max_objective(optimiser, objective, climb) > 0 &&
           nlopt_set_ftol_abs(optimiser, gain_min) > 0 &&
           nlopt_set_maxeval(optimiser, (int)evaluations_max) > 0;
}

double fit_climb(struct fit_problem *problem, const bool *held, double gain_min,
                 size_t evaluations_max, double *x)
{
    EXPECT(problem->count <= KALMAN_PARAMETERS_MAX);
    struct climb climb = {.problem = problem, .value = -INFINITY};
    double start[KALMAN_PARAMETERS_MAX], reached = 0;
    memcpy(climb.x, x, problem->count * sizeof(double));
    memcpy(climb.best, x, problem->count * sizeof(double));
    for (size_t i = 0; i < problem->count; i++) {
        if (held[i] || isinf(x[i])) /* a variance at zero: its coordinate is -infinity */
            continue;
        start[climb.count] = x[i];
        climb.moving[climb.count++] = i;
    }
    if (climb.count == 0)
        return fit_value(problem, x);
    climb.optimiser = nlopt_create(NLOPT_LD_SLSQP, (unsigned)climb.count);
    if (!climb.optimiser) {
        problem->failure = KALMAN_ENOMEM;
        return -INFINITY;
    }
    /* How NLopt ended does not matter here: the best point is kept, and the polish judges it. */
    if (configure(climb.optimiser, &climb, gain_min, evaluations_max))
        (void)nlopt_optimize(climb.optimiser, start, &reached);
    nlopt_destroy(climb.optimiser);
    memcpy(x, climb.best, problem->count * sizeof(double));
    return climb.value;
}
