/*
 * kalman_run for the scalar local level: blocks of the filter, each written out while it is in
 * cache, then one pass back for whatever is smoothed.
 *
 * Smoother: the fixed-interval form of Rauch, Tung & Striebel (1965) with every difference of
 * variances replaced by a product, so nothing cancels: with filtered P, J = P/(P+Q),
 *     s_t = a_t + J (s_{t+1} - a_t),   V_t = P Q/(P+Q) + J^2 V_{t+1},
 *     Var(n_t | all) = P Q/(P+Q) + (1-J)^2 V_{t+1}.
 */
#include "run/level.h"

#include "filter/level.h"
#include "filter/summary.h"
#include "model/system.h"
#include "numeric/cancel.h"
#include "numeric/expect.h"
#include "run/stream_state.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/*
 * Filtered moments that the backward pass needs; engine units. P is a stack with the variances of a
 * block on top of those of the block before: one and a -1 where they are all equal, as in nearly
 * every block of a series without gaps.
 */
struct level_store {
    double *a; /* count; NULL: nothing is smoothed */
    double *P;
    size_t filled;
};

/* The filtered means wait where the smoothed ones go, unless that array may hold the
 * observations, and these are needed. */
static bool keeps_means_in_output(const struct kalman_output *output)
{
    return output->smoothed_mean && !output->observation_disturbance &&
           !output->observation_disturbance_variance && !output->observation_auxiliary;
}

size_t run_level_bytes(size_t count, const struct kalman_output *output)
{
    /* A block, its gaps; for smoothing P of every point, and a of every point unless the output
     * holds it. A block of equal P takes two doubles, and only two points or more are stored so:
     * the stack never needs more than count. */
    size_t blocks = sizeof(struct level_block) + LIKELIHOOD_BLOCK * sizeof(double);
    size_t kept = !run_wants_smoothing(output) ? 0 : keeps_means_in_output(output) ? 1 : 2;
    return blocks + kept * count * sizeof(double);
}

static void store_push(struct level_store *store, const double *P, size_t count)
{
    EXPECT(count > 0 && count <= LIKELIHOOD_BLOCK);
    assert(P[count - 1] >= 0.0); /* -1 is the mark of a short block */
    double *top = store->P + store->filled;
    bool equal = count > 1 && memcmp(P, P + 1, (count - 1) * sizeof *P) == 0;
    memcpy(top, P, (equal ? 1 : count) * sizeof *P);
    if (equal)
        top[1] = -1.0;
    store->filled += equal ? 2 : count;
}

/* The variances of the last block that is left, each so many doubles (0 or 1) after the one
 * before. */
static const double *store_pop(struct level_store *store, size_t count, size_t *ret_stride)
{
    EXPECT(store->filled > 0);
    bool equal = store->P[store->filled - 1] < 0.0;
    EXPECT(store->filled >= (equal ? 2 : count));
    store->filled -= equal ? 2 : count;
    *ret_stride = equal ? 0 : 1;
    return store->P + store->filled;
}

static void write_means(const struct level_state *state, const double *a, size_t count, double *to)
{
    for (size_t i = 0; to && i < count; i++)
        to[i] = level_mean(state, a[i]);
}

static void write_variances(const struct level_state *state, const double *P, size_t count,
                            double *to)
{
    for (size_t i = 0; to && i < count; i++)
        to[i] = units_variance(&state->units, P[i]);
}

/* Innovations and what is made of them. */
static void write_innovations(const struct level_state *state, const struct level_block *block,
                              size_t count, size_t at, const struct kalman_output *out)
{
    for (size_t i = 0; out->innovations && i < count; i++)
        out->innovations[at + i] = block->v[i] * state->units.mean_out;
    if (!out->standardized && !out->anomaly_scores)
        return;
    for (size_t i = 0; i < count; i++) {
        /* F = 0 without noise: the value was known, and there is nothing to divide by. */
        double standardised = block->F[i] > 0.0
                                  ? block->v[i] * state->units.mean_to_sd / sqrt(block->F[i])
                                  : (double)NAN;
        if (out->standardized)
            out->standardized[at + i] = standardised;
        if (out->anomaly_scores)
            out->anomaly_scores[at + i] = anomaly_score(standardised);
    }
}

static double *advanced(double *array, size_t at)
{
    return array ? array + at : NULL;
}

static void write_block(const struct level_state *state, const struct level_block *block,
                        size_t count, size_t at, const struct kalman_output *out)
{
    write_means(state, block->a_before, count, advanced(out->predicted_mean, at));
    write_means(state, block->a_before, count, advanced(out->predicted_state, at));
    write_means(state, block->a, count, advanced(out->filtered_mean, at));
    write_means(state, block->a, count, advanced(out->filtered_state, at));
    write_variances(state, block->P_before, count, advanced(out->predicted_variance, at));
    write_variances(state, block->P_before, count, advanced(out->predicted_state_variance, at));
    write_variances(state, block->P, count, advanced(out->filtered_variance, at));
    write_variances(state, block->P, count, advanced(out->filtered_state_variance, at));
    write_variances(state, block->F, count, advanced(out->innovation_variances, at));
    write_innovations(state, block, count, at, out);
    for (size_t i = 0; out->robust_weights && i < count; i++)
        out->robust_weights[at + i] = block->weight[i];
}

static void keep_block(const struct level_block *block, size_t count, size_t at,
                       struct level_store *store)
{
    EXPECT(count <= LIKELIHOOD_BLOCK);
    if (!store->a)
        return;
    memcpy(store->a + at, block->a, count * sizeof *block->a);
    store_push(store, block->P, count);
    assert(store->filled <= at + count); /* what run_level_bytes() counts on */
}

static const double *block_gaps(const struct kalman_series *series, size_t at, size_t count,
                                double *gaps)
{
    EXPECT(count <= LIKELIHOOD_BLOCK && at + count <= series->count);
    if (!series->times)
        return NULL;
    for (size_t i = 0; i < count; i++)
        gaps[i] = at + i == 0 ? 0.0 : series->times[at + i] - series->times[at + i - 1];
    return gaps;
}

static enum kalman_status filter_forward(const struct run_request *request,
                                         struct cancel_check *cancel, struct level_state *state,
                                         struct level_block *block, double *gaps,
                                         struct level_store *store, struct kalman_summary *summary)
{
    const struct kalman_series *series = request->series;
    for (size_t at = 0; at < series->count; at += LIKELIHOOD_BLOCK) {
        size_t count =
            series->count - at < LIKELIHOOD_BLOCK ? series->count - at : LIKELIHOOD_BLOCK;
        if (cancel_poll(cancel, at == 0 ? CANCEL_NOW : count * CANCEL_LEVEL_POINT))
            return KALMAN_ECANCELLED;
        size_t done = 0;
        enum kalman_status status = level_advance(
            state, series->values + at, block_gaps(series, at, count, gaps), count, block, &done);
        if (status != KALMAN_OK) {
            level_summary(state, summary);
            summary->bad_index = at + done;
            return status;
        }
        write_block(state, block, count, at, request->output);
        keep_block(block, count, at, store);
    }
    level_summary(state, summary);
    return KALMAN_OK;
}

/* What the smoother knows about time t. Engine units. */
struct level_smoothed {
    double s, V;       /* state */
    double eta, D;     /* its disturbance into t+1, and the variance of that */
    double eta_spread; /* Var(E(n_t | all)) = Q - D */
};

/* As in run/smooth.c, with a bound nearer to rounding: P and V are made of products here. */
static double auxiliary(double value, double spread, double variance, double to_sd)
{
    return spread > 1e-14 * variance ? value * to_sd / sqrt(spread) : (double)NAN;
}

static void write_smoothed(const struct level_state *state, const struct level_smoothed *x,
                           double y, size_t t, const struct kalman_output *out)
{
    const struct units *units = &state->units;
    double mean = level_mean(state, x->s), variance = units_variance(units, x->V);
    if (out->smoothed_mean)
        out->smoothed_mean[t] = mean;
    if (out->smoothed_state)
        out->smoothed_state[t] = mean;
    if (out->smoothed_variance)
        out->smoothed_variance[t] = variance;
    if (out->smoothed_state_variance)
        out->smoothed_state_variance[t] = variance;
    /* Nothing is learnt about the noise of a value that is missing: mean 0 and variance H, as
     * before the data. Else e = y - s, and its variance given all data is that of s (DK 2.5). */
    bool missing = isnan(y);
    double noise = missing ? 0.0 : units_deviation(units, y, state->centre) - x->s;
    if (out->observation_disturbance)
        out->observation_disturbance[t] = noise * units->mean_out;
    if (out->observation_disturbance_variance)
        out->observation_disturbance_variance[t] = units_variance(units, missing ? state->H : x->V);
    if (out->observation_auxiliary)
        out->observation_auxiliary[t] =
            missing ? (double)NAN : auxiliary(noise, state->H - x->V, state->H, units->mean_to_sd);
    if (out->state_disturbance)
        out->state_disturbance[t] = x->eta * units->mean_out;
    if (out->state_disturbance_variance)
        out->state_disturbance_variance[t] = units_variance(units, x->D);
    if (out->state_auxiliary)
        out->state_auxiliary[t] =
            auxiliary(x->eta, x->eta_spread, x->D + x->eta_spread, units->mean_to_sd);
}

/* x at t+1 becomes x at t, whose filtered moments are a, P (P infinite before the first
 * observation). */
static void smooth_step(struct level_smoothed *x, double a, double P, double Q)
{
    assert(Q >= 0.0);
    double total = P + Q;
    if (isinf(P)) { /* nothing was known before: the level is the next one, one random step away */
        *x = (struct level_smoothed){
            .s = x->s, .V = x->V + Q, .eta = 0.0, .D = Q, .eta_spread = 0.0};
        return;
    }
    /* Without noise and uncertainty (total 0) the level is known: nothing moves. */
    double J = total > 0.0 ? P / total : 1.0, step = total > 0.0 ? Q / total : 0.0;
    /* J = P/(P + Q), step = Q/(P + Q) = 1 - J without cancelling. n_t given s_{t+1} has mean step
     * (s_{t+1} - a) and variance J Q; what is uncertain of s_{t+1} adds step^2 V (Rauch, Tung &
     * Striebel 1965). */
    double change = x->s - a, V = x->V;
    x->eta = step * change;
    x->D = J * Q + step * step * V;
    x->eta_spread = step * step * fmax(total - V, 0.0); /* Var(s_{t+1} - a_t) = P + Q - V_{t+1} */
    x->s = a + J * change;
    x->V = J * Q + J * J * V;
}

/* Back over the points [from, to). */
static enum kalman_status smooth_block(const struct run_request *request,
                                       struct cancel_check *cancel, const struct level_state *state,
                                       struct level_store *store, size_t from, size_t to,
                                       struct level_smoothed *x)
{
    EXPECT(from < to && to <= request->series->count);
    const struct kalman_series *series = request->series;
    assert(store->a);
    size_t stride = 0;
    const double *P = store_pop(store, to - from, &stride);
    if (cancel_poll(cancel, (to - from) * CANCEL_LEVEL_POINT))
        return KALMAN_ECANCELLED;
    for (size_t t = to; t-- > from;) {
        double gap =
            series->times && t + 1 < series->count ? series->times[t + 1] - series->times[t] : 1.0;
        double Q = state->Q * gap;
        /* The last smoothed moments are the filtered ones; of n_n nothing has been seen. */
        if (t + 1 == series->count)
            *x = (struct level_smoothed){
                .s = state->a, .V = state->P, .eta = 0.0, .D = Q, .eta_spread = 0.0};
        else
            smooth_step(x, store->a[t], P[stride * (t - from)], Q);
        if (!state->started)
            x->s = NAN;
        write_smoothed(state, x, series->values[t], t, request->output);
    }
    return KALMAN_OK;
}

static enum kalman_status smooth_back(const struct run_request *request,
                                      struct cancel_check *cancel, const struct level_state *state,
                                      struct level_store *store)
{
    struct level_smoothed x = {.s = NAN, .V = INFINITY};
    enum kalman_status status = KALMAN_OK;
    for (size_t to = request->series->count; to > 0 && status == KALMAN_OK;) {
        size_t from = (to - 1) / LIKELIHOOD_BLOCK * LIKELIHOOD_BLOCK;
        status = smooth_block(request, cancel, state, store, from, to, &x);
        to = from;
    }
    return status;
}

enum kalman_status run_level(const struct run_request *request, void *workspace,
                             struct kalman_summary *ret_summary)
{
    EXPECT(workspace && (uintptr_t)workspace % sizeof(double) == 0);
    const size_t count = request->series->count;
    const bool smoothing = run_wants_smoothing(request->output);
    struct level_block *block = workspace;
    double *gaps = (double *)(block + 1);
    struct level_store store = {.P = gaps + LIKELIHOOD_BLOCK};
    if (smoothing)
        store.a = keeps_means_in_output(request->output) ? request->output->smoothed_mean
                                                         : store.P + count;
    struct cancel_check cancel = cancel_check_of(request->options);
    struct level_state state;
    level_init(&state, request->model, request->options);
    enum kalman_status status =
        filter_forward(request, &cancel, &state, block, gaps, &store, ret_summary);
    if (status == KALMAN_OK && smoothing)
        status = smooth_back(request, &cancel, &state, &store);
    if (status != KALMAN_OK)
        return status;
    if (request->output->forecast)
        level_forecast(&state, run_last_time(request->series), request->output->forecast);
    if (request->output->stream)
        stream_take_level(request->output->stream, &state, run_last_time(request->series));
    return KALMAN_OK;
}
