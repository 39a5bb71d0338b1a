/* The pass backwards, and what is read from a pass that is over. */
#include "score/prepare.h"

#include "numeric/dense.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* What the disturbances between t and t+1 add to the score, from r and N at t+1. */
static void collect_disturbances(struct score *s, double *quadratic, double *trace)
{
    assert(s->model->R != NULL);
    size_t m = s->states, own = m - s->input_count, r = s->disturbances;
    const double *selection = s->model->R;
    for (size_t k = 0; k < r; k++) {
        /* Of disturbance k, with r and N after it: (R'r)_k^2 and (R'N R)_kk. Their difference
         * over two is dlogL/dQ_kk (Koopman & Shephard 1992; DK 7.3.3). */
        double e = 0, d = 0;
        for (size_t i = 0; i < own; i++) {
            double left = selection[i * r + k];
            if (left == 0)
                continue;
            e += left * s->backward_mean[i];
            for (size_t j = 0; j < own; j++)
                d += left * selection[j * r + k] * s->backward_variance[score_lower(m, i, j)];
        }
        quadratic[k] += e * e;
        trace[k] += d;
    }
}

/* r <- T'r, N <- T'N T */
static void back_through_transition(struct score *s)
{
    EXPECT(s->spare != s->backward_variance);
    double *out = s->spare;
    sparse_apply_back(&s->T, s->backward_mean, s->gain);
    memcpy(s->backward_mean, s->gain, s->states * sizeof(double));
    sparse_congruence_back_lower(&s->T, s->backward_variance, s->product, out);
    s->spare = s->backward_variance;
    s->backward_variance = out;
}

/* r, N before the observation from those after it: u and D as dlogL/dH has them, w = N K. */
static inline __attribute__((always_inline)) void
back_over(struct score *s, double u, double d, const double *w, struct score_result *result)
{
    size_t m = s->states;
    for (unsigned k = 0; k < s->design_count; k++) {
        double z = s->design[k].value;
        size_t at = s->design[k].column;
        /* r <- z u + r, for z v/F + (I - z K')r = r + z (v/F - K'r). */
        s->backward_mean[at] += z * u;
        /* N <- z z'/F + (I - z K')N(I - K z') = N - z w' - w z' + z z'D, with w = N K. */
        dense_lower_add_pair(s->backward_variance, at, -z, w, m);
    }
    for (unsigned k = 0; k < s->design_count; k++)
        for (unsigned l = 0; l < s->design_count; l++)
            if (s->design[l].column <= s->design[k].column)
                s->backward_variance[s->design[k].column * m + s->design[l].column] +=
                    s->design[k].value * s->design[l].value * d;
    result->observation_quadratic += u * u;
    result->observation_trace += d;
}

/*
 * The start by regression, going back. Given delta, r = r0 - S delta; with C the posterior variance
 * of R delta after all data, `spread`, and X = S R^-1 C, `cross`, the recursions that need no more
 * than that are
 *     u = (v - V delta^)/F - K'r,   w = N K + X c/F,   D = 1/F - c'C c/F^2 + K'N K + 2 K'X c/F,
 *     X <- X + z (C c/F - X'K)',    c = R'^-1 V'.
 * Where the start had settled, with B R^-1 = settled_root, X = N B R^-1, C = I - (B R^-1)'X and the
 * mean of R delta moves by (B R^-1)'r.
 */
static void enter_augmented(struct score *s, bool settled)
{
    size_t m = s->states, d = s->diffuse_states, columns = s->start.columns;
    memset(s->cross, 0, m * d * sizeof(double));
    memset(s->spread, 0, d * d * sizeof(double));
    memset(s->shift, 0, d * sizeof(double));
    for (size_t k = 0; k < columns; k++)
        s->spread[k * d + k] = 1;
    for (size_t k = 0; settled && k < columns; k++) {
        double *column = s->product, *image = s->gain;
        for (size_t i = 0; i < m; i++)
            column[i] = s->settled_root[i * d + k];
        dense_lower_apply(s->backward_variance, column, m, image);
        s->shift[k] = dense_dot(column, s->backward_mean, m);
        for (size_t i = 0; i < m; i++) {
            s->cross[i * d + k] = image[i];
            for (size_t l = 0; l < columns; l++)
                s->spread[l * d + k] -= s->settled_root[i * d + l] * image[i];
        }
    }
}

/* X <- T'X */
static void cross_through_transition(struct score *s)
{
    size_t m = s->states, d = s->diffuse_states;
    double *column = s->product, *image = s->gain;
    for (size_t k = 0; k < s->start.columns; k++) {
        for (size_t i = 0; i < m; i++)
            column[i] = s->cross[i * d + k];
        sparse_apply_back(&s->T, column, image);
        for (size_t i = 0; i < m; i++)
            s->cross[i * d + k] = image[i];
    }
}

static void back_through_augmented(struct score *s, size_t t, struct score_result *result)
{
    size_t m = s->states, d = s->diffuse_states, columns = s->start.columns;
    const double *gain = s->step_gain + t * s->gain_step;
    double f = s->step_noise_f[t], error = 0, *c = s->solved, *w = s->diffuse_gain,
           *weighted = s->product;
    const struct twofold *row = s->step_row + t * (d + 1);
    double u = 0, variance = 0;
    if (f > 0) {
        (void)augmented_error(&s->start, row, s->shift, c, &error);
        u = error / f;
    }
    for (size_t k = 0; k < columns; k++) { /* C c/F */
        weighted[k] = f > 0 ? dense_dot(s->spread + k * d, c, columns) / f : 0;
        variance += f > 0 ? c[k] * weighted[k] / f : 0;
    }
    double trace = f > 0 ? 1 / f - variance : 0;
    dense_lower_apply(s->backward_variance, gain, m, w);
    for (size_t i = 0; i < m; i++) {
        double along = f > 0 ? dense_dot(s->cross + i * d, c, columns) / f : 0;
        u -= gain[i] * s->backward_mean[i];
        trace += gain[i] * (w[i] + 2 * along);
        w[i] += along;
        for (size_t k = 0; k < columns; k++)
            weighted[k] -= gain[i] * s->cross[i * d + k];
    }
    for (unsigned j = 0; j < s->design_count; j++)
        for (size_t k = 0; k < columns; k++)
            s->cross[s->design[j].column * d + k] += s->design[j].value * weighted[k];
    back_over(s, u, trace, w, result);
}

static void back_through_observation(struct score *s, size_t t, struct score_result *result)
{
    EXPECT(t < s->count && s->gain_step == s->states);
    if (s->step_kind[t] != STEP_DIFFUSE && s->step_kind[t] != STEP_ORDINARY)
        return;
    score_load_inputs(s, t);
    if (t < s->augmented_until) {
        back_through_augmented(s, t, result);
        return;
    }
    size_t m = s->states;
    const double *gain = s->step_gain + t * s->gain_step;
    bool ordinary = s->step_kind[t] == STEP_ORDINARY;
    /* u = v/F - K'r, D = 1/F + K'N K (DK 4.5.1): dlogL/dH = 1/2 sum u^2 - D. A diffuse value has
     * 1/F -> 0, and K0 for K. */
    double u = ordinary ? s->step_v[t] / s->step_f[t] : 0, d = ordinary ? 1 / s->step_f[t] : 0,
           *w = s->diffuse_gain;
    dense_lower_apply(s->backward_variance, gain, m, w);
    for (size_t i = 0; i < m; i++) {
        u -= gain[i] * s->backward_mean[i];
        d += gain[i] * w[i];
    }
    back_over(s, u, d, w, result);
}

void score_gradient(struct score *s, struct score_result *ret_result, double *ret_quadratic,
                    double *ret_trace)
{
    EXPECT(s->gain_step == s->states);
    assert(!s->times);
    struct score_result result;
    score_likelihood(s, &result);
    memset(s->backward_mean, 0, s->states * sizeof(double));
    memset(s->backward_variance, 0, s->states * s->states * sizeof(double));
    memset(ret_quadratic, 0, s->disturbances * sizeof(double));
    memset(ret_trace, 0, s->disturbances * sizeof(double));
    for (size_t t = s->count; t-- > 0 && !score_poll_cancel(s, 2);) {
        if (t + 1 == s->augmented_until)
            enter_augmented(s, t + 1 < s->count);
        if (t + 1 < s->count) {
            collect_disturbances(s, ret_quadratic, ret_trace);
            back_through_transition(s);
            if (t < s->augmented_until)
                cross_through_transition(s);
        }
        back_through_observation(s, t, &result);
    }
    *ret_result = result;
}

size_t score_consumed(const struct score *s)
{
    size_t seen = 0, consumed = 0;
    for (size_t t = 0; t < s->count; t++) {
        seen += isnan(s->values[t]) ? 0u : 1u;
        consumed = s->step_kind[t] == STEP_DIFFUSE ? seen : consumed;
    }
    return consumed;
}

double score_autocorrelation(const struct score *s, size_t lag, size_t *ret_pairs)
{
    size_t pairs = 0, counted = 0;
    double products = 0, squares = 0;
    for (size_t t = 0; t < s->count; t++) {
        if (s->step_kind[t] != STEP_ORDINARY)
            continue;
        squares += s->step_v[t] * s->step_v[t] / s->step_f[t];
        counted++;
        if (t < lag || s->step_kind[t - lag] != STEP_ORDINARY)
            continue;
        products += s->step_v[t] * s->step_v[t - lag] / sqrt(s->step_f[t] * s->step_f[t - lag]);
        pairs++;
    }
    *ret_pairs = pairs;
    return pairs > 0 && squares > 0 ? products / (double)pairs / (squares / (double)counted)
                                    : (double)NAN;
}

double score_after(const struct score *s, size_t burn, size_t *ret_counted)
{
    assert(burn >= score_consumed(s));
    const double log_two_pi = 1.8378770664093454836;
    size_t seen = 0, counted = 0;
    double sum = 0;
    for (size_t t = 0; t < s->count; t++) {
        seen += isnan(s->values[t]) ? 0u : 1u;
        if (seen <= burn || s->step_kind[t] != STEP_ORDINARY)
            continue;
        /* Given those before it a value is N(., F): -2 log p = log 2 pi + log F + v^2/F. */
        sum += log(s->step_f[t]) + s->step_v[t] * s->step_v[t] / s->step_f[t];
        counted++;
    }
    *ret_counted = counted;
    sum += (double)counted * (log_two_pi + 2 * s->model->sd_exponent * log(2));
    return -0.5 * sum;
}
