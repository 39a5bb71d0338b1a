#include "filter/level.h"

#include "filter/summary.h"
#include "model/system.h"
#include "numeric/expect.h"

#include <assert.h>
#include <math.h>
#include <string.h>

bool level_applies(const struct kalman_model *model, const struct kalman_options *options)
{
    return model->spec.kind == KALMAN_LOCAL_LEVEL && model->input_count == 0 &&
           (!options || options->engine == KALMAN_ENGINE_FAST);
}

void level_init(struct level_state *state, const struct kalman_model *model,
                const struct kalman_options *options)
{
    EXPECT(model->states == 1 && model->observed == 1);
    assert(model->H[0] >= 0.0 && model->Q[0] >= 0.0);
    memset(state, 0, sizeof *state);
    state->units = units_of(model->sd_exponent);
    state->H = model->H[0];
    state->Q = model->Q[0];
    state->robust_threshold = options ? options->robust_threshold : 0.0;
    state->centre = NAN;
    state->P = INFINITY;
    state->predicted_before = NAN;
    state->steady_at = UINT64_MAX;
    state->sum = likelihood_sum_empty();
}

/*
 * Has P converged? Near its limit P_{t+1} - Pbar shrinks by (1 - K)^2 a step, so what is left after
 * a change delta is about delta / (K (2 - K)): the test bounds THAT relative to P, not the change
 * itself.
 */
static bool level_converged(const struct level_state *state, double P, double K, double dt)
{
    assert(!(K <= 0.0 || K > 1.0)); /* NaN comes of a gap that overflows */
    double change = fabs(P - state->predicted_before);
    return dt == state->dt && (change == 0.0 || change <= 1e-15 * K * (2.0 - K) * P);
}

static void level_enter_steady(struct level_state *state, double F, double K, double P)
{
    assert(F > 0.0 && K > 0.0);
    state->steady = true;
    state->steady_F = F;
    state->steady_K = K;
    state->steady_P = P;
    state->steady_scale = state->units.mean_to_sd / sqrt(F);
    likelihood_sum_steady(&state->sum, F);
    if (state->steady_at == UINT64_MAX)
        state->steady_at = state->count;
}

/* The first observation makes the level known: its mean is y, its variance H (DK 2.9). */
static void level_start(struct level_state *state, double y)
{
    assert(isfinite(y));
    state->centre = y;
    state->a = 0.0;
    state->P = state->H;
    state->started = true;
    state->sum.diffuse++;
}

/* Update with innovation v, DK 2.15; the product form P H / F is never negative and never
 * cancels. */
static enum kalman_status level_update(struct level_state *state, double v, double P, double dt,
                                       double *ret_weight)
{
    /* v = y - a, F = P + H, K = P/F; a <- a + K v, P <- P (1 - K) = P H/F (DK 2.15). */
    double F = P + state->H;
    *ret_weight = 1.0;
    /* Neither noise nor uncertainty: the value was known. Any other is impossible under the
     * model. */
    if (F == 0.0) {
        state->P = 0.0;
        state->predicted_before = NAN;
        state->sum.exact++;
        return v == 0.0 ? KALMAN_OK : KALMAN_EMODEL;
    }
    double scaled = v * state->units.mean_to_sd, H = state->H, K = P / F,
           square = scaled / F * scaled;
    double standardised = state->robust_threshold > 0.0 ? fabs(scaled) / sqrt(F) : 0.0;
    if (standardised > state->robust_threshold) {
        /* Huber's bound on K v is the ordinary update with the noise inflated to F / weight. */
        *ret_weight = state->robust_threshold / standardised;
        v = copysign(state->robust_threshold * sqrt(F) / state->units.mean_to_sd, v);
        square = standardised * state->robust_threshold;
        F = F / fmax(*ret_weight, robust_weight_min);
        H = F - P;
    }
    likelihood_sum_add(&state->sum, square, F);
    state->a += K * v;
    state->P = P / F * H;
    if (*ret_weight < 1.0) {
        state->predicted_before = NAN;
    } else if (level_converged(state, P, K, dt)) {
        level_enter_steady(state, F, K, state->P);
    } else {
        state->predicted_before = P;
    }
    state->dt = dt;
    return isfinite(state->a) ? KALMAN_OK : KALMAN_ERANGE;
}

/* One step of the full recursion. */
static enum kalman_status level_step(struct level_state *state, double y, double dt,
                                     struct level_block *block, size_t i)
{
    assert(i < LIKELIHOOD_BLOCK);
    /* P_{t+1} = P_t|t + Q dt: a random walk over a gap of dt (DK 2.15). */
    double P = state->P + state->Q * dt;
    state->steady = false;
    block->a_before[i] = state->started ? state->a : (double)NAN;
    block->P_before[i] = P;
    block->F[i] = P + state->H;
    block->v[i] = NAN;
    block->weight[i] = 1.0;
    enum kalman_status status = KALMAN_OK;
    if (isnan(y)) {
        state->P = P;
        state->predicted_before = NAN;
    } else if (!state->started) {
        level_start(state, y);
    } else {
        double v = units_deviation(&state->units, y, state->centre) - state->a;
        block->v[i] = v;
        status = level_update(state, v, P, dt, &block->weight[i]);
    }
    block->a[i] = state->started ? state->a : (double)NAN;
    block->P[i] = state->P;
    return status;
}

/* Steps with constant gain, until a value is missing, a gap differs, or a robust bound is
 * passed. Returns the next i. */
static size_t level_steady_steps(struct level_state *state, const double *values, const double *dt,
                                 size_t i, size_t count, struct level_block *block)
{
    assert(state->steady && state->started && state->steady_F > 0.0);
    const double K = state->steady_K, F = state->steady_F, P = state->steady_P,
                 scale = state->steady_scale;
    const double P_before = P + state->Q * state->dt, centre = state->centre;
    const double bound = state->robust_threshold > 0.0 ? state->robust_threshold : (double)INFINITY;
    const size_t first = i;
    double a = state->a;
    for (bool going = true; going && i < count;) {
        uint64_t room = likelihood_sum_room(&state->sum), done = 0;
        size_t end = count - i < room ? count : i + (size_t)room;
        double block_sum = state->sum.block;
        for (; i < end; i++, done++) {
            /* Only a moves: with F, K and P at their limits a step is one subtraction and one
             * multiply-add (DK 2.11). */
            double v = units_deviation(&state->units, values[i], centre) - a;
            double standardised = v * scale;
            going = fabs(standardised) <= bound && (!dt || dt[i] == state->dt);
            if (!going)
                break; /* NaN compares false: missing leaves too */
            block->a_before[i] = a;
            block->v[i] = v;
            a += K * v;
            block->a[i] = a;
            block_sum += standardised * standardised;
        }
        likelihood_sum_add_steady(&state->sum, block_sum, done);
    }
    for (size_t k = first; k < i; k++) {
        block->P_before[k] = P_before;
        block->P[k] = P;
        block->F[k] = F;
        block->weight[k] = 1.0;
    }
    state->a = a;
    state->P = P;
    state->count += i - first;
    return i;
}

enum kalman_status level_advance(struct level_state *state, const double *values, const double *dt,
                                 size_t count, struct level_block *block, size_t *ret_done)
{
    EXPECT(count <= LIKELIHOOD_BLOCK);
    size_t i = 0;
    while (i < count) {
        if (state->steady)
            i = level_steady_steps(state, values, dt, i, count, block);
        if (i == count)
            break;
        enum kalman_status status = level_step(state, values[i],
                                               state->count == 0 ? 0.0
                                               : dt              ? dt[i]
                                                                 : 1.0,
                                               block, i);
        if (status != KALMAN_OK) {
            *ret_done = i;
            return status;
        }
        state->count++;
        i++;
    }
    *ret_done = count;
    return isfinite(state->a) ? KALMAN_OK : KALMAN_ERANGE;
}

void level_summary(const struct level_state *state, struct kalman_summary *ret_summary)
{
    summary_fill(&state->sum, state->units.sd_exponent, state->steady_at, ret_summary);
}

void level_forecast(const struct level_state *state, double last_time,
                    struct kalman_forecast *forecast)
{
    double P = state->P, time = last_time;
    double mean = state->started ? level_mean(state, state->a) : (double)NAN;
    for (size_t h = 0; h < forecast->horizon; h++) {
        double dt = forecast->times ? forecast->times[h] - time : 1.0;
        time = forecast->times ? forecast->times[h] : time + 1.0;
        /* Nothing is observed any more: the mean stays, P grows by Q dt, an observation adds H
         * (DK 2.8). */
        P += state->Q * dt;
        double variance = units_variance(&state->units, P + state->H);
        if (forecast->mean)
            forecast->mean[h] = mean;
        if (forecast->variance)
            forecast->variance[h] = variance;
        if (forecast->signal_variance)
            forecast->signal_variance[h] = units_variance(&state->units, P);
        forecast_bounds(forecast, 1, h, mean, variance);
    }
}
