/*
 * Maximum likelihood for the local level, over the CLOSED interval of the signal-to-noise ratio q =
 * Q/H.
 *
 * The scale drops out of the likelihood (DK 2.10.2), so one parameter is left, u = log q. Both ends
 * are members of the family: q = 0 is a constant level, q = inf a random walk without noise. A grid
 * over u and the two ends finds the best neighbourhood, eight ratios per pass over the data; then
 * the zero of the analytic score is found inside its bracket by Brent's method (1973, ch. 4).
 * Searching the zero of the score rather than the top of the likelihood is what gives q to full
 * precision: near its top the likelihood is flat to rounding over a relative width of 1e-8.
 *
 * With one variance given, the same search runs on the likelihood at that scale.
 */
#include "fit/level_search.h"

#include "numeric/expect.h"

#include <math.h>

enum { GRID_SHORT = 16, GRID_LONG = 32, ROOT_STEPS_MAX = 100 };

void level_ratio_pair(double q, double *ret_H, double *ret_Q)
{
    assert(!(q < 0.0));
    *ret_H = q > 1.0 ? 1.0 / q : 1.0;
    *ret_Q = q > 1.0 ? 1.0 : q;
}

double level_problem_scale(const struct level_problem *problem, double H, double Q, double squares)
{
    assert(H > 0.0 || Q > 0.0);
    switch (problem->mode) {
    case LEVEL_FIXED_NOISE:
        return problem->given / H;
    case LEVEL_FIXED_LEVEL:
        return problem->given / Q;
    default:
        return squares / problem->innovations;
    }
}

double level_problem_value(const struct level_problem *problem, double H, double Q, double squares,
                           double logs)
{
    double s = level_problem_scale(problem, H, Q, squares), log_s = log(s);
    if (problem->mode == LEVEL_FIXED_NOISE)
        log_s = problem->log_given - log(H);
    if (problem->mode == LEVEL_FIXED_LEVEL)
        log_s = problem->log_given - log(Q);
    /* log p = -1/2 sum (log s F + v^2/(s F)), F and v^2/F of the pair; log 2 pi is left to the
     * report. */
    return -0.5 * (problem->innovations * log_s + logs + squares / s);
}

/* d value / d log q. The pair's own scale moves with q, in the opposite way, when it is tied to
 * the given variance. */
static double problem_score(struct level_problem *problem, double u)
{
    double q = exp(u), H = 1.0, Q = 1.0;
    level_ratio_pair(q, &H, &Q);
    double h[2] = {H, q > 1.0 ? -H : 0.0}, l[2] = {Q, q > 1.0 ? 0.0 : Q};
    struct level_sums sums;
    level_likelihood_score(&problem->data, h, l, &sums);
    problem->evaluations++;
    double s = level_problem_scale(problem, H, Q, sums.squares);
    double score = -0.5 * (sums.logs_by_u + sums.squares_by_u / s);
    /* at the best scale its derivative vanishes */
    if (problem->mode == LEVEL_BOTH_FREE)
        return score;
    /* With H given, s = given/H moves as 1/H: d log s/du = -(dH/du)/H; with Q given likewise. */
    double s_by_u = problem->mode == LEVEL_FIXED_NOISE ? -h[1] / H : -l[1] / Q; /* d log s / du */
    return score - 0.5 * s_by_u * (problem->innovations - sums.squares / s);
}

static double problem_at(struct level_problem *problem, double q)
{
    double H = 1.0, Q = 1.0;
    level_ratio_pair(q, &H, &Q);
    struct level_sums sums;
    level_likelihood(&problem->data, H, Q, &sums);
    problem->evaluations++;
    return level_problem_value(problem, H, Q, sums.squares, sums.logs);
}

/* Before every pass over the data: a pass is long enough to ask at once. */
static bool poll_cancel(struct level_problem *problem)
{
    return cancel_poll(&problem->cancel, CANCEL_NOW);
}

/* Is there a closed end at q = 0, at q = inf? With H given, q = inf is no model, and the other
 * way round. */
static bool has_low_end(const struct level_problem *problem)
{
    return problem->mode != LEVEL_FIXED_LEVEL;
}

static bool has_high_end(const struct level_problem *problem)
{
    return problem->mode != LEVEL_FIXED_NOISE;
}

struct level_grid {
    double u[GRID_LONG]; /* -inf and +inf at the ends */
    double value[GRID_LONG];
    size_t count;
};

/* Mean square of the observed differences: what the given variance is to be compared with. */
static double mean_square_step(const struct level_data *data)
{
    assert(data->count > 1);
    double sum = 0.0, last = NAN, count = 0.0;
    for (size_t i = 0; i < data->count; i++) {
        double value = data->values[i] - data->centre;
        if (isnan(value))
            continue;
        if (!isnan(last)) {
            double step = (value - last) * data->scale;
            sum += step * step;
            count += 1.0;
        }
        last = value;
    }
    return sum / count;
}

/* Where an interior maximum differs from the ends: q down to about 1/n^2, up to a noise share
 * of 1e-4; wider if a given variance is far from what the data show. */
static void grid_place(const struct level_problem *problem, struct level_grid *grid)
{
    assert(problem->innovations >= 1.0);
    double n = problem->innovations + 1.0, low = -2.0 * log(n) - 4.6, high = 9.2;
    if (problem->mode != LEVEL_BOTH_FREE) {
        double offset = log(mean_square_step(&problem->data)) - log(problem->given);
        if (problem->mode == LEVEL_FIXED_NOISE)
            high = fmax(high, offset + 3.0);
        else
            low = fmin(low, -offset - 3.0);
    }
    grid->count = n < 1000.0 && high - low < 40.0 ? GRID_SHORT : GRID_LONG;
    double step = (high - low) / (double)(grid->count - 3);
    for (size_t i = 0; i < grid->count; i++)
        grid->u[i] = low + step * ((double)i - 1.0);
    if (has_low_end(problem))
        grid->u[0] = -INFINITY;
    if (has_high_end(problem))
        grid->u[grid->count - 1] = INFINITY;
}

static size_t grid_evaluate(struct level_problem *problem, struct level_grid *grid)
{
    EXPECT(grid->count <= GRID_LONG && grid->count % LEVEL_LANES == 0);
    size_t best = 0;
    for (size_t at = 0; at < grid->count && !poll_cancel(problem); at += LEVEL_LANES) {
        double H[LEVEL_LANES], Q[LEVEL_LANES], squares[LEVEL_LANES], logs[LEVEL_LANES];
        for (size_t k = 0; k < LEVEL_LANES; k++)
            level_ratio_pair(exp(grid->u[at + k]), &H[k], &Q[k]);
        level_likelihood_lanes(&problem->data, H, Q, squares, logs);
        problem->evaluations += LEVEL_LANES;
        for (size_t k = 0; k < LEVEL_LANES; k++) {
            double value = level_problem_value(problem, H[k], Q[k], squares[k], logs[k]);
            grid->value[at + k] = isnan(value) ? -(double)INFINITY : value;
            best = grid->value[at + k] > grid->value[best] ? at + k : best;
        }
    }
    return best;
}

/* The slope at an end, along the ratio itself: dq at q = 0, d(1/q) at q = inf. */
static double end_slope(struct level_problem *problem, bool high)
{
    double h[2] = {high ? 0.0 : 1.0, high ? 1.0 : 0.0}, l[2] = {high ? 1.0 : 0.0, high ? 0.0 : 1.0};
    struct level_sums sums;
    level_likelihood_score(&problem->data, h, l, &sums);
    problem->evaluations++;
    return -0.5 * (sums.logs_by_u +
                   sums.squares_by_u / level_problem_scale(problem, h[0], l[0], sums.squares));
}

/* A bracket of a maximum: going from near to far, the score points forward at near and back at
 * far. */
struct level_bracket {
    double near, far, score_near, score_far;
    double direction; /* of far from near, +1 or -1 */
};

/* Move far outwards until the score turns; 0 if it never does. */
static bool bracket_outward(struct level_problem *problem, struct level_bracket *bracket)
{
    double step = 1.0;
    for (int i = 0; i < 40 && !poll_cancel(problem); i++) {
        double to = bracket->near + bracket->direction * step;
        step *= 1.5;
        if (fabs(to) > 650.0) /* exp(u) and its inverse must stay finite */
            return false;
        double score = problem_score(problem, to);
        bracket->far = to;
        bracket->score_far = score;
        if (score * bracket->direction < 0.0)
            return true;
        bracket->near = to;
        bracket->score_near = score;
    }
    return false;
}

/* The value at far is below that at near, so a top lies between even if the score at far does
 * not say so yet. */
static void bracket_tighten(struct level_problem *problem, double value_near,
                            struct level_bracket *bracket)
{
    for (int i = 0; i < 60 && bracket->score_far * bracket->direction >= 0.0; i++) {
        double middle = 0.5 * (bracket->near + bracket->far);
        double score = problem_score(problem, middle), value = problem_at(problem, exp(middle));
        if (score * bracket->direction < 0.0 || value < value_near) {
            bracket->far = middle;
            bracket->score_far = score;
        } else {
            bracket->near = middle;
            bracket->score_near = score;
            value_near = value;
        }
    }
}

/* Brent's root finder on the score. */
static double score_root(struct level_problem *problem, const struct level_bracket *bracket)
{
    double a = bracket->near, fa = bracket->score_near, b = bracket->far, fb = bracket->score_far;
    double c = a, fc = fa, d = b - a, e = d;
    for (int i = 0; i < ROOT_STEPS_MAX && fb != 0.0 && !poll_cancel(problem); i++) {
        if (fb * fc > 0.0) {
            c = a;
            fc = fa;
            e = d = b - a;
        }
        if (fabs(fc) < fabs(fb)) {
            a = b, b = c, c = a;
            fa = fb, fb = fc, fc = fa;
        }
        double tolerance = 2.0 * 2.2e-16 * fabs(b) + 1e-15, m = 0.5 * (c - b);
        if (fabs(m) <= tolerance)
            break;
        if (fabs(e) < tolerance || fabs(fa) <= fabs(fb)) {
            d = e = m;
        } else {
            /* Inverse quadratic interpolation through the last three points, or the secant
             * through two; taken only if it stays inside the bracket and more than halves the
             * step before last (Brent 1973). */
            double s = fb / fa, p = 2.0 * m * s, q = 1.0 - s;
            if (a != c) {
                double r = fb / fc, t = fa / fc;
                p = s * (2.0 * m * t * (t - r) - (b - a) * (r - 1.0));
                q = (t - 1.0) * (r - 1.0) * (s - 1.0);
            }
            q = p > 0.0 ? -q : q;
            p = fabs(p);
            bool accept = 2.0 * p < fmin(3.0 * m * q - fabs(tolerance * q), fabs(e * q));
            e = accept ? d : m;
            d = accept ? p / q : m;
        }
        a = b;
        fa = fb;
        b += fabs(d) > tolerance ? d : copysign(tolerance, m);
        fb = problem_score(problem, b);
    }
    return b;
}

/* The maximum near grid point i (an inner one). Returns log q, or -inf/+inf when it slid into an
 * end. */
static double refine_inner(struct level_problem *problem, const struct level_grid *grid, size_t i)
{
    EXPECT(i > 0 && i + 1 < grid->count);
    double u = grid->u[i], score = problem_score(problem, u);
    if (score == 0.0)
        return u;
    struct level_bracket bracket = {
        .near = u, .score_near = score, .direction = score > 0.0 ? 1.0 : -1.0};
    size_t neighbour = score > 0.0 ? i + 1 : i - 1;
    if (neighbour == 0 || neighbour + 1 == grid->count) {
        if (!bracket_outward(problem, &bracket))
            return bracket.direction * (double)INFINITY;
    } else {
        bracket.far = grid->u[neighbour];
        bracket.score_far = problem_score(problem, bracket.far);
        bracket_tighten(problem, grid->value[i], &bracket);
    }
    return score_root(problem, &bracket);
}

/* log q at the maximum. */
static double maximise(struct level_problem *problem)
{
    struct level_grid grid;
    grid_place(problem, &grid);
    size_t best = grid_evaluate(problem, &grid);
    bool high = best + 1 == grid.count;
    if (best == 0 || high) {
        bool closed = high ? has_high_end(problem) : has_low_end(problem);
        if (closed && !(end_slope(problem, high) > 0.0))
            return high ? (double)INFINITY : -(double)INFINITY;
        /* the top is between the end and the outermost inner point */
        best = high ? grid.count - 2 : 1;
    }
    double u = refine_inner(problem, &grid, best);
    if (problem->cancel.cancelled || isinf(u))
        return u;
    /* An end that the grid found lower can still beat a shallow inner top only by rounding;
     * compare once more. */
    double value = problem_at(problem, exp(u));
    if (has_low_end(problem) && grid.value[0] > value)
        return -INFINITY;
    if (has_high_end(problem) && grid.value[grid.count - 1] > value)
        return INFINITY;
    return u;
}

double level_search(struct level_problem *problem)
{
    return exp(maximise(problem));
}
