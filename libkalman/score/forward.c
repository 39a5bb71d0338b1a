/* The pass forward. */
#include "score/prepare.h"

#include "filter/state.h"
#include "numeric/dense.h"
#include "numeric/expect.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Below these an innovation variance is rounding: relative to the sizes of the terms that it is the
 * sum of.
 */
static const double diffuse_tolerance = 1e-10, floor_tolerance = 1e-13, exact_tolerance = 1e-15;
static const double settled_change = 4 * DBL_EPSILON, nearly_settled = 1e-12;

/* The diffuse part is kept as a factor, P_inf = A A', whose columns are used up one by one: its
 * rank is then known exactly, and a direction that is left over is not hidden by the rounding of
 * those that are done with. */
static void start(struct score *s)
{
    const struct kalman_model *model = s->model;
    size_t m = s->states, d = s->diffuse_states;
    s->unit = ldexp(1, -model->sd_exponent);
    for (size_t i = 0; i < m; i++)
        s->mean[i] = model->a1[i] * s->unit;
    memcpy(s->diffuse, model->A1, m * d * sizeof(double));
    s->augmented = model->collinear;
    s->augmented_until = 0;
    s->rank = s->augmented ? 0 : d;
    if (s->augmented)
        augmented_start(&s->start, model->A1, s->mean);
    memcpy(s->variance, model->P1, m * m * sizeof(double));
    s->comparable = s->steady = s->pending = s->before_kept = false;
    score_load_transition(s, model->T, model->V);
    score_load_design(s);
}

/* out = matrix z; returns z' matrix z, and the sum of the magnitudes of its terms. */
static double project(const struct score *s, const double *matrix, double *out,
                      double *ret_magnitude)
{
    EXPECT(out != matrix);
    size_t m = s->states;
    double sum = 0, magnitude = 0;
    for (size_t i = 0; i < m; i++)
        out[i] = 0;
    for (unsigned k = 0; k < s->design_count; k++)
        dense_lower_add_row(matrix, s->design[k].column, s->design[k].value, m, out);
    for (unsigned k = 0; k < s->design_count; k++)
        sum += s->design[k].value * out[s->design[k].column];
    for (unsigned k = 0; k < s->design_count; k++)
        for (unsigned l = 0; l < s->design_count; l++)
            magnitude += fabs(s->design[k].value * s->design[l].value *
                              matrix[score_lower(m, s->design[k].column, s->design[l].column)]);
    *ret_magnitude = magnitude;
    return sum;
}

/* The size of the largest entry of each column of A. */
static void column_sizes(const struct score *s, double *column)
{
    EXPECT(s->rank <= s->diffuse_states);
    memset(column, 0, s->rank * sizeof *column);
    for (size_t i = 0; i < s->states; i++) {
        const double *row = s->diffuse + i * s->diffuse_states;
        for (size_t j = 0; j < s->rank; j++) {
            double size = fabs(row[j]);
            column[j] = size > column[j] ? size : column[j];
        }
    }
}

/* along = A'z with what is only rounding set to 0; returns F_inf = along' along. */
static double diffuse_along(const struct score *s, double *along)
{
    size_t d = s->diffuse_states;
    double sum = 0, design_size = 0, *column = s->product;
    column_sizes(s, column);
    for (unsigned k = 0; k < s->design_count; k++)
        design_size = fmax(design_size, fabs(s->design[k].value));
    for (size_t j = 0; j < s->rank; j++) {
        double a = 0, magnitude = 0;
        for (unsigned k = 0; k < s->design_count; k++) {
            double term = s->design[k].value * s->diffuse[s->design[k].column * d + j];
            a += term;
            magnitude += fabs(term);
        }
        bool rounding = fabs(a) <= diffuse_tolerance * magnitude ||
                        fabs(a) <= floor_tolerance * column[j] * design_size;
        along[j] = rounding ? 0 : a;
        sum += along[j] * along[j];
    }
    return sum;
}

/* K0 = A along / F_inf, into place. */
static void diffuse_gain_of(const struct score *s, const double *along, double f_diffuse,
                            double *k0)
{
    assert(f_diffuse > 0);
    for (size_t i = 0; i < s->states; i++) {
        const double *row = s->diffuse + i * s->diffuse_states;
        double sum = 0;
        for (size_t j = 0; j < s->rank; j++)
            sum += row[j] * along[j];
        k0[i] = sum / f_diffuse;
    }
}

static void diffuse_update(struct score *s, size_t t, double v, double f)
{
    EXPECT(t < s->count);
    size_t m = s->states;
    const double *restrict k0 = s->step_gain + t * s->gain_step, *restrict product = s->gain;
    for (size_t i = 0; i < m; i++) {
        double *restrict row = s->variance + i * m;
        const double ki = k0[i], gi = product[i];
        s->mean[i] += ki * v;
        for (size_t j = 0; j <= i; j++)
            /* (I - K0 z')P(I - K0 z')' + h K0 K0' = P + K0 K0'F - (M K0' + K0 M'), M = P z, F =
             * z'M + h. */
            row[j] += ki * k0[j] * f - (gi * k0[j] + ki * product[j]);
    }
}

/* Does this observation determine a direction of the start? Then its K0 is in its place, and it
 * takes that direction away. */
static bool take_direction(struct score *s, size_t t, bool before, double *ret_f_diffuse)
{
    if (s->start_known) {
        *ret_f_diffuse = s->step_f[t];
        s->rank -= before;
        return before;
    }
    double *along = s->diffuse_gain, f_diffuse = diffuse_along(s, along);
    if (!(f_diffuse > 0))
        return false;
    diffuse_gain_of(s, along, f_diffuse, s->step_gain + t * s->gain_step);
    filter_drop_direction(s->diffuse, s->states, s->diffuse_states, s->rank--, along, f_diffuse);
    *ret_f_diffuse = s->step_f[t] = f_diffuse;
    return true;
}

static inline __attribute__((always_inline)) void ordinary_update(struct score *s, size_t t,
                                                                  double v, double f)
{
    EXPECT(t < s->count && !s->pending);
    assert(f > 0);
    size_t m = s->states;
    double *gain = s->step_gain + t * s->gain_step, share = 1 / sqrt(f);
    for (size_t i = 0; i < m; i++) {
        gain[i] = s->gain[i] / f;
        s->mean[i] += gain[i] * v;
        s->update_root[i] = s->gain[i] * share;
    }
    /* P - M M'/F = P - g g' with g = M/sqrt F: taken off in the move to the next point, where every
     * entry is touched anyway. A season's P is a megabyte, and is read once a step so. */
    s->pending = true;
    s->step_v[t] = v;
    s->step_f[t] = f;
    s->step_kind[t] = STEP_ORDINARY;
}

/* The row of Z for the start by regression, and what it says of the current value. */
static void observe_row(struct score *s, double y)
{
    memset(s->dense_design, 0, s->states * sizeof(double));
    for (unsigned k = 0; k < s->design_count; k++)
        s->dense_design[s->design[k].column] = s->design[k].value;
    augmented_observe(&s->start, s->dense_design, y);
}

/* A value without noise of its own: it determines a combination of the start, or was known. */
static void eliminate(struct score *s, size_t t, double y, struct score_result *result)
{
    double square = 0, error = 0;
    if (augmented_eliminate(&s->start, s->step_gain + t * s->gain_step, &square)) {
        s->step_kind[t] = STEP_DIFFUSE;
        s->step_f[t] = square;
        result->log_determinant += log(square);
        result->diffuse++;
        return;
    }
    s->step_kind[t] = STEP_EXACT;
    bool known = augmented_error(&s->start, s->start.row, NULL, s->solved, &error);
    result->possible =
        result->possible && known && fabs(error) <= 1e-9 * (fabs(y) + fabs(y - error));
}

/* A value of the start by regression; f: its variance given delta, zero if it is exact. */
static void observe_augmented(struct score *s, size_t t, double f, struct score_result *result)
{
    assert(s->augmented);
    double y = s->values[t] * s->unit;
    size_t lead = s->diffuse_states + 1, kept = s->gain_step > 0 ? t : 0;
    observe_row(s, y);
    s->step_noise_f[kept] = f;
    if (!(f > 0)) {
        eliminate(s, t, y, result);
        return;
    }
    memcpy(s->step_row + kept * lead, s->start.row, lead * sizeof *s->step_row);
    ordinary_update(s, t, 0, f);
    struct augmented_step step = augmented_take(&s->start, s->step_gain + t * s->gain_step, f);
    result->log_determinant += log(f * step.growth);
    if (step.direction) {
        s->step_kind[t] = STEP_DIFFUSE;
        result->diffuse++;
        return;
    }
    result->quadratic += step.residual * step.residual;
    s->step_f[t] = f * step.growth;
    s->step_v[t] = step.residual * sqrt(s->step_f[t]);
}

static void observe(struct score *s, size_t t, struct score_result *result)
{
    EXPECT(t < s->count);
    double y = s->values[t] * s->unit, v = y, magnitude, f_diffuse, h = s->model->H[0];
    bool before = s->step_kind[t] == STEP_DIFFUSE;
    s->step_kind[t] = STEP_MISSING;
    if (isnan(v))
        return;
    for (unsigned k = 0; k < s->design_count; k++)
        v -= s->design[k].value * s->mean[s->design[k].column];
    double f = project(s, s->variance, s->gain, &magnitude) + h;
    result->observed++;
    if (s->augmented) {
        observe_augmented(s, t, f > exact_tolerance * (magnitude + h) ? f : 0, result);
        return;
    }
    if (s->rank > 0 && take_direction(s, t, before, &f_diffuse)) {
        diffuse_update(s, t, v, f);
        s->step_kind[t] = STEP_DIFFUSE;
        /* Of a diffuse value only log F_inf counts: v^2/F_inf vanishes with 1/kappa (DK 7.2.2). */
        result->log_determinant += log(f_diffuse);
        result->diffuse++;
        return;
    }
    if (f > exact_tolerance * (magnitude + h)) {
        ordinary_update(s, t, v, f);
        result->log_determinant += log(f);
        result->quadratic += v * v / f;
        return;
    }
    s->step_kind[t] = STEP_EXACT;
    result->possible = result->possible && fabs(v) <= 1e-9 * (fabs(y) + fabs(y - v));
}

/* A <- T A. */
static void transport_factor(struct score *s)
{
    EXPECT(s->spare != s->diffuse);
    double *out = s->spare;
    sparse_multiply(&s->T, s->diffuse, s->rank, s->diffuse_states, out);
    s->spare = s->diffuse;
    s->diffuse = out;
}

/* P <- T (P - g g') T' + R Q R' */
static void transport_variance(struct score *s)
{
    EXPECT(s->spare != s->variance);
    size_t m = s->states;
    double *out = s->spare;
    sparse_congruence_lower(&s->T, s->variance, s->pending ? s->update_root : NULL, s->product,
                            out);
    s->pending = false;
    for (size_t k = 0; k < s->noisy_count; k++) {
        size_t i = s->noisy[k];
        for (size_t j = 0; j < m; j++)
            out[i * m + j] += s->noise[i * m + j];
    }
    s->spare = s->variance;
    s->variance = out;
}

static void predict(struct score *s, size_t t)
{
    EXPECT(t + 1 < s->count);
    if (s->times)
        score_load_step(s, t);
    score_transport(s);
    transport_variance(s);
    if (s->rank > 0 && !s->start_known)
        transport_factor(s);
    if (s->augmented)
        augmented_transition(&s->start, &s->T, s->model->c, s->unit);
}

/* The start by regression is over: what it made of delta becomes part of mean and variance, at the
 * point before which `until` points were. */
static void end_augmented(struct score *s, size_t until, struct score_result *result)
{
    s->augmented = false;
    s->augmented_until = until;
    result->determined = augmented_determined(&s->start);
}

/* Between t and t + 1, after the prediction: has it settled? */
static void try_to_end_augmented(struct score *s, size_t t, struct score_result *result)
{
    size_t m = s->states, d = s->diffuse_states;
    double *root = s->settled_root;
    if (s->step_kind[t] != STEP_ORDINARY || !augmented_due(&s->start, t + 1))
        return;
    (void)augmented_states(&s->start, s->start.E, NULL, s->mean, root);
    if (!augmented_settled(&s->start, root, s->step_f[t]))
        return;
    assert(!s->pending);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++)
            s->variance[i * m + j] += dense_dot(root + i * d, root + j * d, s->start.columns);
    end_augmented(s, t + 1, result);
}

/*
 * The size that the change of state i's variance is compared with: the variance itself, unless that
 * is no more than rounding (a lag of ARIMA is known exactly once it was observed). Then it is how
 * much one innovation reduces it; without measurement noise every state is in the unit of the data.
 */
static double settling_scale(const struct score *s, size_t i, double f)
{
    double variance = s->variance[i * s->states + i], z = s->model->Z[i],
           reduction = s->model->H[0] == 0 ? f : 0;
    if (z != 0)
        reduction = f / (z * z);
    return variance > 1e-13 * reduction ? variance : reduction;
}

/* Has the predicted variance stopped moving? Every entry within rounding of what it was one step
 * before. Leaves scales in s->gain, which the observation will overwrite. */
static bool variance_settled(const struct score *s, double f)
{
    assert(f > 0);
    size_t m = s->states;
    const double *P = s->variance, *before = s->variance_before;
    double *scale = s->gain;
    for (size_t i = 0; i < m; i++) {
        scale[i] = settling_scale(s, i, f);
        if (!(fabs(P[i * m + i] - before[i * m + i]) <= settled_change * scale[i]))
            return false;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < i; j++) {
            double change = P[i * m + j] - before[i * m + j];
            if (!(change * change <= settled_change * settled_change * scale[i] * scale[j]))
                return false;
        }
    return true;
}

/* Were the last two innovation variances nearly the same? Long before those of the state are,
 * they must be. */
static bool innovations_settle(const struct score *s, size_t t)
{
    if (t < 2 || s->step_kind[t - 1] != STEP_ORDINARY || s->step_kind[t - 2] != STEP_ORDINARY)
        return false;
    return fabs(s->step_f[t - 1] - s->step_f[t - 2]) <= nearly_settled * s->step_f[t - 1];
}

/* Before an observation outside a steady run: may one begin with it? Only where every step is
 * like the last. */
static bool try_to_settle(struct score *s, size_t t)
{
    bool kept = s->before_kept;
    s->before_kept = false;
    if (s->times || s->input_count > 0 || s->rank > 0 || s->augmented)
        return false;
    if (s->comparable && kept && variance_settled(s, s->step_f[t - 1]))
        return true;
    /* a season's variance is a megabyte: not kept before there is a reason to */
    if (!innovations_settle(s, t))
        return false;
    s->before_kept = true;
    memcpy(s->variance_before, s->variance, s->states * s->states * sizeof(double));
    return false;
}

/* A step with the gain and the innovation variance of the one before. */
static void observe_steady(struct score *s, size_t t, struct score_result *result)
{
    EXPECT(t > 0 && t < s->count);
    double v = s->values[t] * s->unit, f = s->step_f[t - 1];
    double *gain = s->step_gain + t * s->gain_step;
    for (unsigned k = 0; k < s->design_count; k++)
        v -= s->design[k].value * s->mean[s->design[k].column];
    if (s->gain_step > 0)
        memcpy(gain, gain - s->gain_step, s->states * sizeof(double));
    for (size_t i = 0; i < s->states; i++)
        s->mean[i] += gain[i] * v;
    s->step_v[t] = v;
    s->step_f[t] = f;
    s->step_kind[t] = STEP_ORDINARY;
    result->observed++;
    result->quadratic += v * v / f;
    result->log_determinant += s->steady_log;
}

/* One time point: its observation and the transition to the next. A value that is missing ends a
 * steady run; the variance is then still the predicted one. */
static void step(struct score *s, size_t t, struct score_result *result)
{
    if (s->steady && !isnan(s->values[t])) {
        observe_steady(s, t, result);
        score_transport(s);
        return;
    }
    bool settled = !s->steady && try_to_settle(s, t);
    score_load_inputs(s, t);
    observe(s, t, result);
    s->comparable = s->step_kind[t] == STEP_ORDINARY && !s->steady;
    s->steady = settled && s->comparable;
    s->steady_log = s->steady ? log(s->step_f[t]) : 0;
    if (t + 1 == s->count)
        return;
    predict(s, t);
    if (s->augmented)
        try_to_end_augmented(s, t, result);
}

void score_likelihood(struct score *s, struct score_result *ret_result)
{
    EXPECT(s->model->states == s->states && s->model->diffuse == s->diffuse_states);
    struct score_result result = {.possible = true, .determined = true};
    start(s);
    for (size_t t = 0; t < s->count && !score_poll_cancel(s, 1); t++)
        step(s, t, &result);
    if (s->augmented)
        end_augmented(s, s->count, &result);
    bool cancelled = s->cancel && s->cancel->cancelled;
    s->start_known = s->same_start && s->gain_step > 0 && !s->model->collinear && !cancelled;
    result.determined = result.determined && s->rank == 0 && !cancelled;
    /* F is in the model's units; a diffuse step has no unit of its own (A1 is dimensionless). */
    result.log_determinant +=
        2 * s->model->sd_exponent * log(2) * (double)(result.observed - result.diffuse);
    *ret_result = result;
}
