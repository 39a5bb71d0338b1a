#include "fit/polish.h"

#include "fit/nlopt.h"
#include "numeric/expect.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    newton_steps_max = 40,
    ridge_steps_max = 4,
    rounds_max = 8,
    halvings_max = 30,
    polished_max = 24
};

/* The likelihood that a fit may leave on a ridge: no digit that is printed of an estimate. */
static const double ridge_gain = 1e-5;
static const double gradient_step = 4e-4, hessian_step = 1e-3, coordinate_step_max = 1.5;

size_t fit_reference(const struct fit_problem *problem, const double *x)
{
    size_t reference = SIZE_MAX;
    for (size_t i = 0; problem->concentrate && i < problem->count; i++)
        if (problem->coordinates[i].kind == FIT_VARIANCE && !isinf(x[i]) &&
            (reference == SIZE_MAX || x[i] > x[reference]))
            reference = i;
    return reference;
}

bool fit_at_bound(const struct fit_problem *problem, const double *x, size_t i)
{
    EXPECT(i < problem->count);
    const struct fit_coordinate *c = &problem->coordinates[i];
    double width = c->upper - c->lower;
    return c->kind != FIT_VARIANCE &&
           (x[i] - c->lower < 1e-9 * width || c->upper - x[i] < 1e-9 * width);
}

/* The coordinates that Newton moves: not the reference, not zero variances, not at a bound
 * unless pulled inward. */
static size_t list_free(const struct fit_problem *problem, const double *x, const double *gradient,
                        size_t *ret_free)
{
    size_t reference = fit_reference(problem, x), count = 0;
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        if (i == reference || isinf(x[i]))
            continue;
        bool low = x[i] - c->lower < 1e-9 * (c->upper - c->lower),
             high = c->upper - x[i] < 1e-9 * (c->upper - c->lower);
        if ((low && gradient[i] <= 0) || (high && gradient[i] >= 0))
            continue;
        ret_free[count++] = i;
    }
    return count;
}

/* Minus the Hessian on the free coordinates, by differences of the gradient (closed form) or of
 * the value. */
static bool curvature(struct fit_problem *problem, double *x, const size_t *free_list, size_t count,
                      double *matrix)
{
    EXPECT(count <= polished_max);
    double up[KALMAN_PARAMETERS_MAX], down[KALMAN_PARAMETERS_MAX];
    for (size_t a = 0; a < count; a++) {
        size_t i = free_list[a];
        const struct fit_coordinate *c = &problem->coordinates[i];
        double kept = x[i], step = fit_step(problem, i, kept, hessian_step),
               high = fmin(kept + step, c->upper), low = fmax(kept - step, c->lower);
        x[i] = high;
        double first = fit_gradient(problem, x, hessian_step, false, up);
        x[i] = low;
        double second = fit_gradient(problem, x, hessian_step, false, down);
        x[i] = kept;
        if (!isfinite(first) || !isfinite(second))
            return false;
        for (size_t b = 0; b < count; b++)
            matrix[a * count + b] = (down[free_list[b]] - up[free_list[b]]) / (high - low);
    }
    /* A Hessian is symmetric; its differences are so up to their error, which this halves. */
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < a; b++)
            matrix[a * count + b] = matrix[b * count + a] =
                0.5 * (matrix[a * count + b] + matrix[b * count + a]);
    return true;
}

/* Solves matrix step = gradient by LDL', pivots raised to stay positive: then the step climbs.
 * Destroys the matrix. */
static void solve_uphill(double *matrix, size_t count, double *step)
{
    EXPECT(count <= polished_max);
    double largest = 0;
    for (size_t j = 0; j < count; j++)
        largest = fmax(largest, fabs(matrix[j * count + j]));
    for (size_t j = 0; j < count; j++) {
        /* Minus the Hessian need not be positive definite far from the top. With |pivot| for
         * pivot the step solves a definite system near by, and step'gradient > 0: it climbs. */
        double pivot = matrix[j * count + j];
        pivot = fmax(fabs(pivot), 1e-9 * largest + DBL_MIN);
        matrix[j * count + j] = pivot;
        for (size_t i = j + 1; i < count; i++) {
            double factor = matrix[i * count + j] / pivot;
            for (size_t k = j + 1; k <= i; k++)
                matrix[i * count + k] -= factor * matrix[k * count + j];
        }
        for (size_t i = j + 1; i < count; i++)
            matrix[i * count + j] /= pivot;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            step[i] -= matrix[i * count + k] * step[k];
    for (size_t i = count; i-- > 0;) {
        step[i] /= matrix[i * count + i];
        for (size_t k = i + 1; k < count; k++)
            step[i] -= matrix[k * count + i] * step[k];
    }
}

/* x plus a share of the step, inside the box. The step is shortened as a whole: it keeps its
 * uphill direction. */
static void move(const struct fit_problem *problem, const size_t *free_list, size_t count,
                 const double *from, const double *step, double share, double *x)
{
    EXPECT(count <= problem->count);
    double longest = 0;
    for (size_t a = 0; a < count; a++)
        longest = fmax(longest, fabs(step[a]));
    if (longest > coordinate_step_max)
        share *= coordinate_step_max / longest;
    for (size_t a = 0; a < count; a++) {
        size_t i = free_list[a];
        x[i] = fmax(problem->coordinates[i].lower,
                    fmin(problem->coordinates[i].upper, from[i] + step[a] * share));
    }
}

/* What rounding can do to a log-likelihood: a sum over the series whose terms are of size one. Sums
 * of products, which the normal equations are, lose some digits more. */
static double rounding(const struct fit_problem *problem, double value)
{
    double units = problem->innovations.width > 0 ? 1024 : 16;
    return units * DBL_EPSILON * (fabs(value) + (double)problem->series.count);
}

/* Takes the longest of step, step/2, step/4 .. that does not lose; returns the value, x
 * unchanged if none does. */
static double line_search(struct fit_problem *problem, const size_t *free_list, size_t count,
                          const double *step, double value, double *x)
{
    double from[KALMAN_PARAMETERS_MAX], share = 1;
    memcpy(from, x, problem->count * sizeof(double));
    for (int i = 0; i < halvings_max && fit_check_limits(problem); i++) {
        move(problem, free_list, count, from, step, share, x);
        double found = fit_value(problem, x);
        /* Near the top the value is flat to rounding; a full Newton step is better informed than
         * the difference. */
        if (found > value - rounding(problem, value))
            return found;
        share /= 2;
    }
    memcpy(x, from, problem->count * sizeof(double));
    return value;
}

/* Newton from x. The curvature is kept while the steps shrink fast, and computed again when they
 * do not. */
static double newton(struct fit_problem *problem, double *matrix, double *factor, double *x,
                     bool *ret_converged)
{
    EXPECT(problem->count <= polished_max);
    double gradient[KALMAN_PARAMETERS_MAX], step[KALMAN_PARAMETERS_MAX],
        decrement_before = INFINITY;
    size_t free_list[KALMAN_PARAMETERS_MAX], count_before = SIZE_MAX, on_ridge = 0;
    double value = fit_value(problem, x);
    *ret_converged = false;
    for (int round = 0; round < newton_steps_max && fit_check_limits(problem); round++) {
        (void)fit_gradient(problem, x, gradient_step, true, gradient);
        size_t count = list_free(problem, x, gradient, free_list);
        if (count == 0) {
            *ret_converged = true;
            return value;
        }
        bool stale = count != count_before || decrement_before > 1e-3;
        if (stale && !curvature(problem, x, free_list, count, matrix))
            return value;
        count_before = count;
        memcpy(factor, matrix, count * count * sizeof(double));
        for (size_t a = 0; a < count; a++)
            step[a] = gradient[free_list[a]];
        solve_uphill(factor, count, step);
        double decrement = 0;
        for (size_t a = 0; a < count; a++)
            decrement += step[a] * gradient[free_list[a]];
        double before = value;
        value = line_search(problem, free_list, count, step, before, x);
        /* The decrement is twice what the likelihood still has to gain: below rounding, this was
         * the last step. So it was when the likelihood gained nothing that shows: the slope left is
         * the differences' own error. */
        bool flat =
            round > 0 && fabs(decrement) < 1e-7 && fabs(value - before) < rounding(problem, value);
        /* Beside unit roots that nearly cancel, steps gain a little for as long as one likes. */
        on_ridge = stale && fabs(decrement) < ridge_gain ? on_ridge + 1 : 0;
        if (flat || on_ridge > ridge_steps_max ||
            fabs(decrement) < 0.1 * rounding(problem, value)) {
            *ret_converged = true;
            return value;
        }
        count_before = decrement > 0.1 * decrement_before ? SIZE_MAX : count_before;
        decrement_before = decrement;
    }
    return value;
}

/* Where on the edge of the domain coordinate i could go: zero for a variance, the nearer bound
 * if it is near. */
static bool edge_of(const struct fit_problem *problem, const double *x, size_t i, double *ret_edge)
{
    EXPECT(i < problem->count);
    const struct fit_coordinate *c = &problem->coordinates[i];
    if (c->kind == FIT_VARIANCE) {
        *ret_edge = -INFINITY;
        return !isinf(x[i]);
    }
    double width = c->upper - c->lower, below = x[i] - c->lower, above = c->upper - x[i];
    *ret_edge = below < above ? c->lower : c->upper;
    bool near =
        c->kind == FIT_PARTIAL ? fabs(fit_partial(x[i])) > 0.9 : fmin(below, above) < 0.05 * width;
    return near && x[i] != *ret_edge;
}

/* Moves coordinates to the edge where that does not lower the likelihood; true if any moved.
 * climbed: only variances, for a point that Newton has not seen yet may lie lower than an edge
 * beside its summit, and from the edge of a moving average no slope leads back. */
static bool settle_on_edges(struct fit_problem *problem, bool climbed, double *x, double *value)
{
    bool changed = false;
    for (size_t i = 0; i < problem->count && fit_check_limits(problem); i++) {
        double kept = x[i], edge;
        if ((climbed && problem->coordinates[i].kind != FIT_VARIANCE) ||
            !edge_of(problem, x, i, &edge))
            continue;
        x[i] = edge;
        bool scaleless = problem->concentrate && fit_reference(problem, x) == SIZE_MAX;
        double found = scaleless ? -HUGE_VAL : fit_value(problem, x);
        if (found >= *value - rounding(problem, *value)) {
            *value = found;
            changed = true;
        } else {
            x[i] = kept;
        }
    }
    return changed;
}

/* A variance at zero that would rather be positive is released; true if any was. */
static bool release_variances(struct fit_problem *problem, double *x, double *value)
{
    static const double offsets[] = {-3, -7, -12, -18};
    size_t reference = fit_reference(problem, x);
    for (size_t i = 0; i < problem->count; i++) {
        if (problem->coordinates[i].kind != FIT_VARIANCE || !isinf(x[i]))
            continue;
        for (size_t k = 0; k < sizeof offsets / sizeof offsets[0] && fit_check_limits(problem);
             k++) {
            x[i] = (reference == SIZE_MAX ? 0 : x[reference]) + offsets[k];
            double found = fit_value(problem, x);
            if (found > *value + 1e-9 * (1 + fabs(*value))) {
                *value = found;
                return true;
            }
        }
        x[i] = -INFINITY;
    }
    return false;
}

/* A coordinate at its bound that would rather be inside is moved there; true if any was. The
 * likelihood of a moving average is flat at its bound: its slope says nothing. */
static bool release_bounds(struct fit_problem *problem, double *x, double *value)
{
    static const double shares[] = {0.01, 0.03, 0.1};
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        if (isinf(x[i]) || !fit_at_bound(problem, x, i))
            continue;
        double kept = x[i], width = c->upper - c->lower;
        bool low = kept - c->lower < c->upper - kept;
        for (size_t k = 0; k < sizeof shares / sizeof shares[0] && fit_check_limits(problem); k++) {
            x[i] = c->kind == FIT_PARTIAL
                       ? copysign(fit_partial_coordinate(1 - 2 * shares[k]), kept)
                       : kept + (low ? shares[k] : -shares[k]) * width;
            double found = fit_value(problem, x);
            if (found > *value + 1e-9 * (1 + fabs(*value))) {
                *value = found;
                return true;
            }
        }
        x[i] = kept;
    }
    return false;
}

/* Newton failed, far from the top or on a ridge: the climber again, with more evaluations than the
 * first time. */
static double climb_again(struct fit_problem *problem, double *x)
{
    bool held[KALMAN_PARAMETERS_MAX] = {false};
    size_t reference = fit_reference(problem, x);
    if (reference != SIZE_MAX)
        held[reference] = true;
    return fit_climb(problem, held, 1e-8, 300, x);
}

double fit_polish(struct fit_problem *problem, double *x, bool *ret_converged)
{
    double matrix[polished_max * polished_max], factor[polished_max * polished_max];
    double value = fit_value(problem, x), before = -HUGE_VAL;
    *ret_converged = false;
    /* no ordinary model has so many; the climb is then the answer */
    if (problem->count > polished_max)
        return value;
    for (int round = 0; round < rounds_max && fit_check_limits(problem); round++) {
        (void)settle_on_edges(problem, round == 0, x, &value);
        value = newton(problem, matrix, factor, x, ret_converged);
        if (!*ret_converged)
            value = climb_again(problem, x);
        bool dropped = settle_on_edges(problem, false, x, &value);
        bool released = release_variances(problem, x, &value) || release_bounds(problem, x, &value);
        if (!released && !dropped && *ret_converged)
            break;
        /* Along a ridge beside a unit root the curvature is rounding, and Newton has no last step;
         * what the climber gains there in a whole round is. */
        bool ended = value - before < ridge_gain;
        /* Off an edge and back to it, for nothing: there is no more to find. */
        if (*ret_converged && !released && value - before <= rounding(problem, value))
            break;
        before = value;
        if (ended && !*ret_converged) {
            *ret_converged = true;
            break;
        }
    }
    return value;
}
