/* The pass backwards, and what is read from a pass that is over. */
#include "filter/score_prepare.h"

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

static void back_through_observation(struct score *s, size_t t, struct score_result *result)
{
    EXPECT(t < s->count && s->gain_step == s->states);
    if (s->step_kind[t] != STEP_DIFFUSE && s->step_kind[t] != STEP_ORDINARY)
        return;
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
    score_load_inputs(s, t);
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
        if (t + 1 < s->count) {
            collect_disturbances(s, ret_quadratic, ret_trace);
            back_through_transition(s);
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

double score_after(const struct score *s, size_t burn)
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
    sum += (double)counted * (log_two_pi + 2 * s->model->sd_exponent * log(2));
    return -0.5 * sum;
}
